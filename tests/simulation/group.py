"""A virtual consumer group, as KIP-848 has it: a target for each member, handed over partition by partition.

A partition is given to its next member only when the last one has let it go, or was evicted. A member that the coordinator
cannot hear is evicted after the session time-out; it hears of that when it can be heard again, and until then believes
that its partitions are its own.
"""

from __future__ import annotations

from random import Random

SESSION_MS = 6_000
HEARTBEAT_MS = 1_000


class Member:
    """One consumer in the group."""

    __slots__ = ("evicted", "name", "not_before_ms", "owned", "target")

    def __init__(self, name: str) -> None:
        self.name = name
        self.owned: set[int] = set()
        """What it believes to have."""
        self.target: set[int] = set()
        self.evicted = False
        self.not_before_ms = 0
        """Assignments may come late."""


class Group:
    """The coordinator's view."""

    def __init__(self, partitions: int, chance: Random) -> None:
        self._chance = chance
        self.members: list[Member] = []
        self.holder: list[Member | None] = [None] * partitions
        """Who has a partition, or has still to let it go."""
        self.epoch = 0

    def join(self, name: str) -> Member:
        """A new member; the partitions are shared out anew."""
        member = Member(name)
        self.members.append(member)
        self.rebalance()
        return member

    def leave(self, member: Member) -> None:
        """Evicted, or gone by itself: its partitions are free."""
        member.evicted = True
        if member in self.members:
            self.members.remove(member)
        self.holder = [None if holder is member else holder for holder in self.holder]
        self.rebalance()

    def rebalance(self) -> None:
        """A new target for everybody, whatever chance says."""
        self.epoch += 1
        for member in self.members:
            member.target = set()
        for partition in range(len(self.holder)):
            if self.members:
                self._chance.choice(self.members).target.add(partition)

    def to_give_up(self, member: Member) -> list[int]:
        """What the member must let go."""
        return sorted(member.owned - member.target)

    def to_take(self, member: Member, now_ms: int) -> list[int]:
        """What the member may have now."""
        if now_ms < member.not_before_ms:
            return []
        return [p for p in sorted(member.target - member.owned) if self.holder[p] is None]

    def took(self, member: Member, partitions: list[int]) -> None:
        """The member knows of its partitions."""
        member.owned.update(partitions)
        for partition in partitions:
            self.holder[partition] = member

    def let_go(self, member: Member, partitions: list[int]) -> None:
        """The member has given them up."""
        member.owned.difference_update(partitions)
        self.holder = [
            None if holder is member and partition in partitions else holder
            for partition, holder in enumerate(self.holder)
        ]

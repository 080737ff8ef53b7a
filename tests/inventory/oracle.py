"""An oracle of naive lines: every promised unit is a record of its own, and on_hand is reckoned from the whole past.

It shares no code with the ledger. It knows no postings, no corrections and no late facts: what is on hand is the last
count plus whatever moved in later seconds, and everything else follows from that.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass
class Unit:
    """One promised unit."""

    holder: str
    location: str
    firm: bool
    priority: int
    opened: int
    due_ms: int


@dataclass
class Oracle:
    """One SKU."""

    safety_stock: int
    now_ms: int = 0
    moved: list[tuple[str, int, int]] = field(default_factory=list)  # location, second, units
    counted: dict[str, tuple[int, int]] = field(default_factory=dict)  # location -> second, units
    quarantined: dict[str, int] = field(default_factory=dict)
    units: list[Unit] = field(default_factory=list)
    lost: list[tuple[str, str, int]] = field(default_factory=list)  # holder, location, second of the count
    yielded: dict[str, int] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)

    def on_hand(self, location: str) -> int:
        since, counted = self.counted.get(location, (-1, 0))
        return counted + sum(units for place, second, units in self.moved if place == location and second > since)

    def promised(self, location: str, *, firm: bool) -> int:
        return len([unit for unit in self.units if unit.location == location and unit.firm == firm])

    def unpromised(self, location: str) -> int:
        promised = self.promised(location, firm=True) + self.promised(location, firm=False)
        return self.on_hand(location) - promised - self.quarantined.get(location, 0)

    def of(self, holder: str) -> list[Unit]:
        return [unit for unit in self.units if unit.holder == holder]

    def expire(self) -> list[str]:
        """Soft units that are due go; their holders, the earliest due first."""
        due = [unit for unit in self.units if not unit.firm and unit.due_ms <= self.now_ms]
        self.units = [unit for unit in self.units if unit not in due]
        return list(dict.fromkeys(unit.holder for unit in sorted(due, key=lambda unit: (unit.due_ms, unit.holder))))

    def move(self, location: str, occurred_ms: int, units: int) -> dict[str, int]:
        self.known.add(location)
        self.moved.append((location, min(occurred_ms, self.now_ms) // 1000, units))
        return self.settle(location, None)

    def count(self, location: str, taken_ms: int, units: int, window_ms: int) -> int | None:
        """The difference, or None for a stale count."""
        second = min(taken_ms, self.now_ms) // 1000
        if second <= self.counted.get(location, (-1, 0))[0] or second < (self.now_ms - window_ms) // 1000:
            return None
        before = self.on_hand(location)
        self.known.add(location)
        self.counted[location] = (second, units)
        return self.on_hand(location) - before

    def settle(self, location: str, counted_at: int | None) -> dict[str, int]:
        """Take promised units, one by one, until nothing is short here."""
        taken: dict[str, int] = {}
        while self.unpromised(location) < 0:
            here = [unit for unit in self.units if unit.location == location]
            if not here:
                break
            weakest = min(here, key=lambda unit: (unit.firm, unit.priority, -unit.opened))
            self.units.remove(weakest)
            taken[weakest.holder] = taken.get(weakest.holder, 0) + 1
            self.yielded[weakest.holder] = self.yielded.get(weakest.holder, 0) + 1
            if counted_at is not None:
                self.lost.append((weakest.holder, location, counted_at))
        return taken

    def open(self, holder: str, location: str, quantity: int, *, firm: bool, partial: bool, **terms: int) -> int:
        """Units missing, 0 if it was granted."""
        own = len([unit for unit in self.of(holder) if unit.location == location])
        free = max(0, self.unpromised(location) + own - self.safety_stock)
        granted = min(quantity, free)
        if granted < quantity and (granted == 0 or not partial):
            return quantity - granted
        opened = min([unit.opened for unit in self.of(holder)], default=terms["opened"])
        self.units = [unit for unit in self.units if unit.holder != holder]
        self.lost = [loss for loss in self.lost if loss[0] != holder]
        self.yielded[holder] = 0
        unit = Unit(holder, location, firm, terms["priority"], opened, terms["due_ms"])
        self.units += [replace(unit) for _ in range(granted)]
        return 0

    def confirm(self, holder: str, quantity: int) -> None:
        for unit in [unit for unit in self.of(holder) if not unit.firm][:quantity]:
            unit.firm = True

    def release(self, holder: str, quantity: int) -> int:
        """Soft units first."""
        going = sorted(self.of(holder), key=lambda unit: unit.firm)[:quantity]
        for unit in going:
            self.units.remove(unit)
        return len(going)

    def ship(self, holder: str, location: str, quantity: int, occurred_ms: int) -> tuple[int, dict[str, int]]:
        """How many units exceed the claim, and who yielded."""
        second = min(occurred_ms, self.now_ms) // 1000
        explained = [loss for loss in self.lost if loss[:2] == (holder, location) and loss[2] >= second][:quantity]
        for loss in explained:
            self.lost.remove(loss)
        left = quantity - len(explained)
        here = [unit for unit in self.of(holder) if unit.location == location]
        elsewhere = [unit for unit in self.of(holder) if unit.location != location]
        going = sorted(here, key=lambda unit: not unit.firm)[:left]
        going += sorted(elsewhere, key=lambda unit: unit.firm)[: left - len(going)]
        for unit in going:
            self.units.remove(unit)
        return left - len(going), self.move(location, occurred_ms, -quantity)

"""What was sent, what came back, and whether the two agree: counted here by naive sums, not by the ledger's code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.inventory.answers import Answer, Status
from agents.inventory.positions import StockLevel
from agents.inventory.transactions import Kind, Transaction

Origin = tuple[int, int]
"""Partition and offset of an input record."""

ANSWERS = frozenset({Status.ACCEPTED, Status.REFUSED, Status.ACCEPTED_EARLIER, Status.REFUSED_EARLIER})


def origin_of(event_id: str) -> Origin:
    """The input record that an event follows from: `<topic>-<partition>-<offset>-<n>`."""
    _, partition, offset, _ = event_id.rsplit("-", 3)
    return int(partition), int(offset)


@dataclass
class Tally:
    """All that the demo sent and heard. Filled by two threads, read by a third; each entry is written once."""

    sent: dict[Origin, Transaction] = field(default_factory=dict)
    sent_at_s: dict[Origin, float] = field(default_factory=dict)
    races: dict[Origin, int] = field(default_factory=dict)
    """RESERVEs that race for the same last units, by the number of the race."""
    answers: dict[Origin, Answer] = field(default_factory=dict)
    notices: Counter[Status] = field(default_factory=Counter)
    levels: dict[tuple[str, str], StockLevel] = field(default_factory=dict)
    overpromised: set[tuple[str, str]] = field(default_factory=set)
    latencies_ms: list[float] = field(default_factory=list)
    doubled_events: int = 0
    calm: bool = True
    """False from the kill until the backlog it left is worked off: latency is measured in calm times only."""
    _event_ids: set[str] = field(default_factory=set)

    def hear_answer(self, answer: Answer) -> None:
        """An answer or a notice came. One that came before counts as doubled."""
        if answer.event_id in self._event_ids:
            self.doubled_events += 1
            return
        self._event_ids.add(answer.event_id)
        if answer.status not in ANSWERS:
            self.notices[answer.status] += 1
            return
        origin = origin_of(answer.event_id)
        if origin in self.answers:
            self.doubled_events += 1
        self.answers[origin] = answer

    def hear_level(self, level: StockLevel, now_s: float) -> None:
        """A level came."""
        self.levels[level.sku, level.location] = level
        if level.reserved + level.allocated > max(0, level.on_hand - level.quarantined):
            self.overpromised.add((level.sku, level.location))
        sent_at_s = self.sent_at_s.get(origin_of(level.event_id))
        if sent_at_s is not None and self.calm:
            self.latencies_ms.append((now_s - sent_at_s) * 1_000)

    @property
    def unanswered(self) -> int:
        """Transactions sent whose answer has not come."""
        return len(self.sent) - sum(origin in self.answers for origin in list(self.sent))


@dataclass(frozen=True)
class Verdict:
    """The check. All three must be zero."""

    lost: int
    """Transactions without an answer, and places that show fewer units than the independent count."""
    doubled: int
    """Events that came twice, and places that show more units than the independent count."""
    oversold: int
    """Places that ever promised more than is there, and races with more than one winner."""
    races: int

    @property
    def holds(self) -> bool:
        """Nothing lost, nothing doubled, nothing oversold."""
        return not (self.lost or self.doubled or self.oversold)


def verdict(tally: Tally) -> Verdict:
    """Judge what came back by what was sent."""
    counted = independent_count(tally.sent, tally.answers)
    shown = {place: level.on_hand for place, level in tally.levels.items()}
    too_few = sum(shown.get(place, 0) < units for place, units in counted.items())
    too_many = sum(units > counted.get(place, 0) for place, units in shown.items())
    return Verdict(
        lost=tally.unanswered + too_few,
        doubled=tally.doubled_events + too_many,
        oversold=len(tally.overpromised) + _double_winners(tally),
        races=len(set(tally.races.values())),
    )


def independent_count(sent: Mapping[Origin, Transaction], answers: Mapping[Origin, Answer]) -> Counter[tuple[str, str]]:
    """Units on hand per SKU and location, from what was sent and whether it was accepted, in the order of the log."""
    on_hand: Counter[tuple[str, str]] = Counter()
    applied: set[tuple[str, str, str]] = set()
    for origin in sorted(sent):
        transaction = sent[origin]
        answer = answers.get(origin)
        identity = (transaction.source, transaction.sku, transaction.transaction_id)
        if answer is None or answer.status is not Status.ACCEPTED or identity in applied:
            continue
        applied.add(identity)
        place, units = (transaction.sku, transaction.location or ""), transaction.quantity or 0
        if transaction.kind in (Kind.RECEIPT, Kind.RETURN, Kind.ADJUST):
            on_hand[place] += units
        elif transaction.kind in (Kind.SALE, Kind.SHIP):
            on_hand[place] -= units
        elif transaction.kind is Kind.COUNT:
            on_hand[place] = units
    return on_hand


def _double_winners(tally: Tally) -> int:
    winners: Counter[int] = Counter()
    for origin, race in tally.races.items():
        answer = tally.answers.get(origin)
        if answer is not None and answer.status is Status.ACCEPTED and answer.repeats is None:
            winners[race] += 1
    return sum(count > 1 for count in winners.values())


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed; 0 where there are none."""
    if not values:
        return 0.0
    in_order = sorted(values)
    return in_order[min(len(in_order) - 1, int(share * len(in_order)))]

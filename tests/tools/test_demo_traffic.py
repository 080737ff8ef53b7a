"""The demo's traffic: the same for the same seed, everything in it, and nobody short but where it is meant."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence

import pytest

from agents.codec import digest
from agents.inventory.answers import Status
from agents.inventory.decide import decide
from agents.inventory.refusals import Refusal
from agents.inventory.rows import Arrival
from agents.inventory.transactions import Kind, Transaction
from agents.inventory.validation import problem_of
from agents.runtime.topology import load
from tests.tools.uci_fold import PROJECT
from tools.demo_data.month import BUNDLED, read_month
from tools.demo_data.traffic import (
    DUPLICATE,
    LEFT_TO_EXPIRE,
    OPENING,
    RACE,
    SHOWROOM,
    TILL_TAKES,
    Planned,
    stamped,
    traffic,
)
from tools.importing.declaration import read_mapping
from tools.importing.files import OpenedFile
from tools.importing.reading import transactions_in
from tools.importing.tally import Tally
from tools.scenario.memory_rows import MemoryRows

START_MS = 1_700_000_000_000
SEED = 7


@pytest.fixture(scope="module")
def month() -> Sequence[Planned]:
    return list(traffic(SEED, start_ms=START_MS, rounds=1))


def test_the_same_seed_gives_the_same_records_and_another_seed_others() -> None:
    def first(seed: int) -> list[Planned]:
        return list(itertools.islice(traffic(seed, start_ms=START_MS), 8_000))

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_every_kind_and_every_note_is_there(month: Sequence[Planned]) -> None:
    kinds = Counter(planned.transaction.kind for planned in month)
    for kind in (
        Kind.RECEIPT, Kind.SALE, Kind.RESERVE, Kind.EXTEND, Kind.ALLOCATE, Kind.RELEASE, Kind.SHIP, Kind.RETURN,
        Kind.ADJUST, Kind.COUNT,
    ):  # fmt: skip
        assert kinds[kind] > 100, kind
    assert {planned.note for planned in month} == {None, OPENING, DUPLICATE, LEFT_TO_EXPIRE, RACE, TILL_TAKES}


def test_every_record_can_be_read_and_times_never_fall(month: Sequence[Planned]) -> None:
    assert all(problem_of(planned.transaction) is None for planned in month)
    assert all(earlier.after_ms <= later.after_ms for earlier, later in itertools.pairwise(month))


def test_ids_are_unique_but_for_duplicates_which_are_the_very_same_record(month: Sequence[Planned]) -> None:
    first: dict[str, Transaction] = {}
    for planned in month:
        identity = planned.transaction.transaction_id
        if planned.note == DUPLICATE:
            assert first[identity] == planned.transaction
        else:
            assert identity not in first
            first[identity] = planned.transaction


def test_no_sku_is_ever_short_outside_the_showroom(month: Sequence[Planned]) -> None:
    """Even if nothing that was reserved ever came back."""
    left: Counter[tuple[str, str]] = Counter()
    for planned in month:
        one = planned.transaction
        if planned.note == DUPLICATE or one.location == SHOWROOM:
            continue
        key = (one.sku, str(one.location))
        if one.kind in {Kind.RECEIPT, Kind.RETURN, Kind.ADJUST}:
            left[key] += one.quantity or 0
        elif one.kind in {Kind.SALE, Kind.RESERVE}:
            left[key] -= one.quantity or 0
        assert left[key] >= 0, planned


def test_the_ledger_refuses_only_the_losers_of_races(month: Sequence[Planned]) -> None:
    rows = MemoryRows()
    refused: Counter[tuple[str | None, Refusal | None]] = Counter()
    seen: Counter[Status] = Counter()
    races: dict[int, list[Status]] = defaultdict(list)
    for offset, planned in enumerate(month[:30_000]):
        one = planned.transaction
        decision = decide(
            rows,
            Arrival(
                transaction=one,
                cause=f"t-0-{offset}",
                offset=offset,
                at_ms=START_MS + planned.after_ms,
                digest=digest(one),
            ),
        )
        rows.apply(decision.changes)
        assert decision.dead_letter is None
        for answer in decision.answers:
            seen[answer.status] += 1
            if answer.status is Status.REFUSED and answer.repeats is None:
                refused[planned.note, answer.refusal] += 1
            if planned.note == RACE and one.kind is Kind.RESERVE and answer.transaction_id == one.transaction_id:
                races[planned.race or 0].append(answer.status)
    assert set(refused) == {(RACE, Refusal.INSUFFICIENT_ATP), (RACE, Refusal.NOTHING_OPEN)}
    assert len(races) > 50
    assert all(statuses == [Status.ACCEPTED, Status.REFUSED] for statuses in races.values())
    assert seen[Status.EXPIRED] > 100
    assert seen[Status.YIELDED] > 10


def test_a_second_round_has_fresh_ids_and_later_times() -> None:
    two_rounds = traffic(SEED, rounds=2)
    openings = [planned for planned in two_rounds if planned.note == OPENING]
    assert len({planned.transaction.transaction_id for planned in openings}) == len(openings)
    times = {planned.after_ms for planned in openings}
    assert len(times) == 2
    assert min(times) == 0


def test_stamping_gives_each_record_its_moment_and_a_duplicate_the_moment_of_its_first() -> None:
    clock = itertools.count(START_MS)
    times: dict[str, int | None] = {}
    duplicates = 0
    for planned in itertools.islice(stamped(traffic(SEED), lambda: next(clock)), 30_000):
        one = planned.transaction
        if planned.note == DUPLICATE:
            duplicates += 1
            assert one.occurred_at_ms == times[one.transaction_id]
        else:
            times[one.transaction_id] = one.occurred_at_ms
    assert duplicates > 100
    assert len(set(times.values())) == len(times)


def test_the_month_is_read_as_the_import_reads_it_with_pauses_cut() -> None:
    topology = load(PROJECT / "topology.yaml", {})
    mapping = read_mapping(topology.mappings, "uci-online-retail", topology.backfill_sources)
    with OpenedFile(str(BUNDLED)) as file:
        imported = [(one.sku, one.location) for _, one in transactions_in(file, mapping, Tally())]
    rows = read_month()
    assert [(row.sku, row.location) for row in rows] == imported
    assert {row.location for row in rows} == {"LEEDS", "DUBLIN", "VENLO", "SINGAPORE"}
    assert Counter(row.kind for row in rows).keys() == {Kind.SALE, Kind.RETURN, Kind.ADJUST}
    assert all(0 <= later.at_ms - earlier.at_ms <= 11 * 60_000 for earlier, later in itertools.pairwise(rows))

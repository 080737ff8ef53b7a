"""Parts of the audit that need no broker: its rows, and what two right parties may differ in."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agents.inventory.answers import Answer, KeptAnswer, Status
from agents.inventory.policy import DEFAULT_POLICY
from agents.inventory.reservations import Claim, Leg
from agents.inventory.rows import Movement
from agents.inventory.transactions import Kind, PolicySettings
from agents.inventory.units import MILLISECONDS_PER_DAY
from agents.state.ledger import ANSWERS, CLAIMS, DUE, LEDGER_TABLES, MOVEMENTS, POLICY, POSITIONS
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.store import Change
from agents.state.tables import Table
from tools.audit.events import At, event_at
from tools.audit.rows import FoldedRows
from tools.audit.tidying import LedgerTidying, agree

ROW_CHANGES = st.lists(
    st.tuples(
        st.sampled_from([POSITIONS, CLAIMS, ANSWERS, DUE, POLICY]),
        st.sampled_from(["a", "aa", "b", "b\x01", "c\x00d"]),
        st.sampled_from(["x", "y", "yy"]),
        st.integers(-2, 1 << 20),
        st.booleans(),
    ),
    max_size=40,
)


def key_in(table: Table, first: str, second: str, number: int) -> bytes:
    match table.name:
        case "positions":
            return table.encode_key((first, second))
        case "claims":
            return table.encode_key((first, second, number))
        case "answers":
            return table.encode_key((f"{first}{second}".encode().ljust(16, b"\0"),))
        case "due":
            return table.encode_key((number, first, second, 1))
        case _:
            return table.encode_key((first,))


@given(ROW_CHANGES)
def test_the_folded_rows_are_found_as_in_the_twin_of_the_store(changes: list[Any]) -> None:
    ours, twin = FoldedRows(), MemoryStore()
    for number, (table, first, second, at, stays) in enumerate(changes):
        change: Change = (table, key_in(table, first, second, at), b"%d" % number if stays else None)
        for store in (ours, twin):
            store.write([change], None)
    for table, first, second, at, _ in changes:
        key = key_in(table, first, second, at)
        assert ours.get(table, key) == twin.get(table, key)
        prefixes = [b"", key[:1]] if table in {ANSWERS, DUE} else [b"", table.encode_prefix((first,))]
        for prefix in prefixes:
            for start in (b"", key):
                for limit in (None, 1, 3):
                    assert ours.scan(table, prefix, start, limit) == twin.scan(table, prefix, start, limit)
    assert len(list(ours.all())) == len(ours) == sum(len(twin.scan(table, b"")) for table in LEDGER_TABLES)


DAY = MILLISECONDS_PER_DAY
KEEP_MS = 7 * DAY
ASKED = Answer(
    event_id="t-0-5-0", status=Status.ACCEPTED, transaction_id="t", source="s", sku="hat", kind=Kind.RESERVE, at_ms=0,
    holder="h", line=1, quantity=1,
)  # fmt: skip
IN_FULL = KeptAnswer(b"12345678", accepted=True, at_ms=0, answer=ASKED)
SHORT = msgspec.structs.replace(IN_FULL, answer=None)
OTHER = msgspec.structs.replace(IN_FULL, answer=msgspec.structs.replace(ASKED, quantity=2))


def tidying(*changes: Change) -> LedgerTidying:
    store = FoldedRows()
    store.write(list(changes), None)
    return LedgerTidying(Overlay(store, LEDGER_TABLES, 100), KEEP_MS)


def agreeing(one: KeptAnswer | None, other: KeptAnswer | None, at_ms: int, *changes: Change) -> bool:
    """Whether the two may be the same row of the answers at that time, whichever of them was folded."""
    judge, key = tidying(*changes), b"k" * 16
    both = [judge.forms(ANSWERS, key, row, at_ms) for row in (one, other)]
    assert agree(*both) == agree(*reversed(both))
    return agree(*both)


def test_within_a_day_an_answer_must_be_there_in_full() -> None:
    assert agreeing(IN_FULL, IN_FULL, DAY)
    assert not agreeing(IN_FULL, SHORT, DAY)
    assert not agreeing(IN_FULL, None, DAY)
    assert not agreeing(IN_FULL, OTHER, DAY)


def test_after_a_day_only_its_verdict_need_be_there_but_what_is_there_must_be_right() -> None:
    assert agreeing(IN_FULL, SHORT, DAY + 1)
    assert not agreeing(IN_FULL, None, DAY + 1)
    assert not agreeing(IN_FULL, OTHER, KEEP_MS + 1)


def test_past_its_keep_an_id_may_be_gone_in_any_form() -> None:
    for form in (IN_FULL, SHORT):
        assert agreeing(form, None, KEEP_MS + 1)
    assert agreeing(IN_FULL, SHORT, KEEP_MS + 1)
    forever = msgspec.structs.replace(SHORT, forever=True)
    assert not agreeing(forever, None, KEEP_MS + 1)


def test_the_answer_of_a_claim_that_is_open_must_be_there_in_full() -> None:
    claim = Claim(opening_offset=5, priority=0, locations=(), legs=(Leg("LEEDS", 1, 0),), due_ms=None)
    later = msgspec.structs.replace(claim, opening_offset=6)
    key = CLAIMS.encode_key(("hat", "h", 1))
    assert not agreeing(IN_FULL, SHORT, 2 * DAY, (CLAIMS, key, CLAIMS.encode_row(claim)))
    # Opened anew under the same holder: the answer was not about this one, and may have been shortened before.
    assert agreeing(IN_FULL, SHORT, 2 * DAY, (CLAIMS, key, CLAIMS.encode_row(later)))


def test_a_movement_may_be_gone_after_two_of_the_shortest_late_windows_that_ever_held() -> None:
    key, movement = (
        MOVEMENTS.encode_key(("hat", "LEEDS", 1_000)),
        MOVEMENTS.decode_row(MOVEMENTS.encode_row(Movement(3))),
    )
    judge = tidying()
    two_windows = 2 * DEFAULT_POLICY.late_window_ms
    assert judge.forms(MOVEMENTS, key, movement, 1_000_000 + two_windows) == [movement]
    assert judge.forms(MOVEMENTS, key, movement, 1_001_000 + two_windows) == [movement, None]
    short = PolicySettings(rule="brief", late_window_ms=60_000)
    judge.changed([(POLICY, POLICY.encode_key(("brief",)), POLICY.encode_row(short))])
    assert judge.forms(MOVEMENTS, key, movement, 1_001_000 + 120_000) == [movement, None]


def test_an_event_id_says_where_it_stands() -> None:
    assert event_at("a-b.v1-0-17-2", "a-b.v1-0-") == At(17, 2)
    assert event_at("a-b.v1-0-17-r", "a-b.v1-0-") > At(17, 99)  # type: ignore[operator]
    assert event_at("a-b.v1-1-17-2", "a-b.v1-0-") is None
    assert event_at("a-b.v1-0-17", "a-b.v1-0-") is None

"""Facts that do not depend on each other may arrive in any order: the stock ends the same."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.inventory.rows import CLAIMS, POSITIONS
from agents.inventory.transactions import Bucket, Kind, Transaction
from tests.inventory.books import rows_of
from tools.scenario.ledger import Ledger

SKU = "SHOE"
PLACES = ("A", "B")
EXAMPLES = 2_000 if settings.get_current_profile_name() == "many" else 150
SECOND_MS = 1_000

Fact = dict[str, Any]

when = st.integers(0, 20)
"""Seconds after ten: often the same one."""
movements = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from((Kind.RECEIPT, Kind.SALE, Kind.RETURN)),
            "location": st.sampled_from(PLACES),
            "quantity": st.integers(1, 6),
            "second": when,
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just(Kind.ADJUST),
            "location": st.sampled_from(PLACES),
            "quantity": st.integers(-4, 4).filter(bool),
            "second": when,
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just(Kind.RETURN),
            "location": st.sampled_from(PLACES),
            "quantity": st.integers(1, 4),
            "bucket": st.just(Bucket.QUARANTINED),
            "second": when,
        }
    ),
)
counts = st.fixed_dictionaries(
    {
        "kind": st.just(Kind.COUNT),
        "location": st.sampled_from(PLACES),
        "quantity": st.integers(0, 12),
        "second": st.integers(0, 20),
    }
)


def ledger_with(claims: list[tuple[str, int]]) -> Ledger:
    """Plenty at both places, and these claims, each tied to one place."""
    ledger = Ledger()
    for place in PLACES:
        tell(ledger, {"kind": Kind.RECEIPT, "location": place, "quantity": 60, "second": 0}, f"open-{place}")
    for number, (place, quantity) in enumerate(claims):
        tell(
            ledger,
            {"kind": Kind.ALLOCATE, "location": place, "quantity": quantity, "holder": f"h{number}"},
            f"c{number}",
        )
    ledger.now_ms += 60 * SECOND_MS
    return ledger


def tell(ledger: Ledger, fact: Fact, name: str) -> None:
    """Send it under this id; it occurred so many seconds after ten."""
    fields = dict(fact)
    second = fields.pop("second", None)
    if second is not None:
        began_ms = ledger.now_ms - ledger.now_ms % (60 * 60 * SECOND_MS)
        fields["occurred_at_ms"] = began_ms + second * SECOND_MS
    ledger.send(Transaction(transaction_id=name, source="shop", sku=SKU, **fields))


def stock(ledger: Ledger) -> dict[str, tuple[int, ...]]:
    """What is where, without what numbers the changes."""
    return {
        str(key[1]): (row.unpromised, row.reserved, row.allocated, row.quarantined)
        for key, row in rows_of(ledger, POSITIONS).items()
    }


def held(ledger: Ledger) -> dict[str, Any]:
    """What the claims hold."""
    return {str(key[1]): row.legs for key, row in rows_of(ledger, CLAIMS).items()}


def told(facts: list[Fact], order: list[int], claims: list[tuple[str, int]]) -> Ledger:
    """The ledger after these facts in that order; each keeps its id."""
    ledger = ledger_with(claims)
    for number in order:
        tell(ledger, facts[number], f"f{number}")
    assert ledger.faults() == []
    return ledger


common = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


@common
@given(facts=st.lists(movements, min_size=2, max_size=6), data=st.data())
def test_movements_commute_and_leave_claims_alone_while_there_is_enough(facts: list[Fact], data: st.DataObject) -> None:
    claims = [("A", 5), ("B", 3), ("A", 2)]
    order = data.draw(st.permutations(range(len(facts))))
    one, other = told(facts, sorted(order), claims), told(facts, list(order), claims)
    assert stock(one) == stock(other)
    assert held(one) == held(other)
    assert sum(leg.allocated for legs in held(one).values() for leg in legs) == 10


@common
@given(
    facts=st.lists(movements, min_size=1, max_size=5), counted=st.lists(counts, min_size=1, max_size=2), data=st.data()
)
def test_what_is_on_hand_does_not_depend_on_when_a_count_is_heard_of(
    facts: list[Fact], counted: list[Fact], data: st.DataObject
) -> None:
    """Two counts of the same second at the same place contradict each other: the first one heard of stands."""
    if len({(count["location"], count["second"]) for count in counted}) < len(counted):
        return
    told_facts = [*facts, *counted]
    order = data.draw(st.permutations(range(len(told_facts))))
    one, other = told(told_facts, sorted(order), []), told(told_facts, list(order), [])
    assert stock(one) == stock(other)

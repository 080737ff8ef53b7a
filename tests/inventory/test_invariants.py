from __future__ import annotations

from collections.abc import Callable

import pytest

from agents.inventory.draft import Draft
from agents.inventory.goods import NO_GOODS
from agents.inventory.invariants import InvariantBroken, check
from agents.inventory.postings import Account, JournalRecord, Posting
from agents.inventory.reservations import Claim, ClosedClaim, Closing, Leg
from agents.inventory.transactions import Kind, PolicySettings
from tests.inventory.helpers import SKU, Shop, arrival, transaction
from tools.scenario.memory_rows import MemoryRows


def written(draft: Draft) -> Draft:
    postings = tuple(draft.postings)
    record = JournalRecord(
        event_id="e",
        transaction_id="t",
        source="s",
        sku=SKU,
        kind=draft.transaction.kind,
        at_ms=0,
        occurred_at_ms=0,
        postings=postings,
    )
    draft.journal.append(record)
    return draft


def lose_a_unit(draft: Draft) -> None:
    draft.postings.append(Posting(Account.CUSTOMER, "LEEDS", -1))


def change_without_posting(draft: Draft) -> None:
    draft.shelf("LEEDS").unpromised += 1


def reserve_without_claim(draft: Draft) -> None:
    draft.shelf("LEEDS").move(Account.SUPPLIER, Account.UNPROMISED, 1)
    draft.shelf("LEEDS").move(Account.UNPROMISED, Account.RESERVED, 1)


def claim_without_posting(draft: Draft) -> None:
    draft.put_claim("r1", 1, Claim((Leg("LEEDS", 1),), due_ms=1))


def take_from_an_empty_bucket(draft: Draft) -> None:
    draft.shelf("LEEDS").move(Account.QUARANTINED, Account.UNPROMISED, 1)


def promise_what_is_not_there(draft: Draft) -> None:
    draft.shelf("LEEDS").move(Account.UNPROMISED, Account.RESERVED, 9)
    draft.put_claim("r1", 1, Claim((Leg("LEEDS", 9),), due_ms=1))


def hold(draft: Draft, claim: Claim) -> None:
    """Post what the claim holds at LEEDS, where nine units came in."""
    shelf = draft.shelf("LEEDS")
    shelf.move(Account.SUPPLIER, Account.UNPROMISED, 9)
    for leg in claim.legs:
        shelf.move(Account.UNPROMISED, Account.RESERVED, leg.reserved)
        shelf.move(Account.UNPROMISED, Account.ALLOCATED, leg.allocated)
    draft.put_claim("r1", 1, claim)


def pick_more_than_allocated(draft: Draft) -> None:
    hold(draft, Claim((Leg("LEEDS", 1, 2, picking=3),), due_ms=1))


def fence_more_than_there_is(draft: Draft) -> None:
    hold(draft, Claim((Leg("LEEDS", 0, 2, fenced=3),)))


def hold_less_than_nothing(draft: Draft) -> None:
    hold(draft, Claim((Leg("LEEDS", -1, 2),)))


def hold_nothing(draft: Draft) -> None:
    hold(draft, Claim(()))


def never_expire(draft: Draft) -> None:
    hold(draft, Claim((Leg("LEEDS", 2),)))


def await_firmly_more_than_all(draft: Draft) -> None:
    hold(draft, Claim((), backordered=1, backordered_firm=2))


def forget_who_waits(draft: Draft) -> None:
    hold(draft, Claim((), backordered=2, backordered_firm=2))
    draft.put_goods(NO_GOODS)


def close_and_keep(draft: Draft) -> None:
    claim = Claim((Leg("LEEDS", 0, 2),))
    hold(draft, claim)
    draft.put_closed_claim("r1", 1, ClosedClaim(Closing.RELEASED, 0, claim))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lose_a_unit, "sum to -1"),
        (change_without_posting, "were posted, but it is"),
        (reserve_without_claim, "beyond what its claims hold"),
        (claim_without_posting, "beyond what its claims hold"),
        (take_from_an_empty_bucket, "below zero"),
        (promise_what_is_not_there, "while units are promised"),
        (pick_more_than_allocated, "contradicts itself"),
        (fence_more_than_there_is, "contradicts itself"),
        (hold_less_than_nothing, "below zero|contradicts itself"),
        (hold_nothing, "contradicts itself"),
        (never_expire, "contradicts itself"),
        (await_firmly_more_than_all, "contradicts itself"),
        (forget_who_waits, "the queue of SHOE is 0"),
        (close_and_keep, "open and released at once"),
    ],
)
def test_a_decision_whose_books_do_not_close_is_never_handed_over(wrong: Callable[[Draft], None], message: str) -> None:
    draft = Draft(MemoryRows(), arrival(transaction(Kind.SALE, 1)))
    wrong(draft)
    with pytest.raises(InvariantBroken, match=message):
        check(written(draft))


@pytest.mark.parametrize("bucket", ["unpromised", "reserved", "allocated", "quarantined", "in_transit"])
def test_no_bucket_changes_beside_what_was_posted_to_it(bucket: str) -> None:
    draft = Draft(MemoryRows(), arrival(transaction(Kind.SALE, 1)))
    shelf = draft.shelf("LEEDS")
    shelf.move(Account.SUPPLIER, Account.UNPROMISED, 9)
    for account in (Account.RESERVED, Account.ALLOCATED, Account.QUARANTINED, Account.IN_TRANSIT):
        shelf.move(Account.UNPROMISED, account, 1)
    draft.put_claim("r1", 1, Claim((Leg("LEEDS", 1, 1),), due_ms=1))
    check(written(draft))
    setattr(shelf, bucket, getattr(shelf, bucket) + 1)
    with pytest.raises(InvariantBroken, match="were posted, but it is"):
        check(draft)


@pytest.mark.parametrize("leg", [Leg("YORK", 2), Leg("LEEDS", 0, 2), Leg("LEEDS", 1), Leg("LEEDS", 2, 1)])
def test_a_claim_holds_what_was_posted_where_it_was_posted(leg: Leg) -> None:
    draft = Draft(MemoryRows(), arrival(transaction(Kind.SALE, 1)))
    for place in ("LEEDS", "YORK"):
        draft.shelf(place).move(Account.SUPPLIER, Account.UNPROMISED, 9)
    draft.shelf("LEEDS").move(Account.UNPROMISED, Account.RESERVED, 2)
    draft.put_claim("r1", 1, Claim((leg,), due_ms=1 if leg.reserved else None))
    with pytest.raises(InvariantBroken, match="beyond what its claims hold"):
        check(written(draft))


def test_what_is_taken_back_is_compared_with_what_was_before_the_decision() -> None:
    shop = Shop()
    shop.tell(Kind.RECEIPT, 9)
    shop.tell(Kind.RESERVE, 2, holder="r1")
    draft = Draft(shop.rows, arrival(transaction(Kind.RESERVE, 3, holder="r2")))
    before = draft.claim("r1", 1)
    draft.shelf("LEEDS").move(Account.RESERVED, Account.UNPROMISED, 2)
    draft.put_claim("r1", 1, None)
    mark = draft.mark()
    draft.shelf("LEEDS").move(Account.UNPROMISED, Account.RESERVED, 3)
    draft.put_claim("r1", 1, Claim((Leg("LEEDS", 1),), due_ms=1))
    draft.put_claim("r2", 1, Claim((Leg("LEEDS", 2),), due_ms=1))
    draft.rewind(mark)
    assert draft.claim("r1", 1) is None
    assert draft.claim("r2", 1) is None
    assert draft.claims_before == {("r1", 1): before}
    check(written(draft))


def test_what_is_asked_never_takes_what_is_not_available_to_promise() -> None:
    shop = Shop()
    shop.tell(Kind.POLICY, sku="", policy=PolicySettings(rule="r", safety_stock=7))
    shop.tell(Kind.RECEIPT, 9)
    draft = Draft(shop.rows, arrival(transaction(Kind.RESERVE, 3, holder="r1")))
    draft.shelf("LEEDS").move(Account.UNPROMISED, Account.RESERVED, 3)
    draft.put_claim("r1", 1, Claim((Leg("LEEDS", 3),), due_ms=1))
    with pytest.raises(InvariantBroken, match="not available to promise"):
        check(written(draft))


def test_books_that_close_pass() -> None:
    draft = Draft(MemoryRows(), arrival(transaction(Kind.SALE, 1)))
    draft.shelf("LEEDS").move(Account.SUPPLIER, Account.UNPROMISED, 5)
    draft.shelf("LEEDS").move(Account.UNPROMISED, Account.RESERVED, 4)
    draft.put_claim("r1", 1, Claim((Leg("LEEDS", 4),), due_ms=1))
    check(written(draft))

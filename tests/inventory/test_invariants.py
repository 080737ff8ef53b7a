from __future__ import annotations

from collections.abc import Callable

import pytest

from agents.inventory.draft import Draft
from agents.inventory.invariants import InvariantBroken, check
from agents.inventory.postings import Account, JournalRecord, Posting
from agents.inventory.reservations import Claim, Leg
from agents.inventory.transactions import Kind
from tests.inventory.helpers import SKU, arrival, transaction
from tools.scenario.memory_rows import MemoryRows


def written(draft: Draft) -> Draft:
    postings = tuple(draft.postings)
    record = JournalRecord(
        event_id="e",
        transaction_id="t",
        source="s",
        sku=SKU,
        kind=Kind.SALE,
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
    draft.put_claim("r1", 1, Claim((Leg("LEEDS", 1),)))


def take_from_an_empty_bucket(draft: Draft) -> None:
    draft.shelf("LEEDS").move(Account.QUARANTINED, Account.UNPROMISED, 1)


def promise_what_is_not_there(draft: Draft) -> None:
    draft.shelf("LEEDS").move(Account.UNPROMISED, Account.RESERVED, 9)
    draft.put_claim("r1", 1, Claim((Leg("LEEDS", 9),)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lose_a_unit, "sum to -1"),
        (change_without_posting, "were posted, but it is"),
        (reserve_without_claim, "beyond what its claims hold"),
        (claim_without_posting, "beyond what its claims hold"),
        (take_from_an_empty_bucket, "below zero"),
        (promise_what_is_not_there, "while units are promised"),
    ],
)
def test_a_decision_whose_books_do_not_close_is_never_handed_over(wrong: Callable[[Draft], None], message: str) -> None:
    draft = Draft(MemoryRows(), arrival(transaction(Kind.SALE, 1)))
    wrong(draft)
    with pytest.raises(InvariantBroken, match=message):
        check(written(draft))


def test_books_that_close_pass() -> None:
    draft = Draft(MemoryRows(), arrival(transaction(Kind.SALE, 1)))
    draft.shelf("LEEDS").move(Account.SUPPLIER, Account.UNPROMISED, 5)
    draft.shelf("LEEDS").move(Account.UNPROMISED, Account.RESERVED, 4)
    draft.put_claim("r1", 1, Claim((Leg("LEEDS", 4),)))
    check(written(draft))

"""What a version cannot decide yet, a later version must be able to decide under the same id."""

from __future__ import annotations

import pytest

from agents.inventory import decide as deciding
from agents.inventory.answers import Status
from agents.inventory.decide import RULES, decide
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import Kind
from tests.inventory.helpers import SKU, answer_of, arrival, transaction
from tools.scenario.memory_rows import MemoryRows


@pytest.mark.parametrize("kind", [Kind.RECEIPT, Kind.RESERVE])
def test_what_was_not_supported_is_decided_under_its_id_by_the_version_that_can(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = MemoryRows()
    rows.apply(decide(rows, arrival(transaction(Kind.RECEIPT, 9, number=0))).changes)
    told = transaction(kind, 2, holder="r1" if kind is Kind.RESERVE else None)
    with monkeypatch.context() as older:
        older.setattr(deciding, "RULES", {each: rule for each, rule in RULES.items() if each is not kind})
        for offset in (1, 2):
            refused = decide(rows, arrival(told, offset=offset))
            rows.apply(refused.changes)
            answer = answer_of(refused)
            assert (answer.status, answer.refusal, answer.repeats) == (Status.REFUSED, Refusal.NOT_SUPPORTED, None)
            assert (refused.dead_letter is not None) is (kind is Kind.RECEIPT), "a fact must not be lost, however often"
    decided = decide(rows, arrival(told, offset=3))
    assert answer_of(decided).status is Status.ACCEPTED
    rows.apply(decided.changes)
    assert rows.positions(SKU)["LEEDS"].unpromised == (11 if kind is Kind.RECEIPT else 7)
    assert answer_of(decide(rows, arrival(told, offset=4))).status in {Status.ACCEPTED_EARLIER, Status.ACCEPTED}

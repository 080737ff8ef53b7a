"""Decisions as they were first published: what follows from a log must not change with the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.inventory.rows import Decision
from tools.scenario.ledger import Ledger
from tools.scenario.parser import parse
from tools.scenario.runner import Runner

SCENARIOS = Path(__file__).resolve().parents[2] / "docs/scenarios"
GOLDEN = Path(__file__).parent / "golden"
NAMES = ("04_expiry_before_the_decision", "08_count_below_what_is_promised", "26_shipment_heard_of_after_the_count")


class Recorder(Ledger):
    """A ledger that keeps its decisions."""

    def __init__(self) -> None:
        super().__init__()
        self.decisions: list[Decision] = []

    def send(self, transaction: Any) -> Decision:
        self.decisions.append(super().send(transaction))
        return self.decisions[-1]


def plain(decision: Decision) -> dict[str, Any]:
    """A decision as plain values; changes as a list, since their keys are no text."""
    changes = [[table, list(key), row] for (table, key), row in decision.changes.items()]
    found = msgspec.to_builtins(msgspec.structs.replace(decision, changes={}))
    assert isinstance(found, dict)
    return {**found, "changes": msgspec.to_builtins(changes)}


@pytest.mark.parametrize("name", NAMES)
def test_decisions_are_those_of_the_golden_file(name: str) -> None:
    """To write a new one: save `found` of this test, after reading every line of the difference."""
    ledger = Recorder()
    assert not any(result.differences for result in Runner(ledger).run(parse((SCENARIOS / f"{name}.txt").read_text())))
    found = msgspec.json.encode([plain(decision) for decision in ledger.decisions])
    assert msgspec.json.decode(found) == msgspec.json.decode((GOLDEN / f"{name}.json").read_bytes())

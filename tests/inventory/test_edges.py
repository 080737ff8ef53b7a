from __future__ import annotations

from agents.inventory.answers import Status
from agents.inventory.decide import decide
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import Kind, Transaction, Watcher
from tests.inventory.helpers import arrival
from tools.scenario.memory_rows import MemoryRows


def test_a_watcher_of_a_topic_that_edges_are_not_said_into_is_refused() -> None:
    told = Transaction(
        transaction_id="w1", source="campaigns", kind=Kind.WATCH, sku="SHOE", watcher=Watcher("orders.v1", "c7")
    )
    rows = MemoryRows()
    (refused,) = decide(rows, arrival(told, edge_topics=("watched.edges.v1",))).answers
    assert (refused.status, refused.refusal) == (Status.REFUSED, Refusal.UNKNOWN_TOPIC)
    (accepted,) = decide(rows, arrival(told, edge_topics=("orders.v1",))).answers
    assert accepted.status is Status.ACCEPTED

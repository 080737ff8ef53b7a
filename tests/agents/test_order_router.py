from __future__ import annotations

import pytest

from agents.codec import Codec, Malformed, SchemaSet
from agents.inventory.alerts import AlertType
from agents.inventory.orders.rows import OrderPolicy
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord
from agents.order_router import OrderFold, OrderWords, Planner
from agents.runtime.dead_letters import DeadLetters
from agents.runtime.fold import FoldContext, Outbox
from agents.runtime.levels_view import LevelsView
from agents.runtime.topology import load
from agents.state.memory import MemoryStore
from agents.state.orders import ORDER_TABLES
from agents.state.overlay import Overlay
from tests.agents.two_folds import BEGINS_MS, TOPOLOGY_FILE, Given

DAY_MS = 86_400_000
BASKET = (OrderedLine(1, "SHOE", 1), OrderedLine(2, "HAT", 1))


class Router:
    """The router of one partition, and what it says."""

    def __init__(self) -> None:
        topology, codec = load(TOPOLOGY_FILE, {}), Codec(SchemaSet.load())
        self.words = OrderWords(topology, codec)
        self.letters = topology.agents["order_router"].dead_letters.name
        bury = DeadLetters(self.words.orders, self.letters, 0, codec.encoder(self.letters, "dead_letter")).bury
        overlay = Overlay(MemoryStore(), ORDER_TABLES, 1_000)
        levels = LevelsView({}, "inventory.levels.v1", 1, codec.decoder("inventory.levels.v1", "level"))
        context = FoldContext(overlay, self.words.orders, 0, bury)
        self.fold = OrderFold(context, self.words, OrderPolicy(), Planner(levels, ()))
        self.alert = codec.decoder(self.words.alerts, "alert")
        self._offset = 0

    def tell(self, kind: OrderKind, **fields: object) -> Outbox:
        """What follows from a record."""
        self._offset += 1
        record = OrderRecord(record_id=f"r{self._offset}", source="shop", kind=kind, order_id="o-1", **fields)  # type: ignore[arg-type]
        outbox: Outbox = []
        self.fold.fold(Given(b"o-1", self.words.order(record), self._offset, BEGINS_MS), BEGINS_MS, outbox)
        self.fold.end_chunk(outbox)
        return outbox


def test_an_order_that_comes_too_late_is_kept_aside_with_its_bytes_and_people_hear_of_it() -> None:
    router = Router()
    letter, alert = router.tell(OrderKind.PLACED, occurred_at_ms=BEGINS_MS - 8 * DAY_MS, lines=BASKET)
    assert (letter[0], letter[1], letter[3]) == (router.letters, b"o-1", 0)
    assert router.words.decode(letter[2], None).lines == BASKET
    headers = dict(letter[4] or ())
    assert headers["__connect.errors.stage"] == "DECIDE"
    assert "too_late" in str(headers["__connect.errors.exception.message"])
    said = router.alert(alert[2], None)
    assert said.type is AlertType.DEAD_LETTER
    assert "r1 of shop was refused: too_late" in said.message


def test_an_order_without_the_time_when_it_was_placed_is_malformed() -> None:
    with pytest.raises(Malformed, match="PLACED needs occurred_at_ms"):
        Router().tell(OrderKind.PLACED, lines=BASKET)


def test_an_order_in_time_is_asked_of_the_ledger() -> None:
    router = Router()
    said = router.tell(OrderKind.PLACED, occurred_at_ms=BEGINS_MS - 6 * DAY_MS, lines=BASKET[:1])
    assert [each[0] for each in said] == [router.words.transactions, router.words.statuses]

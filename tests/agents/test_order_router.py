from __future__ import annotations

import pytest

from agents.codec import Codec, Malformed, SchemaSet
from agents.inventory.alerts import AlertType
from agents.inventory.orders.rows import OrderPolicy
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord, reference_record
from agents.inventory.transactions import ChannelReference, LocationReference
from agents.order_router import OrderFold, OrderWords, Planner
from agents.runtime.dead_letters import DeadLetters
from agents.runtime.fold import FoldContext, Outbox
from agents.runtime.levels_view import LevelsView
from agents.runtime.topology import load
from agents.state.memory import MemoryStore
from agents.state.orders import ORDER_TABLES, RoutedOrders
from agents.state.overlay import Overlay
from agents.state.store import Meta
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
        self.fold = OrderFold(context, self.words, OrderPolicy(), Planner(levels))
        self.alert = codec.decoder(self.words.alerts, "alert")
        self._offset = 0

    def hear(self, key: str, record: OrderRecord) -> Outbox:
        """What follows from a record under a key."""
        self._offset += 1
        outbox: Outbox = []
        self.fold.fold(Given(key.encode(), self.words.order(record), self._offset, BEGINS_MS), BEGINS_MS, outbox)
        self.fold.end_chunk(outbox)
        return outbox

    def tell(self, kind: OrderKind, **fields: object) -> Outbox:
        """What follows from a record."""
        record = OrderRecord(record_id=f"r{self._offset + 1}", source="shop", kind=kind, order_id="o-1", **fields)  # type: ignore[arg-type]
        return self.hear("o-1", record)


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


def test_a_reference_comes_in_every_partition_says_nothing_and_is_kept_across_chunks() -> None:
    router = Router()
    store = LocationReference("LEEDS", closes_at="18:00")
    assert router.fold.is_broadcast(b"location:LEEDS")
    assert router.fold.is_broadcast(b"channel:web")
    assert not router.fold.is_broadcast(b"o-1")
    assert router.hear("location:LEEDS", reference_record("e", store, None)) == []
    router.fold.overlay.commit(Meta())
    rows = RoutedOrders(router.fold.overlay)
    assert rows.references().location("LEEDS") == store
    router.hear("channel:web", reference_record("e", None, ChannelReference("web", late_penalty=3)))
    assert rows.references().channel("web") == ChannelReference("web", late_penalty=3)
    router.fold.overlay.discard()
    assert rows.references().channel("web") is None, "the chunk was not committed"
    assert rows.references().location("LEEDS") == store


def test_a_reference_under_another_key_is_malformed() -> None:
    with pytest.raises(Malformed, match="the key b'o-1' is not"):
        Router().hear("o-1", reference_record("e", LocationReference("LEEDS"), None))

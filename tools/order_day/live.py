"""The day on a real broker, with one real worker per agent, as fast as they go.

One thread plays everybody outside: it places the orders, at most so many at a time of which nobody has said yet what
becomes of them, hears the statuses, and does what shopper and warehouse do next.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from agents.codec import Codec
from agents.inventory.orders.words import OrderRecord, OrderStatus
from agents.inventory.transactions import ORDER_ROUTER, Kind
from agents.runtime.plan import said_topics
from agents.runtime.topology import Topology
from tools.order_day.course import Following
from tools.order_day.day import Day, sku_of
from tools.order_day.kills import AGENTS, Assassin
from tools.order_day.outside import POS, WMS, DayFailed, Outside, Say
from tools.order_day.settling import Settling

SALES_PER_ORDER, DAMAGE_PER_ORDER = 0.1, 0.005
MOST_SOLD, MOST_DAMAGED = 3, 4
SAY_EVERY_S = 10.0
QUIET_S = 5.0
"""So long without a status, and nothing more will come by itself."""
_STEP_S = 0.01


class Played(msgspec.Struct):
    """What was played, and how long it took."""

    orders: dict[str, Following]
    opening: dict[tuple[str, str], int]
    sold: int = 0
    """Till sales."""
    damaged: int = 0
    seconds: float = 0.0
    """From the first order placed to the last one final."""
    placed_within_s: float = 0.0
    opened_within_s: float = 0.0
    statuses: int = 0
    killed: Sequence[tuple[str, int]] = ()


class LiveDay:
    """One day at a topology whose worker runs already."""

    def __init__(
        self, topology: Topology, codec: Codec, day: Day, assassin: Assassin, say: Say, most_open: int
    ) -> None:
        """`most_open`: orders that may wait to be routed at a time."""
        self._day, self._assassin, self._say = day, assassin, say
        self._most_open = most_open
        says = said_topics(topology, topology.agents[ORDER_ROUTER])
        self._decode_status = codec.decoder(says["order_status"], "order_status")
        self._outside = Outside(topology, codec)
        self._statuses = reader(topology, says["order_status"])
        self._settling = Settling(topology, codec, AGENTS)
        self._rng = random.Random(f"tills-{day.seed}")
        self._sold: set[tuple[str, str]] = set()
        """Positions that a till or a mishap took from: once each, for what is known of the level may be old by then."""
        self._is_evening = False
        self._unrouted = 0
        self._finals = 0
        self._played = Played({}, {})

    def play(self, patience_s: float) -> Played:
        """The whole day. Raises DayFailed where nothing moves for `patience_s`, KafkaException."""
        try:
            self._open()
            started = time.monotonic()
            self._trade(patience_s)
            self._played.placed_within_s = time.monotonic() - started
            self._close_the_day(patience_s)
            self._played.seconds = time.monotonic() - started
            self._played.killed = tuple(self._assassin.killed)
            self._outside.flush()
            self._settling.wait(patience_s)
            return self._played
        finally:
            self._outside.close()
            self._statuses.close()

    # -- morning ---------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        stock = self._played.opening = self._day.stock()
        self._say(f"Stock: {sum(stock.values()):,} units of {self._day.skus:,} articles in {len(stock):,} positions")
        self._played.opened_within_s = self._outside.open(stock, self._day.made_to_order())
        self._say(f"The stock is there after {self._played.opened_within_s:.0f} s")

    # -- the day ---------------------------------------------------------------------------------------------------

    def _trade(self, patience_s: float) -> None:
        """Place everything, as fast as orders are routed."""
        said_at = moved_at = time.monotonic()
        for number, each in enumerate(self._day.orders(), 1):
            while self._unrouted >= self._most_open:
                if self._hear():
                    moved_at = time.monotonic()
                elif time.monotonic() - moved_at > patience_s:
                    raise DayFailed(
                        f"{self._unrouted} orders wait to be routed, nothing was said for {patience_s:.0f} s"
                    )
            following = Following(each.placed, each.course)
            self._played.orders[each.placed.order_id] = following
            self._unrouted += 1
            self._outside.tell(each.placed)
            self._tell_all(following.cancel_at_once())
            self._till()
            if number % 50 == 0:
                self._hear(wait_s=0.0)
            if time.monotonic() - said_at > SAY_EVERY_S:
                said_at = time.monotonic()
                self._say(f"{number:,} orders placed, {self._finals:,} final")

    def _till(self) -> None:
        """Beside the orders: a till sells, something breaks. Both only where a unit is free, as far as is known."""
        for chance, kind, most in (
            (SALES_PER_ORDER, Kind.SALE, MOST_SOLD),
            (DAMAGE_PER_ORDER, Kind.ADJUST, MOST_DAMAGED),
        ):
            if self._rng.random() >= chance:
                continue
            sku = sku_of(self._rng.randrange(self._day.skus))
            known = self._outside.view.of(sku)
            places = [(place, atp) for place, (_, atp) in known.items() if atp > 0 and (sku, place) not in self._sold]
            if not places:
                continue
            place, atp = self._rng.choice(places)
            self._sold.add((sku, place))
            units = min(atp, self._rng.randint(1, most))
            if kind is Kind.SALE:
                self._outside.fact(kind, POS, sku, place, units)
                self._played.sold += units
            else:
                self._outside.fact(kind, WMS, sku, place, -units, "damage")
                self._played.damaged += units

    # -- evening ---------------------------------------------------------------------------------------------------

    def _close_the_day(self, patience_s: float) -> None:
        """Wait until all is quiet; receive what is waited for of every second article; give up the rest."""
        self._until_quiet(patience_s)
        self._say(f"Evening: {self._finals:,} of {self._day.size:,} orders are final")
        self._receive_what_is_waited_for()
        self._until_quiet(patience_s)
        self._is_evening = True
        for following in self._played.orders.values():
            if not following.is_final:
                self._tell_all(following.tidy_up())
        self._until_quiet(patience_s)
        if self._finals < self._day.size:
            left = [name for name, following in self._played.orders.items() if not following.is_final]
            raise DayFailed(
                f"{len(left)} orders are not final, such as {left[0]}: {self._played.orders[left[0]].status}"
            )

    def _receive_what_is_waited_for(self) -> None:
        waited: dict[str, int] = {}
        for following in self._played.orders.values():
            if following.status is not None and not following.is_final:
                for line in following.status.lines:
                    if line.backordered:
                        waited[line.sku] = waited.get(line.sku, 0) + line.backordered
        received = {sku: units for number, (sku, units) in enumerate(sorted(waited.items())) if number % 2 == 0}
        for sku, units in received.items():
            place = min(self._outside.view.of(sku))
            self._played.opening[sku, place] = self._played.opening.get((sku, place), 0) + units
            self._outside.fact(Kind.RECEIPT, WMS, sku, place, units, "evening")
        self._say(f"{len(waited):,} articles are backordered, {len(received):,} of them come in now")

    def _until_quiet(self, patience_s: float) -> None:
        """Return when all is final, or nothing was said for a while and nobody is being started again."""
        moved_at = time.monotonic()
        while self._finals < self._day.size:
            if self._hear():
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > (patience_s if self._unrouted else QUIET_S):
                return

    # -- heard and told --------------------------------------------------------------------------------------------

    def _hear(self, wait_s: float = _STEP_S) -> bool:
        """Take what was said, and do what follows. Whether there was anything."""
        messages = self._statuses.consume(2_000, wait_s)
        for message in messages:
            if message.error() is None:
                self._hear_one(self._decode_status(message.value(), None))
        self._outside.poll()
        killed = self._assassin.look(self._finals / self._day.size)
        if killed is not None:
            self._say(killed)
        return bool(messages)

    def _hear_one(self, status: OrderStatus) -> None:
        following = self._played.orders[status.order_id]
        was_routed, was_final = following.is_routed, following.is_final
        self._played.statuses += 1
        self._tell_all(following.hear(status, is_evening=self._is_evening))
        self._unrouted -= following.is_routed and not was_routed
        self._finals += following.is_final - was_final

    def _tell_all(self, records: Iterable[OrderRecord]) -> None:
        for record in records:
            self._outside.tell(record)


def reader(topology: Topology, topic: str) -> Consumer:
    """Committed records of a topic from its beginning, in no group."""
    consumer = Consumer(
        {
            "fetch.wait.max.ms": 20,
            **topology.kafka,
            **topology.consumer,
            "group.id": f"{topology.app}.day",  # never joined
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    partitions = range(topology.all_topics[topic].partitions)
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    return consumer

"""What the workers are sent while faults strike: stock, many claims and what follows of them, replacements, duplicates.

From one seed, so that a run can be repeated. Beside it an upstream system that writes in Kafka transactions of its own
commits some of them and aborts others: nobody may ever hear of an aborted one.
"""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaException, Producer

from agents.inventory.answers import Status
from agents.inventory.transactions import Kind, Transaction
from agents.runtime.partitioner import PARTITIONER
from tests.integration.harness import Stage, a_transaction, receipt, reserve
from tests.integration.tails import quiet

SKUS = 40
LOCATIONS = ("LEEDS", "VENLO")
SHORT_TTL_MS, LONG_TTL_MS = 1_500, 900_000
STEP_S = 0.02
NOTICES = frozenset({Status.EXPIRED, Status.YIELDED, Status.MOVED, Status.COVERED})
ABORTED = "aborted"
ABORTED_UNITS = 1_000_003
"""Nothing that is committed comes in such amounts."""

Blow = tuple[float, Callable[[], object]]
"""After which share of the transactions (0 to 1), and what is done then."""


@dataclass
class Load:
    """A stream of transactions into one stage."""

    stage: Stage
    random: random.Random
    sent: list[Transaction] = field(default_factory=list)
    """In the order of sending, duplicates too."""
    aborted: int = 0
    offer: Callable[[Transaction], None] | None = None
    """How a transaction is published; None: by the stage's producer."""
    _open: list[tuple[str, str, str]] = field(default_factory=list)
    _seen: dict[int, int] = field(default_factory=dict)
    _answered: Counter[str] = field(default_factory=Counter)
    _all_answered: tuple[int, float] = (-1, 0.0)
    """When the first so many were all answered."""

    def send(self, count: int, per_second: int = 500, blows: Sequence[Blow] = ()) -> None:
        """Send so many, strike each blow at its share of them, take in the answers meanwhile."""
        before, began, waiting = len(self.sent), time.monotonic(), sorted(blows, key=lambda blow: blow[0])
        self.write_in_transactions()
        while (sent := len(self.sent) - before) < count:
            while waiting and waiting[0][0] * count <= sent:
                waiting.pop(0)[1]()
                began = time.monotonic() - sent / per_second  # a blow takes its time: the pace stays
            due = min(count, int((time.monotonic() - began) * per_second) + 1)
            for _ in range(due - sent):
                self.publish(self.next())
            self.take_in(STEP_S)
        for _, strike in waiting:
            strike()
        self.write_in_transactions()
        self.stage.flush()

    def send_until(self, happened: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Send until it has happened, on however slow a machine."""
        deadline = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline, what
            self.publish(self.next())
            self.take_in(STEP_S)
        self.stage.flush()

    def publish(self, transaction: Transaction) -> None:
        """Send one."""
        self.sent.append(transaction)
        if self.offer is None:
            self.stage.offer(transaction)
        else:
            self.offer(transaction)

    def next(self) -> Transaction:
        """The next one."""
        what, pick = self.random.random(), self.random
        number, place = f"t{len(self.sent)}", pick.choice(LOCATIONS)
        sku = f"shoe-{pick.randrange(SKUS)}"
        if what < 0.12:
            return receipt(sku, pick.randint(5, 20), number, location=place)
        if what < 0.50 or not self._open:
            self._open.append((sku, number, place))
            return reserve(sku, pick.randint(1, 4), number, number, location=place, ttl_ms=self._ttl())
        if what < 0.57:
            return pick.choice(self.sent)  # the same once more: a retry of the publisher
        if what < 0.67:
            return a_transaction(Kind.SALE, sku, number, location=place, quantity=pick.randint(1, 2))
        if what < 0.70:
            return a_transaction(Kind.RETURN, sku, number, location=place, quantity=1)
        return self._about_a_claim(what, number)

    def _about_a_claim(self, what: float, number: str) -> Transaction:
        at = self.random.randrange(len(self._open))
        sku, holder, place = self._open[at]
        if what < 0.79:  # replaced in one step
            units = self.random.randint(1, 4)
            return reserve(sku, units, holder, number, location=place, ttl_ms=self._ttl())
        if what < 0.89:
            return a_transaction(Kind.ALLOCATE, sku, number, location=None, holder=holder, confirm=True)
        self._open.pop(at)
        if what < 0.94:
            return a_transaction(Kind.RELEASE, sku, number, holder=holder)
        return a_transaction(Kind.SHIP, sku, number, location=place, holder=holder, quantity=self.random.randint(1, 2))

    def _ttl(self) -> int:
        """Short-lived ones expire by themselves; those of idle SKUs by a wake-up."""
        return SHORT_TTL_MS if self.random.random() < 0.2 else LONG_TTL_MS

    # -- an upstream that writes in transactions ---------------------------------------------------------------------

    def write_in_transactions(self) -> None:
        """Commit a transaction of the upstream's, and abort another whose records are in the log all the same."""
        producer = Producer(
            {
                **self.stage.topology.kafka,
                "transactional.id": f"upstream.{self.stage.suffix}",
                "partitioner": PARTITIONER,
                "linger.ms": 0,
            },
            logger=quiet,
        )
        producer.init_transactions(20)
        for word, units, ends in (
            (ABORTED, ABORTED_UNITS, producer.abort_transaction),
            ("upstream", 3, producer.commit_transaction),
        ):
            written = [
                receipt(
                    f"shoe-{self.random.randrange(SKUS)}",
                    units,
                    f"{word}-{uuid.UUID(int=self.random.getrandbits(128))}",
                )
                for _ in range(6)
            ]
            producer.begin_transaction()
            for transaction in written:
                producer.produce(self.stage.transactions, self.stage.encoded(transaction), transaction.sku.encode())
            assert producer.flush(20) == 0
            ends(20)
            if word == ABORTED:
                self.aborted += len(written)
            else:
                self.sent += written

    # -- hearing -----------------------------------------------------------------------------------------------------

    def take_in(self, seconds: float) -> None:
        """Count the answers that came."""
        tail = self.stage.tail("answer")
        tail.poll(seconds)
        for partition, said in tail.said.items():
            self._answered.update(
                answer.transaction_id for answer in said[self._seen.get(partition, 0) :] if answer.status not in NOTICES
            )
            self._seen[partition] = len(said)

    def unanswered(self) -> Counter[str]:
        """Ids that were sent more often than they were answered, and how many answers are missing."""
        return Counter(transaction.transaction_id for transaction in self.sent) - self._answered

    def until_answered(self, seconds: float) -> float:
        """Wait until all that was sent is answered. Returns when that was, by the monotonic clock."""
        if self._all_answered[0] == len(self.sent):
            return self._all_answered[1]
        deadline = time.monotonic() + seconds
        while missing := self.unanswered():
            assert time.monotonic() < deadline, (
                f"I8 lag: {missing.total()} of {len(self.sent)} are not answered within {seconds:.0f} s, "
                f"such as {sorted(missing)[:5]}"
            )
            self.take_in(STEP_S)
        self._all_answered = (len(self.sent), time.monotonic())
        return self._all_answered[1]


def try_to(step: Callable[[], object]) -> None:
    """A step that may fail while the broker is away."""
    try:
        step()
    except KafkaException:
        return

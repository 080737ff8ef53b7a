"""Input as it should not be: stamped by wrong clocks, sent twice and in another order, unreadable, misplaced, made anew."""

from __future__ import annotations

import msgspec
from confluent_kafka.admin import AdminClient

from agents.inventory.answers import Status
from agents.inventory.transactions import Transaction
from agents.runtime.partitioner import partition_of
from agents.runtime.stopping import CANNOT
from agents.runtime.topics import Cluster
from agents.stock_keeper import LARGEST_TRANSACTION_BYTES
from tests.chaos.faults import alert_says, fault, log_says
from tests.chaos.network_faults import until
from tests.chaos.scene import PARTITIONS, Run, until_nothing_is_due
from tests.integration.harness import now_ms, receipt
from tests.integration.tails import quiet

COUNT = 2_000
HOUR_MS = 3_600_000
EARLIER = frozenset({Status.ACCEPTED_EARLIER, Status.REFUSED_EARLIER})


@fault(
    "clocks_wrong",
    "records stamped five hours back and three hours ahead, in a topic that keeps its publishers' times",
    log_says(
        r"its records are stamped \d+ s ahead of this machine's clock, so claims expire that much too early\. "
        r"Set the clock right of the broker .* or of whoever stamps the records"
    ),
    stamped_by_publishers=True,
)
def clocks_wrong(run: Run) -> None:
    run.two_workers()

    def by_a_wrong_clock(*hours: int) -> None:
        run.load.offer = lambda transaction: run.stage.offer(
            transaction, timestamp_ms=now_ms() + run.random.choice(hours) * HOUR_MS
        )

    for hours in ((-5, 0), (0,), (-5, 0, 3)):
        by_a_wrong_clock(*hours)
        run.load.send(COUNT // 3)
    run.healed()


@fault(
    "sent_twice",
    "every transaction is sent again, all of them in another order, while new ones come",
    short=True,
)
def sent_twice(run: Run) -> None:
    run.two_workers()
    run.load.send(COUNT // 2)
    again = list(run.load.sent)
    run.random.shuffle(again)
    for position, transaction in enumerate(again):
        run.load.publish(transaction)
        if position % 10 == 0:
            run.load.publish(run.load.next())
            run.load.take_in(0)
    run.healed()
    run.load.until_answered(run.fault.lag_zero_within_s)
    repeated = [said for said in run.stage.tail("answer").all if said.repeats is not None or said.status in EARLIER]
    assert len(repeated) >= len(again), f"{len(again)} were sent again, {len(repeated)} were recognised"
    # What a publisher sends twice is his business: it is answered, and nobody is woken for it.
    buried = run.stage.tail("dead_letter").to_the_end(run.stage.topology).all
    assert buried == [], f"{len(buried)} were buried"


@fault(
    "poison",
    "noise, nothing, half a record, JSON, an empty key, a key that is not the SKU, and 300 KiB, in every partition",
    alert_says(r"The record at .* could not be read: .* Look at it with `onhand dead-letters list`"),
    short=True,
)
def poison(run: Run) -> None:
    run.two_workers()
    stage = run.stage

    def poison_all() -> None:
        for partition in range(PARTITIONS):
            sku = stage.sku_of(partition, "poisoned")
            right = receipt(sku, 5)
            key, value = sku.encode(), stage.encoded(right)
            stage.send_raw(key, run.random.randbytes(2_000), partition)
            stage.send_raw(key, None, partition)
            stage.send_raw(key, b"", partition)
            stage.send_raw(key, value[:-3], partition)
            stage.send_raw(key, msgspec.json.encode(right), partition)
            stage.send_raw(b"", value, partition)
            stage.send_raw(stage.sku_of(partition, "another").encode(), value, partition)
            stage.send_raw(key, value + bytes(LARGEST_TRANSACTION_BYTES), partition)

    run.load.send(COUNT, blows=[(0.3, poison_all), (0.6, poison_all)])
    run.healed()
    run.load.until_answered(run.fault.lag_zero_within_s)
    buried = stage.tail("dead_letter").to_the_end(stage.topology).all
    assert len(buried) == 2 * 8 * PARTITIONS, f"{len(buried)} dead letters of {2 * 8 * PARTITIONS} poisoned records"


@fault(
    "wrong_partition",
    "a publisher with another partitioner: a fifth of the records lie where their SKU does not live",
    alert_says(r"belongs to partition \d; it was forwarded\. Set partitioner=murmur2_random"),
)
def wrong_partition(run: Run) -> None:
    run.two_workers()
    misplaced: list[Transaction] = []

    def misplace(transaction: Transaction) -> None:
        if run.random.random() < 0.2:
            misplaced.append(transaction)
            right = partition_of(transaction.sku.encode(), PARTITIONS)
            run.stage.offer(transaction, partition=(right + run.random.randint(1, PARTITIONS - 1)) % PARTITIONS)
        else:
            run.stage.offer(transaction)

    run.load.offer = misplace
    run.load.send(COUNT)
    run.healed()
    run.load.until_answered(run.fault.lag_zero_within_s)
    forwarded = sum(len(want.forwarded) for want in run.stage.expected().values())
    assert forwarded == len(misplaced) > 0, f"{len(misplaced)} were misplaced, {forwarded} forwarded"


@fault(
    "input_made_anew",
    "the input topic is deleted and created again under running workers: they refuse, until a person accepts the loss",
    log_says(
        r"was re-created: its topic id is .* When the loss is understood, `onhand worker --accept-loss` continues"
    ),
    log_says(r"accepted: .* was re-created"),
)
def input_made_anew(run: Run) -> None:
    workers = run.two_workers()
    run.load.send(COUNT // 2)
    run.load.until_answered(run.fault.lag_zero_within_s)
    until_nothing_is_due(run)  # the first life of the topic, folded to its end
    make_anew(run)
    for worker in workers:
        code = worker.exit_code(60)
        assert code == CANNOT, f"worker {worker.instance} ended with {code}\n{worker.tail()}"
    run.load.send(COUNT // 4)
    for name in ("a", "b"):
        run.worker(name, "--accept-loss")
    run.until_shared("a", "b")
    run.healed()
    run.load.send(COUNT // 4)


def make_anew(run: Run) -> None:
    """Delete the input topic and create it again."""
    topology, name = run.stage.topology, run.stage.transactions
    cluster, admin = Cluster(topology.kafka), AdminClient(dict(topology.kafka), logger=quiet)
    admin.delete_topics([name])[name].result(20)
    until(lambda: not cluster.topics([name]), f"{name} is still there")
    cluster.create([topology.all_topics[name]])
    run.lives += 1
    run.stage.begin_anew()

"""Reference in the log: records that every partition must hear, and the seeds of topology.yaml.

A broadcast record (POLICY, LOCATION, CHANNEL, FEED) goes to every partition of the transactions topic in one Kafka transaction
under one transactional id, `<app>.reference`. Writers fence each other off by it, so every partition has the records in the
same order, and no partition has one that another lacks.

A seed is written once. Its transaction id `seed-<name>-<digest of what it sets>` follows from its content: the same rule with
another content is another seed, and the ledger drops a repeated id for as long as it remembers ids (`answers.keep`). Beyond
that, a repeated seed could undo what a later POLICY record said, so before writing we look whether it is there: in the first
`LOOK_AT` records of partition 0 (broadcast: what one partition has, all have), by key and header, without decoding. Seeds are
written when the topic is created, so they are at its head; reading a whole topic of a billion records to be sure would be
worse than the duplicate, which only a rule that was added to topology.yaml long after the start can meet.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from agents.inventory.transactions import (
    ChannelReference,
    FeedReference,
    Kind,
    LocationReference,
    PolicySettings,
    Transaction,
)
from agents.runtime.broker_errors import BrokerUnusable, explain
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.topology import BOOTSTRAP

SEED_SOURCE = "topology"
SEED_HEADER = "onhand.seed"
LOOK_AT = 100_000
"""Records of partition 0 that are looked at for seeds written before; about a second."""
TRANSACTION_SECONDS = 30.0
_READ_SECONDS = 30.0

_quiet = logging.getLogger("onhand.broker.reference")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


@dataclass(frozen=True)
class Broadcast:
    """One reference record as every partition gets it."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


Reference = PolicySettings | LocationReference | ChannelReference | FeedReference
"""What a broadcast record carries."""

_PREFIXES = (b"policy:", b"location:", b"channel:", b"feed:")


def reference_key(reference: Reference) -> str:
    """The key of every record of this rule, place, channel or feed."""
    if isinstance(reference, PolicySettings):
        return f"policy:{reference.rule}"
    if isinstance(reference, LocationReference):
        return f"location:{reference.location}"
    if isinstance(reference, FeedReference):
        return f"feed:{reference.feed}"
    return f"channel:{reference.channel}"


def reference_transaction(
    reference: Reference, transaction_id: str, source: str, who: str | None = None, why: str | None = None
) -> Transaction:
    """The transaction that sets this reference."""
    said: dict[str, Any] = {"transaction_id": transaction_id, "source": source, "who": who, "why": why}
    if isinstance(reference, PolicySettings):
        return Transaction(kind=Kind.POLICY, policy=reference, **said)
    if isinstance(reference, LocationReference):
        return Transaction(kind=Kind.LOCATION, location_reference=reference, **said)
    if isinstance(reference, FeedReference):
        return Transaction(kind=Kind.FEED, feed=reference, **said)
    return Transaction(kind=Kind.CHANNEL, channel_reference=reference, **said)


def seed_of(reference: Reference) -> Transaction:
    """The transaction that sets this reference; its id follows from the content."""
    # Fields at their default are left out, so a field added later does not make an old seed a new one.
    digest = hashlib.blake2b(msgspec.json.encode(reference, order="deterministic"), digest_size=8).hexdigest()
    named = reference.rule if isinstance(reference, PolicySettings) else reference_key(reference).replace(":", "-", 1)
    return reference_transaction(
        reference, f"seed-{named}-{digest}", SEED_SOURCE, SEED_SOURCE, "declared in topology.yaml"
    )


def seed_name(reference: Reference) -> str:
    """How a seed is called: a rule by its name, the others also by what they are."""
    return reference.rule if isinstance(reference, PolicySettings) else reference_key(reference).replace(":", " ", 1)


def write_broadcasts(
    settings: Mapping[str, str], app: str, topic: str, partitions: int, records: Sequence[Broadcast]
) -> None:
    """Write these records, in this order, to every partition, all or none. Raises BrokerUnusable.

    `settings` are librdkafka's for a producer. Whoever wrote under the same app and has not finished is fenced off.
    """
    bootstrap = settings.get(BOOTSTRAP, "")
    producer = Producer(
        {
            **settings,
            "partitioner": PARTITIONER,
            "transactional.id": f"{app}.reference",
            "acks": "all",
        },
        logger=_quiet,
    )
    try:
        producer.init_transactions(TRANSACTION_SECONDS)
        producer.begin_transaction()
        try:
            _deliver(producer, topic, partitions, records)
        except KafkaException as failed:
            # Fenced off or broken, it cannot be aborted by us; the broker does it when the transaction times out.
            if not failed.args[0].fatal():
                producer.abort_transaction(TRANSACTION_SECONDS)
            raise
        _commit(producer)
    except KafkaException as failed:
        raise explain(failed.args[0], bootstrap) from failed


def _deliver(producer: Producer, topic: str, partitions: int, records: Sequence[Broadcast]) -> None:
    """Hand every record to every partition and wait until the broker has them. Raises KafkaException for the first failure.

    Not left to the commit: a commit that runs into a record the broker refuses can neither end nor be aborted.
    """
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error)

    try:
        for record in records:
            for partition in range(partitions):
                producer.produce(
                    topic,
                    record.value,
                    record.key,
                    partition=partition,
                    headers=list(record.headers),
                    on_delivery=delivered,
                )
    except KafkaException as refused:
        # Usually the echo of a delivery that has failed by now: then that one says why.
        producer.flush(TRANSACTION_SECONDS)
        raise KafkaException(failures[0] if failures else refused.args[0]) from refused
    left = producer.flush(TRANSACTION_SECONDS)
    if failures:
        # After the first refusal all others are purged: only the first says why.
        raise KafkaException(failures[0])
    if left:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


def _commit(producer: Producer) -> None:
    """Commit, calling again where the client says that it may go on. Raises KafkaException."""
    deadline = time.monotonic() + TRANSACTION_SECONDS
    while True:
        try:
            producer.commit_transaction(TRANSACTION_SECONDS / 3)
        except KafkaException as failed:
            error = failed.args[0]
            if error.txn_requires_abort():
                producer.abort_transaction(TRANSACTION_SECONDS)
                raise
            if not error.retriable() or time.monotonic() > deadline:
                raise
        else:
            return


def written_seeds(settings: Mapping[str, str], topic: str, look_at: int = LOOK_AT) -> frozenset[str]:
    """The transaction ids of the seeds among the first `look_at` records of partition 0. Raises BrokerUnusable."""
    bootstrap = settings.get(BOOTSTRAP, "")
    configuration: dict[str, Any] = {
        **settings,
        # Never joined nor committed to: only librdkafka wants one.
        "group.id": "onhand.reference",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
    }
    consumer = Consumer(configuration, logger=_quiet)
    try:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        return frozenset(_seeds(consumer, look_at, bootstrap))
    except KafkaException as failed:
        raise explain(failed.args[0], bootstrap) from failed
    finally:
        consumer.close()


def _seeds(consumer: Consumer, look_at: int, bootstrap: str) -> set[str]:
    found: set[str] = set()
    for _ in range(look_at):
        message = consumer.poll(_READ_SECONDS)
        if message is None:
            raise BrokerUnusable(
                f"The broker at {bootstrap} stopped answering while the first records were read.", "Run this again."
            )
        error = message.error()
        if error is not None and error.code() == KafkaError._PARTITION_EOF:
            return found
        if error is not None:
            raise KafkaException(error)
        if (message.key() or b"").startswith(_PREFIXES):
            found.update(_seed_ids(message.headers() or ()))
    return found


def _seed_ids(headers: Any) -> Iterator[str]:
    return (value.decode(errors="replace") for name, value in headers if name == SEED_HEADER and value is not None)


def missing_seeds(settings: Mapping[str, str], topic: str, references: Sequence[Reference]) -> tuple[Reference, ...]:
    """Those of which the topic does not have the seed yet, in the order given. Raises BrokerUnusable."""
    if not references:
        return ()
    there = written_seeds(settings, topic)
    return tuple(reference for reference in references if seed_of(reference).transaction_id not in there)


def write_seeds(
    settings: Mapping[str, str],
    app: str,
    topic: str,
    partitions: int,
    references: Sequence[Reference],
    encode: Callable[[Transaction], bytes],
) -> tuple[str, ...]:
    """Write the seeds that are not there yet, in the order given; return their names. Raises BrokerUnusable.

    `settings` are librdkafka's common ones, `encode` makes the value of the transactions topic.
    """
    missing = missing_seeds(settings, topic, references)
    if missing:
        write_broadcasts(settings, app, topic, partitions, [_seed_record(each, encode) for each in missing])
    return tuple(seed_name(each) for each in missing)


def _seed_record(reference: Reference, encode: Callable[[Transaction], bytes]) -> Broadcast:
    seed = seed_of(reference)
    headers = ((SEED_HEADER, seed.transaction_id.encode()),)
    return Broadcast(reference_key(reference).encode(), encode(seed), headers)

"""Bad input gets its refusal, its dead letter with the reason and the bytes, or its right partition; all else goes on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from typing import cast

import msgspec
import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package exports them without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from agents.inventory.alerts import AlertType
from agents.inventory.answers import Answer, Status
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import Kind, PolicySettings, Transaction
from agents.runtime.dead_letters import HEAD_BYTES
from agents.runtime.partitioner import partition_of
from tests.integration.harness import Stage, a_transaction, receipt, reserve
from tools.brokers.scratch import ClusterAddress

Encode = Callable[[Stage, Transaction], bytes]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("broker", marks=pytest.mark.embedded, id="embedded"),
        pytest.param("kafka", marks=pytest.mark.kafka, id="kafka"),
    ],
)
def fed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One worker for all tests of this file: after each bad record it must still be there for the next one."""
    cluster = cast("ClusterAddress", request.getfixturevalue(request.param))
    with Stage(cluster, tmp_path_factory.mktemp("fed")) as stage:
        stage.worker().start().until_ready()
        yield stage


@pytest.fixture
def sku(fed: Stage, request: pytest.FixtureRequest) -> Iterator[str]:
    """A SKU of the test's own, ten of it in LEEDS. Afterwards all of the ledger is as the oracle has it."""
    name = f"{request.node.originalname}-{hashlib.sha256(request.node.name.encode()).hexdigest()[:6]}"
    fed.send(receipt(name, 10, f"opening-{name}"))
    yield name
    fed.settle()
    fed.judge()


def unchanged(stage: Stage, sku: str) -> None:
    """The stream went on, and there are still ten, for everybody."""
    stage.settle()
    level = stage.levels()[sku, "LEEDS"]
    assert (level.on_hand, level.atp, level.revision) == (10, 10, 1)


# -- what cannot be read ---------------------------------------------------------------------------------------------


def whole(stage: Stage, transaction: Transaction) -> bytes:
    return stage.encoded(transaction)


def without_a_place(stage: Stage, transaction: Transaction) -> bytes:
    return stage.encoded(msgspec.structs.replace(transaction, location=None))


def without_a_time(stage: Stage, transaction: Transaction) -> bytes:
    return stage.encoded(msgspec.structs.replace(transaction, occurred_at_ms=None))


def without_an_id(stage: Stage, transaction: Transaction) -> bytes:
    return stage.encoded(msgspec.structs.replace(transaction, transaction_id=""))


def cut_off(stage: Stage, transaction: Transaction) -> bytes:
    return stage.encoded(transaction)[:-3]


def with_more_behind(stage: Stage, transaction: Transaction) -> bytes:
    return stage.encoded(transaction) + b"more"


def unknown_kind(stage: Stage, transaction: Transaction) -> bytes:
    right = stage.encoded(transaction)
    other = stage.encoded(msgspec.structs.replace(transaction, kind=Kind.RECEIPT))
    at = next(index for index, (one, two) in enumerate(zip(right, other, strict=True)) if one != two)
    return right[:at] + bytes([2 * 60]) + right[at + 1 :]


def unknown_schema(stage: Stage, transaction: Transaction) -> bytes:
    right = stage.encoded(transaction)
    return right[:2] + bytes(reversed(right[2:10])) + right[10:]


def of_a_registry(stage: Stage, transaction: Transaction) -> bytes:
    return b"\0\0\0\0\7" + stage.encoded(transaction)[10:]


def no_avro(stage: Stage, transaction: Transaction) -> bytes:
    return b"one pair of shoes, please"


def json_where_avro_is_declared(stage: Stage, transaction: Transaction) -> bytes:
    return msgspec.json.encode(transaction)


def nothing(stage: Stage, transaction: Transaction) -> bytes:
    return b""


def noise(stage: Stage, transaction: Transaction) -> bytes:
    return os.urandom(4_000)


def too_long(stage: Stage, transaction: Transaction) -> bytes:
    return stage.encoded(msgspec.structs.replace(transaction, why="x" * 600_000))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without_a_place, "SALE names no location"),
        (without_a_time, "needs occurred_at_ms"),
        (without_an_id, "transaction_id is empty"),
        (cut_off, ""),
        (with_more_behind, ""),
        (unknown_kind, ""),
        (unknown_schema, "No schema of this program has the fingerprint"),
        (of_a_registry, "no schema registry is configured"),
        (no_avro, ""),
        (json_where_avro_is_declared, ""),
        (nothing, "The value is empty"),
        (noise, ""),
        (too_long, "a transaction has at most"),
    ],
)
def test_bytes_that_are_no_transaction_are_a_dead_letter_and_change_nothing(
    fed: Stage, sku: str, spoil: Encode, reason: str
) -> None:
    value = spoil(fed, a_transaction(Kind.SALE, sku, quantity=3))
    landed = fed.send_raw(sku.encode(), value, headers=[("trace", b"7")])
    letter = fed.buried_at(landed)
    assert reason in letter.story.reason
    assert letter.story.reason
    assert (letter.key, letter.headers["trace"]) == (sku.encode(), b"7")
    assert letter.value == value[: HEAD_BYTES if letter.story.truncated else None]
    assert letter.story.value_sha256 == hashlib.sha256(value).hexdigest()
    assert letter.headers["__connect.errors.offset"] == str(landed[1]).encode()
    assert letter.story.stage == "decode"
    subject = f"{fed.transactions}-{landed[0]}-{landed[1]}-r"
    fed.tail("alert").until(lambda tail: any(alert.event_id == subject for alert in tail.all), what="no alert")
    unchanged(fed, sku)


@pytest.mark.parametrize("key", [None, b""])
def test_a_record_without_a_key_is_a_dead_letter(fed: Stage, sku: str, key: bytes | None) -> None:
    letter = fed.buried_at(fed.send_raw(key, fed.encoded(a_transaction(Kind.SALE, sku, quantity=3)), partition=1))
    assert "the key is empty" in letter.story.reason
    assert letter.story.stage == "key"
    unchanged(fed, sku)


def test_a_record_whose_key_is_not_its_sku_is_a_dead_letter(fed: Stage, sku: str) -> None:
    landed = fed.send_raw(b"another", fed.encoded(a_transaction(Kind.SALE, sku, quantity=3)))
    assert "is not its SKU" in fed.buried_at(landed).story.reason
    unchanged(fed, sku)


def test_a_sku_named_like_a_reference_record_is_a_dead_letter(fed: Stage, sku: str) -> None:
    landed = fed.send_raw(b"policy:shoes", fed.encoded(receipt("policy:shoes", 3)), partition=0)
    assert "reference record" in fed.buried_at(landed).story.reason
    unchanged(fed, sku)


# -- what is read and refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", [-3, 0])
def test_an_intention_with_no_positive_quantity_is_refused(fed: Stage, sku: str, quantity: int) -> None:
    asked = reserve(sku, quantity, "cart")
    fed.send(asked)
    answer = fed.answer_to(asked.transaction_id)
    assert (answer.status, answer.refusal) == (Status.REFUSED, Refusal.QUANTITY_NOT_POSITIVE)
    unchanged(fed, sku)


def test_a_fact_with_a_negative_quantity_is_refused_and_kept_as_a_dead_letter(fed: Stage, sku: str) -> None:
    landed = fed.send_raw(sku.encode(), fed.encoded(a_transaction(Kind.SALE, sku, f"neg-{sku}", quantity=-3)))
    assert fed.answer_to(f"neg-{sku}").refusal is Refusal.QUANTITY_NOT_POSITIVE
    assert "quantity_not_positive" in fed.buried_at(landed).story.reason
    unchanged(fed, sku)


def test_an_id_used_again_with_other_content_is_refused(fed: Stage, sku: str) -> None:
    first = reserve(sku, 10, "cart", f"r-{sku}")
    fed.send(first, msgspec.structs.replace(first, quantity=1), first)
    fed.settle()
    answers: list[Answer] = [each for each in fed.tail("answer").all if each.transaction_id == f"r-{sku}"]
    assert [(each.status, each.refusal) for each in answers] == [
        (Status.ACCEPTED, None),
        (Status.REFUSED, Refusal.ID_REUSED),
        (Status.ACCEPTED, None),
    ]
    assert answers[2].repeats == answers[0].event_id
    assert fed.levels()[sku, "LEEDS"].reserved == 10


def test_a_fact_whose_id_was_used_for_another_is_kept_as_a_dead_letter(fed: Stage, sku: str) -> None:
    landed = fed.send_raw(sku.encode(), fed.encoded(receipt(sku, 11, f"opening-{sku}")))
    assert "id_reused" in fed.buried_at(landed).story.reason
    unchanged(fed, sku)


# -- what came to the wrong place ------------------------------------------------------------------------------------


def test_a_record_in_the_wrong_partition_is_forwarded_and_decided_once_where_its_sku_lives(
    fed: Stage, sku: str
) -> None:
    right = partition_of(sku.encode(), fed.partitions)
    sale = a_transaction(Kind.SALE, sku, f"sale-{sku}", quantity=4)
    landed = fed.send_raw(sku.encode(), fed.encoded(sale), partition=1 - right, headers=[("trace", b"7")])
    answer = fed.answer_to(f"sale-{sku}")
    assert answer.status is Status.ACCEPTED
    assert answer.event_id.startswith(f"{fed.transactions}-{right}-")
    alert_id = f"{fed.transactions}-{landed[0]}-{landed[1]}-r"
    fed.tail("alert").until(lambda tail: any(alert.event_id == alert_id for alert in tail.all))
    (alert,) = [alert for alert in fed.tail("alert").all if alert.event_id == alert_id]
    assert alert.type is AlertType.WRONG_PARTITION
    fed.settle()
    assert [each.event_id for each in fed.tail("answer").all if each.transaction_id == f"sale-{sku}"] == [
        answer.event_id
    ]
    assert fed.levels()[sku, "LEEDS"].on_hand == 6
    forwarded = [
        message
        for message in fed.tail("transaction").to_the_end(fed.topology).said[right]
        if message.key() == sku.encode() and ("trace", b"7") in (message.headers() or [])
    ]
    assert len(forwarded) == 1


def test_a_broadcast_record_counts_in_every_partition_and_is_not_forwarded(fed: Stage, sku: str) -> None:
    rule = Transaction(
        transaction_id=f"rule-{sku}",
        source="test",
        kind=Kind.POLICY,
        policy=PolicySettings(rule=sku, sku=sku, safety_stock=4),
    )
    landed = [
        fed.send_raw(f"policy:{sku}".encode(), fed.encoded(rule), partition) for partition in range(fed.partitions)
    ]
    fed.send(receipt(sku, 1))
    fed.settle()
    assert len([each for each in fed.tail("answer").all if each.transaction_id == f"rule-{sku}"]) == fed.partitions
    level = fed.levels()[sku, "LEEDS"]
    assert (level.on_hand, level.atp, level.safety_stock) == (11, 7, 4)
    bad = {f"{fed.transactions}-{partition}-{offset}-r" for partition, offset in landed}
    assert not bad & {alert.event_id for alert in fed.tail("alert").all}


def test_ten_megabytes_of_noise_are_a_dead_letter_wherever_they_land(fed: Stage, sku: str) -> None:
    allow_bytes(fed, 12_000_000)
    value = os.urandom(10_000_000)
    right = partition_of(sku.encode(), fed.partitions)
    for key, partition in ((sku.encode(), right), (sku.encode(), 1 - right), (None, 0)):
        letter = fed.buried_at(fed.send_raw(key, value, partition), 60)
        assert (letter.story.value_bytes, letter.story.truncated) == (len(value), True)
        assert letter.story.value_sha256 == hashlib.sha256(value).hexdigest()
        assert letter.value == value[:HEAD_BYTES]
    unchanged(fed, sku)


def allow_bytes(stage: Stage, largest: int) -> None:
    """Let the transactions topic take records of this size."""
    entry = ConfigEntry("max.message.bytes", str(largest), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, stage.transactions, incremental_configs=[entry])
    admin = AdminClient(dict(stage.topology.kafka))
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(20)

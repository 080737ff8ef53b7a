"""What was said of commands is read back whole, also where it stands behind a transaction that is still open."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from confluent_kafka import Producer

from agents.inventory.alerts import Alert, AlertType, Severity
from agents.serve.delivery.alerted import Alerted
from agents.serve.delivery.outgoing import event_id_of
from agents.serve.delivery.parcels import Place
from agents.serve.delivery.plan import DeliveryPlan
from tests.integration.tails import quiet
from tests.serve.stage import Delivery
from tools.brokers.scratch import ClusterAddress

KEY = "c1.PAUSE.1"
WAIT_S = 20.0


@pytest.mark.kafka
def test_an_alert_behind_the_open_transaction_of_another_agent_is_not_missed(
    kafka: ClusterAddress, tmp_path: Path
) -> None:
    with Delivery(kafka, tmp_path, {"ads": {"url": "http://127.0.0.1:1/"}}) as delivery:
        topic = delivery.topics.alerts or ""
        encode = delivery.codec.encoder(topic, "alert")
        other, own = (producer(delivery, name) for name in ("other", "own"))
        other.begin_transaction()
        other.produce(topic, encode(an_alert("another-0-1-a", None)), b"SHOE", 0)
        assert other.flush(WAIT_S) == 0
        own.begin_transaction()
        own.produce(topic, encode(an_alert(event_id_of(delivery.topics.commands, Place(0, 7)), KEY)), b"c1", 0)
        own.commit_transaction(WAIT_S)

        alerted = Alerted(DeliveryPlan(delivery.topology, delivery.codec, "1"))
        found: list[str] = []
        reading = threading.Thread(target=lambda: found.extend(alerted.read()))
        reading.start()
        reading.join(1.0)
        assert reading.is_alive(), "there is more behind what is open"
        other.abort_transaction(WAIT_S)
        reading.join(WAIT_S)
        assert found == [KEY]
        assert list(alerted.read()) == [KEY], "and again"


def producer(delivery: Delivery, name: str) -> Producer:
    """One with transactions of its own."""
    made = Producer({**delivery.topology.kafka, "transactional.id": f"{delivery.suffix}-{name}"}, logger=quiet)
    made.init_transactions(WAIT_S)
    return made


def an_alert(event_id: str, about: str | None) -> Alert:
    """That a command failed, or whatever else."""
    return Alert(
        event_id=event_id,
        type=AlertType.OTHER if about is None else AlertType.COMMAND_FAILED,
        severity=Severity.WARNING,
        subject="c1",
        message="m",
        at_ms=1,
        about=about,
    )

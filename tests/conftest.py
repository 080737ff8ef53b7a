"""Brokers for tests, and a topology of its own for each test.

ONHAND_BROKER=host:port is used in place of the embedded broker, ONHAND_KAFKA=host:port in place of an Apache Kafka started
here. Brokers that were started here are stopped by process id at the end, and by their guard if this process is killed.
"""

from __future__ import annotations

import os
import re
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from hypothesis import HealthCheck, settings

from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology, load
from tools.brokers import apache_kafka, embedded
from tools.brokers.apache_kafka import ApacheKafka
from tools.brokers.embedded import EmbeddedBroker
from tools.brokers.local import LocalBroker
from tools.brokers.scratch import ClusterAddress, scratch_topology

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background by a shell: what tests start would ignore Ctrl-C too.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How slow the machine is at the moment fails no test; where the variable CI is set each run tells the same stories.
STEADY = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ, database=None
)
settings.register_profile("steady", STEADY)
settings.load_profile("steady")
# Told by `make stories`. Not "ci": that one is taken unasked wherever CI is set.
settings.register_profile("many", STEADY, derandomize=True)

TOPOLOGY_FILE = Path(__file__).resolve().parent.parent / "topology.yaml"
PARTITIONS = 2

MakeScratch = Callable[..., Topology]


@pytest.fixture(scope="session")
def broker() -> Iterator[ClusterAddress]:
    """The broker of quick tests: ONHAND_BROKER, else the embedded one. Keep loads small: it rewrites everything it has."""
    address = os.environ.get("ONHAND_BROKER")
    if address:
        yield ClusterAddress.at(address)
        return
    reason = embedded.unavailable_reason()
    if reason:
        pytest.skip(reason)
    with EmbeddedBroker() as started:
        yield _address(started)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterAddress]:
    """Apache Kafka: ONHAND_KAFKA, else one started here. Tests that kill or restart a broker start their own."""
    address = os.environ.get("ONHAND_KAFKA")
    if address:
        yield ClusterAddress.at(address)
        return
    reason = apache_kafka.unavailable_reason()
    if reason:
        pytest.skip(reason)
    with ApacheKafka(tmp_path_factory.mktemp("kafka")) as started:
        yield _address(started)


@pytest.fixture
def make_scratch(tmp_path: Path) -> Iterator[MakeScratch]:
    """A function `(cluster, create=False, **changes) -> Topology` that gives the shipped topology under a name of its own.

    `create` makes its topics; `changes` are those of `scratch_topology`. Its topics are deleted at the end of the test.
    """
    made: list[Topology] = []

    def make(cluster: ClusterAddress, *, create: bool = False, **changes: Any) -> Topology:
        arguments: dict[str, Any] = {"partitions": PARTITIONS, "state_directory": tmp_path / "state", **changes}
        topology = scratch_topology(
            load(TOPOLOGY_FILE, {}), uuid.uuid4().hex[:8], client_settings=cluster.client_settings, **arguments
        )
        made.append(topology)
        if create:
            Cluster(topology.kafka).create(list(topology.all_topics.values()))
        return topology

    yield make
    for topology in made:
        _delete_topics(topology)


@pytest.fixture
def topology_file(broker: ClusterAddress, tmp_path: Path) -> Iterator[Path]:
    """The shipped topology.yaml with names of its own, on the quick broker: for commands. Its topics are not created."""
    suffix = uuid.uuid4().hex[:8]
    text = TOPOLOGY_FILE.read_text(encoding="utf-8")
    text = re.sub(r"\b(?:inventory|alerts)\.[a-z.]*v1\b", rf"\g<0>-{suffix}", text)
    text = text.replace("app: onhand", f"app: onhand_{suffix}").replace("localhost:9092", broker.bootstrap)
    text = text.replace("${ONHAND_PARTITIONS:-8}", str(PARTITIONS)).replace(".onhand/state", str(tmp_path / "state"))
    path = tmp_path / "topology.yaml"
    path.write_text(text, encoding="utf-8")
    yield path
    _delete_topics(load(path, {}))


@pytest.fixture
def scratch(broker: ClusterAddress, make_scratch: MakeScratch) -> Topology:
    """A topology of its own on the quick broker; its topics are not created yet."""
    return make_scratch(broker)


def _address(started: LocalBroker) -> ClusterAddress:
    return ClusterAddress(started.bootstrap, started.client_settings)


def _delete_topics(topology: Topology) -> None:
    admin = AdminClient(dict(topology.kafka))
    for future in admin.delete_topics(list(topology.all_topics)).values():
        try:
            future.result()
        except KafkaException:
            continue  # the test never created it, or deleted it itself

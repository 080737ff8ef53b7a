"""Topics, seeds and refused connections on real brokers."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from confluent_kafka.admin import AdminClient

from agents.inventory.transactions import ChannelReference, LocationReference, PolicySettings
from agents.runtime.broker_errors import BrokerUnusable
from agents.runtime.reference import Broadcast, seed_of, write_broadcasts, write_seeds, written_seeds
from agents.runtime.topics import Cluster, DifferenceKind, PartitionOffsets, compare, connect
from agents.runtime.topology import Topic, Topology
from tests.conftest import MakeScratch
from tools.brokers.apache_kafka import ApacheKafka, unavailable_reason
from tools.brokers.encoding import codec_of, transaction_encoder
from tools.brokers.local import free_port
from tools.brokers.reading import Start, records
from tools.brokers.scratch import ClusterAddress

RULES = (PolicySettings(rule="default", safety_stock=0), PolicySettings(rule="shoes", category="shoes", safety_stock=3))


def transactions_topic(topology: Topology) -> Topic:
    return topology.topics[topology.agents["stock_keeper"].folds]


def changed(topology: Topology, **changes: object) -> Topology:
    """The same topology with its transactions topic declared otherwise."""
    topic = dataclasses.replace(transactions_topic(topology), **changes)  # type: ignore[arg-type]
    return dataclasses.replace(topology, topics=MappingProxyType({**topology.topics, topic.name: topic}))


def read(topology: Topology, topic: str) -> dict[int, list[tuple[bytes | None, Any]]]:
    """Keys and values of the committed records, by partition."""
    cluster = Cluster(topology.kafka)
    spans = cluster.offsets(cluster.topics([topic]).values())[topic]
    found: dict[int, list[tuple[bytes | None, Any]]] = {span.partition: [] for span in spans}
    # Ends as the log has them, whatever the admin calls already know of the last transaction.
    generous = tuple(PartitionOffsets(span.partition, span.first, span.next + 1000) for span in spans)
    for message in records(topology.kafka, topic, generous, Start()):
        partition = message.partition()
        assert partition is not None
        key = message.key()
        assert key is None or isinstance(key, bytes)
        found[partition].append((key, message.value()))
    return found


def test_created_topics_are_as_declared_and_creating_again_does_nothing(
    any_broker: ClusterAddress, make_scratch: MakeScratch
) -> None:
    topology = make_scratch(any_broker)
    cluster = Cluster(topology.kafka)
    wanted = topology.all_topics
    assert {each.kind for each in compare(wanted, cluster.topics(wanted))} == {DifferenceKind.MISSING}
    assert set(cluster.create(list(wanted.values()))) == set(wanted)
    assert compare(wanted, cluster.topics(wanted)) == ()
    assert cluster.create(list(wanted.values())) == ()


def test_a_topic_that_differs_is_found_and_its_settings_can_be_aligned(any_scratch: Topology) -> None:
    other = changed(any_scratch, partitions=3, retention_ms=86_400_000, timestamp_type="CreateTime")
    cluster = Cluster(other.kafka)
    differences = compare(other.topics, cluster.topics(other.topics))
    assert {(each.kind, each.setting) for each in differences} == {
        (DifferenceKind.TOO_FEW_PARTITIONS, ""),
        (DifferenceKind.SETTING, "retention.ms"),
        (DifferenceKind.SETTING, "message.timestamp.type"),
    }
    assert len(cluster.align(differences)) == 2
    (left,) = compare(other.topics, cluster.topics(other.topics))
    assert left.kind is DifferenceKind.TOO_FEW_PARTITIONS


def test_a_recreated_topic_has_another_id_or_none_is_known(any_scratch: Topology) -> None:
    topic = transactions_topic(any_scratch)
    cluster = Cluster(any_scratch.kafka)
    before = cluster.topic_ids([topic.name])[topic.name]
    admin = AdminClient(dict(any_scratch.kafka))
    admin.delete_topics([topic.name])[topic.name].result()
    while cluster.topics([topic.name]):  # a deletion is told with a delay; pytest's timeout ends a wait without end
        time.sleep(0.05)
    cluster.create([topic])
    after = cluster.topic_ids([topic.name])[topic.name]
    assert (before, after) == ("", "") or before != after


@pytest.mark.kafka
def test_apache_kafka_tells_topic_ids(kafka: ClusterAddress, make_scratch: MakeScratch) -> None:
    topology = make_scratch(kafka, create=True)
    ids = Cluster(topology.kafka).topic_ids(topology.all_topics)
    assert len(set(ids.values())) == len(topology.all_topics)
    assert "" not in ids.values()


def test_seeds_reach_every_partition_in_the_order_of_the_file_and_only_once(any_scratch: Topology) -> None:
    topic = transactions_topic(any_scratch)
    encode = transaction_encoder(any_scratch, topic.name)
    write = (any_scratch.kafka, any_scratch.app, topic.name, topic.partitions, RULES, encode)
    assert write_seeds(*write) == ("default", "shoes")
    assert write_seeds(*write) == ()
    decode = codec_of(any_scratch).decoder(topic.name, "transaction")
    partitions = read(any_scratch, topic.name)
    assert len(partitions) == topic.partitions
    for held in partitions.values():
        assert [key for key, _ in held] == [b"policy:default", b"policy:shoes"]
        assert [decode(value) for _, value in held] == [seed_of(rule) for rule in RULES]


def test_a_changed_rule_is_another_seed_and_the_others_are_not_repeated(any_scratch: Topology) -> None:
    topic = transactions_topic(any_scratch)
    encode = transaction_encoder(any_scratch, topic.name)
    place = (any_scratch.kafka, any_scratch.app, topic.name, topic.partitions)
    write_seeds(*place, RULES, encode)
    stricter = (RULES[0], msgspec.structs.replace(RULES[1], safety_stock=5))
    assert write_seeds(*place, stricter, encode) == ("shoes",)
    assert written_seeds(any_scratch.kafka, topic.name) == {
        seed_of(rule).transaction_id for rule in (*RULES, stricter[1])
    }


def test_places_and_channels_are_seeds_like_rules(any_scratch: Topology) -> None:
    topic = transactions_topic(any_scratch)
    seeds = (RULES[0], LocationReference("LEEDS", pickup=True), ChannelReference("web"))
    write = (any_scratch.kafka, any_scratch.app, topic.name, topic.partitions, seeds)
    encode = transaction_encoder(any_scratch, topic.name)
    assert write_seeds(*write, encode) == ("default", "location LEEDS", "channel web")
    assert write_seeds(*write, encode) == ()
    decode = codec_of(any_scratch).decoder(topic.name, "transaction")
    for held in read(any_scratch, topic.name).values():
        assert [key for key, _ in held] == [b"policy:default", b"location:LEEDS", b"channel:web"]
        assert [decode(value) for _, value in held] == [seed_of(seed) for seed in seeds]


def test_a_broadcast_is_in_all_partitions_or_in_none(any_scratch: Topology) -> None:
    topic = transactions_topic(any_scratch)
    too_big = Broadcast(b"policy:big", b"x" * 1_100_000)
    with pytest.raises(BrokerUnusable, match="too big"):
        write_broadcasts(
            {**any_scratch.kafka, "message.max.bytes": "2000000"},
            any_scratch.app,
            topic.name,
            topic.partitions,
            [Broadcast(b"policy:small", b"fits"), too_big],
        )
    assert not any(read(any_scratch, topic.name).values())


def test_a_broker_that_is_not_there_is_told_in_one_sentence() -> None:
    with pytest.raises(BrokerUnusable) as raised:
        connect({"bootstrap.servers": f"127.0.0.1:{free_port()}"}, seconds=0.5)
    assert "Nobody listens" in raised.value.sentence
    assert "onhand broker" in raised.value.what_to_do


def test_a_name_that_nobody_knows_is_told_in_one_sentence() -> None:
    with pytest.raises(BrokerUnusable, match="not known to this machine"):
        connect({"bootstrap.servers": "nowhere.invalid:9092"}, seconds=0.5)


def test_a_misspelt_client_setting_is_told_in_one_sentence() -> None:
    with pytest.raises(BrokerUnusable, match="client setting is wrong"):
        connect({"bootstrap.servers": "127.0.0.1:1", "bootstrap.server": "x"})


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    reason = unavailable_reason()
    if reason:
        pytest.skip(reason)
    users: Mapping[str, str] = {"admin": "keeper", "guest": "visitor"}
    with ApacheKafka(tmp_path_factory.mktemp("guarded"), users=users) as started:
        yield started


@pytest.mark.kafka
class TestAccess:
    """A broker of its own that wants names and passwords, and grants rights to nobody but admin."""

    def test_wrong_credentials_are_told_at_once(self, guarded: ApacheKafka) -> None:
        with pytest.raises(BrokerUnusable, match="refuses these credentials") as raised:
            connect({**guarded.client_settings, "sasl.password": "wrong"}, seconds=60)
        assert "sasl.password" in raised.value.what_to_do

    def test_a_client_without_credentials_is_told_to_look_at_the_protocol(self, guarded: ApacheKafka) -> None:
        with pytest.raises(BrokerUnusable, match=r"security\.protocol"):
            connect({"bootstrap.servers": guarded.bootstrap}, seconds=1)

    def test_a_user_without_rights_is_told_so(self, guarded: ApacheKafka, make_scratch: MakeScratch) -> None:
        owner = make_scratch(ClusterAddress(guarded.bootstrap, guarded.client_settings), create=True)
        topic = transactions_topic(owner)
        guest = Cluster(guarded.settings_of("guest"))
        with pytest.raises(BrokerUnusable, match="does not allow this user"):
            guest.topics([topic.name])
        with pytest.raises(BrokerUnusable, match="does not allow this user"):
            guest.create([dataclasses.replace(topic, name=f"{topic.name}-more")])
        with pytest.raises(BrokerUnusable, match="does not allow this user the transactional id"):
            write_broadcasts(guarded.settings_of("guest"), owner.app, topic.name, 1, [Broadcast(b"k", b"v")])

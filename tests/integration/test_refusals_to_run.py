"""What a worker refuses to run on: one clear sentence, what to do, exit code not 0; and how a person continues."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package exports them without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from agents.inventory.answers import Status
from agents.inventory.transactions import Kind
from agents.runtime.stopping import CANNOT
from agents.runtime.topics import Cluster
from tests.integration.harness import Stage, Worker, a_transaction, receipt
from tools.brokers.apache_kafka import ApacheKafka, unavailable_reason
from tools.brokers.local import free_port
from tools.brokers.scratch import ClusterAddress

PATIENCE_S = 30.0


def refused(worker: Worker) -> str:
    """The sentence with which the worker that was started ends, and nothing worse than a sentence."""
    code = worker.exit_code(60)
    text = worker.text()
    assert code == CANNOT, worker.tail()
    assert "Traceback" not in text, worker.tail()
    said = text[text.rindex("Error: ") :]
    assert len(said) < 700, said
    return " ".join(said.split())


def with_stock(stage: Stage) -> Worker:
    """A worker that has folded something in every partition and has left in order."""
    worker = stage.worker().start().until_ready()
    stage.settle()
    assert worker.terminate()[0] == 0
    return worker


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def delete_topic(stage: Stage, name: str) -> None:
    cluster = Cluster(stage.topology.kafka)
    admin = AdminClient(dict(stage.topology.kafka))  # it must outlive its futures
    admin.delete_topics([name])[name].result(20)
    until(lambda: not cluster.topics([name]), f"{name} is still there")


def recreate(stage: Stage, name: str) -> None:
    delete_topic(stage, name)
    Cluster(stage.topology.kafka).create([stage.topology.all_topics[name]])
    stage.forget_producer()


# -- before it starts ------------------------------------------------------------------------------------------------


def test_a_second_worker_of_the_same_instance_is_refused_and_the_first_goes_on(stage: Stage) -> None:
    first = stage.worker().start().until_ready()
    said = refused(stage.worker().start())
    assert f"in use by process {first.pid}" in said
    assert "stop it, or give this worker a directory of its own" in said
    stage.settle()


def test_a_state_directory_that_cannot_be_used_is_refused(stage: Stage) -> None:
    stage.topology.state.directory.parent.mkdir(parents=True, exist_ok=True)
    stage.topology.state.directory.write_text("a file in its place")
    said = refused(stage.worker().start())
    assert str(stage.topology.state.directory) in said
    assert "make it writable, or configure another one" in said


def test_a_broker_that_is_not_there_is_told(tmp_path: Path) -> None:
    address = ClusterAddress.at(f"127.0.0.1:{free_port()}")
    said = refused(Worker(Stage(address, tmp_path), "1", [], {}).start())
    assert "Nobody listens" in said
    assert "bootstrap.servers" in said


def test_a_registry_that_is_not_there_is_told(stage: Stage) -> None:
    said = refused(stage.worker("1", SCHEMA_REGISTRY_URL=f"http://127.0.0.1:{free_port()}").start())
    assert "registry" in said
    assert "SCHEMA_REGISTRY_URL" in said


@pytest.mark.parametrize("which", ["input", "changelog", "dead letters", "alerts"])
def test_a_missing_topic_is_told_with_the_command_that_creates_it(stage: Stage, which: str) -> None:
    agent = stage.agent
    name = {
        "input": agent.folds,
        "changelog": agent.changelog.name,
        "dead letters": agent.dead_letters.name,
        "alerts": next(name for name in agent.says if "alerts" in name),
    }[which]
    delete_topic(stage, name)
    said = refused(stage.worker().start())
    assert f"{name} is missing" in said
    assert "onhand topics create" in said


def test_too_few_partitions_are_told(stage: Stage) -> None:
    said = refused(stage.worker("1", ONHAND_PARTITIONS="4").start())
    assert "partitions=2, declared is 4" in said
    assert "for life" in said


def test_too_many_partitions_are_told(any_stage: Stage) -> None:
    admin = AdminClient(dict(any_stage.topology.kafka))
    for future in admin.create_partitions([NewPartitions(any_stage.transactions, 3)]).values():
        future.result(20)
    until(
        lambda: (
            Cluster(any_stage.topology.kafka).topics([any_stage.transactions])[any_stage.transactions].partitions == 3
        ),
        "the partition is not told",
    )
    assert "partitions=3, declared is 2" in refused(any_stage.worker().start())


def test_a_changelog_that_the_broker_would_delete_is_told(any_stage: Stage) -> None:
    name = any_stage.agent.changelog.name
    set_cleanup_policy(any_stage, name, "delete")
    said = refused(any_stage.worker().start())
    assert f"{name} has cleanup.policy=delete, declared is compact" in said
    assert "onhand topics diff" in said


# -- what was lost ---------------------------------------------------------------------------------------------------


def test_a_changelog_made_anew_is_refused_until_a_person_accepts_the_loss(any_stage: Stage) -> None:
    worker = with_stock(any_stage)
    recreate(any_stage, any_stage.agent.changelog.name)
    said = refused(worker.start())
    assert "was re-created or truncated" in said
    assert "--accept-loss" in said
    accepted = any_stage.worker("1", "--accept-loss").start().until_ready()
    goes_on(any_stage, accepted)


@pytest.mark.kafka
def test_a_changelog_whose_records_were_deleted_is_refused_when_they_are_needed(
    kafka: ClusterAddress, tmp_path: Path
) -> None:
    with Stage(kafka, tmp_path) as stage:
        worker = with_stock(stage)
        worker.start().until_ready()  # now the local store has all, the last transaction's marker too
        assert worker.terminate()[0] == 0
        cluster, name = Cluster(stage.topology.kafka), stage.agent.changelog.name
        (spans,) = cluster.offsets(cluster.topics([name]).values()).values()
        # A compacted topic cannot be truncated while it is one.
        set_cleanup_policy(stage, name, "delete")
        admin = AdminClient(dict(stage.topology.kafka))
        for future in admin.delete_records([TopicPartition(name, s.partition, s.next) for s in spans]).values():
            future.result(20)
        set_cleanup_policy(stage, name, "compact")
        worker.start().until_ready()  # what is deleted is in the local store
        assert worker.terminate()[0] == 0
        other = stage.worker("2").start()
        assert "records of the changelog were deleted" in refused(other)


def set_cleanup_policy(stage: Stage, name: str, policy: str) -> None:
    entry = ConfigEntry("cleanup.policy", policy, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
    admin = AdminClient(dict(stage.topology.kafka))
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(20)
    until(
        lambda: Cluster(stage.topology.kafka).topics([name])[name].config["cleanup.policy"] == policy,
        "the setting is not told",
    )


def test_an_input_topic_that_is_shorter_than_the_state_is_refused_until_a_person_accepts_the_loss(
    any_stage: Stage,
) -> None:
    worker = with_stock(any_stage)
    recreate(any_stage, any_stage.transactions)
    said = refused(worker.start())
    assert "re-created" in said
    assert "--accept-loss" in said
    accepted = any_stage.worker("1", "--accept-loss").start().until_ready()
    goes_on(any_stage, accepted)


@pytest.mark.kafka
def test_an_input_topic_made_anew_is_recognised_by_its_id_however_long_it_is(
    kafka: ClusterAddress, tmp_path: Path
) -> None:
    with Stage(kafka, tmp_path) as stage:
        worker = with_stock(stage)
        recreate(stage, stage.transactions)
        for number in range(200):
            stage.offer(receipt(f"sku-{number}", 1))
        stage.flush()
        said = refused(worker.start())
        assert "was re-created: its topic id is" in said
        assert "--accept-loss" in said


@pytest.mark.kafka
def test_an_input_topic_whose_records_were_deleted_unread_is_refused(kafka: ClusterAddress, tmp_path: Path) -> None:
    with Stage(kafka, tmp_path) as stage:
        worker = with_stock(stage)
        for number in range(200):
            stage.offer(receipt(f"sku-{number}", 1))
        stage.flush()
        cluster = Cluster(stage.topology.kafka)
        (spans,) = cluster.offsets(cluster.topics([stage.transactions]).values()).values()
        gone = [TopicPartition(stage.transactions, span.partition, span.next) for span in spans]
        admin = AdminClient(dict(stage.topology.kafka))
        for future in admin.delete_records(gone).values():
            future.result(20)
        said = refused(worker.start())
        assert "records were deleted before they were read" in said
        accepted = stage.worker("1", "--accept-loss").start().until_ready()
        goes_on(stage, accepted)


def goes_on(stage: Stage, worker: Worker) -> None:
    """The worker answers again, and does so after another start without the option, too."""
    assert "accepted" in worker.text()
    fresh = receipt(stage.sku_of(0, "fresh"), 3)
    stage.send(fresh)
    assert stage.answer_to(fresh.transaction_id).status is Status.ACCEPTED
    assert worker.terminate()[0] == 0
    again = stage.worker("1").start().until_ready()
    sale = a_transaction(Kind.SALE, stage.sku_of(0, "fresh"), quantity=1)
    stage.send(sale)
    assert stage.answer_to(sale.transaction_id).status is Status.ACCEPTED
    assert again.running


# -- rights ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    reason = unavailable_reason()
    if reason:
        pytest.skip(reason)
    users = {"admin": "keeper", "guest": "visitor"}
    with ApacheKafka(tmp_path_factory.mktemp("guarded"), users=users) as started:
        yield started


@pytest.mark.kafka
def test_wrong_credentials_are_told(guarded: ApacheKafka, tmp_path: Path) -> None:
    wrong = {**guarded.client_settings, "sasl.password": "wrong"}
    said = refused(Worker(Stage(ClusterAddress(guarded.bootstrap, wrong), tmp_path), "1", [], {}).start())
    assert "refuses these credentials" in said
    assert "KAFKA_SASL_PASSWORD" in said


@pytest.mark.kafka
def test_a_user_without_rights_is_told(guarded: ApacheKafka, tmp_path: Path) -> None:
    with Stage(ClusterAddress(guarded.bootstrap, guarded.client_settings), tmp_path) as stage:
        guest = {f"KAFKA_SASL_{what}": word for what, word in (("USERNAME", "guest"), ("PASSWORD", "visitor"))}
        assert "does not allow this user" in refused(stage.worker("1", **guest).start())
        right = stage.worker("1").start().until_ready()
        stage.settle()
        assert right.terminate()[0] == 0


# -- another format --------------------------------------------------------------------------------------------------


def test_an_input_topic_in_json_is_read_and_its_wake_ups_are_written_in_json(
    any_broker: ClusterAddress, tmp_path: Path
) -> None:
    def as_json(text: str) -> str:
        return text.replace("    schema: transaction\n", "    schema: transaction\n    format: json\n")

    with Stage(any_broker, tmp_path, edit=as_json) as stage:
        stage.worker().start().until_ready()
        sku = stage.sku_of(0)
        stage.send(receipt(sku, 5), a_transaction(Kind.RESERVE, sku, "r", quantity=5, holder="cart", ttl_ms=400))
        assert stage.answer_to("r").status is Status.ACCEPTED
        stage.tail("answer").until(lambda tail: any(said.status is Status.EXPIRED for said in tail.all))
        plain = {"transaction_id": "s", "source": "till", "kind": "SALE", "sku": sku, "location": "LEEDS"}
        stage.send_raw(sku.encode(), msgspec.json.encode({**plain, "quantity": 2, "occurred_at_ms": 1_700_000_000_000}))
        assert stage.answer_to("s").refusal == "too_late"
        for spoilt, reason in (
            ({**plain, "quantity": "2"}, "quantity"),
            ({**plain, "kind": "STEAL"}, "unknown kind"),
            ({"sku": sku}, "missing"),
            ({**plain, "colour": "red"}, "no field `colour`"),
        ):
            letter = stage.buried_at(stage.send_raw(sku.encode(), msgspec.json.encode(spoilt)))
            assert reason in letter.story.reason
        stage.settle()
        stage.judge()

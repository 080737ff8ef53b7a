"""Opening a partition on a real broker: whoever held it before is fenced off first, and only then the state is restored."""

from __future__ import annotations

from confluent_kafka import KafkaException, Producer

from agents.runtime.figures import FigureSource
from agents.runtime.incarnations import Incarnations
from agents.runtime.plan import WorkerPlan, said_topics
from agents.state.changelog import POSITION_KEY, decode_meta, meta_record
from agents.state.store import Meta
from agents.stock_keeper import AGENT
from tests.integration.harness import Stage, Tail, receipt
from tools.brokers.encoding import codec_of
from tools.logics import LOGICS


class Zombie:
    """Another process that held the partition, and does not know yet that it is over."""

    def __init__(self, stage: Stage, transactional_id: str) -> None:
        self._changelog = stage.agent.changelog.name
        self._answers = said_topics(stage.topology, stage.agent)["answer"]
        self._producer = Producer({**stage.topology.kafka, "transactional.id": transactional_id})
        self._producer.init_transactions(20)
        self.was_refused = False

    def write(self, input_position: int, answer: bytes | None = None) -> None:
        """Begin a transaction that moves the position; it is in the log, and not committed."""
        self._producer.begin_transaction()
        key, value = meta_record(Meta(input_position=input_position))
        self._producer.produce(self._changelog, value, key, 0)
        if answer is not None:
            self._producer.produce(self._answers, answer, b"nobody", 0)
        assert self._producer.flush(20) == 0

    def commit(self) -> None:
        try:
            self._producer.commit_transaction(10)
        except KafkaException:
            self.was_refused = True


def plan_of(stage: Stage) -> WorkerPlan:
    codec = codec_of(stage.topology)
    return WorkerPlan(stage.topology, stage.agent, LOGICS[AGENT](stage.topology, codec), codec, "1")


def transactional_ids(stage: Stage, plan: WorkerPlan) -> Incarnations | None:
    """How owners are numbered; None where the broker needs no numbers."""
    figures = FigureSource(stage.topology.kafka, stage.transactions, stage.agent.changelog.name)
    return Incarnations(stage.topology.kafka, plan.group, stage.transactions) if figures.hides_after_aborts else None


def committed_position(stage: Stage) -> int:
    tail = Tail(stage.topology, stage.agent.changelog.name, lambda message: (message.key(), message.value()))
    try:
        told = [value for key, value in tail.to_the_end(stage.topology).said[0] if key == POSITION_KEY]
        return decode_meta(told[-1]).input_position
    finally:
        tail.close()


def test_who_held_the_partition_cannot_commit_while_it_is_being_restored(any_stage: Stage) -> None:
    sku = any_stage.sku_of(0)
    any_stage.send(*[receipt(sku, 1) for _ in range(10)])
    plan = plan_of(any_stage)
    numbered = transactional_ids(any_stage, plan)
    zombie = Zombie(any_stage, numbered.next(0) if numbered else f"{plan.group}.0")
    zombie.write(5)
    zombie.commit()
    zombie.write(8)

    def meanwhile() -> bool:
        if not zombie.was_refused:
            zombie.commit()
        return False

    owner = plan.open_owner(0, meanwhile)
    try:
        assert owner.input_position == committed_position(any_stage)
        assert zombie.was_refused
        assert owner.input_position == 5
    finally:
        owner.close()


def test_a_partition_is_opened_from_the_changelog_alone_as_it_is_from_the_local_store(any_stage: Stage) -> None:
    worker = any_stage.worker("0").start().until_ready()
    any_stage.settle()
    assert worker.terminate()[0] == 0
    plan = plan_of(any_stage)
    restored = plan.open_owner(0, lambda: False)
    position, time_ms = restored.input_position, restored.time_ms
    restored.close()
    again = plan.open_owner(0, lambda: False)
    try:
        assert position > 0
        assert (again.input_position, again.time_ms) == (position, time_ms)
    finally:
        again.close()


def test_readers_and_the_next_restore_see_all_that_follows_a_transaction_left_open_by_a_killed_owner(
    any_stage: Stage,
) -> None:
    sku = any_stage.sku_of(0)
    worker = any_stage.worker().start().until_ready()
    any_stage.send(receipt(sku, 5, "before"))
    assert any_stage.answer_to("before").status == "ACCEPTED"
    worker.kill()
    plan = plan_of(any_stage)
    numbered = transactional_ids(any_stage, plan)
    left_open = Zombie(any_stage, (numbered and numbered.last(0)) or f"{plan.group}.0")
    left_open.write(1_000, b"never committed")

    worker.start().until_ready()
    any_stage.send(receipt(sku, 7, "after"))
    # The same reader as before, which now stands behind the aborted transaction.
    assert any_stage.answer_to("after").status == "ACCEPTED"
    any_stage.settle()
    worker.kill()
    worker.start().until_ready()
    any_stage.send(receipt(sku, 1, "last"))
    assert any_stage.answer_to("last").status == "ACCEPTED"
    any_stage.judge()

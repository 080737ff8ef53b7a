"""A changelog that is gone together with the local state must not look like a first start."""

from __future__ import annotations

import shutil
import time
from collections import Counter

from confluent_kafka.admin import AdminClient

from agents.runtime.stopping import CANNOT
from agents.runtime.topics import Cluster
from tests.integration.harness import Stage, receipt


def work_and_lose_everything(stage: Stage) -> None:
    """A worker decides something, tells its position, and ends. Then changelog and local state are removed."""
    worker = stage.worker().start().until_ready(partitions=stage.partitions)
    stage.send(*(receipt(stage.sku_of(partition), 3) for partition in range(stage.partitions)))
    stage.settle()
    stage.tail("heartbeat").until(
        lambda tail: {beat.partition for beat in tail.all if beat.input_position} == set(range(stage.partitions)),
        what="not every partition has told its position",
    )
    assert worker.terminate()[0] == 0
    make_anew(stage, stage.agent.changelog.name)
    shutil.rmtree(worker.state_directory)


def make_anew(stage: Stage, topic: str) -> None:
    cluster, admin = Cluster(stage.topology.kafka), AdminClient(dict(stage.topology.kafka))
    admin.delete_topics([topic])[topic].result(20)
    deadline = time.monotonic() + 20
    while topic in cluster.topics([topic]):
        assert time.monotonic() < deadline, f"{topic} is still there"
        time.sleep(0.05)
    cluster.create([stage.topology.all_topics[topic]])


def test_a_worker_refuses_to_decide_everything_again(any_stage: Stage) -> None:
    work_and_lose_everything(any_stage)
    answered = len(any_stage.tail("answer").to_the_end(any_stage.topology).all)
    again = any_stage.worker().start()
    assert again.exit_code() == CANNOT
    said = again.text()
    assert "as its heartbeats say" in said
    assert "the changelog was re-created or truncated" in said
    assert "`onhand worker --accept-loss` decides the input again from 0 on" in said
    assert len(any_stage.tail("answer").to_the_end(any_stage.topology).all) == answered


def test_when_the_loss_is_accepted_the_state_comes_back_and_each_event_a_second_time(any_stage: Stage) -> None:
    work_and_lose_everything(any_stage)
    first = [answer.event_id for answer in any_stage.tail("answer").to_the_end(any_stage.topology).all]
    any_stage.worker("1", "--accept-loss").start().until_ready(partitions=any_stage.partitions)
    any_stage.settle()
    doubled = Counter(answer.event_id for answer in any_stage.tail("answer").all)
    assert all(doubled[event_id] == 2 for event_id in first)
    level = any_stage.levels()[any_stage.sku_of(0), "LEEDS"]
    assert level.on_hand == 3

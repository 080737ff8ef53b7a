"""Where scenarios are played live: scratch topics whose time is the publisher's, and one worker that can be killed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from agents.inventory.transactions import ORDER_ROUTER
from agents.runtime.fold import Headers
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.status import read_status
from agents.runtime.topics import Cluster
from agents.runtime.topology import load
from agents.stock_keeper import AGENT
from tools.brokers.scratch import scratch_topology

INSTANCE = "live"
READY_WITHIN_S = 120.0
LEAVE_WITHIN_S = 12.0
LARGEST_NUMBER = 2**63 - 1
INDEX_HEADER = "onhand.scenario"
"""On a record of a scenario: which of the scenario's transactions it is."""
_LOOK_EVERY_S = 0.05

# What goes wrong is told once, as a sentence.
quiet = logging.getLogger("onhand.live.clients")
quiet.addHandler(logging.NullHandler())
quiet.propagate = False


class LiveFailed(Exception):
    """The worker does not do its work; the message says what its log ends with."""


class LiveStage:
    """Topics and worker of one batch of scenarios; a context manager that leaves nothing behind."""

    def __init__(self, topology_file: Path, bootstrap: str, partitions: int, *, orders: bool = False) -> None:
        """`partitions`: one for each scenario of the batch; `orders`: with the order router."""
        self._agents = (AGENT, ORDER_ROUTER) if orders else (AGENT,)
        self._stack = ExitStack()
        self._name = f"live{uuid.uuid4().hex[:6]}"
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="onhand-live-")))
        self._file = self._directory / "topology.yaml"
        self._file.write_text(with_time_of_publishers(topology_file), encoding="utf-8")
        self._environment = {
            **os.environ,
            "ONHAND_PARTITIONS": str(partitions),
            "ONHAND_STATE": str(self._directory / "state"),
        }
        self._bootstrap = bootstrap
        self.partitions = partitions
        self.topology = scratch_topology(
            load(self._file, self._environment).with_bootstrap(bootstrap),
            self._name,
            client_settings={},
            state_directory=self._directory / "state" / self._name,
            partitions=partitions,
        )
        self.agent = self.topology.agents[AGENT]
        self.log = self._directory / "worker.log"
        self.kills = 0

    def __enter__(self) -> Self:
        """Make the topics and start the workers."""
        try:
            self._set_up()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _set_up(self) -> None:
        self._stack.callback(self._delete_topics)
        Cluster(self.topology.kafka).create(list(self.topology.all_topics.values()))
        self._stack.callback(self._stop_worker)
        self._producer = Producer(
            {
                **self.topology.kafka,
                **self.topology.producer,
                "enable.idempotence": True,
                "partitioner": PARTITIONER,
                "linger.ms": 2,
            },
            logger=quiet,
        )
        self.start_worker()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the worker, delete what was made."""
        self._stack.close()

    def send(
        self, partition: int, at_ms: int, key: bytes, value: bytes, index: int | None, topic: str | None = None
    ) -> None:
        """Publish one record with that timestamp, to the ledger if no topic is named; wait for nothing.

        `index`: which of the scenario's records it is; None for one that only tells the time.
        """
        headers: Headers = [] if index is None else [(INDEX_HEADER, str(index).encode())]
        self._producer.produce(topic or self.agent.folds, value, key, partition, timestamp=at_ms, headers=headers)
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until the broker has everything. Raises LiveFailed."""
        if self._producer.flush(30):
            raise LiveFailed("the broker did not take the records within 30 s")

    def start_worker(self) -> None:
        """Start `onhand worker` for each agent and wait until every partition is open. Raises LiveFailed."""
        options = ["--scratch", self._name, "--topology", str(self._file), "--bootstrap", self._bootstrap]
        for agent in self._agents:
            with self.log.open("ab") as log:
                self._workers[agent] = subprocess.Popen(
                    [sys.executable, "-m", "tools", "worker", agent, "--alone", "--instance", INSTANCE, *options],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        deadline = time.monotonic() + READY_WITHIN_S
        while not all(map(self._is_ready, self._agents)):
            self.check_worker()
            if time.monotonic() > deadline:
                raise LiveFailed(f"the worker is not ready after {READY_WITHIN_S:.0f} s:\n{self.end_of_log()}")
            time.sleep(_LOOK_EVERY_S)

    def check_worker(self) -> None:
        """Raises LiveFailed where a worker has ended."""
        for agent, worker in self._workers.items():
            if worker.poll() is not None:
                raise LiveFailed(f"the {agent} ended with exit code {worker.returncode}:\n{self.end_of_log()}")

    def kill_worker(self) -> None:
        """SIGKILL each worker and start another one on the same state."""
        for worker in self._workers.values():
            worker.kill()
        for worker in self._workers.values():
            worker.wait()
        self.kills += 1
        self.start_worker()

    def positions(self, agent: str) -> dict[int, int]:
        """The input position of each partition, as the worker last told."""
        status = read_status(self.topology.state.directory, INSTANCE, agent) or {"partitions": []}
        return {each["partition"]: each["input_position"] for each in status["partitions"]}

    def end_of_log(self) -> str:
        """What the worker said last."""
        return self.log.read_text(errors="replace")[-2_000:] if self.log.exists() else ""

    def _is_ready(self, agent: str) -> bool:
        status: Mapping[str, Any] | None = read_status(self.topology.state.directory, INSTANCE, agent)
        return (
            status is not None
            and status["pid"] == self._workers[agent].pid
            and bool(status["ready"])
            and len(status["partitions"]) == self.partitions
        )

    def _stop_worker(self) -> None:
        running = [worker for worker in self._workers.values() if worker.poll() is None]
        for worker in running:
            worker.send_signal(signal.SIGTERM)
        for worker in running:
            try:
                worker.wait(LEAVE_WITHIN_S)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def _delete_topics(self) -> None:
        admin = AdminClient(dict(self.topology.kafka), logger=quiet)
        for future in admin.delete_topics(list(self.topology.all_topics)).values():
            try:
                future.result()
            except KafkaException:
                continue  # never made, or somebody else's cluster does not let us


def with_time_of_publishers(file: Path) -> str:
    """The topology with one change: the time of a decision is the publisher's, and may lie in the future.

    A scenario says what time it is; and what is due by the wall clock must not wake before the scenario says so.
    """
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    for agent in document["agents"].values():
        topic = document["topics"][agent["folds"]]
        topic["timestamp_type"] = "CreateTime"
        topic.setdefault("config", {})["message.timestamp.after.max.ms"] = LARGEST_NUMBER
    return yaml.safe_dump(document, sort_keys=False)

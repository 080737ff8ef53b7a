"""What the demo runs on: a broker, topics, and a real worker in a process of its own that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from agents.runtime.preflight import needed_topics
from agents.runtime.reference import write_seeds
from agents.runtime.status import read_status
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topic, Topology
from tools.brokers.embedded import EmbeddedBroker
from tools.brokers.encoding import transaction_encoder
from tools.brokers.scratch import scratch_topology

READY_WITHIN_S = 90.0
LEAVE_WITHIN_S = 12.0
INSTANCE = "demo"
STOCK_KEEPER = "stock_keeper"
_LOOK_EVERY_S = 0.05


class StageFailed(Exception):
    """The worker does not come up; the message says what its log ends with."""


class Stage:
    """Broker, topics and worker of one demo; a context manager that leaves nothing behind."""

    def __init__(
        self, topology: Topology, topology_file: Path | None, on_own_cluster: bool, agents: tuple[str, ...]
    ) -> None:
        """With `on_own_cluster` the topology's cluster is used, under scratch names; else an embedded broker.

        Only the topics of these agents are made: those of all would only cost time.
        """
        self._stack = ExitStack()
        self._base = topology
        self._topology_file = topology_file
        self._on_own_cluster = on_own_cluster
        self._name = f"demo{uuid.uuid4().hex[:6]}"
        self._worker: subprocess.Popen[bytes] | None = None
        self._agents = agents
        self.topology = topology
        self.log = Path()
        self.kills = 0

    def __enter__(self) -> Self:
        """Start everything but the worker."""
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="onhand-demo-")))
        self.log = directory / "worker.log"
        self._state = directory / "state"
        base = self._base
        if not self._on_own_cluster:
            broker = self._stack.enter_context(EmbeddedBroker(directory / "broker"))
            base = base.with_bootstrap(broker.bootstrap)
        self._bootstrap = base.kafka["bootstrap.servers"]
        state = self._state / self._name
        self.topology = scratch_topology(base, self._name, client_settings={}, state_directory=state)
        Cluster(self.topology.kafka).create(list(self._topics().values()))
        self._write_seeds()
        if self._on_own_cluster:
            self._stack.callback(self._delete_topics)
        self._stack.callback(self._stop_worker)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the worker and the broker, delete what was made."""
        self._stack.close()

    def start_worker(self) -> None:
        """Start `onhand worker` for the agents and wait until every partition is open. Raises StageFailed."""
        options = ["--instance", INSTANCE, "--scratch", self._name, "--bootstrap", self._bootstrap]
        if self._topology_file is not None:
            options += ["--topology", str(self._topology_file)]
        environment = {**os.environ, "ONHAND_STATE": str(self._state)}
        with self.log.open("ab") as log:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "tools", "worker", *self._agents, "--tied", *options, "--log-format", "text"],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait_until_ready(lambda: None)

    def kill_worker(self) -> int:
        """SIGKILL the process that keeps the stock; its supervisor starts it again. Returns the process id killed."""
        status = self._status(STOCK_KEEPER)
        assert status is not None
        pid = int(status["pid"])
        os.kill(pid, signal.SIGKILL)
        self.kills += 1
        return pid

    def wait_until_ready(self, meanwhile: Callable[[], None], other_than: int | None = None) -> None:
        """Wait until every partition is open, in a process other than `other_than`. Raises StageFailed."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._is_ready(other_than):
            if self._worker is not None and self._worker.poll() is not None:
                raise StageFailed(f"the worker ended with exit code {self._worker.returncode}:\n{self._end_of_log()}")
            if time.monotonic() > deadline:
                raise StageFailed(f"the worker is not ready after {READY_WITHIN_S:.0f} s:\n{self._end_of_log()}")
            meanwhile()
            time.sleep(_LOOK_EVERY_S)

    def _is_ready(self, other_than: int | None) -> bool:
        return all(self._runs(agent, other_than) for agent in self._agents)

    def _runs(self, agent: str, other_than: int | None) -> bool:
        status = self._status(agent)
        partitions = self.topology.all_topics[self.topology.agents[agent].folds].partitions
        return (
            status is not None
            and status["pid"] != other_than
            and bool(status["ready"])
            and len(status["partitions"]) == partitions
        )

    def _status(self, agent: str) -> dict[str, Any] | None:
        return read_status(self.topology.state.directory, INSTANCE, agent)

    def _end_of_log(self) -> str:
        return self.log.read_text(errors="replace")[-1_500:] if self.log.exists() else ""

    def _stop_worker(self) -> None:
        if self._worker is None or self._worker.poll() is not None:
            return
        self._worker.send_signal(signal.SIGTERM)
        try:
            self._worker.wait(LEAVE_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._worker.kill()
            self._worker.wait()

    def _topics(self) -> dict[str, Topic]:
        agents = [self.topology.agents[name] for name in self._agents]
        return {name: topic for agent in agents for name, topic in needed_topics(self.topology, agent).items()}

    def _write_seeds(self) -> None:
        topology, topic = self.topology, self.topology.agents["stock_keeper"].folds
        partitions, encode = topology.all_topics[topic].partitions, transaction_encoder(topology, topic)
        write_seeds(topology.kafka, topology.app, topic, partitions, topology.seeds, encode)

    def _delete_topics(self) -> None:
        admin = AdminClient({**self.topology.kafka})
        for future in admin.delete_topics(list(self._topics())).values():
            try:
                future.result()
            except KafkaException:
                continue  # somebody else's cluster may not let us

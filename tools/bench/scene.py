"""Where a bench plays: topics, processes and state under a name of their own, all gone at the end."""

from __future__ import annotations

import dataclasses
import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Literal, Self

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from agents.runtime.broker_errors import BrokerUnusable
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.preflight import needed_topics
from agents.runtime.topics import Cluster
from agents.runtime.topology import AgentSettings, Topic, Topology
from agents.stock_keeper import AGENT
from tools.bench.traffic import KeyValue
from tools.context import Context, fail

Work = Literal["thin", "ledger"]
Side = Literal["ours", "bare"]

THIN = "thin"
INSTANCE = "bench"
LEAVE_WITHIN_S = 8.0
REQUEST_S = 20.0
_LOG_LINES = 8

# What goes wrong is told once, as a sentence.
quiet = logging.getLogger("onhand.bench.clients")
quiet.addHandler(logging.NullHandler())
quiet.propagate = False


def thin_topology(topology: Topology) -> Topology:
    """The topology of the thin fold: one topic in, one out, with partitions and settings as the ledger has them."""
    model, app = topology.agents[AGENT], topology.app
    source = topology.all_topics[model.folds]

    def topic(name: str) -> Topic:
        return dataclasses.replace(
            source, name=f"{app}.thin-{name}", key="any", schema=None, format="json", timestamp_type="CreateTime"
        )

    folded, said = topic("in"), topic("out")
    agent = AgentSettings(
        name=THIN,
        folds=folded.name,
        keeps=("counters",),
        says=(said.name,),
        changelog=dataclasses.replace(model.changelog, name=f"{app}.{THIN}-changelog"),
        dead_letters=dataclasses.replace(model.dead_letters, name=f"{folded.name}.dlq"),
    )
    return dataclasses.replace(
        topology,
        topics=MappingProxyType({folded.name: folded, said.name: said}),
        agents=MappingProxyType({THIN: agent}),
    )


class Scene:
    """One run: its topology, its topics and the process that works on them. A context manager."""

    def __init__(self, context: Context, work: Work) -> None:
        """`context` names the topology and the cluster; nothing is created yet."""
        self._context = Context(context.topology_path, context.bootstrap, scratch=f"bench{secrets.token_hex(4)}")
        self._work = work
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        topology = self._context.topology
        self.topology = thin_topology(topology) if work == "thin" else topology
        self.agent = self.topology.agents[THIN if work == "thin" else AGENT]

    def __enter__(self) -> Self:
        try:
            cluster = Cluster(self.topology.kafka)
        except BrokerUnusable:
            self._log.close()
            raise
        try:
            cluster.create(list(needed_topics(self.topology, self.agent).values()))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, delete topics, group and state."""
        self.end()
        admin = AdminClient(dict(self.topology.kafka), logger=quiet)
        _settle(admin.delete_topics(list(needed_topics(self.topology, self.agent)), request_timeout=REQUEST_S).values())
        group = f"{self.topology.app}.{self.agent.name}"
        _settle(admin.delete_consumer_groups([group], request_timeout=REQUEST_S).values())
        shutil.rmtree(self.topology.state.directory, ignore_errors=True)
        self._log.close()

    def publish(self, records: Iterable[KeyValue]) -> None:
        """Publish to the input topic, and return when all of it is there. Raises KafkaException."""
        producer = self.producer(linger_ms=20)
        for key, value in records:
            _produce(producer, self.agent.folds, key, value)
        producer.flush()

    def producer(self, *, linger_ms: int) -> Producer:
        """A publisher of the input topic."""
        return Producer(
            {
                **self.topology.kafka,
                **self.topology.producer,
                "enable.idempotence": True,
                "partitioner": PARTITIONER,
                "linger.ms": linger_ms,
                "queue.buffering.max.messages": 1_000_000,
            },
            logger=quiet,
        )

    def start(self, side: Side) -> None:
        """Start the process of that side."""
        self._process = subprocess.Popen(
            [sys.executable, *self._command(side), *self._options()],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": _python_path()},
        )

    def check_process(self) -> None:
        """End the command with the process's own words if it has ended."""
        if self._process is not None and self._process.poll() is not None:
            said = self._last_words()
            fail(f"A process of the bench ended with exit code {self._process.returncode}.", said or None)

    def too_late(self, what: str) -> None:
        """End the command: `what` did not come in time."""
        fail(f"{what} did not come in time; the measurement is given up.", self._last_words() or None)

    def end(self) -> None:
        """End the process in order, by its id."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(LEAVE_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _command(self, side: Side) -> Sequence[str]:
        if side == "bare":
            return ("-m", "tools.bench.worker", f"bare-{self._work}")
        if self._work == "thin":
            return ("-m", "tools.bench.worker", THIN)
        return ("-m", "tools", "worker", AGENT, "--alone", "--instance", INSTANCE, "--log-format", "text")

    def _options(self) -> Sequence[str]:
        context = self._context
        options = ["--scratch", str(context.scratch)]
        if context.topology_path is not None:
            options += ["--topology", str(context.topology_path)]
        if context.bootstrap is not None:
            options += ["--bootstrap", context.bootstrap]
        return options

    def _last_words(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - 4_000))
        return "\n  ".join(self._log.read().decode(errors="replace").splitlines()[-_LOG_LINES:])


def _produce(producer: Producer, topic: str, key: bytes, value: bytes) -> None:
    while True:
        try:
            producer.produce(topic, value, key)
        except BufferError:
            producer.poll(0.05)
        else:
            return


def _python_path() -> str:
    """So that the processes find the same code, wherever the command was called."""
    root = str(Path(__file__).resolve().parents[2])
    before = os.environ.get("PYTHONPATH")
    return f"{root}{os.pathsep}{before}" if before else root


def _settle(futures: Iterable[object]) -> None:
    """Wait; what was never there, or a broker that cannot delete it, is no matter."""
    for future in futures:
        try:
            future.result()  # type: ignore[attr-defined]
        except KafkaException:
            continue

"""One broker for all faults, and one run of a fault: a stage of its own, workers, load, blow, judgement.

The broker has a second listener behind a proxy, so that each run chooses by which way its workers come. Everything is ended
by its process id.
"""

from __future__ import annotations

import random
import re
import signal
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaException

from agents.inventory.rows import DUE
from agents.runtime import failpoints
from agents.runtime.broker_errors import BrokerUnusable
from agents.state.store import StoreError
from tests.chaos.evidence import Evidence
from tests.chaos.faults import Fault, Sentence
from tests.chaos.invariants import INVARIANTS
from tests.chaos.load import Load
from tests.chaos.proxy import Proxy
from tests.integration.harness import Stage, Worker, now_ms
from tools.brokers.apache_kafka import ApacheKafka
from tools.brokers.local import LOOPBACK, BrokerFailed, free_port
from tools.brokers.scratch import ClusterAddress

PARTITIONS = 4
READY_S = 60.0
QUIET_S = 60.0
WHAT_MAY_FAIL = (AssertionError, OSError, KafkaException, BrokerFailed, BrokerUnusable, StoreError)
"""In a run: it is red then, and the next one begins."""
LONGER_S = 20.0
"""Lag is waited for so much longer than stated, to say how long it was."""
WILL_BE_DUE_MS = 60_000
"""Claims due within this are waited for; the others live for a quarter of an hour."""
CREATE_TIME = "    timestamp_type: CreateTime\n    config:\n      message.timestamp.after.max.ms: 86400000\n"
INPUT_STAMP = re.compile(r"(  inventory\.transactions\.v1:\n(?:    .*\n)*?)    timestamp_type: LogAppendTime.*\n")


@dataclass(frozen=True)
class Outcome:
    """What came of one run."""

    fault: str
    records: int
    """Input records folded."""
    lag_zero_s: float | None
    """None where it was not reached."""
    red: tuple[str, ...]
    """What did not hold; nothing = green."""
    seconds: float
    """The whole run took."""


class Run:
    """One fault on one stage. What a fault's function gets."""

    def __init__(self, fault: Fault, scene: Scene, root: Path, seed: int) -> None:
        self.fault = fault
        self.broker = scene.broker
        self.proxy = scene.proxy
        self.random = random.Random(seed)
        cluster = ClusterAddress(scene.broker.bootstrap, scene.broker.client_settings)
        edit = _stamped_by_publishers if fault.stamped_by_publishers else None
        root.mkdir(parents=True)
        self.stage = Stage(cluster, root, partitions=PARTITIONS, edit=edit)
        self.load = Load(self.stage, self.random)
        self.workers: dict[str, Worker] = {}
        """The present worker of each instance."""
        self.lives = 1
        """How often the input topic was made."""
        self.healed_at = time.monotonic()
        self._read_from: dict[Path, int] | None = None
        """The length of each log when the workers had come."""

    def worker(
        self, instance: str, *options: str, proxied: bool = False, failpoint: str = "", supervised: bool = False
    ) -> Worker:
        """Start a worker of that name, in place of the one that had it."""
        environment = {failpoints.VARIABLE: failpoint} if failpoint else {}
        if proxied:
            environment["KAFKA_BOOTSTRAP_SERVERS"] = self.proxy.address
        made = self.workers[instance] = self.stage.worker(instance, *options, **environment)
        made.supervised = supervised
        return made.start()

    def two_workers(self, *, proxied: bool = False, supervised: bool = False) -> tuple[Worker, Worker]:
        """Workers a and b, which share the partitions."""
        for name in ("a", "b"):
            self.worker(name, proxied=proxied, supervised=supervised)
        self.until_shared("a", "b")
        return self.workers["a"], self.workers["b"]

    def until_shared(self, *instances: str, seconds: float = READY_S) -> None:
        """These are ready, each has some partition, and together they have all."""
        workers = [self.workers[name] for name in instances]
        deadline = time.monotonic() + seconds
        while not _share_all([worker.status() for worker in workers]):
            for worker in workers:
                assert worker.running, f"worker {worker.instance} ended\n{worker.tail()}"
            assert time.monotonic() < deadline, "not shared\n" + "\n".join(worker.tail() for worker in workers)
            time.sleep(0.05)
        if self._read_from is None:
            self.begins()

    def begins(self) -> None:
        """The workers have come: what is logged from here on is about the fault.

        Before, they open partitions and fence one another off as well, so a sentence from then shows nothing. Called by
        the first `until_shared`; a fault that has none calls it itself.
        """
        self._read_from = {path: path.stat().st_size for path in self._logs()}

    def healed(self) -> None:
        """The last blow was struck, or what lasted has ended: lag counts from here."""
        self.healed_at = time.monotonic()

    def logs(self, *, of_the_fault: bool = False) -> str:
        """What all workers have logged, from their start or since the fault began."""
        begins = (of_the_fault and self._read_from) or {}
        return "\n".join(path.read_bytes()[begins.get(path, 0) :].decode(errors="replace") for path in self._logs())

    def said(self, sentence: Sentence) -> bool:
        """Whether a worker has logged it because of the fault."""
        return is_logged(sentence, self.logs(of_the_fault=not sentence.seldom))

    def _logs(self) -> list[Path]:
        return sorted(self.stage.root.glob("worker-*.log"))


class Scene:
    """The broker and the proxy; a context manager."""

    def __init__(self, root: Path) -> None:
        self.root = root
        proxied, controller, client = free_port(), free_port(), free_port()
        self.proxy = Proxy(proxied, free_port())
        listeners = {
            "listeners": f"CLIENT://{LOOPBACK}:{client},CONTROLLER://{LOOPBACK}:{controller},PROXIED://{LOOPBACK}:{proxied}",
            "advertised.listeners": f"CLIENT://{LOOPBACK}:{client},PROXIED://{self.proxy.address}",
            "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT",
            "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        }
        self.broker = ApacheKafka(root / "kafka", client, settings=listeners)
        self._number = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.broker)
            stack.enter_context(self.proxy)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def run(self, fault: Fault, seed: int = 1) -> Outcome:
        """Strike the fault once, and judge."""
        self._number += 1
        self.proxy.heal()
        if not self.broker.running:
            self.broker.start()
        began = time.monotonic()
        run = Run(fault, self, self.root / f"{self._number}-{fault.name}", seed)
        red: list[str] = []
        lag, records = None, 0
        try:
            with run.stage:
                fault.strike(run)
                lag = judge_lag(run)
                evidence = come_to_rest(run)
                if lag > fault.lag_zero_within_s:
                    red.append(f"I8 lag 0 came after {lag:.1f} s, stated are {fault.lag_zero_within_s:.0f} s")
                records = sum(want.folded for want in evidence.expected.values())
                red += judge(run, evidence)
        except WHAT_MAY_FAIL as failed:
            red.append(f"{type(failed).__name__}: {failed}")
        finally:
            self.proxy.heal()
        return Outcome(fault.name, records, lag, tuple(red), time.monotonic() - began)


def judge_lag(run: Run) -> float:
    """I8: seconds from the last blow until all that was sent is answered."""
    run.stage.flush()
    answered_at = run.load.until_answered(run.fault.lag_zero_within_s + LONGER_S)
    return max(0.0, answered_at - run.healed_at)


def come_to_rest(run: Run) -> Evidence:
    """Wait until nothing more is to come, end the workers in order, read everything."""
    until_nothing_is_due(run)
    running = [worker for worker in run.workers.values() if worker.running]
    for worker in running:
        worker.signal(signal.SIGTERM)
    for worker in running:
        code = worker.exit_code(20)
        assert code == 0, f"worker {worker.instance} left with {code}\n{worker.tail()}"
    return Evidence(run.stage, run.broker.directory / "data", lives=run.lives)


def until_nothing_is_due(run: Run) -> None:
    """Everything sent is answered, every short-lived claim has expired, and the oracle has folded all of it."""
    run.stage.settle(QUIET_S)
    deadline = time.monotonic() + QUIET_S
    while something_is_due(run):
        assert time.monotonic() < deadline, "claims that are due do not expire"
        time.sleep(0.1)


def something_is_due(run: Run) -> bool:
    """Whether a claim expires soon, or what expired has not been said yet."""
    expected = run.stage.expected()
    due: list[Any] = [key[0] for want in expected.values() for key in want.rows.tables[DUE]]
    soon = [due_ms for due_ms in due if due_ms < now_ms() + WILL_BE_DUE_MS]
    said = run.stage.tail("answer").to_the_end(run.stage.topology).said
    return bool(soon) or any(len(said[partition]) < len(want.answers) for partition, want in expected.items())


def judge(run: Run, evidence: Evidence) -> list[str]:
    """Everything that does not hold."""
    red = []
    for name, holds in INVARIANTS.items():
        if name in run.fault.invariants:
            try:
                holds(evidence)
            except AssertionError as broken:
                red.append(f"{name} {broken}")
    alerts = [f"{alert.message} {alert.action}" for said in evidence.said("alert").values() for alert in said]
    logs = run.logs()
    red += [f"the operator does not see: {s.words}" for s in run.fault.sees if not is_seen(s, run, alerts)]
    if "Traceback" in logs:
        red.append("a traceback is in a log: " + logs[logs.index("Traceback") :][:2_000])
    return red


def is_seen(sentence: Sentence, run: Run, alerts: Iterable[str]) -> bool:
    """Whether the operator was told."""
    if sentence.where == "alert":
        return any(re.search(sentence.words, alert) for alert in alerts)
    return run.said(sentence)


def is_logged(sentence: Sentence, logs: str) -> bool:
    """Whether a line has it."""
    pattern = re.compile(sentence.words)
    return any(pattern.search(line) for line in logs.splitlines())


def _share_all(statuses: list[Any]) -> bool:
    """All ready, each with some partitions, none held twice."""
    if not all(status.get("ready") for status in statuses):
        return False
    held = sorted(each["partition"] for status in statuses for each in status["partitions"])
    return held == list(range(PARTITIONS))


def _stamped_by_publishers(text: str) -> str:
    changed, count = INPUT_STAMP.subn(rf"\g<1>{CREATE_TIME}", text)
    assert count == 1
    return changed

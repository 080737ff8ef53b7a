"""Workers that are killed, at random and at the worst moments, and workers that are frozen and thawed."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

from agents.runtime.failpoints import Failpoint
from tests.chaos.faults import FENCED_OFF, OPENED, fault, log_says
from tests.chaos.scene import PARTITIONS, READY_S, Run
from tests.integration.harness import Worker

COUNT = 2_000
MANY = 1_600
"""Enough for a changelog partition of more than one batch."""
DIES_S = 30.0


@fault(
    "kill_at_random",
    "SIGKILL of each agent process under load, one of them twice; its supervisor starts it again",
    log_says(r"agent stock_keeper ended \(killed by SIGKILL\); starting it again .* is decided again"),
    OPENED,
    short=True,
)
def kill_at_random(run: Run) -> None:
    a, b = run.two_workers(supervised=True)
    shares = sorted(run.random.uniform(0.05, 0.75) for _ in range(3))
    killed: set[int] = set()

    def kill_agent(worker: Worker) -> None:
        """SIGKILL of the process that the supervisor has started, or has started again."""
        worker.until(lambda status: status.get("pid", 0) not in {0, *killed}, "telling its process")
        killed.add(worker.status()["pid"])
        os.kill(worker.status()["pid"], signal.SIGKILL)
        run.healed()

    blows = [(share, partial(kill_agent, worker)) for share, worker in zip(shares, (a, b, a), strict=True)]
    run.load.send(COUNT, per_second=350, blows=blows)


def with_an_armed_one(run: Run, failpoint: str) -> Worker:
    """Worker a, and an armed b. When b comes each partition has its first transaction, so b passes no point while it opens."""
    run.worker("a").until_ready(READY_S, partitions=PARTITIONS)
    armed = run.worker("b", failpoint=failpoint)
    run.until_shared("a", "b")
    return armed


def die_at(run: Run, point: Failpoint, nth: int) -> None:
    """A worker that dies at the point under load; the other takes over, and it comes back."""
    armed = with_an_armed_one(run, f"{point}:{nth}")
    run.load.send(COUNT // 4)
    run.load.send_until(lambda: not armed.running, f"worker b does not come to {point}")
    run.healed()
    assert armed.exit_code(1) == -signal.SIGKILL, armed.tail()
    run.worker("b")
    run.load.send(COUNT // 2)


@fault(
    "killed_after_produce",
    "SIGKILL when all records of a transaction are with the broker and none is committed",
    OPENED,
)
def killed_after_produce(run: Run) -> None:
    die_at(run, Failpoint.AFTER_PRODUCE, run.random.randint(5, 15))


@fault(
    "killed_after_commit",
    "SIGKILL when Kafka has committed and RocksDB knows nothing of it",
    OPENED,
    short=True,
)
def killed_after_commit(run: Run) -> None:
    die_at(run, Failpoint.AFTER_COMMIT, run.random.randint(5, 15))


@fault("killed_after_rocksdb", "SIGKILL when RocksDB has it, too, and nobody has been told", OPENED)
def killed_after_rocksdb(run: Run) -> None:
    die_at(run, Failpoint.AFTER_ROCKSDB, run.random.randint(5, 15))


@fault(
    "killed_in_restore",
    "SIGKILL of a new worker that has restored one batch of the changelog, then again in the next life",
    OPENED,
)
def killed_in_restore(run: Run) -> None:
    come_and_die(run, Failpoint.IN_RESTORE)


@fault(
    "killed_after_fencing",
    "SIGKILL of a new worker that has fenced off the owner and restored nothing, then again in the next life",
    OPENED,
)
def killed_after_fencing(run: Run) -> None:
    come_and_die(run, Failpoint.AFTER_FENCING)


def come_and_die(run: Run, point: Failpoint) -> None:
    """A second worker comes under load, takes partitions over, and dies while it opens them; twice."""
    run.worker("a").until_ready(READY_S, partitions=PARTITIONS)
    run.begins()
    run.load.send(MANY, per_second=700)
    for nth in (1, 2):
        armed = run.worker("b", failpoint=f"{point}:{nth}")
        run.load.send(COUNT // 8, per_second=250)
        assert armed.exit_code(DIES_S) == -signal.SIGKILL, armed.tail()
    run.healed()
    run.worker("b")


@fault(
    "zombie",
    "SIGSTOP with a transaction open, for longer than the session; another worker takes over; SIGCONT under load",
    FENCED_OFF,
    short=True,
)
def zombie(run: Run) -> None:
    frozen = with_an_armed_one(run, f"{Failpoint.AFTER_PRODUCE}:{run.random.randint(5, 12)}:SIGSTOP")
    run.load.send(COUNT // 4)
    run.load.send_until(lambda: state_of(frozen.pid) == "T", "worker b does not stop")
    run.until_shared("a")
    run.load.send(COUNT // 4)
    frozen.signal(signal.SIGCONT)
    run.healed()
    run.load.send(COUNT // 4)
    run.until_shared("a", "b")  # it works again


def state_of(pid: int) -> str:
    """The state of a process as the system tells it: T = stopped."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]

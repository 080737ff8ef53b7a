"""Local state that is gone, damaged, old or cannot be written: it is a cache, and the changelog puts it right."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable
from pathlib import Path

from confluent_kafka.admin import AdminClient

from agents.runtime.stopping import CANNOT
from agents.runtime.topics import Cluster
from agents.stock_keeper import AGENT
from tests.chaos.faults import fault, log_says
from tests.chaos.network_faults import until
from tests.chaos.scene import PARTITIONS, Run
from tests.chaos.state_log_pipe import piped
from tests.integration.harness import Worker
from tests.integration.tails import quiet
from tools.audit.auditor import AuditReport, audit
from tools.audit.findings import Kind
from tools.brokers.encoding import codec_of
from tools.logics import LOGICS

COUNT = 1_600
REBUILT = r"the state in .*/\d is corrupt \(.*\); it is deleted and will be rebuilt from the changelog"
FOUND_CORRUPT = r"the state in .*/\d is corrupt; it is removed and will be rebuilt from the changelog"
NOTHING_KEPT = log_says(r"/\d: nothing is kept here; the state is restored from the whole changelog")
CAUGHT_UP = log_says(r"partition \d open: fenced in .* [1-9]\d* rows restored in .*, input position \d+")
TOO_OLD = log_says(r"/\d: too old to catch up, rebuilding")
STILL_FULL = "cannot be opened yet: the local state cannot be written"
FULL = (
    r"the local state cannot be written \(.*(?:File too large|No space left on device).*\)\. Nothing is lost: .* "
    r"Make room on that disk; the worker goes on by itself"
)


def after_a_stop(run: Run, harm: Callable[[Worker], None], *names: str, flushed: bool = False) -> None:
    """Work, stop the workers, harm the state of each, start them again, work on.

    Where stores are damaged there is one worker: a store that nobody opens again would stay so.
    """
    start(run, *names)
    run.load.send(COUNT // 2)
    if flushed:
        stop(run)
        start(run, *names)  # at opening, what stood in the write-ahead log goes into table files
        run.load.send(COUNT // 8)
    stop(run)
    for worker in run.workers.values():
        harm(worker)
    start(run, *names)
    run.healed()
    run.load.send(COUNT // 2)


def start(run: Run, *names: str) -> None:
    """Workers of these names, sharing the partitions."""
    for name in names:
        run.worker(name)
    run.until_shared(*names)


def stop(run: Run) -> None:
    """In order, all that was sent answered."""
    run.load.until_answered(run.fault.lag_zero_within_s)
    for worker in run.workers.values():
        code, _ = worker.terminate()
        assert code == 0, worker.tail()


def stores(worker: Worker) -> list[Path]:
    """The directories of its partitions that hold a store."""
    return [path for path in sorted(worker.state_directory.iterdir()) if (path / "CURRENT").exists()]


@fault(
    "state_deleted",
    "the state directory of both workers is deleted while they are down",
    NOTHING_KEPT,
    short=True,
)
def state_deleted(run: Run) -> None:
    after_a_stop(run, lambda worker: shutil.rmtree(worker.state_directory), "a", "b")


@fault(
    "state_deleted_alive",
    "the state directories are deleted under the running workers, which are then killed",
    NOTHING_KEPT,
)
def state_deleted_alive(run: Run) -> None:
    a, b = run.two_workers()

    def delete() -> None:
        for worker in (a, b):
            shutil.rmtree(worker.state_directory)

    run.load.send(COUNT // 2, blows=[(0.5, delete)])
    for worker in (a, b):
        worker.kill()
    run.two_workers()
    run.healed()
    run.load.send(COUNT // 2)


@fault(
    "table_file_damaged",
    "one byte is flipped in each table file (SST) of all stores",
    log_says(f"{REBUILT}|{FOUND_CORRUPT}"),
    short=True,
)
def table_file_damaged(run: Run) -> None:
    flipped = []

    def flip(worker: Worker) -> None:
        for store in stores(worker):
            for table in store.glob("*.sst"):
                content = bytearray(table.read_bytes())
                content[run.random.randrange(min(200, len(content) // 4))] ^= 1 << run.random.randrange(8)
                table.write_bytes(content)
                flipped.append(table)

    after_a_stop(run, flip, "a", flushed=True)
    assert len(flipped) >= PARTITIONS, f"only {len(flipped)} table files were there to be damaged"


@fault(
    "current_removed",
    "CURRENT is removed from all stores",
    log_says(REBUILT),
)
def current_removed(run: Run) -> None:
    def remove(worker: Worker) -> None:
        for store in stores(worker):
            (store / "CURRENT").unlink()

    after_a_stop(run, remove, "a")


@fault(
    "older_copy",
    "an older copy of the state is put back, as from a backup",
    CAUGHT_UP,
    short=True,
)
def older_copy(run: Run) -> None:
    run.two_workers()
    run.load.send(COUNT // 4)
    stop(run)
    copies = {name: shutil.copytree(w.state_directory, w.log.with_suffix(".copy")) for name, w in run.workers.items()}

    def put_back(worker: Worker) -> None:
        shutil.rmtree(worker.state_directory)
        shutil.copytree(copies[worker.instance], worker.state_directory)

    after_a_stop(run, put_back, "a", "b")


@fault(
    "disk_full",
    "no file of a worker can grow any more, for a while, under load (file-size limit, as on a full disk)",
    log_says(FULL),
    lag_zero_within_s=30.0,
    short=True,
)
def disk_full(run: Run) -> None:
    with piped(run, "a") as worker:
        run.until_shared("a")

        def fill() -> None:
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

        def make_room() -> None:
            until(lambda: STILL_FULL in run.logs(), "the worker does not try again while its disk is full")
            assert worker.running, worker.tail()
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            run.healed()

        run.load.send(COUNT, blows=[(0.3, fill), (0.6, make_room)])
        run.load.until_answered(run.fault.lag_zero_within_s)


@fault(
    "changelog_and_state_gone",
    "the changelog is deleted and made anew, and the local state is deleted: the workers refuse to decide all again",
    log_says(
        r"was decided up to offset \d+, as its heartbeats say, but the state .* ends at 0: the changelog was re-created "
        r"or truncated.* `onhand worker --accept-loss` decides the input again from 0 on"
    ),
    log_says(r"accepted: .* was decided up to offset"),
    # The same events come a second time, under the same ids: that is what a person has accepted. The audit tells them
    # apart from the rows, which must be right.
    invariants=("I3", "I7", "I8"),
)
def changelog_and_state_gone(run: Run) -> None:
    run.two_workers()
    run.load.send(COUNT // 2)
    told = run.stage.tail("heartbeat")
    told.until(
        lambda tail: {beat.partition for beat in tail.all if beat.input_position} == set(range(PARTITIONS)),
        what="not every partition has told its position",
    )
    stop(run)
    make_anew(run, run.stage.agent.changelog.name)
    for worker in run.workers.values():
        shutil.rmtree(worker.state_directory)
    for name in ("a", "b"):
        refused = run.worker(name)
        assert refused.exit_code(60) == CANNOT, refused.tail()
    for name in ("a", "b"):
        run.worker(name, "--accept-loss")
    run.until_shared("a", "b")
    run.healed()
    run.load.send(COUNT // 2)
    run.load.until_answered(run.fault.lag_zero_within_s)
    report = audited(run)
    wrong = {party for each in report.partitions for party, kind in each.findings.counts if kind is not Kind.DOUBLED}
    assert not wrong, report.sentence()
    assert report.differences, "the events of before were not said again"


def make_anew(run: Run, topic: str) -> None:
    """Delete a topic and create it again."""
    topology = run.stage.topology
    cluster, admin = Cluster(topology.kafka), AdminClient(dict(topology.kafka), logger=quiet)
    admin.delete_topics([topic])[topic].result(20)
    until(lambda: not cluster.topics([topic]), f"{topic} is still there")
    cluster.create([topology.all_topics[topic]])


def audited(run: Run) -> AuditReport:
    """Everything against the fold, beside the running workers."""
    topology, codec = run.stage.topology, codec_of(run.stage.topology)
    logic = LOGICS[AGENT](topology, codec)
    return audit(topology, run.stage.agent, logic, codec, state_directory=topology.state.directory)

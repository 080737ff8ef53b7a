"""Real trade through the real commands, and every answer and position judged by a fold with another tool.

The UCI Online Retail file goes through `onhand topics create`, `onhand import --opening` and one worker process; what
must come out is said by DuckDB (tests/tools/uci_fold.py). The figures of a run are printed as one line of JSON
(`pytest -s`); those of docs/reference/uci-online-retail.md come from there.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from agents.inventory.answers import Answer, Status
from agents.inventory.postings import Account, JournalRecord
from agents.inventory.transactions import Kind
from agents.runtime.plan import said_topics
from agents.runtime.topics import Cluster, PartitionOffsets
from tests.integration.harness import ROOT, Stage, Worker
from tests.tools import uci_fold
from tools.brokers.encoding import codec_of
from tools.brokers.reading import Start, records
from tools.brokers.scratch import ClusterAddress
from tools.burials import read_graveyard
from tools.demo_data.month import BUNDLED
from tools.ledger_view import levels

MAPPING = "uci-online-retail"
ROWS_IN_ALL = 541_909
A_FEW_ROWS = 1_500
SECONDS_FOR_ALL = 900
PARTITIONS_FOR_ALL = 8


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(2 * SECONDS_FOR_ALL)
def test_a_year_is_answered_once_and_every_position_is_what_sql_says(kafka: ClusterAddress, tmp_path: Path) -> None:
    file = uci_fold.whole_file()
    if file is None:
        pytest.skip(f"the file is not at hand; {uci_fold.WHOLE_FILE_VARIABLE} may name it")
    with Stage(kafka, tmp_path, partitions=PARTITIONS_FOR_ALL) as stage:
        passage = Passage(stage, file)
        worker = stage.worker().start().until_ready()
        # As a user would: the worker decides while the file is still being read.
        passage.import_("--opening")
        passage.wait_until_all_is_decided(worker, SECONDS_FOR_ALL)
        assert passage.imported["rows"] == ROWS_IN_ALL
        sys.stdout.write(json.dumps(passage.figures(worker)) + "\n")
        passage.judge()


@pytest.mark.embedded
def test_a_part_of_a_month_comes_out_as_sql_says_and_importing_it_again_changes_nothing(
    broker: ClusterAddress, tmp_path: Path
) -> None:
    with Stage(broker, tmp_path) as stage:
        passage = Passage(stage, BUNDLED)
        passage.import_("--opening", "--limit", str(A_FEW_ROWS))
        worker = stage.worker().start().until_ready()
        passage.wait_until_all_is_decided(worker, 60)
        assert passage.imported["rows"] == A_FEW_ROWS
        passage.judge(last_row=A_FEW_ROWS)

        before = passage.positions()
        passage.import_("--limit", str(A_FEW_ROWS))
        passage.wait_until_all_is_decided(worker, 60)
        repeated = Counter(answer.status for answer in passage.answers())
        assert repeated[Status.ACCEPTED_EARLIER] == sum(passage.imported["transactions"].values())
        assert repeated[Status.REFUSED] == 0
        assert passage.positions() == before


class Passage:
    """A file on its way through commands as a user types them, and what came of it."""

    def __init__(self, stage: Stage, file: Path) -> None:
        """Makes the topics, with the policy that the topology declares."""
        self.imported: dict[str, Any] = {}
        """What `onhand import --json` said at its end."""
        self._stage = stage
        self._file = file
        self._codec = codec_of(stage.topology)
        self._says = said_topics(stage.topology, stage.agent)
        self._import_began = 0.0
        self._import_cpu_s = 0.0
        self._decided_after = 0.0
        self._run("topics", "create")

    def import_(self, *options: str) -> None:
        """Import the file; returns when the broker has all of it."""
        self._import_began = time.monotonic()
        cpu_before_s = cpu_seconds_of_ended_children()
        said = self._run("import", str(self._file), "--map", MAPPING, "--json", *options)
        self._import_cpu_s = cpu_seconds_of_ended_children() - cpu_before_s
        self.imported = json.loads(said.splitlines()[-1])

    def wait_until_all_is_decided(self, worker: Worker, seconds: float) -> None:
        """Wait until the worker's input position is the end of every partition: the lag is zero."""
        ends = {span.partition: span.next for span in self._spans(self._stage.transactions)}

        def at_the_end(status: Any) -> bool:
            reached = {each["partition"]: each["input_position"] for each in status.get("partitions", ())}
            return reached == ends

        worker.until(at_the_end, f"at the end of its input {ends}", seconds)
        self._decided_after = time.monotonic() - self._import_began

    def judge(self, *, last_row: int | None = None) -> None:
        """Every transaction of the file was answered once and accepted; books and levels are what SQL says."""
        scratch = self._stage.root
        ids = uci_fold.transaction_ids(self._file, scratch, opening=True, last_row=last_row)
        wanted = uci_fold.final_on_hand(self._file, scratch, opening=True, last_row=last_row)
        event_ids: Counter[str] = Counter()
        self._judge_answers(ids, event_ids)
        self._judge_books(ids, wanted, event_ids)
        event_ids.update(level.event_id for level in self._said("level"))
        alerts = list(self._said("alert"))
        event_ids.update(alert.event_id for alert in alerts)
        # With opening stock nothing is ever negative or at odds; and what a backfill names is no news.
        assert alerts == []
        assert [event for event, count in event_ids.most_common(5) if count > 1] == []
        differing = different(self.positions(), wanted)
        assert not differing, f"{len(differing)} levels differ, such as {differing[:5]}"
        assert not read_graveyard(self._stage.topology, self._codec, self._stage.agent.dead_letters.name).burials

    def answers(self) -> Iterator[Answer]:
        """To the transactions of the file; those to the seeds of the policy are left out."""
        for answer in self._said("answer"):
            if answer.kind is not Kind.POLICY:
                yield answer

    def positions(self) -> dict[tuple[str, str], int]:
        """(sku, location) -> on_hand as published last. Nothing is promised: there are no claims in the file."""
        found = levels(self._stage.topology, self._codec, (), lambda _: None)
        promised = [level for level in found if level.unpromised != level.on_hand or level.atp != level.on_hand]
        assert promised == []
        return {(level.sku, level.location): level.on_hand for level in found}

    def figures(self, worker: Worker) -> dict[str, Any]:
        """What the run took."""
        transactions = sum(self.imported["transactions"].values()) + self.imported["opening_receipts"]
        memory = Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii")
        kept = [path.stat().st_size for path in worker.state_directory.rglob("*") if path.is_file()]
        return {
            "rows": self.imported["rows"],
            "transactions": transactions,
            "import_seconds": self.imported["seconds"],
            "import_cpu_seconds": round(self._import_cpu_s, 1),
            "imported_rows_per_s": self.imported["rows_per_s"],
            "seconds_until_all_was_decided": round(self._decided_after, 1),
            "decided_per_s": round(transactions / self._decided_after),
            "worker_cpu_seconds": round(sum(psutil.Process(worker.pid).cpu_times()[:2]), 1),
            "worker_rss_mib": mebibytes(memory, "VmRSS"),
            "worker_highest_rss_mib": mebibytes(memory, "VmHWM"),
            "state_mib": round(sum(kept) / 2**20, 1),
            "load_average": os.getloadavg(),
        }

    def _judge_answers(self, ids: set[str], event_ids: Counter[str]) -> None:
        answered: Counter[str] = Counter()
        not_accepted = []
        for answer in self.answers():
            event_ids[answer.event_id] += 1
            answered[answer.transaction_id] += 1
            if answer.status is not Status.ACCEPTED:
                not_accepted.append(answer)
        assert not_accepted[:5] == [], f"{len(not_accepted)} were not accepted"
        assert_once(ids, answered, "answered")

    def _judge_books(self, ids: set[str], wanted: dict[tuple[str, str], int], event_ids: Counter[str]) -> None:
        written: Counter[str] = Counter()
        on_hand: Counter[tuple[str, str]] = Counter()
        for entry in cast("Iterator[JournalRecord]", self._said("journal")):
            event_ids[entry.event_id] += 1
            if entry.kind is Kind.POLICY:
                continue
            written[entry.transaction_id] += 1
            for posting in entry.postings:
                if posting.account is Account.UNPROMISED:
                    on_hand[entry.sku, posting.location] += posting.quantity
        assert_once(ids, written, "written into the books")
        differing = different(on_hand, wanted)
        assert not differing, f"{len(differing)} sums of the books differ, such as {differing[:5]}"

    def _said(self, schema: str) -> Iterator[Any]:
        """The committed records of the agent's topic with that schema, decoded."""
        topic = self._says[schema]
        decode = cast("Callable[[bytes | None], Any]", self._codec.decoder(topic, schema))
        for message in records(self._stage.topology.kafka, topic, self._spans(topic), Start()):
            yield decode(message.value())

    def _spans(self, topic: str) -> tuple[PartitionOffsets, ...]:
        cluster = Cluster(self._stage.topology.kafka)
        return cluster.offsets(cluster.topics([topic]).values())[topic]

    def _run(self, *arguments: str) -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "tools", *arguments, *self._stage.options],
            cwd=ROOT,
            env=self._stage.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS_FOR_ALL,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


def assert_once(ids: set[str], counted: Counter[str], what: str) -> None:
    """Every one of these ids, each once, and no other."""
    wrong = {one: counted[one] for one in ids ^ counted.keys()} | {one: n for one, n in counted.items() if n != 1}
    assert not wrong, f"{len(wrong)} of {len(ids)} are not {what} exactly once, such as {list(wrong.items())[:5]}"


def different(found: dict[tuple[str, str], int], wanted: dict[tuple[str, str], int]) -> list[tuple[object, ...]]:
    """(sku and location, found, wanted) where they differ; what is missing is None."""
    keys = sorted(found.keys() | wanted.keys())
    return [(key, found.get(key), wanted.get(key)) for key in keys if found.get(key) != wanted.get(key)]


def cpu_seconds_of_ended_children() -> float:
    """User and system time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def mebibytes(memory: str, name: str) -> int:
    """A figure of /proc/<pid>/status, which is in KiB."""
    line = next(line for line in memory.splitlines() if line.startswith(f"{name}:"))
    return round(int(line.split()[1]) / 1024)

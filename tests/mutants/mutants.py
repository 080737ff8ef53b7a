"""Deliberate breaks of the code. Each is a few exact replacements, and the quickest check that must see it.

A replacement whose text is no longer there, or is there twice, is an error: whoever changes that code decides anew how it
could be broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

OWNER = "agents/runtime/owner.py"
OPENER = "agents/runtime/opener.py"
CUSTODY = "agents/runtime/custody.py"
PLAN = "agents/runtime/plan.py"
ASSIGNMENTS = "tests/runtime/test_assignment_changes.py"
DIRECTED = "tests/simulation/test_directed.py"


class DoesNotFit(Exception):
    """The code is not what the mutant was made for."""


@dataclass(frozen=True)
class Change:
    """One replacement."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """One break."""

    name: str
    changes: tuple[Change, ...]
    seeds: str = "1..400"
    """Of the simulation, among which one must fail."""
    tests: tuple[str, ...] = ()
    """What pytest is given instead, where the simulation cannot see it."""

    @property
    def check(self) -> str:
        """What must catch it, for people."""
        return f"simulation, seeds {self.seeds}" if not self.tests else " ".join(self.tests)


def mutated(mutant: Mutant, root: Path = ROOT) -> Mapping[str, str]:
    """The text of each changed file by its path. Raises DoesNotFit."""
    texts: dict[str, str] = {}
    for change in mutant.changes:
        text = texts.get(change.path)
        if text is None:
            text = (root / change.path).read_text(encoding="utf-8")
        found = text.count(change.old)
        if found != 1:
            raise DoesNotFit(f"{mutant.name}: {change.path} has its text {found} times: {change.old.strip()!r}")
        texts[change.path] = text.replace(change.old, change.new)
    return texts


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "RocksDB before the commit",
        (
            Change(
                OWNER,
                "            fault = self._transact(prepared.outbox, prepared.rows, prepared)\n",
                "            early = Meta(prepared.input_position, prepared.time_ms, self._topic_id, self._checkpoint)\n"
                "            self._store.write(prepared.rows, early)\n"
                "            fault = self._transact(prepared.outbox, prepared.rows, prepared)\n",
            ),
        ),
    ),
    Mutant(
        "position outside the transaction",
        (
            Change(
                OWNER,
                "                key, position = meta_record(",
                "                self.producer.commit_transaction(COMMIT_SLICE_S)\n"
                "                self.producer.begin_transaction()\n"
                "                key, position = meta_record(",
            ),
        ),
    ),
    Mutant(
        "position guard removed",
        (Change(OWNER, "            if offset < position:\n", "            if offset < 0:\n"),),
    ),
    Mutant(
        "restore before fencing",
        (
            Change(OPENER, "        producer = self._fence_off(partition, given_up)\n", ""),
            Change(
                OPENER,
                "        owner = self._owner(partition, producer, store, meta)\n",
                "        try:\n"
                "            producer = self._fence_off(partition, given_up)\n"
                "        except BaseException:\n"
                "            store.close()\n"
                "            raise\n"
                "        owner = self._owner(partition, producer, store, meta)\n",
            ),
        ),
    ),
    Mutant(
        "input read uncommitted",
        (Change(PLAN, '"isolation.level": "read_committed"', '"isolation.level": "read_uncommitted"'),),
    ),
    Mutant(
        "changelog read uncommitted",
        (Change(OPENER, '"isolation.level": "read_committed"', '"isolation.level": "read_uncommitted"'),),
    ),
    Mutant(
        "answer not kept",
        (
            Change(
                "agents/inventory/duplicates.py",
                "    if answer.refusal in NOT_KEPT:\n",
                "    if answer.refusal in NOT_KEPT or answer.refusal is None:\n",
            ),
        ),
    ),
    Mutant(
        "checkpoint ahead of the changelog",
        (Change(OWNER, "            self._checkpoint = offset + 1\n", "            self._checkpoint = offset + 5\n"),),
    ),
    Mutant(
        "wrong-partition check removed",
        (
            Change(
                OWNER,
                "            if partition_of(key, partitions) != partition and not fold.is_broadcast(key):\n",
                "            if partition_of(key, partitions) < 0 and not fold.is_broadcast(key):\n",
            ),
        ),
    ),
    Mutant(
        "fenced owner not reopened",
        (
            Change(
                CUSTODY,
                "            self._spawn(self._wait_fenced(held))\n",
                "            self._spawn(self._drop(held))\n",
            ),
        ),
    ),
    Mutant(
        "due not expired before a decision",
        (Change("agents/inventory/decide.py", "        expire_due(draft)\n", "        pass\n"),),
    ),
    Mutant(
        "rows of an aborted transaction not forgotten",
        (
            Change(
                OWNER,
                "            if fault is not None:\n                self._overlay.discard()\n                return fault\n",
                "            if fault is not None:\n                return fault\n",
            ),
        ),
    ),
    Mutant(
        "unknown outcome taken for an abort",
        (
            Change(
                "agents/runtime/faults.py",
                "        return Fault.COMMIT_AGAIN\n    return Fault.INDEFINITE\n",
                "        return Fault.COMMIT_AGAIN\n    return Fault.APPLY_AGAIN\n",
            ),
        ),
    ),
    Mutant(
        "idle claims never woken",
        (
            Change(
                OWNER,
                "        for key, value in self._fold.due(now, WAKE_UPS_PER_LOOK):\n",
                "        for key, value in self._fold.due(now, 0):\n",
            ),
        ),
    ),
    Mutant(
        "store opened while its last owner has it",
        (
            Change(
                CUSTODY,
                "        return self._doors.setdefault(partition, asyncio.Lock())\n",
                "        return asyncio.Lock()\n",
            ),
        ),
        tests=("tests/runtime/test_custody.py",),
    ),
    Mutant(
        "queues emptied when partitions change hands",
        (Change("agents/runtime/flow.py", "    def clear(self) -> None:\n", "    def clear_not(self) -> None:\n"),),
        tests=(ASSIGNMENTS,),
    ),
    Mutant(
        "chunks passed over before the first assignment is complete",
        (Change("agents/runtime/flow.py", "initially_suspended=False", "initially_suspended=True"),),
        tests=(ASSIGNMENTS,),
    ),
    Mutant(
        "no agent for what comes while another goes",
        (Change("agents/runtime/transport.py", "_update_assignment(kept)", "_update_assignment(assigned)"),),
        tests=(ASSIGNMENTS,),
    ),
    Mutant(
        "failed opening keeps the store",
        (
            Change(
                OPENER,
                "            except BaseException:\n                owner.close()\n                raise\n",
                "            except BaseException:\n                raise\n",
            ),
        ),
        tests=(DIRECTED,),
    ),
    Mutant(
        "empty store not dated",
        (Change(OPENER, "        return self._dated(store)\n", "        return store\n"),),
        tests=(DIRECTED,),
    ),
    Mutant(
        "stale store not rebuilt",
        (
            Change(
                "agents/runtime/opening.py",
                "    return checkpoint_at_ms > 0 and now_ms",
                "    return checkpoint_at_ms < 0 and now_ms",
            ),
        ),
        tests=(DIRECTED,),
    ),
    Mutant(
        "overtaken owner takes it for a loss",
        (
            Change(
                OPENER,
                "            figures = self._figures.of(figures.partition)\n            lost = input_refusal(",
                "            figures = self._figures.of(figures.partition)\n            lost = lost or input_refusal(",
            ),
        ),
        tests=(DIRECTED,),
    ),
    Mutant(
        "late commit ends the next transaction",
        (
            Change(
                OWNER,
                "                if answered_at_once:\n                    return None\n",
                "                if began:\n                    return None\n",
            ),
        ),
        tests=(DIRECTED,),
    ),
)

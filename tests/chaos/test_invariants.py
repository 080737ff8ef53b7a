"""The judges can fail: each invariant finds what was spoilt in evidence that was in order before."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.inventory.positions import StockLevel
from tests.chaos.evidence import Evidence
from tests.chaos.faults import Fault
from tests.chaos.invariants import INVARIANTS
from tests.chaos.log_files import Batch, Fate
from tests.chaos.scene import Run, Scene, come_to_rest, judge_lag
from tests.chaos.state_faults import audited

pytestmark = [pytest.mark.kafka, pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(240)]

NO_FAULT = Fault("nothing", "nothing happens", lambda run: None, (), 60.0, tuple(INVARIANTS), True, False)


class Frozen(Evidence):
    """Evidence whose parts can be exchanged: what the topics and files say is copied when it is asked for."""

    def __init__(self, evidence: Evidence) -> None:
        self.__dict__.update(evidence.__dict__)
        self._original = evidence
        self._copies: dict[str, dict[int, list[Any]]] = {}
        self._copied_logs: dict[tuple[str, int], list[Batch]] = {}

    def said(self, schema: str) -> dict[int, list[Any]]:
        if schema not in self._copies:
            read = self._original.said(schema)
            self._copies[schema] = {n: list(read[n]) for n in range(self.stage.partitions)}
        return self._copies[schema]

    def log(self, topic: str, partition: int) -> list[Batch]:
        if (topic, partition) not in self._copied_logs:
            self._copied_logs[topic, partition] = list(self._original.log(topic, partition))
        return self._copied_logs[topic, partition]


@pytest.fixture(scope="module")
def calm(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Evidence]]:
    """A run to which nothing happened."""
    run = Run(NO_FAULT, scene, Path(tmp_path_factory.mktemp("calm")) / "run", seed=5)
    with run.stage:
        run.two_workers()
        run.load.send(800)
        judge_lag(run)
        yield run, come_to_rest(run)


@pytest.fixture
def evidence(calm: tuple[Run, Evidence]) -> Frozen:
    """A copy to spoil; what the topics and files say is copied when it is asked for."""
    frozen = Frozen(calm[1])
    frozen.changelogs = copy.deepcopy(calm[1].changelogs)
    frozen.stores = [dataclasses.replace(store, rows=dict(store.rows)) for store in calm[1].stores]
    frozen.ends = dict(calm[1].ends)
    return frozen


def test_a_run_without_a_fault_is_in_order(evidence: Frozen) -> None:
    for holds in INVARIANTS.values():
        holds(evidence)


def test_the_audit_is_of_the_same_opinion(calm: tuple[Run, Evidence]) -> None:
    report = audited(calm[0])
    assert report.differences == 0, report.sentence()
    assert report.records == sum(want.folded for want in calm[1].expected.values())


def test_the_aborted_records_in_the_log_are_those_that_the_publisher_aborted(calm: tuple[Run, Evidence]) -> None:
    run, evidence = calm
    assert len(evidence.aborted_input) == run.load.aborted > 0


def red(name: str, evidence: Evidence, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        INVARIANTS[name](evidence)


@pytest.mark.parametrize("schema", ["answer", "journal"])
def test_i1_finds_what_is_missing_doubled_or_out_of_order(evidence: Frozen, schema: str) -> None:
    said = evidence.said(schema)
    right = said[0]
    for spoilt in (right[:7] + right[8:], right[:8] + right[7:], [*right[:7], right[8], right[7], *right[9:]]):
        said[0] = spoilt
        red("I1", evidence, "of partition 0")


def test_i1_finds_an_alert_too_many_and_one_that_is_missing(evidence: Frozen) -> None:
    alerts = next(said for said in evidence.said("alert").values() if said)
    alert = alerts.pop()
    red("I1", evidence, "1 alerts are missing")
    alerts += [alert, msgspec.structs.replace(alert, event_id="other-0-0-0")]
    red("I1", evidence, "1 alerts too many")


def test_i2_finds_a_level_that_is_not_the_fold_and_one_that_goes_back(evidence: Frozen) -> None:
    levels: list[StockLevel] = evidence.said("level")[0]
    right = levels[3]
    levels[3] = msgspec.structs.replace(right, unpromised=right.unpromised + 1)
    red("I2", evidence, "said .* oracle")
    levels[3] = right
    levels.append(right)
    red("I2", evidence, "came after")


def test_i2_finds_a_last_level_that_was_never_published(evidence: Frozen) -> None:
    last = evidence.said("level")[0].pop()
    red("I2", evidence, f"{last.sku}.*the last level is")


def test_i3_finds_an_open_transaction_and_input_that_was_left(evidence: Frozen) -> None:
    (topic, partition), (stable, high) = next(iter(evidence.ends.items()))
    evidence.ends = {**evidence.ends, (topic, partition): (stable - 1, high)}
    red("I3", evidence, "stable up to")
    evidence.ends = {**evidence.ends, (topic, partition): (stable, high)}
    log = evidence.log(evidence.stage.agent.changelog.name, 1)
    marker = log.pop()
    assert marker.marker is Fate.COMMITTED
    red("I3", evidence, "a transaction is open since")
    log.append(marker)
    evidence.changelogs[1].positions.pop()
    red("I3", evidence, "partition 1 is folded up to")


def test_i4_finds_one_byte_in_the_changelog_and_one_in_a_store(evidence: Frozen) -> None:
    for spoilt, words in (
        (evidence.changelogs[0].rows, "against the fold"),
        (owner_of(evidence, 0).rows, "never committed"),
    ):
        key, right = next(iter(spoilt.items()))
        spoilt[key] = right[:-1] + bytes([right[-1] ^ 1])
        red("I4", evidence, words)
        spoilt[key] = right


def test_i4_finds_a_store_without_a_row_and_one_that_is_ahead(evidence: Frozen) -> None:
    store = owner_of(evidence, 2)
    key = next(iter(store.rows))
    right = store.rows.pop(key)
    red("I4", evidence, "against the changelog: 1 rows differ")
    store.rows[key] = right
    ahead = msgspec.structs.replace(store.meta, input_position=store.meta.input_position + 1)
    evidence.stores = [dataclasses.replace(each, meta=ahead) if each is store else each for each in evidence.stores]
    red("I4", evidence, "never committed")


def owner_of(evidence: Evidence, partition: int) -> Any:
    return max((s for s in evidence.stores if s.partition == partition), key=lambda store: store.meta.checkpoint)


def test_i5_finds_a_unit_that_appeared_and_one_that_was_not_posted(evidence: Frozen) -> None:
    levels = evidence.said("level")[0]
    right = levels[-1]
    levels[-1] = msgspec.structs.replace(right, on_hand=right.on_hand + 1)
    red("I5", evidence, "are told on hand")
    levels[-1] = right
    evidence.said("journal")[0].pop()
    red("I5", evidence, "were posted to")


def test_i6_finds_a_writer_that_comes_back_and_one_in_anothers_transaction(evidence: Frozen) -> None:
    log = evidence.log(evidence.stage.agent.changelog.name, 0)
    first = next(batch for batch in log if batch.marker is None)
    marker = next(batch for batch in log if batch.marker is not None)
    other = dataclasses.replace(first, writer=(first.writer[0], first.writer[1] + 1))
    ends = dataclasses.replace(marker, writer=other.writer)
    log += [other, ends, first]
    red("I6", evidence, "came back after")
    del log[-2:]
    log.append(dataclasses.replace(other, writer=(first.writer[0], first.writer[1] + 2)))
    red("I6", evidence, "wrote into the transaction of")


def test_i6_finds_an_input_position_that_goes_back_and_two_instances_that_are_one_writer(evidence: Frozen) -> None:
    positions = evidence.changelogs[3].positions
    positions.append(positions[0])
    red("I6", evidence, "the input position went back")
    positions.pop()
    beats = evidence.said("heartbeat")[3]
    beats[-1] = msgspec.structs.replace(beats[-1], instance="somebody else")
    red("I6", evidence, "wrote as the same writer")


def test_i7_finds_an_event_of_an_aborted_record_and_refuses_to_prove_nothing(evidence: Frozen) -> None:
    partition, offset = min(evidence.aborted_input)
    answers = evidence.said("answer")[partition]
    right = answers[0]
    answers[0] = msgspec.structs.replace(right, event_id=f"{evidence.stage.transactions}-{partition}-{offset}-0")
    red("I7", evidence, "whose transaction was aborted")
    answers[0] = msgspec.structs.replace(right, transaction_id="aborted-1")
    red("I7", evidence, "aborted by its publisher")
    answers[0] = right
    evidence.aborted_input = set()
    red("I7", evidence, "proves nothing")


def test_i8_finds_a_transaction_that_is_never_answered(calm: tuple[Run, Evidence]) -> None:
    run, _ = calm
    run.load.sent.append(msgspec.structs.replace(run.load.sent[0], transaction_id="nobody answers this"))
    with pytest.raises(AssertionError, match=r"I8 lag: 1 of .* not answered"):
        run.load.until_answered(0.3)

"""An agent of a topology, partition by partition: what `onhand audit` and the chaos tests call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.codec import Codec
from agents.runtime.plan import AgentLogic
from agents.runtime.topology import AgentSettings, Topology
from tools.audit.findings import Difference
from tools.audit.partition import PartitionReport, audit_partition
from tools.audit.stage import AuditStage

Progress = Callable[[int, int, int], None]
"""Told (partition, offsets folded, offsets in all)."""


@dataclass
class AuditReport:
    """What the audit of an agent says."""

    agent: str
    partitions: list[PartitionReport] = field(default_factory=list)

    @property
    def differences(self) -> int:
        """All of them."""
        return sum(report.findings.total for report in self.partitions)

    @property
    def first(self) -> Difference | None:
        """The first one, explained."""
        return next((told for report in self.partitions for told in report.findings.told), None)

    @property
    def cannot(self) -> list[PartitionReport]:
        """The partitions of which it cannot be said."""
        return [report for report in self.partitions if report.cannot is not None]

    @property
    def records(self) -> int:
        """Input records folded."""
        return sum(report.records for report in self.partitions)

    @property
    def seconds(self) -> float:
        """That it took."""
        return sum(report.seconds for report in self.partitions)

    @property
    def records_per_s(self) -> int:
        """Input records folded and compared in a second."""
        return round(self.records / self.seconds) if self.seconds else 0

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "agent": self.agent,
            "differences": self.differences,
            "records": self.records,
            "seconds": round(self.seconds, 3),
            "records_per_s": self.records_per_s,
            "partitions": [_partition_as_json(report) for report in self.partitions],
        }

    def sentence(self) -> str:
        """For whoever reads the result of a test: what was compared, or the first differences."""
        if not self.differences and not self.cannot:
            return f"{self.records} records folded again in {len(self.partitions)} partitions: no difference"
        told = [
            f"[{each.partition}] {each.sentence} expected {each.expected}, found {each.found}"
            for report in self.partitions
            for each in report.findings.told
        ]
        told += [f"[{report.partition}] {report.cannot}" for report in self.cannot]
        return f"{self.differences} differences: " + "\n".join(told)


def audit(
    topology: Topology,
    agent: AgentSettings,
    logic: AgentLogic,
    codec: Codec,
    *,
    partitions: Iterable[int] | None = None,
    state_directory: Path | None = None,
    rows_only: bool = False,
    progress: Progress = lambda _, __, ___: None,
) -> AuditReport:
    """Audit an agent; all partitions where none are named. `state_directory` None: local stores are not looked at.

    Raises KafkaException, BrokerUnusable, RegistryUnreachable, TopicsMissing. What it finds is in the report.
    """
    stage = AuditStage(topology, agent, logic, codec)
    report = AuditReport(agent.name)
    for partition in range(stage.partitions) if partitions is None else sorted(set(partitions)):
        report.partitions.append(
            audit_partition(
                stage,
                partition,
                state_directory=state_directory,
                rows_only=rows_only,
                progress=lambda done, total, number=partition: progress(number, done, total),  # type: ignore[misc]
            )
        )
    return report


def _partition_as_json(report: PartitionReport) -> dict[str, Any]:
    return {
        "partition": report.partition,
        "input_position": report.input_position,
        "records": report.records,
        "rows": report.rows,
        "found": report.found,
        "not_checked": {"deleted_by_retention": report.gone, "overtaken_by_compaction": report.overtaken},
        "states": report.states,
        "remarks": report.remarks,
        "seconds": round(report.seconds, 3),
        "cannot": None if report.cannot is None else report.cannot.sentence,
        "differences": {f"{party} {kind}": count for (party, kind), count in sorted(report.findings.counts.items())},
        "first": report.findings.told,
    }

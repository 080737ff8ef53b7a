"""What is measured: the KPIs that were said last, and how far each partition of each agent is. Free of I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from agents.codec.words import Heartbeat
from agents.inventory.scores.kpis import KPIS, MILLION, Kpi, Unit
from agents.inventory.scores.words import KpiRecord
from agents.serve.metrics.exposition import Family, Sample

RUNNING, CLOSED = "running", "closed"
KPI_LABELS = "the window that is running, and the last one that is closed"


def metric_of(kpi: Kpi) -> str:
    """The name of a KPI's metric; it ends in the unit."""
    unit = "" if kpi.unit is Unit.UNITS else f"_{kpi.unit.value}"
    return f"onhand_kpi_{kpi.name}{unit}"


class Position(NamedTuple):
    """How far one partition of one agent is."""

    agent: str
    beat: Heartbeat
    input_end: int | None
    """Where its input ends now; None while the broker does not say."""


class LatestKpis:
    """The newest running and the newest closed window of each subject and length."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str, bool], KpiRecord] = {}

    def hear(self, record: KpiRecord) -> None:
        """Take over what was said, unless something newer is known. A window that was closed runs no more."""
        key = (record.subject, record.window, record.closed)
        known = self._records.get(key)
        if known is None or (record.from_ms, record.revision) >= (known.from_ms, known.revision):
            self._records[key] = record
        running = self._records.get((record.subject, record.window, False))
        if record.closed and running is not None and running.from_ms <= record.from_ms:
            del self._records[record.subject, record.window, False]

    def records(self) -> list[KpiRecord]:
        """All of them: by subject, window, the running one first."""
        return [self._records[key] for key in sorted(self._records)]


def families_of_kpis(records: Iterable[KpiRecord]) -> list[Family]:
    """A family for each KPI, and one that says how old the figures are."""
    values: dict[str, list[Sample]] = {kpi.name: [] for kpi in KPIS}
    moments: list[Sample] = []
    for record in records:
        labels = labels_of(record)
        moments.append(Sample(labels, record.as_of_ms / 1_000))
        for figure in record.figures:
            if figure.kpi in values:
                values[figure.kpi].append(Sample(labels, figure.value_millionths / MILLION))
    help_ = "See docs/reference/kpis.md; "
    families = [Family(metric_of(kpi), f"{help_}{kpi.name}, {KPI_LABELS}.", tuple(values[kpi.name])) for kpi in KPIS]
    as_of = "Until when the KPIs of a window were reckoned, epoch seconds."
    return [*families, Family("onhand_kpi_as_of_timestamp_seconds", as_of, tuple(moments))]


def labels_of(record: KpiRecord) -> Mapping[str, str]:
    """What a figure is of."""
    return {
        "window": record.window,
        "dimension": record.dimension.value,
        "member": record.member,
        "state": CLOSED if record.closed else RUNNING,
    }


def families_of_positions(positions: Iterable[Position], now_ms: int) -> list[Family]:
    """How far every partition is, how much it has before it, and when it was heard of last."""
    found = sorted(positions, key=lambda each: (each.agent, each.beat.partition))
    named = [({"agent": p.agent, "topic": p.beat.topic, "partition": str(p.beat.partition)}, p) for p in found]
    lags = [(labels, max(0, p.input_end - p.beat.input_position)) for labels, p in named if p.input_end is not None]
    return [
        Family(
            "onhand_input_position_records",
            "Offset of the next input record of a partition.",
            tuple(Sample(labels, p.beat.input_position) for labels, p in named),
        ),
        Family(
            "onhand_lag_records",
            "Offsets between that position and the end of the input; transaction markers have offsets, too.",
            tuple(Sample(labels, lag) for labels, lag in lags),
        ),
        Family(
            "onhand_record_timestamp_seconds",
            "Record time of the last input record decided, epoch seconds; 0 before the first.",
            tuple(Sample(labels, p.beat.record_time_ms / 1_000) for labels, p in named),
        ),
        Family(
            "onhand_heartbeat_age_seconds",
            "How long ago a worker said so; it does each second while the partition runs.",
            tuple(
                Sample({**labels, "instance": p.beat.instance}, max(0, now_ms - p.beat.at_ms) / 1_000)
                for labels, p in named
            ),
        ),
    ]

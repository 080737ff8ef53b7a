from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.codec.words import Heartbeat
from agents.inventory.scores.kpis import KPIS
from agents.inventory.scores.words import Dimension, Figure, KpiRecord
from agents.serve.metrics.exposition import Family, Sample, exposition
from agents.serve.metrics.measures import (
    LatestKpis,
    Position,
    families_of_kpis,
    families_of_positions,
    metric_of,
)
from tests.serve.metrics.scraping import parse

HOUR = 3_600_000
LABELS = st.dictionaries(st.sampled_from(["member", "agent", "topic"]), st.text(max_size=30), max_size=3)
VALUES = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(1 << 53), 1 << 53)


def kpi_record(from_ms: int, value: int, *, closed: bool, revision: int = 0, member: str = "LEEDS") -> KpiRecord:
    return KpiRecord(
        event_id="e", subject=f"location:{member}", dimension=Dimension.LOCATION, member=member, window="1h",
        from_ms=from_ms, until_ms=from_ms + HOUR, as_of_ms=from_ms + HOUR, closed=closed, revision=revision,
        figures=(Figure("fulfilment_time", "seconds", value, 1, value * 1_000_000),),
    )  # fmt: skip


@given(
    st.lists(st.tuples(LABELS, VALUES), max_size=5, unique_by=lambda each: tuple(sorted(each[0].items()))), st.text()
)
def test_whatever_names_contain_a_page_is_read_as_it_was_meant(
    samples: list[tuple[dict[str, str], float]], help_: str
) -> None:
    family = Family("onhand_thing", help_, tuple(Sample(labels, value) for labels, value in samples))
    page = parse(exposition([family]))
    assert len(page.samples) == len(samples)
    for got, (labels, value) in zip(page.samples, samples, strict=True):
        assert got.labels == labels
        assert math.isclose(got.value, value)


def test_quotes_backslashes_and_line_ends_survive() -> None:
    labels = {"member": 'a "b" \\ c\nd'}
    page = parse(exposition([Family("onhand_thing", "one\ntwo \\ three", (Sample(labels, 1.5),))]))
    assert page.samples[0].labels == labels
    assert page.helps == {"onhand_thing": "one\\ntwo \\\\ three"}


def test_a_metric_ends_in_its_base_unit_and_every_kpi_has_one() -> None:
    names = [metric_of(kpi) for kpi in KPIS]
    assert len(set(names)) == len(KPIS)
    assert "onhand_kpi_fulfilment_time_seconds" in names
    assert "onhand_kpi_shrinkage_rate_ratio" in names
    assert not [name for name in names if "minute" in name or "percent" in name]


def test_the_running_window_and_the_last_closed_one_are_served() -> None:
    latest = LatestKpis()
    for record in (
        kpi_record(0, 1, closed=False),
        kpi_record(0, 2, closed=True),
        kpi_record(HOUR, 3, closed=False),
        kpi_record(0, 4, closed=True, revision=1),
        kpi_record(HOUR, 5, closed=False),
    ):
        latest.hear(record)
    page = parse(exposition(families_of_kpis(latest.records())))
    metric = "onhand_kpi_fulfilment_time_seconds"
    assert page.of(metric, state="closed", member="LEEDS", window="1h") == [4]
    assert page.of(metric, state="running") == [5]
    assert page.of("onhand_kpi_as_of_timestamp_seconds", state="closed") == [3_600]


def test_a_window_that_was_closed_runs_no_more() -> None:
    latest = LatestKpis()
    latest.hear(kpi_record(HOUR, 5, closed=False))
    latest.hear(kpi_record(HOUR, 6, closed=True))
    latest.hear(kpi_record(0, 9, closed=True, revision=3))
    assert [(each.closed, each.figures[0].numerator) for each in latest.records()] == [(True, 6)]


@pytest.mark.parametrize(("end", "lag"), [(150, [50]), (100, [0]), (99, [0]), (None, [])])
def test_the_lag_is_what_lies_before_a_partition_and_unknown_while_the_broker_is_away(
    end: int | None, lag: list[float]
) -> None:
    beat = Heartbeat(topic="t", partition=3, input_position=100, record_time_ms=4_500, at_ms=9_000, instance="w")
    page = parse(exposition(families_of_positions([Position("stock_keeper", beat, end)], 10_500)))
    assert page.of("onhand_lag_records", agent="stock_keeper", topic="t", partition="3") == lag
    assert page.of("onhand_input_position_records") == [100]
    assert page.of("onhand_record_timestamp_seconds") == [4.5]
    assert page.of("onhand_heartbeat_age_seconds", instance="w") == [1.5]

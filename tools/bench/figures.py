"""The arithmetic of a bench: rates, ratios, percentiles and goals. Free of I/O."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WINDOW = (0.10, 0.95)
"""Shares of the output between which a rate is taken: neither start-up nor the last, smaller chunks count."""

Sample = tuple[float, int]
"""(seconds, outputs seen until then)"""

RATIO_GOALS = {"thin": 0.8, "ledger": 0.5}
LEDGER_PER_S_GOAL = 8_000
P50_GOAL_MS, P99_GOAL_MS = 40.0, 150.0


@dataclass(frozen=True)
class Run:
    """One run of one side, in transactions/s."""

    whole: float
    """Over all of it, start-up included."""
    window: float | None
    """Within the window; None where the outputs came at too few moments to say."""


@dataclass(frozen=True)
class Throughput:
    """Runs of the same work on both sides, in transactions/s."""

    ours: Sequence[float]
    bare: Sequence[float]
    start_up_counted: bool = False
    """The runs were too small for a window, so these rates are of whole runs, and say little."""

    @classmethod
    def of(cls, ours: Sequence[Run], bare: Sequence[Run]) -> Throughput:
        """By the windows, or where one run has none by the whole of all runs: both sides by the same measure."""
        ours_seen = [run.window for run in ours if run.window is not None]
        bare_seen = [run.window for run in bare if run.window is not None]
        if len(ours_seen) == len(ours) and len(bare_seen) == len(bare):
            return cls(ours_seen, bare_seen)
        return cls([run.whole for run in ours], [run.whole for run in bare], start_up_counted=True)

    @property
    def transactions_per_s(self) -> float:
        """Our best run. What else runs on a machine makes runs slower, never faster, so the best says most."""
        return max(self.ours)

    @property
    def bare_per_s(self) -> float:
        """The best run of the bare loop."""
        return max(self.bare)

    @property
    def ratio(self) -> float:
        """Best against best."""
        return self.transactions_per_s / self.bare_per_s

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "transactions_per_s": round(self.transactions_per_s),
            "ratio": round(self.ratio, 3),
            "bare_per_s": round(self.bare_per_s),
            "start_up_counted": self.start_up_counted,
            "runs": {"ours": [round(rate) for rate in self.ours], "bare": [round(rate) for rate in self.bare]},
        }


@dataclass(frozen=True)
class Latency:
    """From transaction to committed level, in milliseconds."""

    p50: float
    p99: float
    longest: float
    transactions: int

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> Latency:
        """Raises ValueError for none."""
        ordered = sorted(milliseconds)
        return cls(percentile(ordered, 0.50), percentile(ordered, 0.99), percentile(ordered, 1.0), len(ordered))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "p50": round(self.p50, 1),
            "p99": round(self.p99, 1),
            "longest": round(self.longest, 1),
            "transactions": self.transactions,
        }


def percentile(ordered: Sequence[float], share: float) -> float:
    """The least value that at least `share` of all values do not exceed (nearest rank). Raises ValueError for none."""
    if not ordered:
        raise ValueError("a percentile of nothing")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def run_of(samples: Sequence[Sample], total: int, started_at: float) -> Run:
    """What samples of a run that ended with `total` outputs say of it. Raises ValueError where there are none."""
    if not samples:
        raise ValueError("a rate of nothing")
    return Run(total / (samples[-1][0] - started_at), window_rate(samples, total))


def window_rate(samples: Sequence[Sample], total: int) -> float | None:
    """Outputs per second between the first samples at or beyond 10 % and 95 % of `total`; None where that is one."""
    first = _first_at(samples, WINDOW[0] * total)
    last = _first_at(samples, WINDOW[1] * total)
    if first is None or last is None or last[0] <= first[0]:
        return None
    return (last[1] - first[1]) / (last[0] - first[0])


def _first_at(samples: Sequence[Sample], count: float) -> Sample | None:
    return next((sample for sample in samples if sample[1] >= count), None)


def missed_goals(throughputs: Mapping[str, Throughput], latencies: Mapping[int, Latency]) -> list[str]:
    """What was not reached, one sentence each."""
    missed = [
        f"{name}: ratio {measured.ratio:.2f}, the goal is {RATIO_GOALS[name]:.2f} or better"
        for name, measured in throughputs.items()
        if measured.ratio < RATIO_GOALS[name]
    ]
    ledger = throughputs.get("ledger")
    if ledger is not None and ledger.transactions_per_s < LEDGER_PER_S_GOAL:
        missed.append(f"ledger: {ledger.transactions_per_s:,.0f} transactions/s, the goal is {LEDGER_PER_S_GOAL:,}")
    for rate, latency in latencies.items():
        for name, value, goal in (("p50", latency.p50, P50_GOAL_MS), ("p99", latency.p99, P99_GOAL_MS)):
            if value >= goal:
                missed.append(f"latency at {rate:,}/s: {name} {value:.0f} ms, the goal is under {goal:.0f} ms")
    return missed

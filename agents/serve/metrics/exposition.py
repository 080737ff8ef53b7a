"""The text format of Prometheus, version 0.0.4: what is measured, as lines.

https://prometheus.io/docs/instrumenting/exposition_formats/ - a family is told once, with its help and type, then its samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Sample(NamedTuple):
    """One value, and what it is of."""

    labels: Mapping[str, str]
    value: float


class Family(NamedTuple):
    """All samples of one metric: a gauge."""

    name: str
    help: str
    samples: tuple[Sample, ...]


def exposition(families: Iterable[Family]) -> str:
    """The page that a scrape gets; families without samples are left out."""
    lines: list[str] = []
    for family in families:
        if family.samples:
            lines += [f"# HELP {family.name} {escaped(family.help)}", f"# TYPE {family.name} gauge"]
            lines += [line_of(family.name, sample) for sample in family.samples]
    return "\n".join([*lines, ""])


def line_of(name: str, sample: Sample) -> str:
    """One sample."""
    labels = ",".join(f'{label}="{escaped(value, quoted=True)}"' for label, value in sample.labels.items())
    return f"{name}{{{labels}}} {number(sample.value)}" if labels else f"{name} {number(sample.value)}"


def escaped(text: str, *, quoted: bool = False) -> str:
    """A help text, or between quotes the value of a label."""
    safe = text.replace("\\", "\\\\").replace("\n", "\\n")
    return safe.replace('"', '\\"') if quoted else safe


def number(value: float) -> str:
    """A value; whole ones without a point, so that offsets stay exact."""
    return str(int(value)) if value == int(value) else repr(value)

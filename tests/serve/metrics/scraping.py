"""A strict reader of the text format of Prometheus, by its description, not by our writer."""

from __future__ import annotations

import re
from typing import NamedTuple

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
LINE = re.compile(rf"({NAME})(?:\{{((?:{LABEL})(?:,{LABEL})*)\}})? (\S+)")
UNESCAPED = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}


class Sample(NamedTuple):
    name: str
    labels: dict[str, str]
    value: float


class Page(NamedTuple):
    """A scrape."""

    samples: list[Sample]
    types: dict[str, str]
    helps: dict[str, str]

    def of(self, name: str, **labels: str) -> list[float]:
        """The values of a metric of which these labels are so."""
        return [each.value for each in self.samples if each.name == name and labels.items() <= each.labels.items()]


def parse(text: str) -> Page:
    """Raises AssertionError for anything that the format does not allow."""
    assert text.endswith("\n") or not text
    page = Page([], {}, {})
    for line in filter(None, text.split("\n")):  # Other line ends are letters like any.
        if line.startswith("# HELP "):
            name, _, words = line.removeprefix("# HELP ").partition(" ")
            assert name not in page.helps, f"{name} is helped twice"
            page.helps[name] = words
        elif line.startswith("# TYPE "):
            name, kind = line.removeprefix("# TYPE ").split(" ")
            assert name not in page.types, f"{name} is told in two places"
            assert not any(each.name == name for each in page.samples), f"{name} has samples before its type"
            page.types[name] = kind
        else:
            page.samples.append(sample_of(line))
            assert list(page.types)[-1] == page.samples[-1].name, f"{line!r} is not with its family"
    seen = [(each.name, tuple(sorted(each.labels.items()))) for each in page.samples]
    assert len(seen) == len(set(seen)), "a sample is told twice"
    return page


def sample_of(line: str) -> Sample:
    found = LINE.fullmatch(line)
    assert found is not None, f"{line!r} is no sample"
    pairs = re.findall(LABEL, found.group(2) or "")
    labels = {name: re.sub(r'\\[\\n"]', lambda each: UNESCAPED[each.group()], value) for name, value in pairs}
    assert len(labels) == len(pairs), f"a label is given twice: {line!r}"
    return Sample(found.group(1), labels, float(found.group(found.re.groups)))

"""Conditions of a mapping's rules: whether a rule takes a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from agents.runtime.topology_file import Section, described
from tools.importing.expressions import Binding, Cells, converted, number_of, pattern

Test = Callable[[Cells], bool]

_TESTS = ("matches", "equals", "in", "above", "at_least", "below", "at_most", "empty")


@dataclass(frozen=True)
class Condition:
    """Tests of one column; all that are given must hold."""

    column: str
    matches: re.Pattern[str] | None = None
    equals: str | None = None
    one_of: frozenset[str] | None = None
    above: Decimal | None = None
    at_least: Decimal | None = None
    below: Decimal | None = None
    at_most: Decimal | None = None
    empty: bool | None = None

    def test(self, binding: Binding) -> Test:
        """The closure that says whether it holds. It raises BadRow where a number is to be compared and is none."""
        tests = self._tests(binding)
        return tests[0] if len(tests) == 1 else lambda cells: all(test(cells) for test in tests)

    def _tests(self, binding: Binding) -> list[Test]:
        index = binding.at(self.column)
        tests: list[Test] = []
        if self.empty is not None:
            wanted = self.empty
            tests.append(lambda cells: (not cells[index].strip()) is wanted)
        if self.equals is not None:
            text = self.equals
            tests.append(lambda cells: cells[index] == text)
        if self.one_of is not None:
            texts = self.one_of
            tests.append(lambda cells: cells[index] in texts)
        if self.matches is not None:
            search = self.matches.search
            tests.append(lambda cells: search(cells[index]) is not None)
        if any(bound is not None for bound in (self.above, self.at_least, self.below, self.at_most)):
            tests.append(self._within(index, binding.decimal_mark))
        return tests

    def _within(self, index: int, decimal_mark: str) -> Test:
        column, above, at_least, below, at_most = self.column, self.above, self.at_least, self.below, self.at_most

        def within(cells: Cells) -> bool:
            text = cells[index]
            number = number_of(
                text.replace(".", "").replace(decimal_mark, ".") if decimal_mark != "." else text, column
            )
            return (
                (above is None or number > above)
                and (at_least is None or number >= at_least)
                and (below is None or number < below)
                and (at_most is None or number <= at_most)
            )

        return within


def read_conditions(sections: Sequence[Section]) -> tuple[Condition, ...]:
    """The conditions of a list; mistakes are noted in their sections."""
    return tuple(_read(section) for section in sections)


def all_of(conditions: Sequence[Condition], binding: Binding) -> Test | None:
    """The closure that says whether all hold; None where there are none."""
    tests = [condition.test(binding) for condition in conditions]
    if len(tests) <= 1:
        return tests[0] if tests else None
    first, *others = tests
    return lambda cells: first(cells) and all(test(cells) for test in others)


def _read(section: Section) -> Condition:
    if not any(name in section.values for name in _TESTS):
        section.mistakes.add(section.path, f"tests nothing; give one of {', '.join(_TESTS)}")
    condition = Condition(
        column=section.text("column"),
        matches=converted(section, "matches", pattern, None),
        equals=converted(section, "equals", _text, None),
        one_of=converted(section, "in", _texts, None),
        above=_bound(section, "above"),
        at_least=_bound(section, "at_least"),
        below=_bound(section, "below"),
        at_most=_bound(section, "at_most"),
        empty=section.flag("empty") if "empty" in section.values else None,
    )
    section.finish()
    return condition


def _bound(section: Section, key: str) -> Decimal | None:
    return converted(section, key, _number, Decimal(0)) if key in section.values else None


def _number(value: object) -> Decimal:
    try:
        number = Decimal(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise ValueError(f"must be a number, not {described(value)}")
    return number


def _text(value: object) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"must be a text in quotes, not {described(value)}")


def _texts(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"must be a list of texts, not {described(value)}")
    return frozenset(_text(inner) for inner in value)

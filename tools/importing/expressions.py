"""Expressions of a mapping: from the cells of a row to one value.

Declared in YAML, read once with every mistake told, then bound to the columns of a file as plain closures: a row costs
a few calls, nothing is looked up by name.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from agents.runtime.topology_file import Mistakes, Section, described, did_you_mean
from tools.importing.problems import BadRow

ROW_NUMBER = "row_number"
"""The pseudo column with the number of the record; 1 is the first after the header."""
LARGEST_QUANTITY = 2**63 - 1
"""Avro's long."""
_MOST_TEXTS_REMEMBERED = 65_536

T = TypeVar("T")
D = TypeVar("D")

Cells = list[str]
TextOf = Callable[[Cells], str]
ValueOf = Callable[[Cells], Any]

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_SOURCES = ("column", "constant", "template", "hash_of")
_NORMALISATIONS: Mapping[str, Callable[[str], str]] = {
    "trim": str.strip,
    "upper": str.upper,
    "lower": str.lower,
    "squeeze": lambda text: " ".join(text.split()),
    "digits": lambda text: "".join(character for character in text if character in "0123456789"),
}
_TRUE = frozenset({"true", "yes", "y", "1"})
_FALSE = frozenset({"false", "no", "n", "0"})


@dataclass(frozen=True)
class Binding:
    """What an expression needs to know of a file."""

    columns: Mapping[str, int]
    decimal_mark: str = "."

    def at(self, column: str) -> int:
        """The index of a column's cell."""
        return self.columns[column]


@dataclass(frozen=True, eq=False)
class Lookup:
    """A named table: exact texts, or patterns of which the first that is found in the text counts."""

    name: str
    exact: Mapping[str, str]
    patterns: tuple[tuple[re.Pattern[str], str], ...] = ()
    _known: dict[str, str | None] = field(default_factory=dict)
    """Texts repeat, and a search through many patterns is slow."""

    def find(self, text: str) -> str | None:
        """What the table gives for `text`, or None."""
        if not self.patterns:
            return self.exact.get(text)
        if text in self._known:
            return self._known[text]
        given = next((given for pattern, given in self.patterns if pattern.search(text)), None)
        if len(self._known) < _MOST_TEXTS_REMEMBERED:
            self._known[text] = given
        return given


@dataclass(frozen=True)
class Expression:
    """One declared value. Exactly one of `column`, `constant`, `template` and `hash_of` says where it comes from."""

    path: str
    column: str | None = None
    constant: str | None = None
    template: str | None = None
    hash_of: str | None = None
    over: tuple[str, ...] = ()
    normalise: tuple[str, ...] = ()
    lookup: Lookup | None = None
    otherwise: str | None = None
    default: str | None = None
    factor: Decimal | None = None
    negate: bool = False
    absolute: bool = False

    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        if self.template is not None:
            return tuple(_PLACEHOLDER.findall(self.template))
        return tuple(name for name in (self.column, self.hash_of) if name is not None)

    def text(self, binding: Binding) -> TextOf:
        """The closure that gives its text; empty where there is none. It raises BadRow."""
        take = self._source(binding)
        if self.default is not None:
            take = _with_default(take, self.default)
        for name in self.normalise:
            take = _then(take, _NORMALISATIONS[name])
        if self.hash_of is not None:
            take = _hashed(take, self.over)
        return _looked_up(take, self.lookup, self.otherwise) if self.lookup is not None else take

    def _source(self, binding: Binding) -> TextOf:
        if self.constant is not None:
            constant = self.constant
            return lambda _: constant
        if self.template is not None:
            return _filled(self.template, binding)
        index = binding.at(self.column or self.hash_of or "")
        return lambda cells: cells[index]

    def value(self, kind: type, binding: Binding) -> ValueOf:
        """The closure that gives its value as `kind`: str, int, bool or an enum; None where the text is empty."""
        take = self.text(binding)
        if kind is int:
            return self._whole(take, binding.decimal_mark)
        name = self.path.rsplit(".", 1)[-1]
        if kind is bool:
            return lambda cells: _flag(take(cells), name)
        if issubclass(kind, StrEnum):
            return lambda cells: _member(take(cells), kind, name)
        return lambda cells: take(cells) or None

    def _whole(self, take: TextOf, decimal_mark: str) -> ValueOf:
        name = self.column or self.path.rsplit(".", 1)[-1]
        factor, negate, absolute = self.factor, self.negate, self.absolute

        def quantity(cells: Cells) -> int | None:
            text = take(cells)
            if not text or text.isspace():
                return None
            number = whole_of(text, name, factor, decimal_mark)
            if absolute:
                number = abs(number)
            return -number if negate else number

        return quantity


def whole_of(text: str, name: str, factor: Decimal | None = None, decimal_mark: str = ".") -> int:
    """The number in `text` times `factor`; raises BadRow unless that is a whole number that fits 64 bits."""
    plain = text.replace(".", "").replace(decimal_mark, ".") if decimal_mark != "." else text
    if factor is None and len(plain) < 19 and plain.isascii() and plain.removeprefix("-").isdecimal():
        return int(plain)
    product = number_of(plain, name)
    # The size first: Python's decimals overflow when multiplied far beyond it.
    if product.adjusted() < 20 and factor is not None:
        product *= factor
    if abs(product) > LARGEST_QUANTITY:
        raise BadRow(f"{name} is {described(text)}, which is beyond 64 bits")
    if product != product.to_integral_value():
        times = f" times {factor}" if factor is not None else ""
        raise BadRow(f"{name} is {described(text)}{times}, which is no whole number of base units")
    return int(product)


def number_of(text: str, name: str) -> Decimal:
    """The number in `text`; raises BadRow if it is none."""
    try:
        number = Decimal(text.strip()) if "_" not in text else None
    except InvalidOperation:
        number = None
    if number is not None and number.is_finite():
        return number
    raise BadRow(f"{name} is {described(text)}, which is no number" if text.strip() else f"{name} is empty")


def read_expression(value: object, path: str, lookups: Mapping[str, Lookup], mistakes: Mistakes) -> Expression:
    """The expression declared at `path`; a plain text, number or boolean is a constant."""
    if value is not None and not isinstance(value, dict | list):
        return Expression(path, constant=_scalar(value))
    section = Section(value, path, mistakes)
    given = [source for source in _SOURCES if source in section.values]
    if len(given) != 1:
        mistakes.add(path, f"must have exactly one of {', '.join(_SOURCES)}")
    expression = Expression(
        path,
        column=section.text("column", "") or None,
        constant=converted(section, "constant", _constant, None),
        template=section.text("template", "") or None,
        hash_of=section.text("hash_of", "") or None,
        over=section.names("over", ()),
        normalise=tuple(_known_normalisations(section)),
        lookup=_known_lookup(section, lookups),
        otherwise=section.text("otherwise", "") or None,
        default=converted(section, "default", _constant, None),
        factor=converted(section, "factor", _factor, None),
        negate=section.flag("negate", default=False),
        absolute=section.flag("absolute", default=False),
    )
    section.finish()
    _check_together(expression, section)
    return expression


def read_lookups(section: Section) -> Mapping[str, Lookup]:
    """The named tables of a mapping."""
    lookups = {}
    for name in section.values:
        value = section.values[name]
        if isinstance(value, list):
            patterns = tuple(_pattern_entry(entry) for entry in section.listed(name))
            lookups[name] = Lookup(name, {}, patterns)
        else:
            inner = section.section(name)
            lookups[name] = Lookup(name, {key: converted(inner, key, _constant, "") for key in inner.values})
    return lookups


def converted(section: Section, key: str, convert: Callable[[object], T], default: D) -> T | D:
    """The value under `key` as read by `convert`, which raises ValueError with what it must be."""
    section.asked.add(key)
    if key not in section.values:
        return default
    try:
        return convert(section.values[key])
    except ValueError as error:
        section.wrong(key, str(error))
        return default


def pattern(value: object) -> re.Pattern[str]:
    """A regular expression; raises ValueError with what is wrong with it."""
    try:
        if isinstance(value, str):
            return re.compile(value)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    raise ValueError(f"must be a regular expression, not {described(value)}")


def _pattern_entry(section: Section) -> tuple[re.Pattern[str], str]:
    entry = (converted(section, "matches", pattern, re.compile("")), converted(section, "gives", _constant, ""))
    section.finish()
    return entry


def _check_together(expression: Expression, section: Section) -> None:
    if (expression.hash_of is None) != (not expression.over):
        section.mistakes.add(section.path, "hash_of needs over, the list to choose from, and over needs hash_of")
    if expression.otherwise is not None and expression.lookup is None:
        section.wrong("otherwise", "needs a lookup that may find nothing; for an empty cell there is default")
    if expression.template is not None and not expression.columns():
        section.wrong("template", "names no column in braces; use constant")


def _known_normalisations(section: Section) -> list[str]:
    known = []
    for name in section.names("normalise", ()):
        if name in _NORMALISATIONS:
            known.append(name)
        else:
            near = did_you_mean(name, _NORMALISATIONS)
            section.wrong("normalise", f"{name} is none of {', '.join(_NORMALISATIONS)}{near}")
    return known


def _known_lookup(section: Section, lookups: Mapping[str, Lookup]) -> Lookup | None:
    name = section.text("lookup", "")
    if name and name not in lookups:
        section.wrong("lookup", f"there is no lookup {name}{did_you_mean(name, lookups)}")
    return lookups.get(name)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _constant(value: object) -> str:
    if isinstance(value, str | int | float):
        return _scalar(value)
    raise ValueError(f"must be a text, a number, true or false, not {described(value)}")


def _factor(value: object) -> Decimal:
    try:
        factor = Decimal(_constant(value))
    except InvalidOperation:
        factor = Decimal(0)
    if not factor.is_finite() or factor <= 0:
        raise ValueError(f"must be a number above 0, not {described(value)}")
    return factor


def _with_default(take: TextOf, default: str) -> TextOf:
    return lambda cells: take(cells) or default


def _then(take: TextOf, change: Callable[[str], str]) -> TextOf:
    return lambda cells: change(take(cells))


def _looked_up(take: TextOf, lookup: Lookup, otherwise: str | None) -> TextOf:
    find = lookup.find

    def found(cells: Cells) -> str:
        text = take(cells)
        given = find(text)
        if given is not None:
            return given
        if otherwise is not None:
            return otherwise
        raise BadRow(f"the lookup {lookup.name} has nothing for {described(text)}")

    return found


def _hashed(take: TextOf, over: tuple[str, ...]) -> TextOf:
    # CRC-32, because every other tool has it too and the choice must be the same for ever.
    return lambda cells: over[zlib.crc32(take(cells).encode()) % len(over)]


def _filled(template: str, binding: Binding) -> TextOf:
    # split() with one group: literal, column, literal, column, ..., literal.
    parts = _PLACEHOLDER.split(template)
    literals = parts[0::2]
    indices = [binding.at(column) for column in parts[1::2]]
    if len(indices) == 1:
        before, after, index = literals[0], literals[1], indices[0]
        return (lambda cells: f"{before}{cells[index]}{after}") if before or after else (lambda cells: cells[index])

    def filled(cells: Cells) -> str:
        pieces = [literals[0]]
        for index, literal in zip(indices, literals[1:], strict=True):
            pieces.append(cells[index])
            pieces.append(literal)
        return "".join(pieces)

    return filled


def _flag(text: str, name: str) -> bool | None:
    word = text.strip().lower()
    if not word:
        return None
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise BadRow(f"{name} is {described(text)}, which is neither true nor false")


def _member(text: str, kind: type[StrEnum], name: str) -> StrEnum | None:
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        raise BadRow(f"{name} is {described(text)}, which is none of {', '.join(kind)}") from None

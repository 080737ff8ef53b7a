"""A mapping as it is declared under `mappings:` in topology.yaml; all its mistakes are told together, with their path.

docs/reference/importing.md is the reference of what may be said.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from agents.codec.names import problem_of_name
from agents.inventory.kits import KitInvalid, flatten
from agents.inventory.transactions import BROADCAST_KINDS, SYSTEM_KINDS, Component, Item, Kind, Transaction
from agents.runtime.topology_file import Mistakes, Section, did_you_mean
from tools.importing.conditions import Condition, read_conditions
from tools.importing.expressions import ROW_NUMBER, Expression, Lookup, converted, read_expression, read_lookups
from tools.importing.files import Layout
from tools.importing.opening import SIGNS
from tools.importing.problems import MappingInvalid

EPOCH_MILLISECONDS = "epoch_ms"
EPOCH_SECONDS = "epoch_s"
ISO_8601 = "iso8601"
"""Time formats beside those of `strptime`."""
PRECISIONS = ("millisecond", "second", "minute", "hour", "day")
RUNNING_DEFICIT = "running_deficit"

_OWN = frozenset({"transaction_id", "source", "kind", "sku", "occurred_at_ms", "location"})
"""Fields of a transaction that have their own place in a mapping."""


@dataclass(frozen=True)
class TimeColumn:
    """When a row happened."""

    column: str
    format: str
    zone: ZoneInfo
    precision: str
    """What the file knows. A minute means its last second: around a cycle count, equal times count as before it."""


@dataclass(frozen=True)
class Rule:
    """What becomes of the rows that it takes: the first rule whose conditions hold decides."""

    path: str
    when: tuple[Condition, ...]
    unless: tuple[Condition, ...]
    skip: str | None
    """The counted reason, for rows that are no stock."""
    kind: Kind | None
    fields: Mapping[str, Expression]


@dataclass(frozen=True)
class ImportMapping:
    """How the rows of one kind of file become transactions."""

    name: str
    about: str
    source: str
    backfill: bool
    topic: str | None
    """None = the ledger's input topic."""
    layout: Layout
    decimal_mark: str
    transaction_id: Expression
    time: TimeColumn
    sku: Expression
    location: Expression | None
    rules: tuple[Rule, ...]
    opening: str | None
    """How opening stock is derived where the file has none; None = it cannot be."""
    kits: Mapping[str, Item] = field(default_factory=dict)
    """By SKU, kits within kits taken apart: a row about one becomes a transaction for each component."""

    def columns(self) -> Sequence[tuple[str, str]]:
        """(path, column) of every column that the mapping reads, the row number left out."""
        expressions = [self.transaction_id, self.sku]
        if self.location is not None:
            expressions.append(self.location)
        found = [(f"mappings.{self.name}.time.column", self.time.column)]
        for rule in self.rules:
            expressions.extend(rule.fields.values())
            for list_name in ("when", "unless"):
                conditions: tuple[Condition, ...] = getattr(rule, list_name)
                found += [
                    (f"{rule.path}.{list_name}[{index}].column", condition.column)
                    for index, condition in enumerate(conditions)
                ]
        found += [(expression.path, column) for expression in expressions for column in expression.columns()]
        return [(path, column) for path, column in found if column != ROW_NUMBER]


def read_mapping(mappings: Mapping[str, object], name: str, backfill_sources: frozenset[str]) -> ImportMapping:
    """The mapping `name`. Raises MappingInvalid with every mistake in it, or that there is none of that name."""
    if name not in mappings:
        there_are = f"there are {', '.join(sorted(mappings))}" if mappings else "there are none"
        raise MappingInvalid([f"mappings.{name}: is missing; {there_are}{did_you_mean(name, mappings)}"])
    mistakes = Mistakes()
    mapping = _read(Section(mappings[name], f"mappings.{name}", mistakes), name, backfill_sources)
    _check_columns(mapping, mapping.layout.columns, mistakes)
    if mistakes.sentences:
        raise MappingInvalid(mistakes.sentences)
    return mapping


def check_columns(mapping: ImportMapping, columns: Sequence[str]) -> None:
    """Raises MappingInvalid with every column that the mapping names and the file has not."""
    mistakes = Mistakes()
    _check_columns(mapping, columns, mistakes)
    twice = sorted({column for column in columns if column and columns.count(column) > 1})
    if twice:
        mistakes.add(f"mappings.{mapping.name}", f"the file has the column {', '.join(twice)} twice")
    if mistakes.sentences:
        raise MappingInvalid(mistakes.sentences)


def _check_columns(mapping: ImportMapping, columns: Sequence[str], mistakes: Mistakes) -> None:
    if columns:
        for path, column in mapping.columns():
            if column and column not in columns:
                mistakes.add(path, f"the file has no column {column}; it has {', '.join(columns)}")


def _read(section: Section, name: str, backfill_sources: frozenset[str]) -> ImportMapping:
    lookups = read_lookups(section.section("lookups"))
    layout, decimal_mark = _layout(section.section("file"))
    mapping = ImportMapping(
        name=name,
        about=section.text("about", ""),
        source=section.text("source"),
        backfill=section.flag("backfill", default=False),
        topic=section.text("topic", "") or None,
        layout=layout,
        decimal_mark=decimal_mark,
        transaction_id=_transaction_id(section),
        time=_time(section.section("time")),
        sku=_expression(section, "sku", lookups),
        location=_expression(section, "location", lookups) if "location" in section.values else None,
        rules=_rules(section, lookups),
        opening=section.choice("opening", (RUNNING_DEFICIT,)) if "opening" in section.values else None,
        kits=_kits(section.section("kits")),
    )
    section.finish()
    _check_opening(mapping, section)
    if mapping.backfill and mapping.source and mapping.source not in backfill_sources:
        section.wrong("backfill", f"the ledger must know it too: add `{mapping.source}: {{backfill: true}}` to sources")
    return mapping


def _kits(section: Section) -> Mapping[str, Item]:
    """`KIT: {COMPONENT: quantity, ...}`."""
    kits: dict[str, Item] = {}
    for name, components in section.sections().items():
        quantities = {sku: components.whole(sku, at_least=1) for sku in components.values}
        for sku in (name, *quantities):
            problem = problem_of_name("sku", sku)
            if problem is not None:
                section.wrong(name, problem)
        if not quantities:
            section.wrong(name, "must name at least one component with its quantity")
        kits[name] = Item(kit=tuple(Component(sku, quantity) for sku, quantity in quantities.items()))
    try:
        return {name: flatten(name, kits) for name in kits}
    except KitInvalid as invalid:
        section.mistakes.add(section.path, str(invalid))
        return {}


def _check_opening(mapping: ImportMapping, section: Section) -> None:
    """Only through facts that move stock by a known number of units can it be followed backwards."""
    for index, rule in enumerate(mapping.rules):
        if mapping.opening is not None and rule.kind is not None and rule.kind not in SIGNS:
            section.wrong("opening", f"{mapping.opening} cannot be followed through {rule.kind} (rules[{index}])")


def _expression(section: Section, key: str, lookups: Mapping[str, Lookup]) -> Expression:
    section.asked.add(key)
    if section.values.get(key) is None:
        section.wrong(key, "is missing")
        return Expression(section.where(key), constant="")
    return read_expression(section.values[key], section.where(key), lookups, section.mistakes)


def _transaction_id(section: Section) -> Expression:
    template = section.text("transaction_id")
    expression = Expression(section.where("transaction_id"), template=template)
    if template and not expression.columns():
        section.wrong("transaction_id", f"must differ from row to row: name {{{ROW_NUMBER}}} or a column in braces")
    return expression


def _layout(section: Section) -> tuple[Layout, str]:
    layout = Layout(
        delimiter=converted(section, "delimiter", _one_character, ",") if "delimiter" in section.values else ",",
        quote=converted(section, "quote", _one_character_or_none, '"'),
        encoding=converted(section, "encoding", _encoding, "utf-8"),
        columns=section.names("columns", ()),
    )
    decimal_mark = section.choice("decimal_mark", (".", ","), ".")
    section.finish()
    return layout, decimal_mark


def _time(section: Section) -> TimeColumn:
    time = TimeColumn(
        column=section.text("column"),
        format=converted(section, "format", _time_format, ISO_8601),
        zone=converted(section, "zone", _zone, ZoneInfo("UTC")),
        precision=section.choice("precision", PRECISIONS, "millisecond"),
    )
    section.finish()
    return time


def _rules(section: Section, lookups: Mapping[str, Lookup]) -> tuple[Rule, ...]:
    rules = tuple(_rule(inner, lookups) for inner in section.listed("rules"))
    if not rules:
        section.wrong("rules", "is missing; without a rule no row becomes a transaction")
    for rule in rules[:-1]:
        if not rule.when and not rule.unless:
            section.mistakes.add(rule.path, "takes every row, so the rules after it never would; make it the last")
    return rules


def _rule(section: Section, lookups: Mapping[str, Lookup]) -> Rule:
    skip = section.text("skip", "") or None
    kind = converted(section, "kind", _kind, None)
    if (skip is None) == (kind is None):
        section.mistakes.add(section.path, "must have either kind or skip with the reason")
    fields = section.section("fields")
    rule = Rule(
        path=section.path,
        when=read_conditions(section.listed("when")),
        unless=read_conditions(section.listed("unless")),
        skip=skip,
        kind=kind,
        fields={key: _field(fields, key, lookups) for key in fields.values},
    )
    if skip is not None and rule.fields:
        section.wrong("fields", "says nothing where the row is skipped")
    section.finish()
    return rule


def _field(section: Section, key: str, lookups: Mapping[str, Lookup]) -> Expression:
    known = field_types()
    if key in _OWN:
        section.wrong(key, f"is not set by a rule; it is declared once, beside the rules{_beside(key)}")
    elif key not in known:
        section.wrong(key, f"is no field of a transaction that a mapping can set{did_you_mean(key, known)}")
    return _expression(section, key, lookups)


def _beside(key: str) -> str:
    return " as time" if key == "occurred_at_ms" else ""


@cache
def field_types() -> Mapping[str, type]:
    """The fields that a rule may set, with str, int, bool or the enum that they hold."""
    found: dict[str, type] = {}
    hints = typing.get_type_hints(Transaction)
    for each in msgspec.structs.fields(Transaction):
        hint = hints[each.name]
        if typing.get_origin(hint) in {typing.Union, types.UnionType}:
            hint = next(inner for inner in typing.get_args(hint) if inner is not type(None))
        simple = isinstance(hint, type) and (hint in {str, int, bool} or issubclass(hint, StrEnum))
        if simple and each.name not in _OWN:
            found[each.name] = hint
    return found


def _kind(value: object) -> Kind:
    kinds = [kind for kind in Kind if kind not in BROADCAST_KINDS | SYSTEM_KINDS]
    if isinstance(value, str) and value in kinds:
        return Kind(value)
    near = did_you_mean(value, kinds) if isinstance(value, str) else ""
    raise ValueError(f"must be a kind of transaction such as SALE or RECEIPT, not {value!r}{near}")


def _one_character(value: object) -> str:
    if isinstance(value, str) and len(value) == 1 and value not in "\r\n":
        return value
    raise ValueError(f"must be one character, not {value!r}")


def _one_character_or_none(value: object) -> str:
    return "" if value in {"", "none"} else _one_character(value)


def _encoding(value: object) -> str:
    try:
        plain = isinstance(value, str) and "\n,a".encode(value) == b"\n,a"
    except (LookupError, UnicodeError):
        plain = False
    if isinstance(value, str) and plain:
        return value
    raise ValueError(f"must be an encoding in which ASCII is ASCII, such as utf-8 or cp1252, not {value!r}")


def _time_format(value: object) -> str:
    if isinstance(value, str) and (value in {EPOCH_MILLISECONDS, EPOCH_SECONDS, ISO_8601} or "%" in value):
        return value
    raise ValueError(f"must be iso8601, epoch_s, epoch_ms or a format of strptime such as %Y-%m-%d, not {value!r}")


def _zone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"must be a time zone such as Europe/London or UTC, not {value!r}") from None

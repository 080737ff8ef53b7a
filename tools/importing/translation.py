"""A row to a transaction, by the rules of a mapping."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents.codec.names import problem_of_name
from agents.inventory.transactions import Kind, Transaction
from agents.inventory.units import MILLISECONDS_PER_SECOND
from agents.inventory.validation import problem_of
from agents.runtime.topology_file import described
from tools.importing.conditions import Test, all_of
from tools.importing.declaration import (
    EPOCH_MILLISECONDS,
    EPOCH_SECONDS,
    ISO_8601,
    ImportMapping,
    Rule,
    TimeColumn,
    check_columns,
    field_types,
)
from tools.importing.expressions import ROW_NUMBER, Binding, Cells, ValueOf, whole_of
from tools.importing.problems import BadRow

_LAST_SECOND_OF = {
    "millisecond": dt.timedelta(0),
    "second": dt.timedelta(0),
    "minute": dt.timedelta(seconds=59),
    "hour": dt.timedelta(minutes=59, seconds=59),
    "day": dt.timedelta(hours=23, minutes=59, seconds=59),
}
_MAY_BE_BELOW_ONE = frozenset({Kind.ADJUST, Kind.COUNT, Kind.SNAPSHOT, Kind.TRANSFER_IN})
_MOST_TIMES_REMEMBERED = 65_536


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that is no stock, by a rule."""

    reason: str


@dataclass(frozen=True, slots=True)
class _BoundRule:
    when: Test | None
    unless: tuple[Test, ...]
    skipped: Skipped | None
    kind: Kind
    fields: tuple[tuple[str, ValueOf], ...]


class Translator:
    """Turns the cells of a row into a transaction. One for each file: it is bound to the file's columns.

    Raises MappingInvalid if the mapping names columns that the file has not.
    """

    def __init__(self, mapping: ImportMapping, columns: Sequence[str]) -> None:
        check_columns(mapping, columns)
        self._width = len(columns)
        self._source = mapping.source
        binding = Binding(
            {**{name: at for at, name in enumerate(columns)}, ROW_NUMBER: len(columns)}, mapping.decimal_mark
        )
        self._transaction_id = mapping.transaction_id.text(binding)
        self._sku = mapping.sku.text(binding)
        self._location = mapping.location.text(binding) if mapping.location is not None else None
        self._time_at = binding.at(mapping.time.column)
        self._time_of = _Clock(mapping.time)
        self._rules = tuple(_bound(rule, binding) for rule in mapping.rules)

    def translate(self, number: int, cells: Cells) -> Transaction | Skipped:
        """The transaction of row `number`, or by which rule it is none.

        Raises BadRow with the reason if it cannot be one: a dead letter.
        """
        if len(cells) != self._width:
            raise BadRow(f"it has {len(cells)} cells where {self._width} columns are named")
        row = [*cells, str(number)]
        rule = self._rule_for(row)
        if rule.skipped is not None:
            return rule.skipped
        fields = {name: value for name, take in rule.fields if (value := take(row)) is not None}
        transaction = Transaction(
            transaction_id=self._transaction_id(row),
            source=self._source,
            kind=rule.kind,
            sku=self._sku(row),
            occurred_at_ms=self._time_of(row[self._time_at]),
            location=(self._location(row) or None) if self._location is not None else None,
            **fields,
        )
        problem = problem_of(transaction) or _problem_of_names(transaction) or _problem_of_quantity(transaction)
        if problem is not None:
            raise BadRow(problem)
        return transaction

    def _rule_for(self, row: Cells) -> _BoundRule:
        for rule in self._rules:
            if (rule.when is None or rule.when(row)) and not any(test(row) for test in rule.unless):
                return rule
        raise BadRow("no rule of the mapping takes it")


def _problem_of_names(transaction: Transaction) -> str | None:
    """What in its names no ledger would take; told here, where the row is at hand."""
    return (
        problem_of_name("sku", transaction.sku)
        or problem_of_name("transaction_id", transaction.transaction_id)
        or problem_of_name("location", transaction.location or "")
    )


def _problem_of_quantity(transaction: Transaction) -> str | None:
    """A movement of nothing, or backwards: the ledger would refuse it, but here the row is at hand."""
    quantity = transaction.quantity
    if quantity is None or quantity > 0 or transaction.kind in _MAY_BE_BELOW_ONE:
        return None
    return f"the quantity would be {quantity}; {transaction.kind} needs one above zero"


class _Clock:
    """The epoch milliseconds of a time cell. Remembered: the rows of one invoice all have the same."""

    def __init__(self, time: TimeColumn) -> None:
        self._time = time
        self._known: dict[str, int] = {}
        self._parse = _parser(time)
        self._to_the_end = _LAST_SECOND_OF[time.precision]

    def __call__(self, text: str) -> int:
        known = self._known.get(text)
        if known is not None:
            return known
        moment = self._epoch_ms(text)
        if len(self._known) >= _MOST_TIMES_REMEMBERED:
            self._known.clear()
        self._known[text] = moment
        return moment

    def _epoch_ms(self, text: str) -> int:
        try:
            moment = self._parse(text.strip())
            if self._time.precision == "millisecond":
                return int(moment.timestamp() * MILLISECONDS_PER_SECOND + 0.5)
            return int((moment + self._to_the_end).timestamp()) * MILLISECONDS_PER_SECOND
        except (ValueError, OverflowError, OSError):
            raise BadRow(
                f"{self._time.column} is {described(text)}, which is no time like {self._time.format}"
            ) from None


def _parser(time: TimeColumn) -> Callable[[str], dt.datetime]:
    """A function from the text of a cell to a moment with its zone. It raises ValueError."""
    zone = time.zone

    def placed(moment: dt.datetime) -> dt.datetime:
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)

    if time.format in {EPOCH_MILLISECONDS, EPOCH_SECONDS}:
        per_unit = 1 if time.format == EPOCH_MILLISECONDS else MILLISECONDS_PER_SECOND
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return lambda text: epoch + dt.timedelta(milliseconds=whole_of(text, time.column) * per_unit)
    if time.format == ISO_8601:
        return lambda text: placed(dt.datetime.fromisoformat(text))
    return lambda text: placed(dt.datetime.strptime(text, time.format))  # noqa: DTZ007 - placed() gives it its zone


def _bound(rule: Rule, binding: Binding) -> _BoundRule:
    types = field_types()
    return _BoundRule(
        when=all_of(rule.when, binding),
        unless=tuple(condition.test(binding) for condition in rule.unless),
        skipped=Skipped(rule.skip) if rule.skip is not None else None,
        kind=rule.kind if rule.kind is not None else Kind.SALE,
        fields=tuple((name, expression.value(types[name], binding)) for name, expression in rule.fields.items()),
    )

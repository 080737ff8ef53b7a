"""Setting rules, places and channels from the command line: `NAME=VALUE` onto what is there, shown, asked, written.

A reference record sets its rule, place or channel as a whole; so what is in force is read first, and only what is named
changes. `NAME=none` takes a value away.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from agents.inventory.transactions import ChannelReference, LocationReference, PolicySettings
from tools.context import Context, fail

if TYPE_CHECKING:
    from tools.reference_view import ReferenceView

Reference = TypeVar("Reference", PolicySettings, LocationReference, ChannelReference)
NAMES: Mapping[type[msgspec.Struct], str] = {
    PolicySettings: "rule",
    LocationReference: "location",
    ChannelReference: "channel",
}
SOURCE = "onhand-cli"
NOTHING = "none"
YES_NO = {"yes": True, "true": True, "no": False, "false": False}
ABOUT_THE_TABLE = "`onhand topics create` creates it; a worker must have run since."


def read_view(context: Context, sku: str | None = None) -> ReferenceView:
    """What is in force. Ends the command where it cannot be read."""
    from tools.brokers.keyed_reading import TopicMissing
    from tools.brokers.reporting import broker_or_fail
    from tools.reference_view import reference_view

    topology = context.topology
    with broker_or_fail(topology.kafka["bootstrap.servers"]), context.progress_console.status("reading") as status:
        try:
            return reference_view(topology, sku, lambda count: status.update(f"reading: {count:,} rows"))
        except TopicMissing as missing:
            fail(f"There is no topic {missing} on this cluster.", ABOUT_THE_TABLE)


def changed(kind: type[Reference], name: str, old: Reference | None, pairs: Sequence[str]) -> Reference:
    """The reference with the values that were named. Raises UsageError with what is wrong."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {} if old is None else msgspec.structs.asdict(old)
    values[NAMES[kind]] = name
    for pair in pairs:
        given, equals, value = pair.partition("=")
        setting = _setting_of(given, fields)
        if not equals or not value:
            raise click.UsageError(f"{pair}: give NAME=VALUE; NAME=none takes the value away.")
        if setting is None or setting == NAMES[kind]:
            raise click.UsageError(f"{given} is no setting of it.{_nearest(given, fields)}")
        field = fields[setting]
        values[setting] = field.default if value == NOTHING else _value(setting, field.type, value)
    return kind(**values)


def problem_of(reference: PolicySettings | LocationReference | ChannelReference) -> str | None:
    """Why the ledger would not take it."""
    from agents.inventory.reference_validation import problem_of_channel, problem_of_location
    from agents.inventory.validation import problem_of_rule

    if isinstance(reference, PolicySettings):
        return problem_of_rule(reference)
    if isinstance(reference, LocationReference):
        return problem_of_location(reference)
    return problem_of_channel(reference)


def show_all(context: Context, name: str, found: Sequence[LocationReference | ChannelReference]) -> None:
    """Show references of one kind, the columns that one of them says something in."""
    from rich.table import Table

    if context.as_json:
        for each in found:
            context.print_json(each)
        return
    if not found:
        click.echo(f"No {name.upper()} record came yet.", err=True)
        return
    defaults = {field.name: field.default for field in msgspec.structs.fields(type(found[0]))}
    said = [field for field in defaults if any(getattr(each, field) != defaults[field] for each in found)]
    table = Table()
    for field in said:
        table.add_column(field, overflow="fold")
    for each in found:
        table.add_row(*(_shown(getattr(each, field)) for field in said))
    context.console.print(table, markup=False)


def write(
    context: Context,
    old: Reference | None,
    new: Reference,
    *,
    who: str | None,
    why: str | None,
    dry_run: bool,
    yes: bool,
    again: bool = False,
) -> None:
    """Show what changes, ask, and write it to every partition; `again`: even if nothing does, for whoever has not heard it."""
    problem = problem_of(new)
    if problem is not None:
        raise click.UsageError(f"{problem}.")
    changes = differences(old, new)
    is_idle = not changes and not again
    _show(context, old, new, changes, dry_run=dry_run, is_idle=is_idle)
    if dry_run or is_idle:
        return
    if not yes:
        if context.as_json:
            raise click.UsageError("--json asks nothing: add --yes, or --dry-run.")
        if not click.confirm("Write it to every partition?", err=True):
            click.echo("Nothing was done.")
            return
    _broadcast(context, new, who, why)
    if context.as_json:
        context.print_json({"written": True, "changes": changes, "reference": msgspec.to_builtins(new)})
    else:
        context.console.print("Written. It holds from now on; what it changes for goods that lie still follows.")


def differences(old: Reference | None, new: Reference) -> dict[str, list[Any]]:
    """Field -> [before, after] of what changes; a new one changes all that it says."""
    before = {} if old is None else msgspec.structs.asdict(old)
    defaults = {field.name: field.default for field in msgspec.structs.fields(type(new))}
    after = msgspec.structs.asdict(new)
    if old is None:
        return {name: [None, value] for name, value in after.items() if value != defaults[name]}
    return {name: [before[name], value] for name, value in after.items() if value != before[name]}


def _show(
    context: Context,
    old: Reference | None,
    new: Reference,
    changes: dict[str, list[Any]],
    *,
    dry_run: bool,
    is_idle: bool,
) -> None:
    if context.as_json:
        if dry_run or is_idle:
            context.print_json(
                {"dry_run": dry_run, "changes": changes, "written": False, "reference": msgspec.to_builtins(new)}
            )
        return
    name = getattr(new, NAMES[type(new)])
    if is_idle:
        context.console.print(f"Nothing to do: {name} says that already.", markup=False)
        return
    context.console.print(f"{name}{' (new)' if old is None else ''}", markup=False)
    for field, (before, after) in changes.items():
        if field != NAMES[type(new)]:
            context.console.print(f"  {field}: {_shown(before)} -> {_shown(after)}", markup=False)
    if dry_run:
        context.console.print("Nothing was written.")


def _broadcast(
    context: Context, reference: PolicySettings | LocationReference | ChannelReference, who: str | None, why: str | None
) -> None:
    from agents.runtime.reference import Broadcast, reference_key, reference_transaction, write_broadcasts
    from tools.brokers.encoding import transaction_encoder
    from tools.brokers.reporting import broker_or_fail
    from tools.commands.dead_letters import user_name
    from tools.ledger_view import LEDGER

    topology = context.topology
    topic = topology.all_topics[topology.agents[LEDGER].folds]
    record = reference_transaction(reference, str(uuid.uuid4()), SOURCE, who or user_name(), why)
    broadcast = Broadcast(reference_key(reference).encode(), transaction_encoder(topology, topic.name)(record))
    settings = {**topology.kafka, **topology.producer}
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        write_broadcasts(settings, topology.app, topic.name, topic.partitions, [broadcast])


def _setting_of(given: str, fields: Mapping[str, Any]) -> str | None:
    return next((name for name in (given, f"{given}_ms") if name in fields), None)


def _nearest(given: str, fields: Mapping[str, Any]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(given, fields, n=1)
    return f" Did you mean {near[0]}?" if near else f" There are: {', '.join(fields)}."


def _value(name: str, kind: Any, text: str) -> Any:
    from agents.runtime.notation import duration_ms

    try:
        if name.endswith("_ms"):
            return duration_ms(text)
        if "tuple" in str(kind):
            return tuple(text.split(","))
        if kind is bool:
            return YES_NO[text]
        return int(text) if "int" in str(kind) else text
    except KeyError:
        raise click.UsageError(f"{name} is yes or no, not {text}.") from None
    except ValueError as error:
        raise click.UsageError(f"{name}: {text} cannot be read: {error}.") from None


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(value) or NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOTHING if value is None else str(value)

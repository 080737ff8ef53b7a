"""`onhand replenishment`: what is needed and why, how fast goods go, terms of supply, signals and promotions."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from agents.inventory.replenishment.words import DemandKind, ProposalType, SignalKind, Supplier, Terms
from tools.context import WRONG_USAGE, Context, common_options, confirmed, fail

if TYPE_CHECKING:
    from agents.inventory.replenishment.words import DemandRecord
    from tools.brokers.keyed_reading import Seen
    from tools.replenishment.reading import Kept

T = TypeVar("T")
R = TypeVar("R")
MOST_ROWS = 100
"""Needs or insights shown, unless --json or --limit ask for more."""
DATE = click.DateTime(["%Y-%m-%d"])


@click.group("replenishment", epilog="Example: onhand replenishment needs --location LEEDS")
def command() -> None:
    """Show what must be ordered, moved and counted, and why; set terms of supply; tell signals and promotions.

    docs/concepts/replenishment.md says how it is reckoned.
    """


@command.command("needs", epilog="Example: onhand replenishment needs --type order --location LEEDS --json")
@click.option("--sku", help="Only of this SKU.")
@click.option("--location", help="Only for this location.")
@click.option(
    "--type", "type_", type=click.Choice([each.value.lower() for each in ProposalType]), help="Only of this type."
)
@click.option(
    "--limit", type=click.IntRange(min=1), help=f"At most so many; default: all, {MOST_ROWS} where people read."
)
@common_options
def needs(context: Context, sku: str | None, location: str | None, type_: str | None, limit: int | None) -> None:
    """Show what is open: orders that have not come, transfers that have not left, places to count; with the figures.

    Those with the fewest days of cover first. With --json one object a line.
    """
    from tools.replenishment.showing import need_words, open_needs

    now_ms = _now_ms()
    found = [
        need
        for standing in _kept(context, sku).standings(context.topology, now_ms)
        if location in {None, standing.location}
        for need in open_needs(standing, now_ms)
        if type_ is None or need["type"] == type_.upper()
    ]
    found.sort(key=lambda need: (need["figures"]["cover_days"], need["sku"], need["location"]))
    shown = found[: limit or (None if context.as_json else MOST_ROWS)]
    for need in shown:
        if context.as_json:
            context.print_json(need)
        else:
            _say(context, need_words(need))
    if not found and not context.as_json:
        click.echo("Nothing is needed.")
    elif len(shown) < len(found) and not context.as_json:
        click.echo(f"{len(shown):,} of {len(found):,}; --limit shows more.", err=True)


@command.command("velocity", epilog="Example: onhand replenishment velocity SHOE --json")
@click.argument("sku")
@click.option("--location", help="Only at this location.")
@common_options
def velocity(context: Context, sku: str, location: str | None) -> None:
    """Show how fast a SKU goes at each place, and what follows: cover, reorder point, order-up-to level, terms, signals.

    Exit code 1: nothing is known of it. With --json one object for each place.
    """
    from tools.replenishment.showing import plain_velocity, velocity_lines

    found = [
        standing
        for standing in _kept(context, sku).standings(context.topology, _now_ms())
        if location in {None, standing.location}
    ]
    if not found:
        click.echo(f"Nothing is known of the SKU {sku}{'' if location is None else f' at {location}'}.", err=True)
        context.differs()
    for standing in found:
        if context.as_json:
            context.print_json(plain_velocity(context.topology, standing))
        else:
            for line in velocity_lines(context.topology, standing):
                _say(context, line)


@command.command("insights", epilog="Example: onhand replenishment insights --sku SHOE --json")
@click.option("--sku", help="Only of this SKU.")
@click.option("--location", help="Only at this location.")
@click.option("--all", "also_past", is_flag=True, help="Also those that do not hold any more.")
@click.option(
    "--limit", type=click.IntRange(min=1), help=f"The newest so many; default: all, {MOST_ROWS} where people read."
)
@common_options
def insights(context: Context, sku: str | None, location: str | None, also_past: bool, limit: int | None) -> None:
    """Show what stock and interest say together, as long as it holds; the newest first. With --json one object a line."""
    from tools.brokers.encoding import codec_of
    from tools.replenishment.reading import insights as read_insights
    from tools.replenishment.showing import insight_lines

    topology, now_ms = context.topology, _now_ms()
    said = _read(context, lambda seen: read_insights(topology, codec_of(topology), sku, seen))
    found = [each for each in said if location in {None, each.location} and (also_past or each.holds_until_ms > now_ms)]
    for insight in found[: limit or (None if context.as_json else MOST_ROWS)]:
        if context.as_json:
            context.print_json(insight)
        else:
            for line in insight_lines(insight):
                _say(context, line)
    if not found and not context.as_json:
        click.echo("No insight holds now." if not also_past else "No insight was said.")


# -- writing -----------------------------------------------------------------------------------------------------------


def writing_options(function: Callable[..., R]) -> Callable[..., R]:
    """Options of what writes a record."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Check and show; write nothing."),
        click.option("--id", "record_id", help="Its id: the same one again has no effect. Default: a new one."),
    ):
        function = option(function)
    return function


@command.command("terms", epilog="Example: onhand replenishment terms SHOE --supplier ACME --pack-size 12 --dry-run")
@click.argument("sku")
@click.option("--location", help="For this location; default: for every one without terms of its own.")
@click.option("--supplier", help="Who supplies.")
@click.option("--lead-time-days", type=int, help="In place of the supplier's.")
@click.option("--review-days", type=int, help="Days that an order lasts beyond the lead time.")
@click.option("--service-level", type=int, help="In thousandths: 950 = 95 % of lead times end without a stock-out.")
@click.option("--minimum-order", type=int, help="Units.")
@click.option("--pack-size", type=int, help="Units: an order is a multiple of it.")
@click.option("--unit-value", type=int, help="What a unit is worth, in the smallest unit of money.")
@writing_options
@common_options
def terms(
    context: Context, sku: str, location: str | None, record_id: str | None, dry_run: bool, yes: bool, **given: Any
) -> None:
    """Set how a SKU is supplied: what is named changes, the rest stays as it is in force for that place.

    The terms of the topology count where nothing was set.
    """
    from agents.inventory.replenishment.levels import terms_of
    from agents.inventory.replenishment.rows import Supply

    supply = _kept(context, sku).supply(sku) or Supply()
    now = terms_of(sku, supply, location or "", context.topology.replenishment)
    values = {name: value for name, value in given.items() if value is not None}
    new = msgspec.structs.replace(now, location=location, **values)
    _write(context, DemandKind.TERMS, sku, record_id, dry_run=dry_run, yes=yes, terms=new)


@command.command(
    "supplier", epilog="Example: onhand replenishment supplier ACME --lead-time-days 10 --deviation-tenths 25"
)
@click.argument("supplier")
@click.option("--lead-time-days", type=int, help="From the request to goods on the shelf.")
@click.option("--deviation-tenths", type=int, help="Standard deviation of the lead time, in tenths of days.")
@writing_options
@common_options
def supplier_(
    context: Context,
    supplier: str,
    lead_time_days: int | None,
    deviation_tenths: int | None,
    record_id: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Set how long a supplier takes; with no option show it. It holds for every SKU from its next record on."""
    from agents.inventory.replenishment.levels import supplier_of

    topology = context.topology
    now = supplier_of(Terms(supplier=supplier), _kept(context, None), topology.replenishment)
    if lead_time_days is None and deviation_tenths is None:
        if context.as_json:
            context.print_json(msgspec.structs.asdict(now))
        else:
            _say(
                context, f"{supplier}: {now.lead_time_days} days, give or take {now.lead_time_deviation_tenths / 10:g}"
            )
        return
    new = Supplier(
        supplier,
        now.lead_time_days if lead_time_days is None else lead_time_days,
        now.lead_time_deviation_tenths if deviation_tenths is None else deviation_tenths,
    )
    _write(context, DemandKind.SUPPLIER, "", record_id, dry_run=dry_run, yes=yes, supplier=new)


@command.command("signal", epilog="Example: onhand replenishment signal SHOE search 120 --location LEEDS --yes")
@click.argument("sku")
@click.argument("signal", type=click.Choice([each.value.lower() for each in SignalKind]))
@click.argument("quantity", type=click.IntRange(min=1))
@click.option("--location", help="Seen there; default: everywhere that the SKU is known.")
@writing_options
@common_options
def signal_(
    context: Context,
    sku: str,
    signal: str,
    quantity: int,
    location: str | None,
    record_id: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Tell how many searches, views or ad clicks came since the last time; or a competitor's price."""
    kind = SignalKind(signal.upper())
    _write(
        context, DemandKind.SIGNAL, sku, record_id, dry_run=dry_run, yes=yes,
        signal=kind, quantity=quantity, location=location,
    )  # fmt: skip


@command.command("promotion", epilog="Example: onhand replenishment promotion SHOE 2026-11-27 2026-11-30 --yes")
@click.argument("sku")
@click.argument("from_on", type=DATE)
@click.argument("until_on", type=DATE)
@click.option("--location", help="Only there.")
@writing_options
@common_options
def promotion(
    context: Context,
    sku: str,
    from_on: Any,
    until_on: Any,
    location: str | None,
    record_id: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Tell on which days more is sold on purpose: they teach nothing of the usual. Before they end, or it is too late."""
    days = {"from_on": from_on.date().isoformat(), "until_on": until_on.date().isoformat()}
    _write(context, DemandKind.PROMOTION, sku, record_id, dry_run=dry_run, yes=yes, location=location, **days)


def _write(
    context: Context, kind: DemandKind, sku: str, record_id: str | None, *, dry_run: bool, yes: bool, **fields: Any
) -> None:
    from agents.inventory.replenishment.validation import problem_of
    from tools.brokers.encoding import codec_of
    from tools.brokers.reporting import broker_or_fail
    from tools.replenishment.writing import a_record, publish

    topology = context.topology
    _demand_topic(context)
    record = a_record(kind, sku, record_id, **fields)
    problem = problem_of(record)
    if problem is not None:
        fail(f"{problem}.", exit_code=WRONG_USAGE)
    if dry_run or not context.as_json:
        _show_record(context, record, written=False)
    if dry_run:
        click.echo("Nothing was written.", err=True)
        return
    if not (yes or confirmed(context, "Publish it?")):
        return
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        _refuse_without_topic(context)
        publish(topology, codec_of(topology), record)
    if context.as_json:
        _show_record(context, record, written=True)
    else:
        click.echo("Published.")


def _show_record(context: Context, record: DemandRecord, *, written: bool) -> None:
    said = {name: value for name, value in msgspec.to_builtins(record).items() if value not in (None, "", [], 0)}
    if context.as_json:
        context.print_json({"written": written, "record": said})
    else:
        _say(
            context, ", ".join(f"{name} {value}" for name, value in said.items() if name not in {"record_id", "source"})
        )


# -- reading -----------------------------------------------------------------------------------------------------------


def _kept(context: Context, sku: str | None) -> Kept:
    from tools.replenishment.reading import kept

    return _read(context, lambda seen: kept(context.topology, sku, seen))


def _read(context: Context, read: Callable[[Seen], T]) -> T:
    from agents.inventory.replenishment.words import REPLENISHER
    from tools.brokers.agent_topics import read_or_fail

    return read_or_fail(context, REPLENISHER, read)


def _demand_topic(context: Context) -> str:
    from agents.inventory.replenishment.words import REPLENISHER
    from tools.brokers.agent_topics import topic_of

    return topic_of(context, REPLENISHER)


def _refuse_without_topic(context: Context) -> None:
    from agents.inventory.replenishment.words import REPLENISHER
    from tools.brokers.agent_topics import refuse_without_topic

    refuse_without_topic(context, REPLENISHER)


def _say(context: Context, text: str) -> None:
    context.console.print(text, markup=False, soft_wrap=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

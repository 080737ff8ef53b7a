"""`onhand orders`: how orders stand, why they come from where they do, and orders written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from agents.inventory.orders.rows import Stage
from agents.inventory.orders.words import LineStanding
from tools.context import WRONG_USAGE, Context, common_options, confirmed, fail

if TYPE_CHECKING:
    from agents.inventory.orders.rows import Order
    from agents.inventory.orders.words import OrderRecord, OrderStatus
    from tools.brokers.keyed_reading import Seen

T = TypeVar("T")

MOST_ROWS = 100
"""Orders in a table, unless more are asked for."""


@click.group("orders", epilog="Example: onhand orders why o-4711")
def command() -> None:
    """Show orders, how they stand and why they come from where they do; place some by hand.

    docs/concepts/baskets.md says how an order finds its stock.
    """


@command.command("list", epilog="Example: onhand orders list --state backordered --channel web --json")
@click.option("--stage", type=click.Choice([stage.value for stage in Stage]), help="Only orders at this stage.")
@click.option(
    "--state", type=click.Choice([state.value for state in LineStanding]), help="Only with a line in this state."
)
@click.option("--channel", help="Only of this channel.")
@click.option("--location", help="Only with units that come from this location.")
@click.option(
    "--limit", type=click.IntRange(min=1), help=f"The newest so many; default: all, {MOST_ROWS} in the table."
)
@common_options
def list_(
    context: Context, stage: str | None, state: str | None, channel: str | None, location: str | None, limit: int | None
) -> None:
    """Show how orders stand, those placed last first.

    They are read from the compacted topic of order states, committed ones only. With --json one object a line.
    """
    from tools.brokers.encoding import codec_of
    from tools.orders.reading import statuses

    found = [
        status
        for status in _read(context, lambda seen: statuses(context.topology, codec_of(context.topology), seen))
        if stage in {None, status.stage}
        and channel in {None, status.channel}
        and (state is None or any(line.state.value == state for line in status.lines))
        and (location is None or any(p.location == location for line in status.lines for p in line.places))
    ]
    shown = found[: limit or (None if context.as_json else MOST_ROWS)]
    if context.as_json:
        for status in shown:
            context.print_json(plain_status(status))
    elif found:
        _show_list(context, shown)
        if len(shown) < len(found):
            click.echo(f"The newest {len(shown):,} of {len(found):,}; --limit shows more.", err=True)
    else:
        click.echo("No such orders.")


@command.command("show", epilog="Example: onhand orders show o-4711 --json")
@click.argument("order_id", metavar="ORDER")
@common_options
def show(context: Context, order_id: str) -> None:
    """Show how an order stands: stage, lines, places, promise, and what the ledger has been asked and not answered yet.

    Exit code 1: nothing is known of it.
    """
    from tools.brokers.encoding import codec_of
    from tools.orders.reading import kept_order, status_of

    topology = context.topology
    status = _read(context, lambda seen: status_of(topology, codec_of(topology), order_id, seen))
    if status is None:
        _unknown(context, order_id)
    kept = _read(context, lambda seen: kept_order(topology, order_id, seen))
    if context.as_json:
        context.print_json({**plain_status(status), **_plain_kept(kept)})
    else:
        _show_order(context, status, kept)


@command.command("why", epilog="Example: onhand orders why o-4711")
@click.argument("order_id", metavar="ORDER")
@common_options
def why(context: Context, order_id: str) -> None:
    """Tell the story of an order: why from this location, why split, why moved.

    Every record about it with what followed: the plan, the levels that it read and the costs that it weighed, what the
    ledger was asked and said, and what was decided. With --json one object a record. Exit code 1: nothing is known of it.
    """
    from tools.brokers.encoding import codec_of
    from tools.orders.reading import history, kept_references
    from tools.orders.story import chapter_lines, plain, story_of
    from tools.scenario.router import OrderBook

    topology = context.topology
    found = _read(context, lambda seen: history(topology, codec_of(topology), order_id, seen))
    if found is None:
        _unknown(context, order_id)
    book = OrderBook()
    book.apply(_read(context, lambda seen: kept_references(topology, order_id, seen)))
    story = story_of(found.heard, found.routings, topology.orders, book.references())
    if context.as_json:
        for chapter in story.chapters:
            context.print_json(plain(chapter))
    else:
        for chapter in story.chapters:
            for line in chapter_lines(chapter):
                context.console.print(line, markup=False, soft_wrap=True)
        context.console.print(f"Now {found.status.stage}:", markup=False)
        for line in status_lines(found.status):
            context.console.print(f"  {line}", markup=False, soft_wrap=True)
    if not story.is_exact:
        click.echo(
            "What was published is not all what these records give today: another policy of orders or other references were in force, or some "
            "of it is older than its topic keeps. What was decided counts; what was asked may have been otherwise.",
            err=True,
        )


@command.command("place", epilog="Example: echo 'placed o-1 SHOE:2 HAT:1 paid to=GB:LS' | onhand orders place - --yes")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--source", default="onhand-cli", show_default=True, help="Who says so, where the record does not.")
@click.option("--dry-run", is_flag=True, help="Read and check; write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common_options
def place(context: Context, file: Any, source: str, dry_run: bool, yes: bool) -> None:
    """Publish records about orders from FILE, or from standard input where it is `-`; that needs --yes.

    A line each: JSON as schemas/order.avsc has it, or short text: KIND ORDER[/LINE] SKU:QUANTITY... paid FIELD=VALUE...
    as in `placed o-1 SHOE:2 HAT:1 paid to=GB:LS promise=48h`, `picked_short o-1/1 at=YORK quantity=0`. All are checked
    before the first is written. What becomes of them: `onhand orders why ORDER`.
    """
    from tools.brokers.encoding import codec_of
    from tools.brokers.reporting import broker_or_fail
    from tools.orders.writing import publish, read_records
    from tools.scenario.words import Unreadable

    topology = context.topology
    codec = codec_of(topology)
    try:
        records = read_records(file.read(), codec, _orders_topic(context), source)
    except (Unreadable, UnicodeDecodeError) as wrong:
        fail(f"{file.name}, {wrong}.", "`onhand orders place --help` shows a line of each kind.", WRONG_USAGE)
    if not records:
        fail(f"{file.name} says nothing.", exit_code=WRONG_USAGE)
    for record in records if dry_run or not context.as_json else ():
        _show_record(context, record, dry_run=dry_run)
    if dry_run:
        click.echo(f"Nothing was written: {len(records):,} would be.", err=True)
        return
    if not (yes or confirmed(context, f"Publish {len(records):,}?")):
        return
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        _refuse_without_topic(context)
        publish(topology, codec, records)
    if context.as_json:
        for record in records:
            _show_record(context, record, dry_run=False)
    else:
        context.console.print(
            f"Published {len(records):,}. Next: onhand orders why {records[0].order_id}", markup=False, soft_wrap=True
        )


# -- reading -----------------------------------------------------------------------------------------------------------


def _read(context: Context, read: Callable[[Seen], T]) -> T:
    from agents.inventory.transactions import ORDER_ROUTER
    from tools.brokers.agent_topics import read_or_fail

    return read_or_fail(context, ORDER_ROUTER, read)


def _orders_topic(context: Context) -> str:
    from agents.inventory.transactions import ORDER_ROUTER
    from tools.brokers.agent_topics import topic_of

    return topic_of(context, ORDER_ROUTER)


def _refuse_without_topic(context: Context) -> None:
    from agents.inventory.transactions import ORDER_ROUTER
    from tools.brokers.agent_topics import refuse_without_topic

    refuse_without_topic(context, ORDER_ROUTER)


def _unknown(context: Context, order_id: str) -> NoReturn:
    click.echo(f"Nothing is known of the order {order_id}, in these very letters.", err=True)
    context.differs()


# -- showing -----------------------------------------------------------------------------------------------------------


def plain_status(status: OrderStatus) -> dict[str, Any]:
    """How an order stands as an object for --json."""
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(status)
    for line, said in zip(plain["lines"], status.lines, strict=True):
        line["places"] = [{"location": place.location, "quantity": place.quantity} for place in said.places]
    return plain


def status_lines(status: OrderStatus) -> list[str]:
    """A sentence for each line of an order."""
    from tools.orders.sentences import places_words, reason_words

    return [
        f"line {line.line}: {line.quantity} {line.sku} {line.state.value}"
        + (f", {places_words(line.places)}" if line.places else "")
        + (f", {line.backordered} awaited" if line.backordered else "")
        + (f", {line.shipped} have left" if line.shipped else "")
        + reason_words(line.reason)
        for line in status.lines
    ]


def _plain_kept(kept: Order | None) -> dict[str, Any]:
    if kept is None:
        return {"kept": False, "asked": [], "shipments": []}
    from agents.inventory.capacity import capacity_sku

    asked: list[dict[str, Any]] = [
        {"line": line.line, "sku": line.sku, "asked": part.asked.value, "quantity": part.quantity}
        for line in kept.lines
        for part in line.parts
        if part.asked is not None
    ]
    asked += [
        {"line": None, "sku": capacity_sku(slot.location, slot.date), "asked": slot.asked.value, "quantity": 1}
        for slot in kept.slots
        if slot.asked is not None
    ]
    shipments = [
        {"location": slot.location, "date": slot.date, "held": slot.held, "left": slot.left} for slot in kept.slots
    ]
    standing = {"kept": True, "attempt": kept.attempt, "paid": kept.paid, "look_again_at_ms": kept.due_ms}
    return {**standing, "asked": asked, "shipments": shipments}


def _show_list(context: Context, found: Sequence[OrderStatus]) -> None:
    from rich.table import Table

    from tools.orders.sentences import moment

    table = Table()
    for name in ("order", "stage", "channel", "method", "lines", "places", "placed (UTC)", "promised by"):
        table.add_column(name, overflow="fold")
    for status in found:
        states = list(dict.fromkeys(line.state.value for line in status.lines))
        places = list(dict.fromkeys(place.location for line in status.lines for place in line.places))
        table.add_row(
            status.order_id,
            status.stage,
            status.channel or "",
            status.method.value,
            f"{len(status.lines)}: {', '.join(states)}",
            ", ".join(places),
            moment(status.placed_at_ms)[:-4],
            "" if status.promise_by_ms is None else moment(status.promise_by_ms)[:-7],
        )
    context.console.print(table, markup=False)  # names and reasons may hold [brackets]


def _show_order(context: Context, status: OrderStatus, kept: Order | None) -> None:
    from tools.orders.sentences import counted, moment

    def say(text: str) -> None:
        context.console.print(text, markup=False, soft_wrap=True)

    promise = "" if status.promise_by_ms is None else f", promised by {moment(status.promise_by_ms)}"
    channel = "" if status.channel is None else f", channel {status.channel}"
    say(f"{status.order_id}: {status.stage}, {status.method.value}{channel}{promise}")
    say(f"  placed {moment(status.placed_at_ms)}, as of {moment(status.at_ms)}")
    for line in status_lines(status):
        say(f"  {line}")
    asked = _plain_kept(kept)["asked"]
    for each in asked:
        say(f"  asked of the ledger, not answered yet: {each['asked']} {each['quantity']} {each['sku']}")
    for slot in () if kept is None else kept.slots:
        state = "has left" if slot.left else "is held" if slot.held else "is not held yet"
        say(f"  a shipment from {slot.location} on {slot.date} {state}: only so many can leave there in a day")
    if kept is None:
        say("  the router has forgotten it: it was over long ago")
    elif kept.due_ms is not None:
        say(f"  attempt {kept.attempt}, {counted(len(asked), 'open question')}; looked at again {moment(kept.due_ms)}")


def _show_record(context: Context, record: OrderRecord, *, dry_run: bool) -> None:
    import msgspec

    from tools.orders.sentences import record_sentence

    if context.as_json:
        context.print_json({"written": not dry_run, "record": msgspec.to_builtins(record)})
    else:
        context.console.print(f"{record.order_id}: {record_sentence(record)}", markup=False, soft_wrap=True)

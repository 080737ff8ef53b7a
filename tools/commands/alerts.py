"""`onhand alerts`: what is open, and what was reported lately."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import click

from tools.context import Context, common_options, fail

if TYPE_CHECKING:
    from agents.inventory.alerts import Alert
    from tools.alerts.board import Shown, Wanted

DEFAULT_REPORTS = "24h"
SEVERITY_STYLES = {"CRITICAL": "bold red", "WARNING": "yellow", "INFO": "dim"}


@click.command("alerts", epilog="Example: onhand alerts --severity warning --location LEEDS")
@click.argument("subject", required=False)
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only of this type, such as low; repeated = any.")
@click.option(
    "--severity",
    type=click.Choice(["info", "warning", "critical"], case_sensitive=False),
    default="info",
    show_default=True,
    help="Only this severe, or more.",
)
@click.option("--location", help="Only about this location.")
@click.option(
    "--reports",
    metavar="AGE",
    default=DEFAULT_REPORTS,
    show_default=True,
    help="Reports of what happened, which nothing resolves, up to this age; 0 = none.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on with what is said from now on, until Ctrl-C.")
@click.option("--check", is_flag=True, help="End with 1 if anything is shown.")
@common_options
def command(
    context: Context,
    subject: str | None,
    types: tuple[str, ...],
    severity: str,
    location: str | None,
    reports: str,
    follow: bool,
    check: bool,
) -> None:
    """Show the alerts that are open, the most urgent first; SUBJECT is a SKU, SKU@LOCATION, order, campaign or feed.

    An alert is open from when it was said until it was said to be over. What only reports something that happened (an
    oversell, a dead letter) is shown while it is young. No group is joined and nothing is committed. With --json one
    object a line; with --follow also those that say that something is over.
    """
    from agents.inventory.alerts import Severity
    from tools.alerts.board import Board, Wanted

    if check and follow:
        raise click.UsageError("--check ends with what is open now, --follow never ends; give one")
    wanted = Wanted(_types(types), Severity[severity.upper()], location, subject)
    reports_since_ms = _reports_since_ms(reports)
    board, later = Board(), _alerts(context, follow=follow)
    for alert in later:
        if alert is None:  # The end of now.
            break
        board.take(alert)
    found = board.shown(wanted, reports_since_ms)
    _show(context, found)
    if follow:
        _go_on(context, later, wanted)
    elif check and found:
        context.differs()


def _alerts(context: Context, *, follow: bool) -> Iterator[Alert | None]:
    """All alerts, then None, and with `follow` those that come."""
    from agents.codec import Malformed
    from agents.runtime.topics import Cluster
    from tools.brokers.encoding import codec_of
    from tools.brokers.reading import Start, records
    from tools.brokers.reporting import broker_or_fail

    topology = context.topology
    name = next((topic.name for topic in topology.topics.values() if topic.schema == "alert"), None)
    if name is None:
        fail("The topology has no topic of alerts.", "Declare one with `schema: alert`, and have the agents say it.")
    decode = codec_of(topology).decoder(name, "alert")
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        cluster = Cluster(topology.kafka)
        found = cluster.topics([name])
        if name not in found:
            fail(f"There is no topic {name} on this cluster.", "Create it with `onhand topics create`.")
        spans = cluster.offsets(found.values())[name]
        until_now = tuple(span for span in spans if span.next > span.first)
        from_now = tuple(dataclasses.replace(span, first=span.next) for span in spans)
        for following in (False, True) if follow else (False,):
            for message in records(
                topology.kafka, name, from_now if following else until_now, Start(), follow=following
            ):
                try:
                    yield cast("Alert", decode(message.value(), message.headers()))
                except Malformed:
                    continue  # `onhand tail` shows what it is.
            yield None


def _go_on(context: Context, later: Iterator[Alert | None], wanted: Wanted) -> None:
    try:
        for alert in later:
            if alert is not None and wanted.holds(alert):
                context.print_json(alert) if context.as_json else click.echo(line_of(alert))
    except KeyboardInterrupt:
        return


def _types(names: tuple[str, ...]) -> Any:
    from agents.inventory.alerts import AlertType

    unknown = [name for name in names if name.upper() not in AlertType.__members__]
    if unknown:
        raise click.UsageError(
            f"{unknown[0]!r} is no type of alert. There are: {', '.join(each.lower() for each in AlertType)}."
        )
    return frozenset(AlertType[name.upper()] for name in names)


def _reports_since_ms(text: str) -> int:
    from agents.runtime.notation import duration_ms

    try:
        return int(time.time() * 1000) - duration_ms(text)
    except ValueError as error:
        raise click.UsageError(f"--reports is an age such as 24h, or 0: {error}") from None


def _show(context: Context, found: list[Shown]) -> None:
    if context.as_json:
        for each in found:
            context.print_json(_plain(each))
        return
    if not found:
        click.echo("Nothing is open.")
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for name in ("severity", "type", "subject", "since", "what", "to do"):
        table.add_column(name, overflow="fold")
    for each in found:
        alert = each.alert
        style = SEVERITY_STYLES[alert.severity.value]
        since = _moment(each.since_ms) + (f" ({each.times} times)" if each.times > 1 else "")
        table.add_row(
            f"[{style}]{alert.severity.value}[/]",
            alert.type.value,
            escape(alert.subject),
            since,
            escape(alert.message),
            escape(alert.action or ""),
        )
    context.console.print(table)


def _plain(each: Shown) -> dict[str, Any]:
    import msgspec

    return {"open": each.open, "since_ms": each.since_ms, "times": each.times, **msgspec.structs.asdict(each.alert)}


def line_of(alert: Alert) -> str:
    """One alert in one line."""
    resolves = "" if alert.resolves is None else f" of {alert.resolves.value}"
    return f"{_moment(alert.at_ms)}  {alert.severity.value}  {alert.type.value}{resolves}  {alert.subject}  {alert.message}"


def _moment(at_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(at_ms / 1000))

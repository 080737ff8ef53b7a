"""`onhand feeds`: which feeds are silent, and the watcher that says so."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from tools.context import DIFFERENCE, Context, Failure, common_options, fail

if TYPE_CHECKING:
    from agents.inventory.transactions import FeedReference


@click.group("feeds", epilog="Example: onhand feeds list")
def command() -> None:
    """Show or watch feeds: sources of transactions that are expected to speak (`silent_after` in the topology).

    While a feed is silent an alert is open, and policy (`withhold_when_silent`) keeps stock of its places from promises.
    """


@command.command("list", epilog="Example: onhand feeds list --json")
@common_options
def list_(context: Context) -> None:
    """Show how each feed stands: as declared, and as the ledger has it."""
    from tools.reference_writing import read_view

    known = read_view(context).feeds
    declared = {feed.name: feed for feed in context.topology.feeds}
    found = [_plain(name, declared.get(name), known.get(name)) for name in sorted({*declared, *known})]
    if context.as_json:
        for each in found:
            context.print_json(each)
    elif found:
        _show(context, found)
    else:
        click.echo("The topology declares no feeds; give a source `silent_after`.")


@command.command("watch", epilog="Example: onhand feeds watch")
@click.option("--seconds", type=click.FloatRange(min=0), help="End after so long; default: at SIGTERM or Ctrl-C.")
@click.option("--tied", is_flag=True, hidden=True, help="End when the process that started it ends.")
@common_options
def watch(context: Context, seconds: float | None, tied: bool) -> None:
    """Watch the feeds, and write to the log when one falls silent or speaks again. `onhand worker` does it by itself."""
    from agents.runtime.supervisor import die_with_parent

    if not tied:
        _watch(context, seconds)
        return
    die_with_parent()
    try:
        _watch(context, seconds)
    except Failure as failure:
        # Of no account to the workers beside it: it is started again.
        failure.show()
        sys.exit(DIFFERENCE)


def _watch(context: Context, seconds: float | None) -> None:
    from agents.runtime.stopping import StopSignal
    from tools.brokers.keyed_reading import TopicMissing
    from tools.brokers.reporting import broker_or_fail
    from tools.feed_watching import watch_feeds
    from tools.reference_writing import read_view

    known = read_view(context).feeds
    topology = context.topology
    if not topology.feeds and not any(each.silent for each in known.values()):
        fail("The topology declares no feeds.", "Give a source `silent_after`, see docs/reference/topology.md.")
    stop = StopSignal.heard()
    ends_at = None if seconds is None else time.monotonic() + seconds
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        try:
            watch_feeds(
                topology,
                known,
                told=lambda each: _tell(context, each),
                is_over=lambda: stop.asked or (ends_at is not None and time.monotonic() >= ends_at),
            )
        except TopicMissing as missing:
            fail(f"There is no topic {missing} on this cluster.", "Create it with `onhand topics create`.")


def _tell(context: Context, feed: FeedReference) -> None:
    if context.as_json:
        context.print_json(feed)
    else:
        click.echo(
            f"{feed.feed} {'is silent' if feed.silent else 'speaks'}: {', '.join(feed.locations) or 'no places'}"
        )
    sys.stdout.flush()


def _plain(name: str, declared: Any, known: FeedReference | None) -> dict[str, Any]:
    return {
        "feed": name,
        "silent": known is not None and known.silent,
        "since_ms": None if known is None else known.since_ms,
        "locations": list(known.locations if declared is None and known is not None else declared.locations),
        "silent_after_ms": None if declared is None else declared.silent_after_ms,
    }


def _show(context: Context, found: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from agents.runtime.notation import in_words

    table = Table()
    for column in ("feed", "state", "since", "silent after", "locations"):
        table.add_column(column, overflow="fold")
    for each in found:
        since_ms, after_ms = each["since_ms"], each["silent_after_ms"]
        table.add_row(
            each["feed"],
            "silent" if each["silent"] else "speaks",
            "" if since_ms is None else time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(since_ms / 1000)),
            "not watched" if after_ms is None else in_words(after_ms),
            ", ".join(each["locations"]) or "none",
        )
    context.console.print(table, markup=False)

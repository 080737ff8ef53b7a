"""`onhand kpis`: the KPIs as they were said last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agents.inventory.scores.kpis import KPIS
from agents.inventory.scores.words import Dimension
from tools.context import WRONG_USAGE, Context, common_options, fail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.inventory.scores.rows import Window
    from agents.inventory.scores.words import KpiRecord

ALIASES = {"hour": "1h", "day": "1d"}
NAMES = [kpi.name for kpi in KPIS]


@click.command("kpis", epilog="Example: onhand kpis --window day --by location --kpi shrinkage_rate --json")
@click.argument("subject", required=False)
@click.option(
    "--window", "length", default="day", show_default=True, help="Length of the windows: hour, day, or as 6h."
)
@click.option("--by", type=click.Choice([each.value for each in Dimension]), help="Only subjects of this dimension.")
@click.option("--kpi", "names", type=click.Choice(NAMES), multiple=True, help="Only this KPI; may be repeated.")
@click.option("--closed", is_flag=True, help="Only windows that are over.")
@click.option(
    "--last", type=click.IntRange(min=1), default=1, show_default=True, help="So many windows of each subject."
)
@common_options
def command(
    context: Context, subject: str | None, length: str, by: str | None, names: tuple[str, ...], closed: bool, last: int
) -> None:
    """Show the KPIs of the newest windows, of every subject or of one such as `all`, `location:LEEDS` or `class:A`.

    docs/reference/kpis.md defines them. A window that is still running is told as it is so far. With --json one object a
    window. Exit code 1: nothing was said of what is asked for.
    """
    from tools.brokers.encoding import codec_of
    from tools.brokers.keyed_reading import TopicMissing
    from tools.brokers.reporting import broker_or_fail
    from tools.kpis.reading import NobodySaysKpis, newest_windows
    from tools.kpis.showing import chosen, plain

    topology = context.topology
    window = _window(topology.scores.windows, ALIASES.get(length, length))
    bootstrap = topology.kafka["bootstrap.servers"]
    with broker_or_fail(bootstrap), context.progress_console.status("reading") as status:
        try:
            found = newest_windows(
                topology, codec_of(topology), window, last + closed, lambda n: status.update(f"reading: {n:,} records")
            )
        except TopicMissing as missing:
            fail(f"There is no topic {missing} on this cluster.", "Create it with `onhand topics create`.")
        except NobodySaysKpis:
            fail("No agent of this topology says KPIs.", "docs/reference/topology.md describes them.", WRONG_USAGE)
    records = [
        record
        for record in chosen(found, by, subject, closed=closed, last=last)
        if not names or any(figure.kpi in names for figure in record.figures)
    ]
    if context.as_json:
        for record in records:
            context.print_json(plain(record, names))
    elif records:
        _show(context, records, names)
    if not records:
        click.echo("Nothing was said of that yet: `onhand worker` runs the scorekeepers.", err=True)
        context.differs()


def _window(windows: Sequence[Window], name: str) -> Window:
    known = {window.name: window for window in windows}
    if name not in known:
        fail(f"There are no windows of {name}; the topology has {', '.join(known)}.", exit_code=WRONG_USAGE)
    return known[name]


def _show(context: Context, records: Sequence[KpiRecord], names: Sequence[str]) -> None:
    from rich.table import Table

    from tools.kpis.showing import from_text, state_text, value_text

    table = Table()
    for name in ("subject", "window from (UTC)", "", "KPI"):
        table.add_column(name, overflow="fold")
    table.add_column("value", justify="right")
    for record in records:
        first = True
        for figure in record.figures:
            if names and figure.kpi not in names:
                continue
            head = (record.subject, from_text(record), state_text(record)) if first else ("", "", "")
            table.add_row(*head, figure.kpi, value_text(figure))
            first = False
    context.console.print(table, markup=False)

"""`onhand demo`: see it work."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from tools.context import Context, common_options, fail

if TYPE_CHECKING:
    from tools.demo.play import Outcome, Wishes
    from tools.demo.stage import Stage

DRAWS_A_SECOND = 4


@click.command("demo", epilog="Example: onhand demo --seconds 30 --rate 800 --json")
@click.option("--seconds", type=click.FloatRange(min=5), default=35.0, show_default=True, help="How long trade lasts.")
@click.option("--rate", type=click.FloatRange(min=1), default=400.0, show_default=True, help="Records a second.")
@click.option("--no-kill", is_flag=True, help="Leave the worker alone.")
@click.option("--orders", is_flag=True, help="Orders of several lines too, and short picks that are rerouted.")
@click.option("--campaigns", is_flag=True, help="Ad campaigns too, paused while their goods are sold out.")
@common_options
def command(context: Context, seconds: float, rate: float, no_kill: bool, orders: bool, campaigns: bool) -> None:
    """A month of real trade through a real worker, killed once in the middle, and the check that nothing is wrong.

    Starts an embedded broker of its own, or uses yours with --bootstrap (under names of its own, which it deletes).
    Ends with lost, doubled and oversold units, counted independently: all zero, or exit code 1. With --json one object
    comes last.

    With --orders the order router runs beside the stock keeper: invoices of the month are placed as orders, some to be
    collected, and now and then a picker finds too few. The figures then also say what became of the orders (an order of
    which nothing is heard counts as lost too), and how fast a short pick had another place.

    With --campaigns the campaign guard runs too, and an ad platform played here does what it says: what campaigns advertise
    sells out and comes back, so they are paused, their budget goes to others, and they are resumed. The figures say how
    often, and how soon after the sale, the pause and the delivery; a command that never comes counts as lost.
    """
    from tools.brokers import embedded
    from tools.brokers.reporting import broker_or_fail
    from tools.demo.play import Wishes
    from tools.demo.stage import Stage, StageFailed

    on_own_cluster = context.bootstrap is not None
    reason = None if on_own_cluster else embedded.unavailable_reason()
    if reason is not None:
        fail(f"{reason[:1].upper()}{reason[1:]}.", "Or name a cluster of your own with --bootstrap.")
    topology = context.topology
    wishes = Wishes(seconds, rate, kill=not no_kill, orders=orders, campaigns=campaigns)
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        try:
            with Stage(topology, context.topology_path, on_own_cluster, wishes.agents) as stage:
                outcome = _play(context, stage, wishes)
        except StageFailed as failed:
            fail(f"The demo cannot run: {failed}")
    _conclude(context, outcome)


def _play(context: Context, stage: Stage, wishes: Wishes) -> Outcome:
    from rich.live import Live

    from tools.demo.play import play
    from tools.demo.screen import Screen
    from tools.demo.tally import Tally

    tally = Tally()
    screen = Screen(tally)
    started = time.monotonic()
    live = Live(
        get_renderable=screen.draw,
        console=context.progress_console,
        refresh_per_second=DRAWS_A_SECOND,
        transient=True,
        auto_refresh=context.progress_console.is_terminal,
    )

    def say(headline: str) -> None:
        screen.headline = headline
        context.progress_console.print(f"{time.monotonic() - started:5.1f} s  {headline}")

    with live:
        return play(stage, tally, wishes, say)


def _conclude(context: Context, outcome: Outcome) -> None:
    figures = outcome.as_dict()
    if context.as_json:
        context.print_json(figures)
    else:
        _show(context, figures)
    if not outcome.verdict.holds:
        context.differs()


def _show(context: Context, figures: dict[str, object]) -> None:
    from rich.table import Table

    table = Table(title="What happened", title_justify="left", show_header=False)
    latency, orders, reroutes = (figures.pop(name, {}) for name in ("latency_ms", "orders", "reroutes"))
    campaigns = figures.pop("campaigns", {})
    assert isinstance(campaigns, dict)
    assert isinstance(latency, dict)
    assert isinstance(orders, dict)
    assert isinstance(reroutes, dict)
    for name, value in figures.items():
        style = "bold green" if value == 0 else "bold red"
        checked = name in {"lost", "doubled", "oversold"}
        shown = f"{value:,}" if isinstance(value, int | float) else str(value)
        table.add_row(name.replace("_", " "), shown, style=style if checked else None)
    table.add_row(
        "latency ms", f"p50 {latency['p50']}, p99 {latency['p99']} (transaction to committed level, in calm times)"
    )
    for name, count in orders.items():
        table.add_row(f"orders {name}", f"{count:,}")
    if reroutes:
        taken = reroutes["latency_ms"]
        told = f"{reroutes['count']:,}; short pick to committed reroute p50 {taken['p50']} ms, p99 {taken['p99']} ms"
        table.add_row("reroutes", told)
    for name, value in campaigns.items():
        shown = f"p50 {value['p50']} ms, p99 {value['p99']} ms" if isinstance(value, dict) else f"{value:,}"
        table.add_row(f"campaigns {name.replace('_ms', '').replace('_', ' ')}", shown)
    context.console.print(table)
    context.console.print(
        "lost, doubled and oversold are counted from what was sent and answered, not by the ledger's own code.\n"
        "Next: `onhand play docs/scenarios/who_yields.txt` shows the rules; `onhand broker` and `onhand worker` run it\n"
        "for your own data; the README's first steps publish a transaction and read a level from your program."
    )

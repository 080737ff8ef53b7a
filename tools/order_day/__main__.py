"""A day of orders on one worker per agent, and how its routing compares with other ways.

python -m tools.order_day run --orders 200000
python -m tools.order_day compare --orders 20000
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from agents.runtime.topology import load
from tools.brokers.encoding import codec_of
from tools.brokers.reporting import broker_or_fail
from tools.context import Context, common_options, fail, find_topology
from tools.demo.stage import Stage, StageFailed
from tools.order_day.checks import judge
from tools.order_day.day import Day
from tools.order_day.kills import AGENTS, Assassin
from tools.order_day.live import LiveDay
from tools.order_day.outside import DayFailed
from tools.order_day.places import references
from tools.order_day.topology_file import write_topology

ORDERS, ORDERS_PER_SKU, FEWEST_SKUS = 200_000, 20, 20
SKUS_PER_ORDER_OF_SAMPLES = 2 / 3
"""Fewer, and so many orders want the same last units that the optimum takes hours."""
PATIENCE_S = 120.0


@click.group()
def main() -> None:
    """A day of orders, made up from a real demand profile."""


@main.command("run", epilog="Example: python -m tools.order_day run --orders 5000 --kill 4")
@click.option("--orders", type=click.IntRange(min=20), default=ORDERS, show_default=True, help="Orders of the day.")
@click.option("--skus", type=click.IntRange(min=5), help=f"Articles; default one for {ORDERS_PER_SKU} orders.")
@click.option("--seed", default=1, show_default=True, help="The same seed and size give the same day.")
@click.option("--kill", "kills", type=click.IntRange(min=0), default=0, help="SIGKILLs to the agents, in turn.")
@click.option(
    "--open",
    "most_open",
    type=click.IntRange(min=1),
    default=1_000,
    show_default=True,
    help="Orders that may wait to be routed at a time.",
)
@click.option("--capacity", is_flag=True, help="Stores can send only so many parcels a day; orders claim that too.")
@click.option("--audit", is_flag=True, help="Afterwards, fold the input of both agents again and compare everything.")
@common_options
def run(
    context: Context, orders: int, skus: int | None, seed: int, kills: int, most_open: int, capacity: bool, audit: bool
) -> None:
    """Play the day on real workers and judge it. Without --bootstrap it starts Apache Kafka here. Exit 1: not as it must."""
    day = Day(orders, skus or skus_of(orders), seed)
    started = time.monotonic()

    def say(sentence: str) -> None:
        context.progress_console.print(f"{time.monotonic() - started:6.0f} s  {sentence}", highlight=False)

    with _cluster(context) as bootstrap, tempfile.TemporaryDirectory(prefix="onhand-day-") as directory:
        file = Path(directory) / "topology.yaml"
        write_topology(context.topology_path or find_topology(), file, references(orders, with_capacity=capacity))
        topology = load(file, os.environ).with_bootstrap(bootstrap)
        with broker_or_fail(bootstrap), Stage(topology, file, on_own_cluster=True, agents=AGENTS) as stage:
            try:
                stage.start_worker()
                codec = codec_of(stage.topology)
                assassin = Assassin(stage.topology, kills, seed)
                played = LiveDay(stage.topology, codec, day, assassin, say, most_open).play(PATIENCE_S)
            except (DayFailed, StageFailed) as failed:
                fail(f"The day was not played to its end: {failed}.", "Look at the load of the machine.")
            say(f"All orders are final after {played.seconds:.0f} s; judging ...")
            judgement = judge(stage.topology, codec, played)
            differences = _audited(stage, codec) if audit else None
    found: dict[str, Any] = {
        "orders": orders,
        "skus": day.skus,
        "seed": seed,
        "capacity": capacity,
        "seconds": round(played.seconds, 1),
        "orders_per_s": round(orders / played.seconds, 1),
        "opened_within_s": round(played.opened_within_s, 1),
        "placed_within_s": round(played.placed_within_s, 1),
        "statuses": played.statuses,
        "till_units": played.sold,
        "damaged_units": played.damaged,
        "killed": [agent for agent, _ in played.killed],
        "audit_differences": differences,
        "holds": judgement.holds and not any((differences or {}).values()),
        "judgement": judgement,
    }
    if context.as_json:
        context.print_json(found)
    else:
        _show(context, found)
    if not found["holds"]:
        sys.exit(1)


@main.command("compare", epilog="Example: python -m tools.order_day compare --orders 20000")
@click.option("--orders", type=click.IntRange(min=20), default=20_000, show_default=True, help="Orders of the day.")
@click.option(
    "--samples", type=click.IntRange(min=0), default=10, show_default=True, help="Small days with an optimum."
)
@click.option("--sample-orders", type=click.IntRange(min=5), default=40, show_default=True, help="Orders of each.")
@click.option("--seconds", type=click.FloatRange(min=1), default=300.0, show_default=True, help="Per optimum, at most.")
@click.option("--seed", default=1, show_default=True, help="Of the day; the samples have the ones after it.")
@common_options
def compare_command(context: Context, orders: int, samples: int, sample_orders: int, seconds: float, seed: int) -> None:
    """Route the same orders from the same stock in several ways, in memory, and compare costs. Needs no broker."""
    from tools.order_day.comparing import compare
    from tools.order_day.routing import Problem

    def say(sentence: str) -> None:
        context.progress_console.print(sentence, highlight=False)

    found = {"day": compare([Problem(Day(orders, skus_of(orders), seed))], say)}
    if samples:
        skus = max(FEWEST_SKUS, round(sample_orders * SKUS_PER_ORDER_OF_SAMPLES))
        days = [Problem(Day(sample_orders, skus, seed + number)) for number in range(1, samples + 1)]
        found["samples"] = compare(days, say, seconds)
    if context.as_json:
        context.print_json(found)
        return
    for name, comparison in found.items():
        _show_comparison(context, f"{name}: {comparison.days}, with {len_of(comparison)} orders in all", comparison)


def len_of(comparison: Any) -> int:
    """Orders that were routed."""
    return int(next(iter(comparison.scores.values())).orders)


def _show_comparison(context: Context, title: str, comparison: Any) -> None:
    from rich.table import Table

    table = Table(title=title)
    columns = ("cost_per_order", "shipments_per_order", "split_rate", "line_fill", "total_per_order", "shipped_orders")
    for name in ("way", *columns):
        table.add_column(name.replace("_", " "))
    for way, scored in comparison.scores.items():
        table.add_row(way, *[f"{getattr(scored, column):,}" for column in columns])
    context.console.print(table)
    if comparison.gap is not None:
        proven = "is proven" if comparison.is_proven else f"may be {comparison.gap:.2%} too high on one of the days"
        context.console.print(f"The optimum {proven}.")


def skus_of(orders: int) -> int:
    """Articles of a day of so many orders."""
    return max(FEWEST_SKUS, orders // ORDERS_PER_SKU)


def _audited(stage: Stage, codec: Any) -> dict[str, int]:
    """Differences by agent."""
    from tools.audit.auditor import audit
    from tools.logics import LOGICS

    return {
        name: audit(stage.topology, stage.topology.agents[name], LOGICS[name](stage.topology, codec), codec).differences
        for name in AGENTS
    }


def _show(context: Context, found: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("what", "how much", show_header=False)
    for name, value in found.items():
        if name != "judgement":
            table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, int | float) else str(value))
    judgement = found["judgement"]
    for name in ("stages", "lines", "units", "journal_records", "positions", "oversold", "not_final", "lost", "broken"):
        table.add_row(name.replace("_", " "), str(getattr(judgement, name)))
    context.console.print(table)
    for example in judgement.examples:
        context.console.print(example, highlight=False)


@contextmanager
def _cluster(context: Context) -> Iterator[str]:
    """The cluster named on the command line, or Apache Kafka started here."""
    if context.bootstrap is not None:
        yield context.bootstrap
        return
    from tools.brokers import apache_kafka

    reason = apache_kafka.unavailable_reason()
    if reason is not None:
        fail(f"{reason}.", "Install Java 17 and Maven, or name a cluster by --bootstrap HOST:PORT.")
    with (
        tempfile.TemporaryDirectory(prefix="onhand-day-", ignore_cleanup_errors=True) as directory,
        apache_kafka.ApacheKafka(Path(directory)) as broker,
    ):
        context.progress_console.print(f"{broker.name} runs at {broker.bootstrap}")
        yield broker.bootstrap


if __name__ == "__main__":
    main()

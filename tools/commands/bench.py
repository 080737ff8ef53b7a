"""`onhand bench`: what the engine costs, as a ratio to the same work without it, measured in one run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from agents.inventory.transactions import STOCK_KEEPER
from tools.context import Context, common_options, fail

if TYPE_CHECKING:
    from tools.bench.figures import Latency, Run, Throughput
    from tools.brokers.local import LocalBroker

Part = Literal["thin", "ledger", "latency"]
PARTS: tuple[Part, ...] = ("thin", "ledger", "latency")
CHANNELS: Literal["channels"] = "channels"
"""Measured only when it is asked for: what channels cost, without a broker."""
CAMPAIGNS: Literal["campaigns"] = "campaigns"
"""Measured only when it is asked for: from the sale that empties a SKU to the PAUSE of its campaign."""
ORDERS: Literal["orders"] = "orders"
"""Measured only when it is asked for: from an order placed to all of its lines routed."""
ORDERS_PER_S, EMBEDDED_ORDERS_PER_S = 100, 20
RATES = (200, 2_000)
"""Transactions per second at which latency is taken."""
PARTITIONS_PER_CORE = 2
"""As in the prototype that the goals come from. Each partition has transactions of its own, so more of them than the cores
carry cost latency and win nothing: docs/operating/running.md."""
PARTITIONS = "ONHAND_PARTITIONS"
THIN_PER_LEDGER = 5
"""So many records of the thin run for one of the ledger's: it is faster, and must last as long."""


@dataclass(frozen=True)
class Load:
    """How much is measured."""

    records: int
    """Transactions of one ledger run."""
    repeats: int
    latency_s: float
    """Seconds at each rate."""
    warm_up_s: float
    """Before them, at the same rate: a broker that runs on Java is several times slower in its first minute."""


FULL = Load(records=100_000, repeats=2, latency_s=10.0, warm_up_s=30.0)
QUICK = Load(records=40_000, repeats=1, latency_s=4.0, warm_up_s=2.0)
EMBEDDED = Load(records=2_000, repeats=1, latency_s=1.0, warm_up_s=0.2)


@dataclass
class Findings:
    """What was measured."""

    throughputs: dict[str, Throughput]
    latencies: dict[int, Latency]
    broker: str
    partitions: int
    load_average: tuple[float, float]
    """Of one minute, at the start and at the end: others on the machine slow everything down."""
    missed: list[str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found: dict[str, Any] = {name: measured.as_dict() for name, measured in self.throughputs.items()}
        if self.latencies:
            found["latency_ms"] = {str(rate): latency.as_dict() for rate, latency in self.latencies.items()}
        started, ended = self.load_average
        return {
            **found,
            "broker": self.broker,
            "partitions": self.partitions,
            "load_average": [round(started, 2), round(ended, 2)],
            "goals_missed": self.missed,
        }


@click.command("bench", epilog="Example: onhand bench --quick --json")
@click.option("--quick", is_flag=True, help="Smaller loads and one repeat: about a minute in all, for CI.")
@click.option(
    "--records",
    type=click.IntRange(min=200),
    help=f"Transactions of a ledger run, a thin run has {THIN_PER_LEDGER} times as many; "
    f"default {FULL.records:,}, with --quick {QUICK.records:,}, on the embedded broker {EMBEDDED.records:,}.",
)
@click.option(
    "--repeats",
    type=click.IntRange(1, 20),
    help=f"Runs of each side, in turn; the best counts. Default {FULL.repeats}, with --quick {QUICK.repeats}.",
)
@click.option(
    "--latency-seconds",
    type=click.FloatRange(0.1, 600),
    help=f"How long each rate is sent; default {FULL.latency_s:g}, with --quick {QUICK.latency_s:g}.",
)
@click.option("--only", type=click.Choice((*PARTS, CHANNELS, CAMPAIGNS, ORDERS)), help="Measure this part alone.")
@click.option(
    "--partitions",
    type=click.IntRange(1, 1_000),
    envvar=PARTITIONS,
    default=PARTITIONS_PER_CORE * (os.cpu_count() or 1),
    show_default=f"{PARTITIONS_PER_CORE} per core",
    help=f"Of each topic, where the topology leaves it to {PARTITIONS}.",
)
@click.option("--check", is_flag=True, help="Exit with 1 where a goal is missed.")
@common_options
def command(
    context: Context,
    quick: bool,
    records: int | None,
    repeats: int | None,
    latency_seconds: float | None,
    only: Part | Literal["channels", "campaigns", "orders"] | None,
    partitions: int,
    check: bool,
) -> None:
    """Measure throughput and latency against bare loops.

    Thin and ledger are ratios: transactions/s of the real engine to those of a bare consume-produce-commit loop that
    does the same work on the same broker in the same run. Latency is the time from publishing a transaction to reading
    its committed level. Without --bootstrap it starts Apache Kafka here, or where Java or Maven is missing the embedded
    broker, with small loads. Its topics have names of their own and are deleted at the end. `--only channels` is no part
    of the rest: the fold with none, one, ten and fifty sales channels, without a broker. Nor is `--only campaigns`: from
    the publishing of the sale that empties a SKU, among 2,000 transactions/s, to the reading of the committed PAUSE. Nor is `--only orders`: from the
    publishing of an order, 100 a second, to the reading of the committed routing of its last line.
    """
    os.environ[PARTITIONS] = str(partitions)  # for the processes that are started, too
    if only == "channels":
        _measure_channels(context, records or (QUICK if quick else FULL).records // 5, repeats or (1 if quick else 3))
        return
    if only == "campaigns":
        _measure_campaigns(context, quick=quick, seconds=latency_seconds, check=check)
        return
    if only == "orders":
        _measure_orders(context, quick=quick, seconds=latency_seconds, check=check)
        return
    parts: tuple[Part, ...] = PARTS if only is None else (only,)
    with _cluster(context) as (at, broker, is_embedded):
        if is_embedded and check:
            fail("The goals are those of Apache Kafka.", "Install Java 17 and Maven, or name a cluster by --bootstrap.")
        standard = EMBEDDED if is_embedded else QUICK if quick else FULL
        load = Load(
            records or standard.records,
            repeats or standard.repeats,
            latency_seconds or standard.latency_s,
            standard.warm_up_s,
        )
        findings = _measure(context, at, parts, load, broker)
    if is_embedded:
        findings.missed.clear()
    if context.as_json:
        context.print_json(findings.as_dict())
    else:
        _show(context, findings, is_embedded)
    if check and findings.missed:
        context.differs()


def _measure_channels(context: Context, records: int, repeats: int) -> None:
    """What so many channels cost a transaction, and what they publish."""
    from rich.table import Table

    from tools.bench.channels import channel_costs
    from tools.brokers.encoding import codec_of

    context.progress_console.print(
        f"channels: {records:,} transactions, {repeats} times with each number of channels ..."
    )
    started = os.getloadavg()[0]
    costs = channel_costs(context.topology, codec_of(context.topology), records, repeats)
    load = [round(started, 2), round(os.getloadavg()[0], 2)]
    if context.as_json:
        context.print_json({"channels": costs, "records": records, "load_average": load})
        return
    table = Table(title="The fold without a broker, a SKU at three places")
    for name in (
        "channels",
        "transactions/s of CPU",
        "ratio",
        "availability/transaction",
        "bytes each",
        "bytes/transaction",
    ):
        table.add_column(name, justify="right")
    for cost in costs:
        table.add_row(
            str(cost.channels),
            f"{cost.transactions_per_s:,.0f}",
            f"{cost.ratio:.2f}",
            f"{cost.availability_per_transaction:.2f}",
            f"{cost.bytes_per_record:,.0f}",
            f"{cost.availability_per_transaction * cost.bytes_per_record:,.0f}",
        )
    context.console.print(table)
    context.console.print(f"Load average {load[0]} before, {load[1]} after.")


def _measure_campaigns(context: Context, *, quick: bool, seconds: float | None, check: bool) -> None:
    """How soon a campaign is paused."""
    from tools.bench.campaigns import P99_GOAL_MS, CampaignLoad, pause_latency
    from tools.brokers.reporting import broker_or_fail

    with _cluster(context) as (at, broker, is_embedded):
        standard = EMBEDDED if is_embedded else QUICK if quick else FULL
        rate = RATES[0] if is_embedded else RATES[1]
        load = CampaignLoad(rate, standard.warm_up_s, seconds or 2 * standard.latency_s)
        context.progress_console.print(
            f"campaigns: {load.seconds:g} s at {rate:,} transactions/s, after {load.warm_up_s:g} s to warm up ..."
        )
        started = os.getloadavg()[0]
        with broker_or_fail(at.bootstrap or broker):
            found = pause_latency(at, load)
        load_average = [round(started, 2), round(os.getloadavg()[0], 2)]
    missed = found.p99 > P99_GOAL_MS and not is_embedded
    if context.as_json:
        told = {"transactions_per_s": rate, "pause_latency_ms": found.as_dict(), "goal_p99_ms": P99_GOAL_MS}
        context.print_json(
            {
                "campaigns": told,
                "partitions": partitions_of(at),
                "broker": broker,
                "load_average": load_average,
                "goal_missed": missed,
            }
        )
    else:
        context.console.print(
            f"Sale to committed PAUSE at {rate:,} transactions/s on {broker}, {partitions_of(at)} partitions: "
            f"p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms, longest {found.longest:.1f} ms, "
            f"{found.transactions:,} pauses; the goal is a p99 under {P99_GOAL_MS:.0f} ms. "
            f"Load average {load_average[0]} before, {load_average[1]} after, {os.cpu_count()} processors.",
            soft_wrap=True,
        )
    if check and missed:
        context.differs()


def _measure_orders(context: Context, *, quick: bool, seconds: float | None, check: bool) -> None:
    """How soon an order is routed."""
    from tools.bench.orders import P99_GOAL_MS, OrderLoad, order_latency
    from tools.brokers.reporting import broker_or_fail

    with _cluster(context) as (at, broker, is_embedded):
        standard = EMBEDDED if is_embedded else QUICK if quick else FULL
        rate = EMBEDDED_ORDERS_PER_S if is_embedded else ORDERS_PER_S
        load = OrderLoad(rate, standard.warm_up_s, seconds or 4 * standard.latency_s)
        context.progress_console.print(
            f"orders: {load.seconds:g} s at {rate:,} orders/s, after {load.warm_up_s:g} s to warm up ..."
        )
        started = os.getloadavg()[0]
        with broker_or_fail(at.bootstrap or broker):
            found = order_latency(at, load)
        load_average = [round(started, 2), round(os.getloadavg()[0], 2)]
    missed = found.p99 > P99_GOAL_MS and not is_embedded
    if context.as_json:
        told = {**found.as_dict(), "orders": found.transactions}
        del told["transactions"]
        orders = {"orders_per_s": rate, "routed_latency_ms": told, "goal_p99_ms": P99_GOAL_MS}
        context.print_json(
            {
                "orders": orders,
                "partitions": partitions_of(at),
                "broker": broker,
                "load_average": load_average,
                "goal_missed": missed,
            }
        )
    else:
        context.console.print(
            f"Order placed to routed at {rate:,} orders/s on {broker}, {partitions_of(at)} partitions: "
            f"p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms, longest {found.longest:.1f} ms, "
            f"{found.transactions:,} orders; the goal is a p99 under {P99_GOAL_MS:.0f} ms. "
            f"Load average {load_average[0]} before, {load_average[1]} after, {os.cpu_count()} processors.",
            soft_wrap=True,
        )
    if check and missed:
        context.differs()


@contextmanager
def _cluster(context: Context) -> Iterator[tuple[Context, str, bool]]:
    """Where to measure: (context, name of the broker, whether it is the embedded one)."""
    if context.bootstrap is not None:
        yield Context(context.topology_path, context.bootstrap), context.bootstrap, False
        return
    import tempfile

    from tools.brokers import apache_kafka, embedded

    with tempfile.TemporaryDirectory(prefix="onhand-bench-", ignore_cleanup_errors=True) as directory:
        no_kafka = apache_kafka.unavailable_reason()
        no_embedded = embedded.unavailable_reason()
        if no_kafka is not None and no_embedded is not None:
            fail(f"There is no broker: {no_kafka}; {no_embedded}.", "Name a cluster by --bootstrap HOST:PORT.")
        if no_kafka is not None:
            context.progress_console.print(f"{no_kafka}. {embedded.SMALL_LOADS_ONLY}", style="yellow")
        broker: LocalBroker = (
            embedded.EmbeddedBroker(Path(directory))
            if no_kafka is not None
            else apache_kafka.ApacheKafka(Path(directory))
        )
        context.progress_console.print(f"Starting {broker.name} ...")
        with broker:
            yield Context(context.topology_path, broker.bootstrap), broker.name, no_kafka is not None


def _measure(context: Context, at: Context, parts: tuple[Part, ...], load: Load, broker: str) -> Findings:
    from tools.bench.figures import missed_goals
    from tools.bench.measuring import latencies
    from tools.brokers.reporting import broker_or_fail

    console = context.progress_console
    started = os.getloadavg()[0]
    throughputs: dict[str, Throughput] = {}
    found: dict[int, Latency] = {}
    with broker_or_fail(at.bootstrap or broker):
        for part in parts:
            if part == "latency":
                console.print(f"latency: {load.latency_s:g} s each at {RATES[0]}/s and {RATES[1]}/s ...")
                found = latencies(at, RATES, load.warm_up_s, load.latency_s)
            else:
                throughputs[part] = _throughput(context, at, part, load)
    load_average = (started, os.getloadavg()[0])
    missed = missed_goals(throughputs, found)
    return Findings(throughputs, found, broker, partitions_of(at), load_average, missed)


def partitions_of(context: Context) -> int:
    """Of the ledger's input."""
    return context.topology.all_topics[context.topology.agents[STOCK_KEEPER].folds].partitions


def _throughput(context: Context, at: Context, part: Literal["thin", "ledger"], load: Load) -> Throughput:
    """Both sides in turn."""
    from tools.bench.figures import Throughput
    from tools.bench.measuring import Input, throughput

    count = load.records * (THIN_PER_LEDGER if part == "thin" else 1)
    console = context.progress_console
    console.print(f"{part}: {count:,} transactions, our engine and the bare loop in turn ...")
    given = Input(at, part, count)
    runs: dict[Literal["ours", "bare"], list[Run]] = {"ours": [], "bare": []}
    for repeat in range(load.repeats):
        for side, found in runs.items():
            found.append(throughput(at, given, side))
            rate = found[-1].window or found[-1].whole
            console.print(f"{part}: {side}, run {repeat + 1} of {load.repeats}: {rate:,.0f} transactions/s")
    return Throughput.of(runs["ours"], runs["bare"])


def _show(context: Context, findings: Findings, is_embedded: bool) -> None:
    from rich.table import Table

    console = context.console
    if findings.throughputs:
        table = Table(
            "",
            "transactions/s",
            "bare loop",
            "ratio",
            title=f"Throughput on {findings.broker}, {findings.partitions} partitions",
        )
        for name, measured in findings.throughputs.items():
            ratio = f"{measured.ratio:.2f}"
            label = f"{name} (start-up counted)" if measured.start_up_counted else name
            table.add_row(label, f"{measured.transactions_per_s:,.0f}", f"{measured.bare_per_s:,.0f}", ratio)
        console.print(table)
    if findings.latencies:
        table = Table("transactions/s", "p50", "p99", "longest", title="Transaction to committed level, ms")
        for rate, latency in findings.latencies.items():
            table.add_row(f"{rate:,}", f"{latency.p50:.1f}", f"{latency.p99:.1f}", f"{latency.longest:.1f}")
        console.print(table)
    started, ended = findings.load_average
    console.print(f"Load average {started:.1f} at the start, {ended:.1f} at the end, {os.cpu_count()} processors.")
    if is_embedded:
        console.print("The embedded broker is for small loads: these figures say nothing about Apache Kafka.")
    elif findings.missed:
        console.print("Goals missed:", *(f"  {sentence}" for sentence in findings.missed), sep="\n", style="yellow")
    else:
        console.print("All goals of what was measured are reached.", style="green")

"""`onhand audit`: fold the input again and compare with everything that was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.context import CANNOT, WRONG_USAGE, Context, common_options, fail

if TYPE_CHECKING:
    from agents.runtime.topology import AgentSettings
    from tools.audit.auditor import AuditReport
    from tools.audit.findings import Difference
    from tools.audit.partition import PartitionReport


@click.command("audit", epilog="Examples: onhand audit; onhand audit order_router --partition 3 --json")
@click.argument("agents", metavar="[AGENT]...", nargs=-1)
@click.option(
    "--partition", "partitions", type=click.IntRange(0), multiple=True, help="Only this one; may be repeated."
)
@click.option(
    "--state",
    "state",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A state directory to compare, too; default: that of the topology, where it is on this machine.",
)
@click.option("--no-state", is_flag=True, help="Leave local state out.")
@click.option(
    "--rows-only", is_flag=True, help="Fold nothing: compare changelog, local state and levels with each other."
)
@common_options
def command(
    context: Context,
    agents: tuple[str, ...],
    partitions: tuple[int, ...],
    state: Path | None,
    no_state: bool,
    rows_only: bool,
) -> None:
    """Fold the input log of each AGENT again, and compare with its state and all that it said.

    Without AGENT: every agent whose input is kept for ever and whose topics are there. With --json one object an agent.

    It runs beside a live system: each partition is compared at the position that its changelog has when the audit of it
    begins. Nothing is written, and no worker is disturbed. It takes memory for the state of one partition.

    Exit codes: 0 no difference, 1 differences (the first ones are explained), 3 it cannot be said, with the reason.
    """
    if no_state and state is not None:
        raise click.UsageError("give --state or --no-state, not both")
    directory = None if no_state else state or context.topology.state.directory
    reports: list[AuditReport] = []
    for settings in _agents(context, agents, partitions):
        report = _audit(context, settings, partitions, directory, rows_only=rows_only)
        reports.append(report)
        if context.as_json:
            context.print_json(report.as_json())
        else:
            _show(context, report)
    if any(report.differences for report in reports):
        context.differs()
    if any(report.cannot for report in reports):
        click.get_current_context().exit(CANNOT)


def _agents(context: Context, names: tuple[str, ...], partitions: tuple[int, ...]) -> list[AgentSettings]:
    """The agents to audit: those named, else those that can be folded from the beginning."""
    topology = context.topology
    for name in names:
        if name not in topology.agents:
            fail(f"There is no agent {name!r}.", f"There are: {', '.join(topology.agents)}.", WRONG_USAGE)
    chosen = [topology.agents[name] for name in names] or _kept_for_ever(context)
    for agent in chosen:
        count = topology.all_topics[agent.folds].partitions
        if any(partition >= count for partition in partitions):
            fail(f"{agent.folds} has partitions 0 to {count - 1}.", None, WRONG_USAGE)
    return chosen


def _kept_for_ever(context: Context) -> list[AgentSettings]:
    """Agents whose input is never deleted, and that are on this cluster."""
    from agents.runtime.notation import FOREVER_MS
    from agents.runtime.topics import Cluster
    from tools.brokers.reporting import broker_or_fail

    topology = context.topology
    kept = [agent for agent in topology.agents.values() if topology.all_topics[agent.folds].retention_ms == FOREVER_MS]
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        there = Cluster(topology.kafka).topics([name for agent in kept for name in (agent.folds, agent.changelog.name)])
    found = [agent for agent in kept if {agent.folds, agent.changelog.name} <= set(there)]
    if not found:
        fail("There is no topic of any agent on this cluster.", "Create them: `onhand topics create`.")
    return found


def _audit(
    context: Context, agent: AgentSettings, partitions: tuple[int, ...], directory: Path | None, *, rows_only: bool
) -> AuditReport:
    from tools.audit.auditor import audit
    from tools.audit.stage import TopicsMissing
    from tools.brokers.encoding import codec_of
    from tools.brokers.reporting import broker_or_fail
    from tools.logics import LOGICS

    topology = context.topology
    codec = codec_of(topology)
    with broker_or_fail(topology.kafka["bootstrap.servers"]), _progress(context) as advance:
        try:
            return audit(
                topology,
                agent,
                LOGICS[agent.name](topology, codec),
                codec,
                partitions=partitions or None,
                state_directory=directory,
                rows_only=rows_only,
                progress=advance,
            )
        except TopicsMissing as missing:
            fail(f"There is no topic {', '.join(missing.names)} on this cluster.", "Create it: `onhand topics create`.")


@contextmanager
def _progress(context: Context) -> Iterator[Callable[[int, int, int], None]]:
    """A bar on standard error by offsets of the partition in hand, on a terminal only."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("partition {task.fields[partition]}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} offsets"),
        TimeRemainingColumn(),
    )
    console = context.progress_console
    shown = console.is_terminal and not context.as_json
    with Progress(*columns, console=console, disable=not shown, transient=True) as progress:
        task = progress.add_task("audit", total=1, partition="")

        def advance(partition: int, done: int, total: int) -> None:
            progress.update(task, completed=done, total=max(total, 1), partition=partition)

        yield advance


def _show(context: Context, report: AuditReport) -> None:
    from rich.table import Table

    parties = sorted({party for each in report.partitions for party in each.found})
    table = Table(title=report.agent, title_justify="left")
    for name in ("partition", "input position", "folded", "rows", *parties, "differences"):
        table.add_column(name, justify="right")
    for each in report.partitions:
        told = "?" if each.cannot is not None and not each.findings.total else f"{each.findings.total:,}"
        figures = [f"{each.found.get(party, 0):,}" for party in parties]
        table.add_row(
            str(each.partition), f"{each.input_position:,}", f"{each.records:,}", f"{each.rows:,}", *figures, told
        )
    context.console.print(table)
    for each in report.partitions:
        _show_remarks(context, each)
    for each in report.partitions:
        _show_differences(context, each)
    verdict = "no difference" if not report.differences else f"{report.differences:,} differences"
    if report.cannot:
        verdict += f", and of {len(report.cannot)} partitions it cannot be said"
    pace = f" ({report.records_per_s:,}/s)" if report.records else ""
    _print(context, f"{report.records:,} records folded again in {report.seconds:.1f} s{pace}: {verdict}.")


def _show_remarks(context: Context, report: PartitionReport) -> None:
    for state in report.states:
        what = state.remark or f"{state.rows:,} rows compared at input position {state.input_position:,}"
        _print(context, f"Partition {report.partition}: local state of {state.instance}: {what}.")
    for party, count in report.gone.items():
        _print(
            context,
            f"Partition {report.partition}: {count:,} records of {party} are deleted by retention: not checked.",
        )
    if report.overtaken:
        _print(
            context,
            f"Partition {report.partition}: {report.overtaken:,} rows were compacted away while they were read: not "
            "checked. Audit again.",
        )
    for remark in report.remarks:
        _print(context, f"Partition {report.partition}: {remark}.")
    if report.cannot is not None:
        _print(context, f"Partition {report.partition}: {report.cannot.sentence} {report.cannot.what_to_do}")


def _show_differences(context: Context, report: PartitionReport) -> None:
    for (party, kind), count in sorted(report.findings.counts.items()):
        told = [each for each in report.findings.told if (each.party, each.kind) == (party, kind)]
        _print(context, "")
        _print(context, f"Partition {report.partition}, {party} {kind}: {count:,}", style="bold")
        _show_difference(context, told[0])


def _show_difference(context: Context, difference: Difference) -> None:
    _print(context, f"  {difference.sentence}")
    _print(context, f"  expected  {difference.expected or 'nothing'}")
    _print(context, f"  found     {difference.found or 'nothing'}")
    _print(context, f"  to do     {difference.what_to_do}")


def _print(context: Context, line: str, style: str | None = None) -> None:
    context.console.print(line, markup=False, soft_wrap=True, style=style)

"""`onhand play`: scenario text through the rules of ledger and order router, or through a broker and workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tools.context import TOPOLOGY_VARIABLE, WRONG_USAGE, Context, fail, find_topology

if TYPE_CHECKING:
    from tools.live.play import LiveResult
    from tools.scenario.recording import Recording
    from tools.scenario.runner import Result

LANGUAGE = "docs/reference/scenarios.md describes the language."


@click.command("play", epilog="Examples: onhand play docs/scenarios/*.txt; onhand play --live docs/scenarios/*.txt")
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--live", is_flag=True, help="Through a broker and a worker, on topics that are deleted afterwards.")
@click.option(
    "--topology",
    "topology_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar=TOPOLOGY_VARIABLE,
    show_envvar=True,
    help="With --live: the topology file.",
)
@click.option("--bootstrap", metavar="HOST:PORT", help="With --live: a cluster in place of an embedded broker.")
@click.option("--json", "as_json", is_flag=True, help="Print one object a step; with --live one a scenario.")
@click.pass_context
def command(
    running: click.Context,
    files: tuple[Path, ...],
    live: bool,
    topology_path: Path | None,
    bootstrap: str | None,
    as_json: bool,
) -> None:
    """Run a scenario through the rules; needs no broker.

    Every FILE is played on a ledger of its own, each step is printed with what the ledger said, and the first
    difference from what the text expects ends the command with exit code 1; a line that cannot be read, with 2. The
    language is described in docs/reference/scenarios.md.

    With --live the scenarios that go as they are written are then told to a worker, 32 at a time, each in a partition
    of its own; where one says `crash` the worker is killed. Everything it said must be what the rules say, record for
    record. Those that speak of orders are told to the stock keeper and the order router, line by line; those that speak of
    campaigns, demand or KPIs are played in memory only, and said to be skipped. An embedded broker is started for it, or a cluster used under names of its own with --bootstrap.
    """
    context = running.obj = Context(topology_path, bootstrap, as_json=as_json)
    if live:
        play_live(context, files)
    elif topology_path is not None or bootstrap is not None:
        fail("--topology and --bootstrap go with --live.", "Without it no broker is asked.", WRONG_USAGE)
    else:
        play_in_memory(context, files)


def play_in_memory(context: Context, files: tuple[Path, ...]) -> None:
    """Play the files one by one, up to the first difference."""
    from tools.scenario.runner import play

    for file in files:
        if not context.as_json:
            context.console.print(str(file), style="bold", markup=False)
        with readable(file):
            for result in play(file):
                show(context, file, result)
                if result.differences:
                    context.differs()


def play_live(context: Context, files: tuple[Path, ...]) -> None:
    """Tell all files to workers, and show what differs."""
    from rich.progress import Progress

    from tools.brokers import embedded
    from tools.brokers.reporting import broker_or_fail
    from tools.live.play import Theatre
    from tools.live.stage import LiveFailed

    reason = None if context.bootstrap else embedded.unavailable_reason()
    if reason is not None:
        fail(f"{reason[:1].upper()}{reason[1:]}.", "Or name a cluster of your own with --bootstrap.")
    recordings = [recorded(file) for file in files]
    topology = context.topology_path or find_topology()
    differs = False
    try:
        with (
            broker_or_fail(context.bootstrap or "the embedded broker"),
            Theatre(topology, context.bootstrap) as theatre,
            Progress(console=context.progress_console, transient=True) as progress,
        ):
            task = progress.add_task("Scenarios", total=len(files))
            for result in theatre.play(recordings):
                progress.advance(task)
                show_live(context, result)
                differs = differs or bool(result.differences)
    except LiveFailed as failed:
        fail(f"The scenarios cannot be played live: {failed}")
    if differs:
        context.differs()


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """End the command with a sentence where the file, or a line of it, is no scenario text."""
    from tools.scenario.words import Unreadable

    try:
        yield
    except Unreadable as unreadable:
        fail(f"{file}, {unreadable}", LANGUAGE, WRONG_USAGE)
    except UnicodeDecodeError:
        fail(f"{file} is no text in UTF-8.", exit_code=WRONG_USAGE)


def recorded(file: Path) -> Recording:
    """What the file tells the ledger, played in memory."""
    from tools.scenario.recording import record

    with readable(file):
        return record(file)


def show(context: Context, file: Path, result: Result) -> None:
    """Print one step with its result: as an object, or as a line and its differences."""
    if context.as_json:
        context.print_json(as_object(file, result))
        return
    mark, style = ("differs", "bold red") if result.differences else ("ok", "green")
    context.console.print(f"{mark:>7}", style=style, end="")
    context.console.print(f" {result.step.line:4}  {result.step.text}", markup=False, soft_wrap=True)
    context.console.print(f"              {result.said}", style="dim", markup=False, soft_wrap=True)
    for difference in result.differences:
        context.console.print(f"              {difference}", style="red", markup=False, soft_wrap=True)


def as_object(file: Path, result: Result) -> dict[str, Any]:
    """One step as an object."""
    return {
        "file": str(file),
        "line": result.step.line,
        "step": result.step.text,
        "said": result.said,
        "ok": not result.differences,
        "differences": list(result.differences),
    }


def show_live(context: Context, result: LiveResult) -> None:
    """Print one scenario with its result: as an object, or as a line and its differences."""
    if context.as_json:
        context.print_json(
            {
                "file": str(result.path),
                "transactions": result.transactions,
                "crashed": result.crashed,
                "skipped": result.skipped,
                "ok": not result.differences,
                "differences": list(result.differences),
            }
        )
        return
    if result.skipped is not None:
        context.console.print(f"skipped  {result.path}: {result.skipped}", markup=False, soft_wrap=True)
        return
    mark, style = ("differs", "bold red") if result.differences else ("ok", "green")
    context.console.print(f"{mark:>7}", style=style, end="")
    killed = ", worker killed" if result.crashed else ""
    context.console.print(f"  {result.path} ({result.transactions} transactions{killed})", markup=False, soft_wrap=True)
    for difference in result.differences:
        context.console.print(f"         {difference}", style="red", markup=False, soft_wrap=True)

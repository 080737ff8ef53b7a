"""`onhand play`: scenario text through the rules of the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tools.context import WRONG_USAGE, Context, fail

if TYPE_CHECKING:
    from tools.scenario.runner import Result


@click.command("play", epilog="Example: onhand play docs/scenarios/*.txt")
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--json", "as_json", is_flag=True, help="Print one object a step.")
@click.pass_context
def command(running: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Run a scenario through the rules; needs no broker.

    Every FILE is played on a ledger of its own, each step is printed with what the ledger said, and the first
    difference from what the text expects ends the command with exit code 1; a line that cannot be read, with 2. The
    language is described in docs/reference/scenarios.md.
    """
    from tools.scenario.runner import play
    from tools.scenario.words import Unreadable

    context = running.obj = Context(as_json=as_json)
    for file in files:
        if not as_json:
            context.console.print(str(file), style="bold", markup=False)
        try:
            for result in play(file):
                show(context, file, result)
                if result.differences:
                    context.differs()
        except Unreadable as unreadable:
            fail(f"{file}, {unreadable}", "docs/reference/scenarios.md describes the language.", WRONG_USAGE)
        except UnicodeDecodeError:
            fail(f"{file} is no text in UTF-8.", exit_code=WRONG_USAGE)


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

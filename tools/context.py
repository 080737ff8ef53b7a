"""What every command shares: the options, the topology, the screen, JSON, and the one way to say that something cannot be.

A command is written as

    @click.command("stock", epilog="Example: onhand stock SHOE")
    @click.argument("sku")
    @common_options
    def command(context: Context, sku: str) -> None: ...

Exit codes: 0 fine, 1 a check failed or a difference was found (`context.differs()`), 2 wrong usage or a wrong topology
file, 3 it cannot be done now (`fail`).
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:  # `onhand --help` loads none of these
    from rich.console import Console

    from agents.runtime.topology import Topology

R = TypeVar("R")

FINE = 0
DIFFERENCE = 1
WRONG_USAGE = 2
CANNOT = 3

TOPOLOGY_FILE = "topology.yaml"
TOPOLOGY_VARIABLE = "ONHAND_TOPOLOGY"
WIDTH_WITHOUT_TERMINAL = 160
SOME_BROKER = "bootstrap.servers"


class Failure(click.ClickException):
    """One sentence that says why it cannot be done, and what to do about it."""

    def __init__(self, sentence: str, what_to_do: str | None, exit_code: int, as_json: bool) -> None:
        super().__init__(sentence)
        self.what_to_do = what_to_do
        self.exit_code = exit_code
        self.as_json = as_json

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it to standard error: for people, or with --json as one object."""
        if self.as_json:
            value = {"error": self.message, "what_to_do": self.what_to_do, "exit_code": self.exit_code}
            click.echo(encoded(value), file=file, err=file is None)
            return
        click.echo(f"Error: {self.message}", file=file, err=file is None)
        if self.what_to_do:
            click.echo(f"  {self.what_to_do}", file=file, err=file is None)


def fail(sentence: str, what_to_do: str | None = None, exit_code: int = CANNOT) -> NoReturn:
    """End the command: `sentence` says what is the case, `what_to_do` the next step."""
    running = click.get_current_context(silent=True)
    context = running.find_object(Context) if running else None
    raise Failure(sentence, what_to_do, exit_code, as_json=context is not None and context.as_json)


@dataclass
class Context:
    """What the shared options said, and what follows from them."""

    topology_path: Path | None = None
    bootstrap: str | None = None
    """`host:port` of a cluster that was named on the command line, in place of the topology's."""
    as_json: bool = False
    scratch: str | None = None
    """Suffix of app and topics, for trying things on a cluster that others use."""

    @cached_property
    def topology(self) -> Topology:
        """The topology in force. Ends the command where the file is missing or wrong."""
        from agents.runtime.topology import TopologyInvalid, load

        path = self.topology_path or find_topology()
        try:
            topology = load(path, os.environ)
        except TopologyInvalid as invalid:
            fail(str(invalid), "Correct the file; docs/reference/topology.md describes every key.", WRONG_USAGE)
        if self.bootstrap:
            topology = topology.with_bootstrap(self.bootstrap)
        if self.scratch is None:
            return topology
        from tools.brokers.scratch import scratch_topology

        directory = topology.state.directory / self.scratch
        return scratch_topology(topology, self.scratch, client_settings={}, state_directory=directory)

    @cached_property
    def console(self) -> Console:
        """Standard output for people: colours only on a terminal and without NO_COLOR."""
        return _console(stderr=False)

    @cached_property
    def progress_console(self) -> Console:
        """Standard error, for progress bars and remarks: standard output stays clean for pipes."""
        return _console(stderr=True)

    @property
    def address(self) -> str:
        """Where the broker is, as far as it is known yet: for sentences about it."""
        if "topology" in self.__dict__:
            return self.topology.kafka["bootstrap.servers"]
        return self.bootstrap or SOME_BROKER

    def print_json(self, value: object) -> None:
        """Print one value as one line of JSON."""
        click.echo(encoded(value))

    def differs(self) -> NoReturn:
        """End with exit code 1: a check failed, or a difference was found and has been shown."""
        click.get_current_context().exit(DIFFERENCE)


def common_options(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command --topology, --bootstrap and --json, and a Context as its first argument."""

    @click.option(
        "--topology",
        "topology_path",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        envvar=TOPOLOGY_VARIABLE,
        show_envvar=True,
        help=f"The topology file; default {TOPOLOGY_FILE} here, else the one that came with Onhand.",
    )
    @click.option(
        "--bootstrap",
        metavar="HOST:PORT",
        help="A cluster in place of the topology's bootstrap.servers.",
    )
    @click.option(
        "--scratch",
        metavar="NAME",
        help="The same topology under another name: app and topics with this suffix. For trying things out.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, one value a line.")
    @functools.wraps(function)
    def with_context(
        topology_path: Path | None, bootstrap: str | None, scratch: str | None, as_json: bool, **options: Any
    ) -> R:
        context = Context(topology_path, bootstrap, as_json, scratch)
        running = click.get_current_context()
        running.obj = running.find_root().obj = context
        return function(context, **options)

    return with_context


def deciding_options(
    *, why: str = "Why.", why_required: bool = False
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give a command that decides something for good --who, --why, --dry-run and --yes.

    `why` is the help of --why. It becomes None where it is not given.
    """

    def with_options(function: Callable[..., R]) -> Callable[..., R]:
        for option in reversed(
            (
                click.option("--who", metavar="NAME", help="Who decides; default: your user name."),
                click.option("--why", metavar="TEXT", required=why_required, help=why),
                click.option("--dry-run", is_flag=True, help="Show what would be done; write nothing."),
                click.option("--yes", is_flag=True, help="Do not ask."),
            )
        ):
            function = option(function)
        return function

    return with_options


def confirmed(context: Context, question: str) -> bool:
    """Whether a person says yes; where not, that nothing was done is told. With --json nobody can be asked."""
    if context.as_json:
        raise click.UsageError("--json asks nothing: add --yes, or --dry-run.")
    try:
        yes = click.confirm(question, err=True)
    except click.Abort:
        click.echo("Nothing was done. Where nobody can be asked, add --yes.", err=True)
        raise
    if not yes:
        click.echo("Nothing was done.")
    return yes


def find_topology() -> Path:
    """The topology file where none was named: here, else beside the checkout, else the one a plain install brought."""
    here = Path(TOPOLOGY_FILE)
    checkout = Path(__file__).resolve().parent.parent / TOPOLOGY_FILE
    installed = Path(sys.prefix) / "share" / "onhand" / TOPOLOGY_FILE
    return next((path for path in (here, checkout, installed) if path.is_file()), here)


def encoded(value: object) -> str:
    """A value as one line of JSON; structs and dataclasses as objects, paths as text, bytes as hexadecimal."""
    import orjson

    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()


def _plain(value: object) -> object:
    import msgspec

    if isinstance(value, msgspec.Struct):
        return msgspec.structs.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _console(stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        # A pipe has no width: tables must not be cut there.
        console.width = WIDTH_WITHOUT_TERMINAL
    return console

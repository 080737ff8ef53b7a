"""Pages of docs/reference that are written from the code: `python -m tools.reference` (or `make docs`).

The commands' page is made here, the others in tools/pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from tools.cli import cli

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"
WIDTH = 100
HEAD = """\
# The `onhand` command

Written by `make docs` from the commands themselves: do not edit.

Every command takes `--json`, and `--topology` and `--bootstrap` where it asks them. Exit codes: 0 fine, 1 a check failed or a difference was found,
2 wrong usage or a wrong topology file, 3 it cannot be done now. Colours are left out where NO_COLOR is set or no terminal is.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(path, command) for path, command in commands())])


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with the words that call it, groups before what is in them."""
    for name in cli.list_commands(click.Context(cli)):
        yield from commands_of(name)


def commands_of(name: str) -> Iterator[tuple[str, click.Command]]:
    """One command, and where it is a group all that is in it."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    yield from _with_inner(name, command)


def _with_inner(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _with_inner(f"{path} {name}", command.commands[name])


def help_of(path: str, command: click.Command) -> str:
    """What `onhand <path> --help` prints, in a width of its own."""
    context = click.Context(command, info_name=f"onhand {path}", terminal_width=WIDTH, max_content_width=WIDTH)
    context.help_option_names = ["-h", "--help"]
    return command.get_help(context)


def _section(path: str, command: click.Command) -> str:
    return f"## onhand {path}\n\n```\n{help_of(path, command)}\n```\n"


def pages() -> dict[Path, str]:
    """Every page that is written from the code."""
    from tools.pages import conformance, core

    made = {PAGE: page(), PAGE.with_name("conformance.md"): conformance.page()}
    return made | {PAGE.with_name(name): write() for name, write in core.PAGES.items()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")

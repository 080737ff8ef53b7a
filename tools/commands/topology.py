"""`onhand topology`: the topology as a picture."""

from __future__ import annotations

import click

from tools.context import Context, common_options


@click.command("topology", epilog="Example: onhand topology --format mermaid > topology.mmd")
@click.option(
    "--format",
    "picture",
    type=click.Choice(["text", "mermaid"]),
    default="text",
    show_default=True,
    help="Lines for a terminal, or a Mermaid flowchart.",
)
@common_options
def command(context: Context, picture: str) -> None:
    """Draw topics, agents and tables as text or Mermaid.

    The file is checked on the way: all its mistakes are told at once, each with its path. No broker is asked. With
    --json everything the file says is printed, durations in milliseconds and sizes in bytes, secrets hidden.
    """
    from tools import drawing

    topology = context.topology
    if context.as_json:
        context.print_json(drawing.data(topology))
    else:
        click.echo(drawing.mermaid(topology) if picture == "mermaid" else drawing.text(topology), nl=picture == "text")

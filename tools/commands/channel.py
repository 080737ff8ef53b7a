"""`onhand channel`: the reference of sales channels, as it is in force, and how to set it."""

from __future__ import annotations

import click

from tools.context import Context, common_options, deciding_options


@click.group("channel", epilog="Example: onhand channel set web locations=LEEDS,YORK methods=shipping --dry-run")
def command() -> None:
    """Show or set the reference of sales channels: the places they sell from, their region, how they sell.

    What a channel is left of a place (buffer) and how much life it asks for are policy: `onhand policy set`. Availability and
    edges are published as long as there is one channel.
    """


@command.command("list", epilog="Example: onhand channel list --json")
@common_options
def list_(context: Context) -> None:
    """Show all sales channels of which a CHANNEL record came."""
    from tools.reference_writing import read_view, show_all

    show_all(context, "channel", list(read_view(context).channels.values()))


@command.command("set", epilog="Example: onhand channel set web locations=LEEDS,YORK methods=shipping --dry-run")
@click.argument("channel")
@click.argument("settings", nargs=-1, metavar="SETTING=VALUE...")
@click.option("--again", is_flag=True, help="Write it even if nothing changes: for an agent that came later.")
@deciding_options()
@common_options
def set_(
    context: Context,
    channel: str,
    settings: tuple[str, ...],
    who: str | None,
    why: str | None,
    dry_run: bool,
    yes: bool,
    again: bool,
) -> None:
    """Set a sales channel: what is named changes, the rest stays. SETTING=none takes a value away.

    Settings: locations, region, handling_time, methods, cancel_limit, late_penalty.
    It is written to every partition at once and holds from then on; what it changes follows SKU by SKU.
    """
    from agents.inventory.transactions import ChannelReference
    from tools.reference_writing import changed, read_view, write

    old = read_view(context).channels.get(channel)
    new = changed(ChannelReference, channel, old, settings)
    write(context, old, new, who=who, why=why, dry_run=dry_run, yes=yes, again=again)

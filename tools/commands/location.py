"""`onhand location`: the reference of places, as it is in force, and how to set it."""

from __future__ import annotations

import click

from tools.context import Context, common_options, deciding_options


@click.group("location", epilog="Example: onhand location set LEEDS open=no --dry-run")
def command() -> None:
    """Show or set the reference of places: whether they are open, ship, offer pickup, their region, whose counts count.

    A place that closes takes no claims: those it has move to other places of their list, or yield.
    """


@command.command("list", epilog="Example: onhand location list --json")
@common_options
def list_(context: Context) -> None:
    """Show all places of which a LOCATION record came."""
    from tools.reference_writing import read_view, show_all

    show_all(context, "location", list(read_view(context).locations.values()))


@command.command("set", epilog="Example: onhand location set LEEDS open=no --dry-run")
@click.argument("location")
@click.argument("settings", nargs=-1, metavar="SETTING=VALUE...")
@click.option("--again", is_flag=True, help="Write it even if nothing changes: for an agent that came later.")
@deciding_options()
@common_options
def set_(
    context: Context,
    location: str,
    settings: tuple[str, ...],
    who: str | None,
    why: str | None,
    dry_run: bool,
    yes: bool,
    again: bool,
) -> None:
    """Set a place: what is named changes, the rest stays. SETTING=none takes a value away.

    Settings: kind, open, ships, pickup, region, country, latitude_tenths, longitude_tenths, time_zone, authority,
    utc_offset_minutes, zones (COUNTRY:PREFIX:COST:DAYS,...), opening_days, opens_at, closes_at, working_days, cut_off,
    handling_time, daily_capacity, holidays.
    It is written to every partition at once and holds from then on; what it changes follows SKU by SKU.
    """
    from agents.inventory.transactions import LocationReference
    from tools.reference_writing import changed, read_view, write

    old = read_view(context).locations.get(location)
    new = changed(LocationReference, location, old, settings)
    write(context, old, new, who=who, why=why, dry_run=dry_run, yes=yes, again=again)

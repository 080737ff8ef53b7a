"""`onhand policy`: which rules are in force, which of them gives which value, and how to set one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tools.context import Context, common_options, deciding_options

if TYPE_CHECKING:
    from agents.inventory.policy import Given
    from agents.inventory.transactions import PolicySettings

SCOPE = ("sku", "category", "location", "channel")


@click.group("policy", epilog="Example: onhand policy show SHOE@LEEDS --channel web")
def command() -> None:
    """Show which policy is in force, and which rule gives which value; set a rule.

    The most particular rule that says something counts, for every setting on its own: SKU and location, SKU, category and
    location, category, location, everywhere; a rule for the channel comes before one of the same rank without.
    """


@command.command("list", epilog="Example: onhand policy list --json")
@common_options
def list_(context: Context) -> None:
    """Show all rules in force, the most particular first."""
    from agents.inventory.policy import rank
    from tools.reference_writing import read_view

    rules = sorted(read_view(context).rules.values(), key=lambda rule: (-rank(rule), rule.rule))
    if context.as_json:
        for rule in rules:
            context.print_json(rule)
    elif rules:
        _show_rules(context, rules)
    else:
        click.echo("There are no rules: everything is as the program has it.", err=True)


@command.command("show", epilog="Example: onhand policy show SHOE@LEEDS --channel web --json")
@click.argument("place", metavar="SKU[@LOCATION]")
@click.option("--channel", help="As this channel meets it.")
@click.option("--category", help="As if the SKU were of this category; default: of its own.")
@common_options
def show(context: Context, place: str, channel: str | None, category: str | None) -> None:
    """Say which value every setting has there, and which rule gave it."""
    from agents.inventory.policy import PolicyBook
    from tools.reference_writing import read_view

    sku, at, location = place.rpartition("@")
    if not at:
        sku, location = place, ""
    if not sku:
        raise click.UsageError("Name a SKU, such as SHOE or SHOE@LEEDS.")
    view = read_view(context, sku)
    known = category if category is not None else view.category
    given = PolicyBook(view.rules.values()).explain(sku, location or None, channel, known)
    if context.as_json:
        context.print_json(
            {
                "sku": sku,
                "location": location or None,
                "channel": channel,
                "category": known,
                "settings": {each.setting: {"value": each.value, "rule": each.rule} for each in given},
            }
        )
        return
    _show_given(context, sku, location, channel, known, given, view.rules)


@command.command(
    "set", epilog="Example: onhand policy set shoes safety_stock=3 reservation_ttl=10m --category shoes --dry-run"
)
@click.argument("rule")
@click.argument("settings", nargs=-1, metavar="SETTING=VALUE...")
@click.option("--sku", help="Only for this SKU.")
@click.option("--category", help="Only for SKUs of this category.")
@click.option("--location", help="Only at this location.")
@click.option("--channel", help="Only for this channel.")
@click.option("--withdraw", is_flag=True, help="Take the rule out of force.")
@deciding_options()
@common_options
def set_(
    context: Context,
    rule: str,
    settings: tuple[str, ...],
    sku: str | None,
    category: str | None,
    location: str | None,
    channel: str | None,
    withdraw: bool,
    who: str | None,
    why: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Set a rule: what is named changes, the rest of the rule stays. SETTING=none lets the rule say nothing about it.

    It is written to every partition at once and holds from then on; levels and availability that it changes follow SKU
    by SKU.
    """
    from agents.inventory.transactions import PolicySettings
    from tools.reference_writing import changed, read_view, write

    old = read_view(context).rules.get(rule)
    if withdraw:
        if settings:
            raise click.UsageError("A rule that is withdrawn sets nothing.")
        if old is None:
            raise click.UsageError(f"There is no rule {rule}; `onhand policy list` shows all.")
        new = PolicySettings(rule=rule, withdrawn=True)
    else:
        where = dict(zip(SCOPE, (sku, category, location, channel), strict=True))
        pairs = [*settings, *(f"{name}={value}" for name, value in where.items() if value is not None)]
        if not pairs:
            raise click.UsageError("Say what the rule sets, such as safety_stock=3.")
        new = changed(PolicySettings, rule, old, pairs)
    write(context, old, new, who=who, why=why, dry_run=dry_run, yes=yes)


def _show_rules(context: Context, rules: list[PolicySettings]) -> None:
    from rich.table import Table

    table = Table()
    for name in ("rule", "where", "what it sets"):
        table.add_column(name, overflow="fold")
    for rule in rules:
        table.add_row(rule.rule, where_of(rule), what_of(rule))
    context.console.print(table, markup=False)


def where_of(rule: PolicySettings) -> str:
    """Where a rule applies, in words."""
    named = [f"{name} {getattr(rule, name)}" for name in SCOPE if getattr(rule, name) is not None]
    return ", ".join(named) or "everywhere"


def what_of(rule: PolicySettings) -> str:
    """What a rule sets, in words."""
    from agents.inventory.policy import SETTINGS

    return ", ".join(
        f"{name} {_text(name, getattr(rule, name))}" for name in SETTINGS if getattr(rule, name) is not None
    )


def _show_given(
    context: Context,
    sku: str,
    location: str,
    channel: str | None,
    category: str | None,
    given: tuple[Given, ...],
    rules: dict[str, PolicySettings],
) -> None:
    from rich.table import Table

    named = {"category": category, "location": location, "channel": channel}
    context.console.print(
        ", ".join([sku, *(f"{name} {value}" for name, value in named.items() if value)]), markup=False
    )
    table = Table()
    for name in ("setting", "value", "rule", "which is for"):
        table.add_column(name, overflow="fold")
    for each in given:
        rule = None if each.rule is None else rules[each.rule]
        table.add_row(
            each.setting,
            _text(each.setting, each.value),
            each.rule or "",
            "default" if rule is None else where_of(rule),
        )
    context.console.print(table, markup=False)


def _text(setting: str, value: object) -> str:
    from agents.runtime.notation import in_words

    return in_words(value) if setting.endswith("_ms") and isinstance(value, int) else str(value)

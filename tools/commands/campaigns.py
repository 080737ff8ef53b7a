"""`onhand campaigns`: how campaigns stand, why they were paused, and campaigns registered by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from tools.context import WRONG_USAGE, Context, common_options, confirmed, deciding_options, fail

if TYPE_CHECKING:
    from agents.inventory.campaigns.rows import Campaign
    from agents.inventory.campaigns.words import CampaignRecord, Registration
    from tools.brokers.keyed_reading import Seen

T = TypeVar("T")

STANDINGS = ("running", "pausing", "paused", "resuming", "paused by others", "ended")


@click.group("campaigns", epilog="Example: onhand campaigns why summer")
def command() -> None:
    """Show campaigns, how they stand and why they were paused; register some by hand.

    docs/concepts/campaigns.md says when a campaign is paused, and what an ad platform is told.
    """


@command.command("list", epilog="Example: onhand campaigns list --standing paused --json")
@click.option("--standing", type=click.Choice(STANDINGS), help="Only those that stand so.")
@click.option("--platform", help="Only of this platform.")
@click.option("--sku", help="Only those that advertise this SKU.")
@common_options
def list_(context: Context, standing: str | None, platform: str | None, sku: str | None) -> None:
    """Show how campaigns stand, as the guard keeps them. With --json one object a line."""
    from tools.campaigns.reading import kept_campaigns
    from tools.campaigns.sentences import standing_of

    found = {
        name: campaign
        for name, campaign in _read(context, lambda seen: kept_campaigns(context.topology, seen)).items()
        if standing in {None, standing_of(campaign)}
        and platform in {None, campaign.registration.platform}
        and (sku is None or sku in campaign.members)
    }
    if context.as_json:
        for name, campaign in found.items():
            context.print_json(plain_campaign(name, campaign))
    elif found:
        _show_list(context, found)
    else:
        click.echo("No such campaigns.")


@command.command("show", epilog="Example: onhand campaigns show summer --json")
@click.argument("campaign_id", metavar="CAMPAIGN")
@common_options
def show(context: Context, campaign_id: str) -> None:
    """Show how a campaign stands: registration, SKUs, who has its budget, and what the platform has not answered yet.

    Exit code 1: nothing is known of it.
    """
    from tools.campaigns.sentences import registration_words, sku_words, standing_lines

    campaign = _kept(context, campaign_id) or _unknown(context, campaign_id)
    if context.as_json:
        context.print_json(plain_campaign(campaign_id, campaign))
        return
    lines = [f"{campaign_id}: {registration_words(campaign.registration)}"]
    lines += [f"  {line}" for line in standing_lines(campaign)]
    lines += [f"  {sku_words(heard)}" for heard in campaign.heard]
    _say(context, lines)


@command.command("why", epilog="Example: onhand campaigns why summer")
@click.argument("campaign_id", metavar="CAMPAIGN")
@click.option("--all", "everything", is_flag=True, help="Records that led to nothing too.")
@common_options
def why(context: Context, campaign_id: str, everything: bool) -> None:
    """Tell the story of a campaign: what was heard, what the platform was told, and by which cause.

    With --json one object a record. Exit code 1: nothing is known of it.
    """
    import msgspec

    from tools.brokers.encoding import codec_of
    from tools.campaigns.reading import commands_of, heard_of
    from tools.campaigns.sentences import standing_lines
    from tools.campaigns.story import chapter_lines, matters, story_of

    topology = context.topology
    codec = codec_of(topology)
    heard = _read(context, lambda seen: heard_of(topology, codec, campaign_id, seen)) or _unknown(context, campaign_id)
    published = _read(context, lambda seen: commands_of(topology, codec, campaign_id, seen))
    policy = msgspec.structs.replace(topology.campaigns, topic=_campaigns_topic(context))
    story = story_of(heard, published, policy)
    for chapter in story.chapters:
        if not everything and not matters(chapter):
            continue
        if context.as_json:
            context.print_json(msgspec.to_builtins(chapter))
        else:
            _say(context, chapter_lines(chapter))
    if not context.as_json and story.campaign is not None:
        _say(
            context,
            [
                f"Now {line}" if not number else f"  {line}"
                for number, line in enumerate(standing_lines(story.campaign))
            ],
        )
    if not story.is_exact:
        click.echo(
            "What was published is not all what these records give today: another policy of campaigns was in force, or the "
            "guard has not read all of them yet. What was published counts.",
            err=True,
        )


@command.command(
    "register",
    epilog="Example: onhand campaigns register summer platform=meta account=act_1 budget_minor=10000 currency=EUR "
    "skus=SHOE,HAT minimum_dwell_ms=15m --dry-run",
)
@click.argument("campaign_id", metavar="[CAMPAIGN]", required=False)
@click.argument("settings", nargs=-1, metavar="[SETTING=VALUE]...")
@click.option(
    "--file", type=click.File(encoding="utf-8"), help="Settings by campaign, as YAML or JSON; - = standard input."
)
@deciding_options()
@common_options
def register(
    context: Context,
    campaign_id: str | None,
    settings: tuple[str, ...],
    file: Any,
    who: str | None,
    why: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Register a campaign, or change one: what is named changes, the rest stays. SETTING=none takes a value away.

    Settings: platform, account, entity, budget_minor, currency, skus or category, channels, regions,
    alternatives=CAMPAIGN:SKU+SKU,..., rule (all, any, share), pause_at, resume_at, pause_on (out, low), minimum_dwell_ms,
    cool_down_ms (durations), boost_above_weeks, boost_until_weeks, boost_share, boost_percent.
    """
    from tools.campaigns.settings import Unreadable, of_file, pairs

    try:
        if file is not None:
            if campaign_id is not None:
                fail("--file names the campaigns itself.", exit_code=WRONG_USAGE)
            given = of_file(file.read())
        elif campaign_id is None:
            fail("Name a campaign, or give --file.", exit_code=WRONG_USAGE)
        else:
            given = {campaign_id: pairs(settings)}
        records = _registrations(context, given, who, why)
    except (Unreadable, UnicodeDecodeError) as wrong:
        fail(f"{wrong}.", "`onhand campaigns register --help` names the settings.", WRONG_USAGE)
    _tell(context, records, dry_run=dry_run, yes=yes)


@command.command("members", epilog="Example: onhand campaigns members hats --from-items --yes")
@click.argument("campaign_id", metavar="CAMPAIGN")
@click.argument("skus", nargs=-1, metavar="[SKU]...")
@click.option("--from-items", is_flag=True, help="Those of which an ITEM record in the ledger names the category.")
@deciding_options()
@common_options
def members(
    context: Context,
    campaign_id: str,
    skus: tuple[str, ...],
    from_items: bool,
    who: str | None,
    why: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Say which SKUs the category of a campaign has now."""
    from agents.inventory.campaigns.words import CampaignKind
    from tools.campaigns.reading import skus_of_category
    from tools.campaigns.writing import said_now
    from tools.commands.dead_letters import user_name

    campaign = _kept(context, campaign_id) or _unknown(context, campaign_id)
    category = campaign.registration.category
    if category is None:
        fail(f"{campaign_id} names its SKUs itself.", "Change them by `onhand campaigns register`.", WRONG_USAGE)
    if from_items == bool(skus):
        fail("Name the SKUs, or give --from-items.", exit_code=WRONG_USAGE)
    if from_items:
        skus = _read(context, lambda seen: skus_of_category(context.topology, category, seen))
    _tell(
        context,
        [said_now(CampaignKind.MEMBERS, campaign_id, skus=tuple(skus), who=who or user_name(), why=why)],
        dry_run=dry_run,
        yes=yes,
    )


@command.command("end", epilog="Example: onhand campaigns end summer --why 'the season is over' --yes")
@click.argument("campaign_id", metavar="CAMPAIGN")
@deciding_options()
@common_options
def end(context: Context, campaign_id: str, who: str | None, why: str | None, dry_run: bool, yes: bool) -> None:
    """Guard it no more. What others have of its budget is taken back; it is neither paused nor resumed."""
    _say_of(context, "ENDED", campaign_id, who, why, dry_run=dry_run, yes=yes)


@command.command("paused", epilog="Example: onhand campaigns paused summer --why 'wrong picture' --yes")
@click.argument("campaign_id", metavar="CAMPAIGN")
@deciding_options()
@common_options
def paused(context: Context, campaign_id: str, who: str | None, why: str | None, dry_run: bool, yes: bool) -> None:
    """Say that people paused it on the platform: it is left alone until they resume it."""
    _say_of(context, "PAUSED_BY_OTHERS", campaign_id, who, why, dry_run=dry_run, yes=yes)


@command.command("resumed", epilog="Example: onhand campaigns resumed summer --yes")
@click.argument("campaign_id", metavar="CAMPAIGN")
@deciding_options()
@common_options
def resumed(context: Context, campaign_id: str, who: str | None, why: str | None, dry_run: bool, yes: bool) -> None:
    """Say that people let it run on the platform: after its cool-down the rule holds again."""
    _say_of(context, "RESUMED_BY_OTHERS", campaign_id, who, why, dry_run=dry_run, yes=yes)


# -- writing -----------------------------------------------------------------------------------------------------------


def _registrations(context: Context, given: dict[str, Any], who: str | None, why: str | None) -> list[CampaignRecord]:
    """REGISTERED for what is new or has ended, CHANGED for the others. Raises Unreadable."""
    from agents.inventory.campaigns.validation import problem_of
    from agents.inventory.campaigns.words import CampaignKind
    from tools.campaigns.reading import kept_campaigns
    from tools.campaigns.settings import Unreadable, registration_of
    from tools.campaigns.writing import said_now
    from tools.commands.dead_letters import user_name

    only = next(iter(given)) if len(given) == 1 else None
    known = _read(context, lambda seen: kept_campaigns(context.topology, seen, only))
    records = []
    for name, settings in given.items():
        campaign = known.get(name)
        guarded = campaign is not None and campaign.ended_at_ms is None
        registration: Registration = registration_of(campaign.registration if campaign is not None else None, settings)
        kind = CampaignKind.CHANGED if guarded else CampaignKind.REGISTERED
        record = said_now(kind, name, registration=registration, who=who or user_name(), why=why)
        problem = problem_of(record)
        if problem is not None:
            raise Unreadable(f"{name}: {problem}")
        records.append(record)
    return records


def _say_of(
    context: Context, kind: str, campaign_id: str, who: str | None, why: str | None, *, dry_run: bool, yes: bool
) -> None:
    from agents.inventory.campaigns.words import CampaignKind
    from tools.campaigns.writing import said_now
    from tools.commands.dead_letters import user_name

    if _kept(context, campaign_id) is None:
        _unknown(context, campaign_id)
    _tell(
        context, [said_now(CampaignKind(kind), campaign_id, who=who or user_name(), why=why)], dry_run=dry_run, yes=yes
    )


def _tell(context: Context, records: Sequence[CampaignRecord], *, dry_run: bool, yes: bool) -> None:
    """Show the records, ask, write them."""
    from tools.brokers.encoding import codec_of
    from tools.brokers.reporting import broker_or_fail
    from tools.campaigns.writing import publish

    if not context.as_json or dry_run:
        _show_records(context, records, written=False)
    if dry_run:
        click.echo(f"Nothing was written: {len(records):,} would be.", err=True)
        return
    if not (yes or confirmed(context, f"Publish {len(records):,}?")):
        return
    with broker_or_fail(context.topology.kafka["bootstrap.servers"]):
        publish(context.topology, codec_of(context.topology), records)
    if context.as_json:
        _show_records(context, records, written=True)
    else:
        _say(context, [f"Published {len(records):,}. Next: onhand campaigns show {records[0].campaign_id}"])


def _show_records(context: Context, records: Sequence[CampaignRecord], *, written: bool) -> None:
    import msgspec

    from tools.campaigns.sentences import record_sentence

    if context.as_json:
        for record in records:
            context.print_json({"written": written, "record": msgspec.to_builtins(record)})
    else:
        _say(context, [f"{record.campaign_id}: {record_sentence(record, None)}" for record in records])


# -- reading and showing -----------------------------------------------------------------------------------------------


def plain_campaign(campaign_id: str, campaign: Campaign) -> dict[str, Any]:
    """A campaign as an object for --json: what is kept of it by name, and how it stands."""
    import msgspec

    from tools.campaigns.sentences import standing_of

    return {"campaign_id": campaign_id, "standing": standing_of(campaign), **msgspec.structs.asdict(campaign)}


def _show_list(context: Context, found: dict[str, Campaign]) -> None:
    from rich.table import Table

    from tools.campaigns.sentences import money, sellable_words, standing_of
    from tools.orders.sentences import moment

    table = Table()
    for name in ("campaign", "platform", "standing", "since (UTC)", "SKUs sellable", "budget a day", "to alternatives"):
        table.add_column(name, overflow="fold")
    for name, campaign in found.items():
        registration = campaign.registration
        shifted = sum(share.told_minor for share in campaign.shares)
        table.add_row(
            name,
            f"{registration.platform} {registration.account}",
            standing_of(campaign),
            "" if campaign.status_at_ms is None else moment(campaign.status_at_ms)[:-4],
            sellable_words(campaign),
            money(registration.budget_minor, registration.currency),
            f"{shifted:,}" if shifted else "",
        )
    context.console.print(table, markup=False)  # names may hold [brackets]


def _say(context: Context, lines: Sequence[str]) -> None:
    for line in lines:
        context.console.print(line, markup=False, soft_wrap=True)


def _kept(context: Context, campaign_id: str) -> Campaign | None:
    from tools.campaigns.reading import kept_campaigns

    return _read(context, lambda seen: kept_campaigns(context.topology, seen, campaign_id)).get(campaign_id)


def _read(context: Context, read: Callable[[Seen], T]) -> T:
    from agents.inventory.campaigns.words import CAMPAIGN_GUARD
    from tools.brokers.agent_topics import read_or_fail

    return read_or_fail(context, CAMPAIGN_GUARD, read)


def _campaigns_topic(context: Context) -> str:
    from agents.inventory.campaigns.words import CAMPAIGN_GUARD
    from tools.brokers.agent_topics import topic_of

    return topic_of(context, CAMPAIGN_GUARD)


def _unknown(context: Context, campaign_id: str) -> NoReturn:
    click.echo(f"Nothing is known of the campaign {campaign_id}, in these very letters.", err=True)
    context.differs()

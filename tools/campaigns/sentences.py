"""How campaigns stand, and what records and commands say, as sentences for people."""

from __future__ import annotations

from collections.abc import Sequence

from agents.inventory.campaigns.guarding import next_switch_ms
from agents.inventory.campaigns.rows import Campaign, Heard
from agents.inventory.campaigns.watching import concerns, members_heard
from agents.inventory.campaigns.words import (
    CampaignKind,
    CampaignRecord,
    Command,
    CommandKind,
    Registration,
    Rule,
    Status,
)
from agents.inventory.offers import Edge, State
from agents.runtime.notation import in_words
from tools.orders.sentences import counted, moment, named

RUNNING, PAUSING, PAUSED, RESUMING, THEIRS, ENDED = (
    "running",
    "pausing",
    "paused",
    "resuming",
    "paused by others",
    "ended",
)
MOST_NAMED = 10
"""SKUs in one sentence."""


def standing_of(campaign: Campaign) -> str:
    """How it stands, in a word or two."""
    if campaign.ended_at_ms is not None:
        return ENDED
    if campaign.others:
        return THEIRS
    kinds = {pending.kind for pending in campaign.pending}
    if campaign.status is Status.PAUSED:
        return PAUSING if CommandKind.PAUSE in kinds else PAUSED
    return RESUMING if CommandKind.RESUME in kinds else RUNNING


def sellable_words(campaign: Campaign) -> str:
    """`3 of 4`, and how many nothing is known of."""
    members = members_heard(campaign)
    unknown = sum(each.sellable is None for each in members)
    words = f"{sum(1 for each in members if each.sellable)} of {len(members)}"
    return words + (f", {unknown} not heard of" if unknown else "")


def money(amount_minor: int, currency: str | None) -> str:
    """Minor units with their currency, undivided: not every currency has hundredths."""
    return f"{amount_minor:,} minor units of {currency or '?'}"


def rule_words(registration: Registration) -> str:
    """When it pauses and resumes."""
    thresholds = registration.thresholds
    low = " (low counts as unsellable)" if thresholds.pause_on is State.LOW else ""
    if thresholds.rule is Rule.SHARE:
        rule = f"at {thresholds.pause_at} % of its SKUs sellable or less, resumes from {thresholds.resume_at} % on"
    elif thresholds.rule is Rule.ANY:
        rule = "when one SKU cannot be sold, resumes when all can"
    else:
        at_least = f"{thresholds.resume_at} %" if thresholds.resume_at else "one"
        rule = f"when no SKU can be sold, resumes from {at_least} on"
    dwell, cool_down = in_words(thresholds.minimum_dwell_ms), in_words(thresholds.cool_down_ms)
    return f"pauses {rule}{low}; dwell {dwell}, cool-down {cool_down}"


def standing_lines(campaign: Campaign) -> list[str]:
    """How it stands, what is on its way, who has its budget, and what it waits for."""
    since = "" if campaign.status_at_ms is None else f" since {moment(campaign.status_at_ms)}"
    lines = [f"{standing_of(campaign)}{since}; {sellable_words(campaign)} SKUs can be sold"]
    registration = campaign.registration
    for share in campaign.shares:
        if share.told_minor or share.done_minor:
            done = "" if share.told_minor == share.done_minor else " (not acknowledged yet)"
            lines.append(f"{share.entity} has {money(share.told_minor, registration.currency)} of its budget{done}")
    if campaign.boost is not None and campaign.boost.told_minor:
        lines.append(f"boosted by {money(campaign.boost.told_minor, registration.currency)}")
    for pending in campaign.pending:
        how = "failed" if pending.failed else "sent"
        lines.append(
            f"{pending.kind} {pending.entity} {how} {counted(pending.attempt, 'time')}, again {moment(pending.due_ms)}"
        )
    may_ms = next_switch_ms(campaign)
    if may_ms is not None:
        what = "paused" if campaign.status is Status.ENABLED else "resumed"
        lines.append(f"waits for dwell and cool-down: may be {what} from {moment(may_ms)} on")
    return lines


def sku_words(heard: Heard) -> str:
    """How one SKU stands."""
    if heard.sellable is None:
        return f"{heard.sku}: the ledger has said nothing of it; is there a channel that the campaign leads to?"
    word = "sellable" if heard.sellable else "not sellable"
    cover = "" if heard.cover_days is None else f", lasts {counted(heard.cover_days, 'day')}"
    cells = ", ".join(
        f"{cell.channel}/{cell.method}{'' if cell.region is None else '/' + cell.region} {cell.state}"
        for cell in heard.cells
    )
    return f"{heard.sku}: {word} since {moment(heard.since_ms)}{cover} ({cells or 'out everywhere'})"


# -- records and commands ----------------------------------------------------------------------------------------------


def record_sentence(record: CampaignRecord, registration: Registration | None) -> str:
    """What a record says; of edges those that the campaign leads to."""
    by = record.source
    why = "".join(f"; {text}" for text in (record.why,) if text) + (f" ({record.who})" if record.who else "")
    match record.kind:
        case CampaignKind.REGISTERED | CampaignKind.CHANGED if record.registration is not None:
            verb = "registered it" if record.kind is CampaignKind.REGISTERED else "changed it"
            return f"{by} {verb}: {registration_words(record.registration)}{why}"
        case CampaignKind.MEMBERS:
            return f"{by} says that its SKUs are {some(record.skus)}{why}"
        case CampaignKind.ENDED:
            return f"{by} ended it{why}"
        case CampaignKind.EDGE:
            return edges_sentence(record.edges, registration)
        case CampaignKind.SIGNAL if record.signal is not None:
            return f"{by} says that {record.signal.sku} lasts {counted(record.signal.cover_days, 'day')}"
        case CampaignKind.ACKNOWLEDGED if record.acknowledgement is not None:
            said = record.acknowledgement
            message = "" if said.message is None else f": {said.message}"
            return f"{by} answers attempt {said.attempt} of {said.idempotency_key}: {said.result}{message}"
        case CampaignKind.PAUSED_BY_OTHERS:
            return f"{by} says that people paused it{why}"
        case CampaignKind.RESUMED_BY_OTHERS:
            return f"{by} says that people let it run{why}"
        case _:
            return "something of it was due"


def registration_words(registration: Registration) -> str:
    """What is registered, shortly."""
    goods = f"category {registration.category}" if registration.category is not None else some(registration.skus)
    where = f"{registration.platform} {registration.account}"
    names = [each.campaign for each in registration.alternatives]
    others = f"; alternatives {named(names)}" if names else ""
    return (
        f"{goods} on {where}, {money(registration.budget_minor, registration.currency)} a day; "
        f"{rule_words(registration)}{others}"
    )


def edges_sentence(edges: Sequence[Edge], registration: Registration | None) -> str:
    """What one decision of the ledger said, as far as it concerns the campaign."""
    first = edges[0]
    told = [edge for edge in edges if registration is None or concerns(registration, edge)] or list(edges)
    states = ", ".join(
        f"{edge.channel}/{edge.method} {edge.state}" + (f" (was {edge.previous})" if edge.previous else "")
        for edge in told[:MOST_NAMED]
    )
    cause = "as asked" if first.previous is None else f"after {first.transaction_id} of {first.source}"
    return f"the ledger says, {cause}: {first.sku} {states}"


def command_sentence(command: Command) -> str:
    """What the platform is told, and why."""
    again = "" if command.attempt == 1 else f", attempt {command.attempt}"
    asks_only = ", only to ask what became of it" if command.expires_at_ms <= command.at_ms else ""
    skus = f" ({some(command.skus)})" if command.skus else ""
    what = f"{command.kind} {command.entity}"
    if command.amount_minor is not None:
        what += f": {money(command.amount_minor, command.currency)} beside its own"
    causes = f"; cause {', '.join(command.causes[:3])}" if command.causes else ""
    return f"{what}, {command.reason}{skus}{again}{asks_only} [{command.idempotency_key}]{causes}"


def some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(names[:MOST_NAMED]) or "none"
    return shown if len(names) <= MOST_NAMED else f"{shown} and {len(names) - MOST_NAMED} more"

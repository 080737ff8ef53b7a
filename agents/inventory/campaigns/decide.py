"""The decision about one record of one campaign. Pure; the way in to the campaign guard's core.

`(rows, record, policy) -> (new rows, commands, transactions to the ledger, alerts)`. The same log always gives the same.
"""

from __future__ import annotations

from agents.inventory.campaigns.budgets import next_boost_ms, next_spread_ms, settle_boost, settle_budget
from agents.inventory.campaigns.delivering import drop_switch, hear_acknowledgement, repeat_due
from agents.inventory.campaigns.desk import Desk
from agents.inventory.campaigns.guarding import (
    hear_paused_by_others,
    hear_resumed_by_others,
    next_switch_ms,
    settle_switch,
    unwanted_switch,
)
from agents.inventory.campaigns.rows import (
    Campaign,
    CampaignArrival,
    CampaignDecision,
    CampaignPolicy,
    CampaignRows,
)
from agents.inventory.campaigns.watching import (
    follow_registration,
    forget_figures,
    hear_edges,
    hear_signal,
    unwatch_all,
    watch_needed,
)
from agents.inventory.campaigns.words import CampaignKind

MOST_SEEN = 200
"""Records of one campaign that are recognised when they come again."""
REMEMBERED = frozenset(
    {
        CampaignKind.REGISTERED,
        CampaignKind.CHANGED,
        CampaignKind.ENDED,
        CampaignKind.MEMBERS,
        CampaignKind.PAUSED_BY_OTHERS,
        CampaignKind.RESUMED_BY_OTHERS,
    }
)
"""Of the others what they say shows whether they came before: a place in the log, a time, an attempt."""


def decide_campaign(rows: CampaignRows, arrival: CampaignArrival, policy: CampaignPolicy) -> CampaignDecision:
    """Decide one record. Changes nothing; the same rows and arrival always give the same decision."""
    desk = Desk(rows, arrival, policy)
    ignored = apply(desk)
    if ignored is None and desk.campaign is not None:
        if desk.record.kind in REMEMBERED:
            desk.put(seen=(*desk.standing.seen, seen_as(desk))[-MOST_SEEN:])
        settle(desk)
        desk.put(due_ms=next_look(desk))
    return desk.finish(ignored)


def apply(desk: Desk) -> str | None:
    """Take over what the record says. Says why it has no effect, where it has none."""
    kind, campaign = desk.record.kind, desk.campaign
    if campaign is None:
        if kind is not CampaignKind.REGISTERED:
            return "no such campaign is known"
        return register(desk)
    if kind in REMEMBERED and seen_as(desk) in campaign.seen:
        return "the same record came before"
    if kind is CampaignKind.WAKE:
        return wake(desk)
    if kind is CampaignKind.ACKNOWLEDGED:
        return hear_acknowledgement(desk)
    if campaign.ended_at_ms is not None:
        return register(desk) if kind is CampaignKind.REGISTERED else "the campaign has ended"
    return apply_to_guarded(desk)


def apply_to_guarded(desk: Desk) -> str | None:
    """A record about a campaign that is guarded."""
    record = desk.record
    match record.kind:
        case CampaignKind.REGISTERED:
            return "the campaign is known already; a change of it is CHANGED"
        case CampaignKind.CHANGED:
            return change(desk)
        case CampaignKind.ENDED:
            return end(desk)
        case CampaignKind.MEMBERS:
            return set_members(desk)
        case CampaignKind.EDGE:
            return hear_edges(desk, record.edges)
        case CampaignKind.SIGNAL:
            assert record.signal is not None
            return hear_signal(desk, record.signal)
        case CampaignKind.PAUSED_BY_OTHERS:
            return hear_paused_by_others(desk)
        case CampaignKind.RESUMED_BY_OTHERS:
            return hear_resumed_by_others(desk)
        case _:
            return None


def seen_as(desk: Desk) -> str:
    """How a record is remembered."""
    return f"{desk.record.source}/{desk.record.record_id}"


# -- the registration --------------------------------------------------------------------------------------------------


def register(desk: Desk) -> str | None:
    """Guard it from now on. One that ended goes on with its numbers, and with what it was told."""
    registration, before = desk.record.registration, desk.campaign
    assert registration is not None
    if before is None:
        desk.campaign = Campaign(registration, desk.at_ms)
    else:
        desk.put(registration=registration, members=(), ended_at_ms=None)
    follow_registration(desk, None)
    return None


def change(desk: Desk) -> str | None:
    """The registration is another from now on, as a whole."""
    registration, before = desk.record.registration, desk.standing
    assert registration is not None
    if registration == before.registration:
        return "it is so already"
    desk.put(registration=registration)
    follow_registration(desk, before)
    return None


def set_members(desk: Desk) -> str | None:
    """The SKUs of the campaign's category, as they are now."""
    members = tuple(sorted(desk.record.skus))
    if desk.standing.registration.category is None:
        return "the campaign names its SKUs itself"
    if members == desk.standing.members:
        return "it is so already"
    desk.put(members=members)
    watch_needed(desk)
    return None


def end(desk: Desk) -> str | None:
    """Guard it no more: take back what others have of its budget; it is neither resumed nor paused."""
    desk.put(ended_at_ms=desk.at_ms)
    drop_switch(desk)
    unwatch_all(desk)
    return None


# -- what follows ------------------------------------------------------------------------------------------------------


def settle(desk: Desk) -> None:
    """Send what is to be sent by now."""
    forget_figures(desk)
    settle_switch(desk)
    settle_budget(desk)
    settle_boost(desk)
    if desk.record.kind is CampaignKind.WAKE:
        repeat_due(desk, unwanted_switch(desk.standing))


def wake(desk: Desk) -> str | None:
    """Something was due: everything is looked at."""
    campaign = desk.standing
    if campaign.due_ms is None or campaign.due_ms > desk.at_ms:
        return "nothing of it is due"
    if campaign.ended_at_ms is not None and desk.at_ms >= campaign.ended_at_ms + desk.policy.keep_ms:
        desk.campaign = None
    return None


def next_look(desk: Desk) -> int | None:
    """When something of the campaign is due; None where nothing is."""
    campaign = desk.standing
    dates = [pending.due_ms for pending in campaign.pending]
    if campaign.ended_at_ms is not None:
        return min([*dates, campaign.ended_at_ms + desk.policy.keep_ms])
    dates += [each.cover_until_ms for each in campaign.heard if each.cover_until_ms is not None]
    waiting = (next_switch_ms(campaign), next_spread_ms(desk), next_boost_ms(campaign))
    return min([*dates, *(date for date in waiting if date is not None)], default=None)

"""When a campaign is paused, and when it runs again.

Whether it may is asked of what is known at the moment, never of what was once: between `pause_at` and `resume_at`
everything stays as it is. Between two opposite commands lies the minimum dwell; after it began to run again it is not
paused during the cool-down. Only what is known to be paused by Onhand is resumed.
"""

from __future__ import annotations

from agents.inventory.campaigns.delivering import drop_switch, entity_of, send, switch_pending
from agents.inventory.campaigns.desk import Desk
from agents.inventory.campaigns.rows import Campaign, Heard
from agents.inventory.campaigns.watching import members_heard
from agents.inventory.campaigns.words import CommandKind, Rule, Status

MOST_NAMED = 20
"""SKUs and causes in one command."""


def asks_pause(campaign: Campaign) -> bool:
    """Whether too few SKUs can be sold. Of what nothing is known yet, it is thought that it can."""
    members = members_heard(campaign)
    thresholds = campaign.registration.thresholds
    total = len(members)
    can_be_sold = sum(1 for each in members if each.sellable is not False)
    if not total:
        return False
    if thresholds.rule is Rule.ANY:
        return can_be_sold < total
    if thresholds.rule is Rule.ALL:
        return can_be_sold == 0
    return can_be_sold * 100 <= thresholds.pause_at * total


def asks_resume(campaign: Campaign) -> bool:
    """Whether enough SKUs can be sold again. What nothing is known of does not count."""
    members = members_heard(campaign)
    thresholds = campaign.registration.thresholds
    total = len(members)
    can_be_sold = sum(1 for each in members if each.sellable)
    if not can_be_sold:
        return False
    if thresholds.rule is Rule.ANY:
        return can_be_sold == total
    return can_be_sold * 100 >= thresholds.resume_at * total


def may_pause_from_ms(campaign: Campaign) -> int:
    """From when on it may be paused, in record time."""
    thresholds = campaign.registration.thresholds
    if campaign.status_at_ms is None:
        return 0
    return campaign.status_at_ms + max(thresholds.minimum_dwell_ms, thresholds.cool_down_ms)


def may_resume_from_ms(campaign: Campaign) -> int:
    """From when on it may be resumed, in record time."""
    return (campaign.status_at_ms or 0) + campaign.registration.thresholds.minimum_dwell_ms


def settle_switch(desk: Desk) -> None:
    """Pause or resume, where the rule asks for it and the time has come."""
    campaign = desk.standing
    if campaign.others or campaign.ended_at_ms is not None:
        return
    if campaign.status is Status.ENABLED and asks_pause(campaign):
        settle_running(desk)
    elif campaign.status is Status.PAUSED and asks_resume(campaign):
        settle_paused(desk)


def settle_running(desk: Desk) -> None:
    """It runs, as far as was told, and should not."""
    campaign = desk.standing
    resuming = switch_pending(campaign)
    if resuming is not None and resuming.failed and campaign.owned:
        drop_switch(desk)
        desk.put(status=Status.PAUSED)  # It never ran: no command is needed.
        return
    if desk.at_ms < may_pause_from_ms(campaign):
        return
    skus, causes = named([each for each in members_heard(campaign) if each.sellable is False])
    send(desk, CommandKind.PAUSE, entity_of(desk), "out_of_stock", skus=skus, causes=causes)
    # Whether a RESUME without an answer was done is unknown, and so whose a pause would be that is found there.
    desk.put(status=Status.PAUSED, status_at_ms=desk.at_ms, owned=False)


def settle_paused(desk: Desk) -> None:
    """It is paused, as far as was told, and should run."""
    campaign = desk.standing
    pausing = switch_pending(campaign)
    if pausing is not None:
        if not pausing.failed:
            return  # Whether it was done must be known first: it might be paused by others.
        if not campaign.owned:
            drop_switch(desk)
            desk.put(status=Status.ENABLED)  # It was never paused: no command is needed.
            return
    if not campaign.owned or desk.at_ms < may_resume_from_ms(campaign):
        return
    skus, causes = named([each for each in members_heard(campaign) if each.sellable])
    send(desk, CommandKind.RESUME, entity_of(desk), "back_in_stock", skus=skus, causes=causes)
    desk.put(status=Status.ENABLED, status_at_ms=desk.at_ms)


def unwanted_switch(campaign: Campaign) -> CommandKind | None:
    """What the rule would not have sent now, if it is still on its way."""
    if asks_pause(campaign):
        return CommandKind.RESUME
    return CommandKind.PAUSE if asks_resume(campaign) else None


def named(heard: list[Heard]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """SKUs and causes that a command names, the latest first."""
    latest = sorted(heard, key=lambda each: (-each.since_ms, each.sku))[:MOST_NAMED]
    return tuple([each.sku for each in latest]), tuple(dict.fromkeys(each.cause for each in latest if each.cause))


def next_switch_ms(campaign: Campaign) -> int | None:
    """When a command that the rule asks for, and that has to wait, may be sent."""
    if campaign.others or campaign.ended_at_ms is not None:
        return None
    if campaign.status is Status.ENABLED:
        return may_pause_from_ms(campaign) if asks_pause(campaign) else None
    waits = campaign.owned and switch_pending(campaign) is None
    return may_resume_from_ms(campaign) if waits and asks_resume(campaign) else None


def hear_paused_by_others(desk: Desk) -> str | None:
    """Somebody else paused it: it is theirs until they resume it."""
    campaign = desk.standing
    if campaign.others:
        return "that is known"
    drop_switch(desk)
    desk.put(others=True, owned=campaign.owned and campaign.status is Status.PAUSED)
    return None


def hear_resumed_by_others(desk: Desk) -> str | None:
    """Somebody else let it run: so it does, and the cool-down begins."""
    campaign = desk.standing
    if campaign.status is Status.ENABLED and not campaign.others:
        return "as far as is known it runs"
    drop_switch(desk)
    desk.put(status=Status.ENABLED, status_at_ms=desk.at_ms, owned=False, others=False)
    return None

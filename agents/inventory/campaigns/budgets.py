"""Where the money goes: the budget of a paused campaign to alternatives in stock, and a boost for what lies too long.

All amounts are integers in minor units per day, and say what somebody has from now on beside the own budget: so a
command that comes twice, or takes the place of a lost one, does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.inventory.campaigns.delivering import entity_of, key_of, send
from agents.inventory.campaigns.desk import Desk
from agents.inventory.campaigns.rows import Campaign, Share, Spread
from agents.inventory.campaigns.watching import members_heard
from agents.inventory.campaigns.words import Alternative, CommandKind, Status


def apportion(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Parts of the amount in proportion to the weights (each above 0): whole, and together exactly the amount.

    By the largest remainder; equal ones in order.
    """
    total = sum(weights)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-(amount * weights[index] % total), index))
    for index in by_remainder[: amount - sum(parts)]:
        parts[index] += 1
    return tuple(parts)


def freed(campaign: Campaign) -> int:
    """What of its budget is free: all of it while Onhand's pause is known to stand."""
    if campaign.ended_at_ms is not None or campaign.status is not Status.PAUSED or not campaign.owned:
        return 0
    return campaign.registration.budget_minor


def takers(campaign: Campaign) -> list[Alternative]:
    """The alternatives of which everything can be sold."""
    sellable = {each.sku for each in campaign.heard if each.sellable}
    return [each for each in campaign.registration.alternatives if all(sku in sellable for sku in each.skus)]


def cover_of(campaign: Campaign, alternative: Alternative) -> int:
    """Days that its scarcest SKU lasts, at least 1; 1 where that is unknown."""
    days = {each.sku: each.cover_days or 0 for each in campaign.heard}
    return max(1, min([days.get(sku, 0) for sku in alternative.skus]))


def settle_budget(desk: Desk) -> None:
    """Spread what is free, take back what is not; among alternatives at most once in each dwell."""
    campaign = desk.standing
    budget = freed(campaign)
    taking = takers(campaign) if budget else []
    if not taking:
        if any(share.told_minor for share in campaign.shares) and (not budget or may_spread(desk)):
            tell_shares(desk, {}, "taken_back")
            desk.put(spread=Spread((), 0, desk.at_ms))
        return
    if not is_spread_otherwise(campaign, taking, budget) or not may_spread(desk):
        return
    parts = apportion(budget, [cover_of(campaign, each) for each in taking])
    amounts = {each.campaign: part for each, part in zip(taking, parts, strict=True)}
    tell_shares(desk, amounts, "shifted")
    desk.put(spread=Spread(tuple(amounts), budget, desk.at_ms))


def is_spread_otherwise(campaign: Campaign, taking: list[Alternative], budget: int) -> bool:
    """Whether others, or another budget, are to be spread than was. A cover that only drifts is no reason."""
    spread = campaign.spread
    return (
        spread is None or spread.entities != tuple([each.campaign for each in taking]) or spread.budget_minor != budget
    )


def may_spread(desk: Desk) -> bool:
    """Whether the dwell since the last spread is over."""
    spread = desk.standing.spread
    return spread is None or desk.at_ms >= spread.at_ms + desk.thresholds.minimum_dwell_ms


def tell_shares(desk: Desk, amounts: dict[str, int], reason: str) -> None:
    """Tell every alternative what it has from now on; first those that get less, so that no day has too much."""
    known = {share.entity: share for share in desk.standing.shares}
    shares = {**known, **{entity: Share(entity, 0) for entity in amounts if entity not in known}}
    changed = [each for each in shares.values() if amounts.get(each.entity, 0) != each.told_minor]
    cause = (key_of(desk.campaign_id, desk.standing, desk.standing.sequence),) if desk.standing.sequence else ()
    for share in sorted(changed, key=lambda each: amounts.get(each.entity, 0) > each.told_minor):
        amount = amounts.get(share.entity, 0)
        send(
            desk,
            CommandKind.SHIFT_BUDGET,
            share.entity,
            reason,
            amount_minor=amount,
            before_minor=share.done_minor,
            causes=cause,
        )
        shares[share.entity] = msgspec.structs.replace(share, told_minor=amount)
    desk.put(shares=tuple(shares.values()))


def next_spread_ms(desk: Desk) -> int | None:
    """When a spread that has to wait may be told."""
    campaign = desk.standing
    budget = freed(campaign)
    if not budget or campaign.spread is None:
        return None
    taking = takers(campaign)
    has_some = any(share.told_minor for share in campaign.shares)
    waits = is_spread_otherwise(campaign, taking, budget) if taking else has_some
    return campaign.spread.at_ms + desk.thresholds.minimum_dwell_ms if waits else None


# -- overstock ---------------------------------------------------------------------------------------------------------


def runs(campaign: Campaign) -> bool:
    """Whether it runs, as far as is known."""
    return campaign.status is Status.ENABLED and not campaign.others and campaign.ended_at_ms is None


def boost_wanted(campaign: Campaign) -> int:
    """What it should have beside its budget."""
    thresholds = campaign.registration.thresholds
    members = members_heard(campaign)
    overstocked = sum(1 for each in members if each.overstocked)
    if not runs(campaign) or not overstocked or overstocked * 100 < thresholds.boost_share * len(members):
        return 0
    return campaign.registration.budget_minor * thresholds.boost_percent // 100


def settle_boost(desk: Desk) -> None:
    """Boost, or no more: at once where it does not run, else at most once in each dwell."""
    campaign = desk.standing
    boost = campaign.boost or Share(entity_of(desk), 0)
    wanted = boost_wanted(campaign)
    if wanted == boost.told_minor or (runs(campaign) and desk.at_ms < may_boost_from_ms(campaign)):
        return
    heard = [each for each in members_heard(campaign) if each.overstocked][:20]
    send(
        desk,
        CommandKind.BOOST,
        boost.entity,
        "overstock" if wanted else "no_overstock" if runs(campaign) else "not_running",
        amount_minor=wanted,
        before_minor=boost.done_minor,
        skus=tuple([each.sku for each in heard]),
        causes=tuple(dict.fromkeys(each.cover_cause for each in heard)) or (desk.cause,),
    )
    desk.put(boost=msgspec.structs.replace(boost, told_minor=wanted), boosted_at_ms=desk.at_ms)


def may_boost_from_ms(campaign: Campaign) -> int:
    """From when on the boost of a running campaign may change."""
    if campaign.boosted_at_ms is None:
        return 0
    return campaign.boosted_at_ms + campaign.registration.thresholds.minimum_dwell_ms


def next_boost_ms(campaign: Campaign) -> int | None:
    """When a change of the boost that has to wait may be told."""
    told = 0 if campaign.boost is None else campaign.boost.told_minor
    return may_boost_from_ms(campaign) if boost_wanted(campaign) != told else None

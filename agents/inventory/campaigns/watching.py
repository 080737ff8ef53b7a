"""What a campaign hears of its SKUs: whether they can be sold, and how long they last.

A SKU is as sellable as in the best of the channels and regions that the campaign leads to. Low is the band between:
who was sellable stays so, who was not becomes so only in stock.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.inventory.alerts import Severity
from agents.inventory.campaigns.desk import Desk
from agents.inventory.campaigns.rows import Campaign, Heard, HeardCell
from agents.inventory.campaigns.words import Registration, Signal, Thresholds
from agents.inventory.offers import Edge, State
from agents.inventory.transactions import Kind

DAYS_PER_WEEK = 7
MOST_CELLS = 20_000
"""Channels, methods and regions of all SKUs together: all of them stand in one row, which must fit into one record."""


def follow_registration(desk: Desk, before: Campaign | None) -> None:
    """Watch what the campaign needs watched from now on, and no more what it does not."""
    campaign = desk.standing
    registration = campaign.registration
    was = None if before is None else before.registration
    members = tuple(sorted(registration.skus))
    if registration.category is not None:
        same = before is not None and was is not None and was.category == registration.category
        members = before.members if same and before is not None else ()
    desk.put(members=members)
    rewatch = was is not None and leads_to(was) != leads_to(registration)
    watch_needed(desk, rewatch=rewatch)
    if before is not None:
        judge_all(desk)


def leads_to(registration: Registration) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The channels and regions that count."""
    return registration.channels, registration.regions


def watch_needed(desk: Desk, *, rewatch: bool = False) -> None:
    """Watch members and what alternatives sell. `rewatch`: what was told was about other channels or regions."""
    campaign = desk.standing
    needed = list(campaign.members)
    needed += [sku for alternative in campaign.registration.alternatives for sku in alternative.skus]
    wanted = sorted(dict.fromkeys(needed))
    known = {each.sku: each for each in campaign.heard}
    for sku in known:
        if sku not in wanted:
            desk.ask_ledger(Kind.UNWATCH, sku)
    for sku in wanted:
        if sku not in known or rewatch:
            desk.ask_ledger(Kind.WATCH, sku)
    kept = {
        sku: msgspec.structs.replace(
            each, cells=(), sellable=None, cause="", told="", asked=each.asked or each.told != ""
        )
        if rewatch
        else each
        for sku, each in known.items()
    }
    desk.put(heard=tuple([kept.get(sku) or Heard(sku) for sku in wanted]), crowded=False)


def unwatch_all(desk: Desk) -> None:
    """The campaign is guarded no more."""
    for each in desk.standing.heard:
        desk.ask_ledger(Kind.UNWATCH, each.sku)
    desk.put(heard=())


def hear_edges(desk: Desk, edges: Sequence[Edge]) -> str | None:
    """Take over what the ledger said. Says why it has no effect, where it has none."""
    news: dict[str, None] = {}
    room = MOST_CELLS - sum([len(each.cells) for each in desk.standing.heard])
    for edge in edges:
        heard = desk.heard(edge.sku)
        if heard is None or not concerns(desk.standing.registration, edge) or not is_later(edge, heard):
            continue
        if heard.asked and edge.previous is not None:
            continue
        cells = [cell for cell in heard.cells if not is_same_cell(cell, edge)]
        if edge.state is not State.OUT:
            cells.append(HeardCell(edge.channel, edge.method, edge.region, edge.state))
        grows = len(cells) > len(heard.cells)
        room -= len(cells) - len(heard.cells)
        kept = heard.cells if grows and room < 0 else tuple(cells)
        told = msgspec.structs.replace(heard, cells=kept, told=edge.event_id, told_at_ms=edge.at_ms, asked=False)
        desk.put_heard(told)
        news[edge.sku] = None
    if not news:
        return "it says nothing new of what the campaign leads to"
    if room < 0:
        warn_crowded(desk)
    for sku in news:
        heard = desk.heard(sku)
        assert heard is not None
        judge(desk, heard, heard.told)
    return None


def warn_crowded(desk: Desk) -> None:
    """Say once that more places to sell are told than a row can hold."""
    if desk.standing.crowded:
        return
    desk.put(crowded=True)
    desk.alert(
        Severity.WARNING,
        f"Campaign {desk.campaign_id} leads to more SKUs and channels than are kept ({MOST_CELLS:,}): of the rest it is "
        f"not known whether they can be sold.",
        "Name the channels that it leads to, or split it.",
    )


def concerns(registration: Registration, edge: Edge) -> bool:
    """Whether the campaign leads to where the edge is. No regions named: all of a channel's places together count."""
    if registration.channels and edge.channel not in registration.channels:
        return False
    return edge.region in registration.regions if registration.regions else edge.region is None


def is_same_cell(cell: HeardCell, edge: Edge) -> bool:
    """Whether both are of one channel, method and region."""
    return (cell.channel, cell.method, cell.region) == (edge.channel, edge.method, edge.region)


def is_later(edge: Edge, known: Heard) -> bool:
    """Whether the edge was said after what is known: by its place in the log, else, from another log, by its time.

    One place for all channels is enough: what is said of a SKU comes in the order in which it was decided.
    """
    if not known.told:
        return True
    log, *place = place_in_log(edge.event_id)
    known_log, *known_place = place_in_log(known.told)
    if log == known_log:
        return place > known_place
    return edge.at_ms > known.told_at_ms


def place_in_log(event_id: str) -> tuple[str, int, int]:
    """`topic-partition`, offset and number of an event. Raises ValueError where the id is none of an event."""
    log, offset, number = event_id.rsplit("-", 2)
    return log, int(offset), int(number)


def judge_all(desk: Desk) -> None:
    """Judge every SKU anew: what the thresholds say of it may be another."""
    for heard in desk.standing.heard:
        if heard.told:
            judge(desk, heard, heard.cause)
        current = desk.heard(heard.sku)
        assert current is not None
        desk.put_heard(
            msgspec.structs.replace(current, overstocked=is_overstocked(desk.thresholds, current, desk.at_ms))
        )


def judge(desk: Desk, heard: Heard, cause: str) -> None:
    """Set whether the SKU can be sold."""
    sellable = is_sellable(desk.thresholds, heard)
    if sellable != heard.sellable:
        heard = msgspec.structs.replace(heard, sellable=sellable, since_ms=desk.at_ms, cause=cause)
    desk.put_heard(heard)


def is_sellable(thresholds: Thresholds, heard: Heard) -> bool:
    """Whether the SKU counts as sellable, by the best of its states."""
    states = [cell.state for cell in heard.cells]
    if State.IN_STOCK in states:
        return True
    if State.LOW not in states or thresholds.pause_on is State.LOW:
        return False
    return heard.sellable is not False


def hear_signal(desk: Desk, signal: Signal) -> str | None:
    """Take over how long a SKU lasts. Says why it has no effect, where it has none."""
    heard = desk.heard(signal.sku)
    if heard is None:
        return "the SKU is none of this campaign's"
    if signal.as_of_ms <= heard.cover_as_of_ms:
        return "a figure at least as young is known"
    heard = msgspec.structs.replace(
        heard,
        cover_days=signal.cover_days,
        cover_as_of_ms=signal.as_of_ms,
        cover_until_ms=signal.until_ms,
        cover_cause=desk.cause,
    )
    desk.put_heard(msgspec.structs.replace(heard, overstocked=is_overstocked(desk.thresholds, heard, desk.at_ms)))
    return None


def forget_figures(desk: Desk) -> None:
    """Figures hold until their time."""
    for heard in desk.standing.heard:
        if heard.cover_until_ms is not None and heard.cover_until_ms <= desk.at_ms and heard.cover_days is not None:
            # When it was said is kept: an older one that comes late must not count again.
            over = msgspec.structs.replace(heard, cover_until_ms=None, overstocked=False, cover_days=None)
            desk.put_heard(over)


def is_overstocked(thresholds: Thresholds, heard: Heard, at_ms: int) -> bool:
    """Whether the SKU lasts too long: above the upper bound, and then until it is not above the lower one."""
    above = thresholds.boost_above_weeks
    if above is None or heard.cover_days is None:
        return False
    if heard.cover_until_ms is not None and heard.cover_until_ms <= at_ms:
        return False
    bound = min(above, thresholds.boost_until_weeks) if heard.overstocked else above
    return heard.cover_days > bound * DAYS_PER_WEEK


def members_heard(campaign: Campaign) -> list[Heard]:
    """What is known of the SKUs that the campaign advertises."""
    members = dict.fromkeys(campaign.members)
    return [each for each in campaign.heard if each.sku in members]

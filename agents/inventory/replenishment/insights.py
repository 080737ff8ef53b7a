"""Cross insights: stock and interest seen together. And what to count next, by the money that may be missing."""

from __future__ import annotations

from bisect import bisect_right

import msgspec

from agents.inventory.replenishment.levels import (
    MOST_COVER_DAYS,
    days_of_cover,
    expected,
    levels_of,
    on_order,
    order_quantity,
    supplied,
    terms_of,
)
from agents.inventory.replenishment.rows import DAYS_OF_WEEK, Interest, Outlook, ReplenishmentPolicy
from agents.inventory.replenishment.sheet import Sheet
from agents.inventory.replenishment.velocity import SCALE, rise_of
from agents.inventory.replenishment.words import InsightType, SignalKind
from agents.inventory.units import MILLISECONDS_PER_DAY, date_of_day

MILLION = 1_000_000
SEEN_AS = {SignalKind.SEARCH: "searches", SignalKind.VIEW: "views", SignalKind.AD_CLICK: "ad clicks"}


def note_interest(sheet: Sheet, location: str, signal: SignalKind, quantity: int) -> None:
    """Something was seen of the SKU at a place."""
    row = sheet.outlook(location)
    others = tuple([each for each in row.interests if each.signal is not signal])
    old = next((each for each in row.interests if each.signal is signal), Interest(signal, row.day, 0, 0, 0))
    if signal is SignalKind.COMPETITOR_PRICE:
        compare_price(sheet, location, old, quantity)
        usual = quantity * SCALE if old.days == 0 else (old.usual_thousandths * 3 + quantity * SCALE) // 4
        new = Interest(signal, row.day, quantity, usual, old.days + 1)
    else:
        new = msgspec.structs.replace(old, today=old.today + quantity)
    sheet.put(location, interests=tuple(sorted([*others, new], key=lambda each: each.signal.value)))


def compare_price(sheet: Sheet, location: str, old: Interest, price: int) -> None:
    """Say when a competitor has become cheaper while we have stock to lose."""
    fallen = SCALE - price * SCALE * SCALE // max(1, old.usual_thousandths)
    row = sheet.outlook(location)
    idle = row.unpromised <= 0 or not sheet.is_open(location)
    if old.days == 0 or fallen < sheet.policy.price_fall or idle:
        return
    message = (
        f"A competitor sells {sheet.sku} {fallen // 10} % below the usual price while {row.unpromised} units are at "
        f"{location}, {days_of_cover(row, sheet.policy)} days of cover: expect to sell less."
    )
    sheet.insight(
        location,
        InsightType.COMPETITOR_CHEAPER,
        message,
        signal=SignalKind.COMPETITOR_PRICE,
        signal_today=price,
        signal_usual_thousandths=old.usual_thousandths,
        rise_thousandths=SCALE - fallen,
    )


def compare_interest(sheet: Sheet, location: str) -> None:
    """Say where a place is low while interest in the SKU rises: how much to reorder by when, and what to advertise."""
    row, policy = sheet.outlook(location), sheet.policy
    rising = [(rise_of(each, policy), each) for each in row.interests if each.signal in SEEN_AS]
    rise, interest = max(rising, key=lambda each: each[0], default=(0, None))
    if interest is None or rise < policy.rise or row.level_thousandths == 0 or not sheet.is_open(location):
        return
    believed = min(rise, policy.rise_most)
    cover = days_of_cover(row, policy, believed)
    if cover >= policy.low_cover_days:
        return
    levels = sheet.levels(location)
    raised = raised_order_up_to(sheet, location, believed)
    reorder = order_quantity(raised - supplied(row) - on_order(row), levels.terms)
    reorder_by = date_of_day(sheet.today + max(0, cover - levels.lead_time_days))
    # What cannot be sold before the goods are here is not worth an advertisement until then.
    budget_from = date_of_day(sheet.today + (levels.lead_time_days if cover < levels.lead_time_days else 0))
    message = (
        f"{sheet.sku} is low at {location} ({row.unpromised} units, {cover} days at the risen demand) while "
        f"{SEEN_AS[interest.signal]} rise {rise // SCALE}.{rise % SCALE // 100}x: reorder {reorder} by {reorder_by}, "
        f"+{policy.budget_percent} % budget there from {budget_from}."
    )
    sheet.insight(
        location,
        InsightType.LOW_WHILE_DEMAND_RISES,
        message,
        signal=interest.signal,
        signal_today=interest.today,
        signal_usual_thousandths=interest.usual_thousandths,
        rise_thousandths=rise,
        reorder=reorder,
        reorder_by=reorder_by,
        budget_percent=policy.budget_percent,
        budget_from=budget_from,
    )


def raised_order_up_to(sheet: Sheet, location: str, rise: int) -> int:
    """The order-up-to level if the velocity were `rise` thousandths of what it is; its spread grows with its root."""
    row = sheet.outlook(location)
    raised = msgspec.structs.replace(
        row,
        level_thousandths=row.level_thousandths * rise // SCALE,
        variance_millionths=row.variance_millionths * rise // SCALE,
    )
    return levels_of(sheet.sku, raised, sheet.supply, location, sheet.rows, sheet.policy).order_up_to


# -- cover, for campaigns ----------------------------------------------------------------------------------------------

COVER_STEPS_DAYS = (1, 3, 7, 14, 21, 28, 42, 56, 84, 112, 182, 273)
"""A cover that falls below one of these is told at once; everything else once a day."""
COVER_HOLDS_MS = 2 * MILLISECONDS_PER_DAY


def compare_cover(sheet: Sheet) -> None:
    """Tell campaigns how long the stock lasts: once a day, and at once when it has fallen below a step."""
    supply = sheet.supply
    if not supply.campaigns:
        return
    days = cover_of_all(sheet)
    if days is None:
        return
    if sheet.today > supply.cover_day or bisect_right(COVER_STEPS_DAYS, days) < bisect_right(
        COVER_STEPS_DAYS, supply.cover_days
    ):
        sheet.tell_cover(days, sheet.at_ms + COVER_HOLDS_MS)


def cover_of_all(sheet: Sheet) -> int | None:
    """Whole days that the units of all open places last at the velocity of all places; None where too little is known."""
    rows = [sheet.outlook(place) for place in sheet.supply.places]
    known = [row for row in rows if row.counted >= sheet.policy.least_days]
    weekly = sum([expected(row, DAYS_OF_WEEK, sheet.policy) for row in known])
    if not known:
        return None
    units = sum([max(0, sheet.outlook(place).unpromised) for place in sheet.supply.places if sheet.is_open(place)])
    return MOST_COVER_DAYS if weekly == 0 else min(MOST_COVER_DAYS, units * SCALE * DAYS_OF_WEEK // weekly)


# -- counting ----------------------------------------------------------------------------------------------------------


def loss_millionths(row: Outlook, policy: ReplenishmentPolicy) -> int:
    """Share of the stock that is expected to be lost in a day: what was lost lately, at least the base."""
    units = max(1, on_hand(row))
    return policy.base_loss_millionths + row.lost_thousandths * (MILLION // SCALE) // units


def on_hand(row: Outlook) -> int:
    """Units at the place."""
    return row.unpromised + row.promised + row.quarantined


def count_risk(row: Outlook, unit_value: int, policy: ReplenishmentPolicy) -> int:
    """Money that may be missing by now: value x share lost in a day x days since the last count."""
    share = min(MILLION, loss_millionths(row, policy) * max(0, row.day - row.checked_day))
    return max(0, on_hand(row)) * unit_value * share // MILLION


def look_for_counts(sheet: Sheet, location: str) -> None:
    """Propose to count a place where the risk has grown beyond the policy's; once until it is counted."""
    row, policy = sheet.outlook(location), sheet.policy
    unit_value = terms_of(sheet.sku, sheet.supply, location, policy).unit_value
    risk = count_risk(row, unit_value, policy)
    if policy.count_risk == 0 or row.count_told or risk < policy.count_risk:
        return
    sheet.propose_count(
        location,
        risk=risk,
        on_hand=on_hand(row),
        unit_value=unit_value,
        loss_millionths=loss_millionths(row, policy),
        days_since_count=row.day - row.checked_day,
    )

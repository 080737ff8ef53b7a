"""Needs: a place is short, so units are moved or requested; a need is open until they came or are not needed any more.

A place is short when its inventory position (here, on the way, in transfers about to be, on order) is at the reorder
point or below. What other places can spare is moved first; the rest, up to the order-up-to level, is one request.
"""

from __future__ import annotations

from agents.inventory.replenishment.levels import (
    Levels,
    days_of_cover,
    expected,
    on_order,
    order_quantity,
    round_up,
    supplied,
)
from agents.inventory.replenishment.rebalancing import Stand, rebalance
from agents.inventory.replenishment.rows import Need, Outlook, Rebalance
from agents.inventory.replenishment.sheet import Sheet
from agents.inventory.replenishment.words import InsightType, RequestStatus
from agents.inventory.units import date_of_day


def look_after(sheet: Sheet, location: str) -> None:
    """Close the need of a place that is over, and open one where it is time."""
    drop_lapsed(sheet, location)
    close_need(sheet, location)
    missing = missing_at(sheet, location) if sheet.is_open(location) else 0
    if missing <= 0:
        return
    levels = sheet.levels(location)
    quantity = order_quantity(missing - take_from_others(sheet, location, missing), levels.terms)
    if quantity > 0:
        row = sheet.outlook(location)
        due_day = sheet.today + levels.lead_time_days
        need = Need(f"{sheet.sku}@{location}-{row.needs}", quantity, 0, sheet.today, due_day)
        sheet.put(location, need=need, needs=row.needs + 1)
        sheet.request(location, RequestStatus.OPENED, levels.terms.supplier)


def drop_lapsed(sheet: Sheet, location: str) -> None:
    """Forget transfers to a place that never showed in the journal."""
    row = sheet.outlook(location)
    coming = tuple([each for each in row.coming if each.until_ms > sheet.at_ms])
    if coming != row.coming:
        sheet.put(location, coming=coming)


def close_need(sheet: Sheet, location: str) -> None:
    """End a need whose units came, or that is covered without them."""
    row = sheet.outlook(location)
    if row.need is None:
        return
    levels = sheet.levels(location)
    if row.need.received >= row.need.quantity:
        sheet.request(location, RequestStatus.RECEIVED, levels.terms.supplier)
    elif supplied(row) >= max(1, levels.order_up_to):
        sheet.request(location, RequestStatus.COVERED, levels.terms.supplier)
    else:
        remind(sheet, location, row, row.need)
        return
    sheet.put(location, need=None)


def remind(sheet: Sheet, location: str, row: Outlook, need: Need) -> None:
    """Say once that a request has not come in its time."""
    if need.overdue_told or sheet.today < need.due_day + sheet.policy.overdue_days:
        return
    message = (
        f"{on_order(row)} units of {sheet.sku} for {location}, requested on {date_of_day(need.opened_day)} "
        f"({need.request_id}), were due on {date_of_day(need.due_day)} and have not come."
    )
    sheet.insight(location, InsightType.REQUEST_OVERDUE, message)
    sheet.put(location, need=Need(need.request_id, need.quantity, need.received, need.opened_day, need.due_day, True))


def missing_at(sheet: Sheet, location: str) -> int:
    """Units that a place lacks up to its order-up-to level; 0 where it is not time, or too little is known."""
    row = sheet.outlook(location)
    if row.need is not None or row.counted < sheet.policy.least_days or row.level_thousandths == 0:
        return 0
    levels, position = sheet.levels(location), supplied(row)
    return levels.order_up_to - position if position <= levels.reorder_point else 0


# -- transfers ---------------------------------------------------------------------------------------------------------


def take_from_others(sheet: Sheet, location: str, missing: int) -> int:
    """Move what other places can spare to a place that is short. Gives the units moved."""
    refused = [each.from_location for each in sheet.outlook(location).coming if each.refused]
    others = [each for each in sheet.supply.places if each != location and each not in refused]
    if sheet.policy.rebalance is Rebalance.OFF or not others:
        return 0
    stands = [stand_of(sheet, each) for each in others]
    taker = Stand(
        location=location,
        cover_days=days_of_cover(sheet.outlook(location), sheet.policy),
        surplus=0,
        shortage=missing,
        place=sheet.rows.place(location),
    )
    moves = rebalance([*stands, taker], sheet.policy)
    for move in moves:
        sheet.transfer(move)
    return sum([move.quantity for move in moves])


def stand_of(sheet: Sheet, location: str) -> Stand:
    """What a place can spare."""
    return Stand(
        location=location,
        cover_days=days_of_cover(sheet.outlook(location), sheet.policy),
        surplus=surplus_at(sheet, location, sheet.levels(location)),
        shortage=0,
        place=sheet.rows.place(location),
    )


def surplus_at(sheet: Sheet, location: str, levels: Levels) -> int:
    """Units at a place beyond its order-up-to level and beyond its `surplus_days`; less what it is to give already."""
    row = sheet.outlook(location)
    if row.counted < sheet.policy.least_days:
        return 0
    keeps = max(levels.order_up_to, round_up(expected(row, sheet.policy.surplus_days, sheet.policy)))
    given = sum(
        [
            coming.quantity
            for other in sheet.supply.places
            for coming in sheet.outlook(other).coming
            if coming.from_location == location and coming.until_ms > sheet.at_ms
        ]
    )
    return max(0, row.unpromised - keeps - given)

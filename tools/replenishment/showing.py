"""What the replenisher knows, as objects for --json and as sentences for people."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from agents.inventory.replenishment.levels import MOST_COVER_DAYS, on_order, supplied
from agents.inventory.replenishment.velocity import SCALE, exposure_of, factor
from agents.inventory.replenishment.words import Insight
from agents.inventory.units import date_of_day
from agents.runtime.topology import Topology
from tools.replenishment.reading import Standing

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def moment(time_ms: int) -> str:
    """A time in UTC, to the minute."""
    return dt.datetime.fromtimestamp(time_ms / 1_000, dt.UTC).strftime("%Y-%m-%d %H:%M")


def units_a_day(thousandths: int) -> str:
    """Units a day, to two places."""
    return f"{thousandths / SCALE:,.2f}"


def days_words(days: int) -> str:
    """Days of cover."""
    return f"{days}+" if days >= MOST_COVER_DAYS else str(days)


def open_needs(standing: Standing, now_ms: int) -> list[dict[str, Any]]:
    """What is asked for and has not come, at one place; with the figures that it rests on now."""
    row, where = standing.outlook, {"sku": standing.sku, "location": standing.location}
    figures = msgspec.to_builtins(standing.figures)
    found: list[dict[str, Any]] = []
    if row.need is not None:
        found.append(
            {
                "type": "ORDER",
                **where,
                "id": row.need.request_id,
                "quantity": row.need.quantity,
                "received": row.need.received,
                "supplier": standing.levels.terms.supplier,
                "since": date_of_day(row.need.opened_day),
                "due_on": date_of_day(row.need.due_day),
                "overdue": row.need.overdue_told,
                "figures": figures,
            }
        )
    found += [
        {
            "type": "TRANSFER",
            **where,
            "id": coming.transfer,
            "quantity": coming.quantity,
            "from_location": coming.from_location,
            "until_ms": coming.until_ms,
            "figures": figures,
        }
        for coming in row.coming
        if not coming.refused and coming.until_ms > now_ms
    ]
    if row.count_told:
        found.append({"type": "COUNT", **where, "last_checked_on": date_of_day(row.checked_day), "figures": figures})
    return found


def need_words(need: dict[str, Any]) -> str:
    """An open need in a sentence."""
    figures, where = need["figures"], f"{need['sku']} at {need['location']}"
    why = (
        f"{figures['available']} there, {figures['in_transit']} on the way, {days_words(figures['cover_days'])} days of cover at "
        f"{units_a_day(figures['daily_thousandths'])} a day; reorder point {figures['reorder_point']}, order up to "
        f"{figures['order_up_to']}"
    )
    if need["type"] == "ORDER":
        of = f" of {need['supplier']}" if need["supplier"] else ""
        late = ", overdue" if need["overdue"] else ""
        return (
            f"order {need['quantity']}{of} for {where}: {need['id']}, since {need['since']}, due {need['due_on']}{late}, "
            f"{need['received']} came; {why}"
        )
    if need["type"] == "TRANSFER":
        return f"move {need['quantity']} {where} from {need['from_location']}: {need['id']}; {why}"
    return f"count {where}: last checked on {need['last_checked_on']}"


def plain_velocity(topology: Topology, standing: Standing) -> dict[str, Any]:
    """What is known of a SKU at a place."""
    row, policy = standing.outlook, topology.replenishment
    return {
        "sku": standing.sku,
        "location": standing.location,
        "days_known": row.counted,
        "figures": msgspec.to_builtins(standing.figures),
        "position": supplied(row) + on_order(row),
        "weekdays_thousandths": {day: factor(row, number, policy) for number, day in enumerate(DAYS)},
        "today": {"sold": row.sold, "stocked_thousandths": exposure_of(row)},
        "terms": msgspec.to_builtins(standing.levels.terms),
        "category": standing.supply.category,
        "signals": [
            {
                "signal": each.signal.value,
                "today": each.today,
                "usual_thousandths": each.usual_thousandths,
                "days": each.days,
            }
            for each in row.interests
        ],
        "promotions": [
            {"location": span.location, "from_on": date_of_day(span.first_day), "until_on": date_of_day(span.last_day)}
            for span in standing.supply.promotions
            if span.location in {None, standing.location}
        ],
    }


def velocity_lines(topology: Topology, standing: Standing) -> list[str]:
    """The same for people."""
    plain, figures, terms = plain_velocity(topology, standing), standing.figures, standing.levels.terms
    weekdays = ", ".join(f"{day} x{value / SCALE:.2f}" for day, value in plain["weekdays_thousandths"].items())
    supplier = f" from {terms.supplier}" if terms.supplier else ""
    stock = f"{figures.available} to sell, {figures.in_transit} on the way, {figures.on_order} on order"
    daily, spread = units_a_day(figures.daily_thousandths), units_a_day(figures.deviation_thousandths)
    order = f"order at {figures.reorder_point} or fewer, up to {figures.order_up_to}"
    level = f"service level {figures.service_level / 10:g} %"
    lines = [
        f"{standing.sku} at {standing.location}: {daily} a day, standard deviation {spread}, {standing.outlook.counted} days known",
        f"  weekdays: {weekdays}",
        f"  {stock}: {days_words(figures.cover_days)} days of cover",
        f"  lead time {figures.lead_time_days} days{supplier}, {level}: {order}",
    ]
    lines += [
        f"  {each['signal'].lower()}: {each['today']} now, usually {each['usual_thousandths'] / SCALE:,.1f} ({each['days']} known)"
        for each in plain["signals"]
    ]
    return lines + [f"  promotion from {each['from_on']} until {each['until_on']}" for each in plain["promotions"]]


def insight_lines(insight: Insight) -> list[str]:
    """An insight for people."""
    held = f"said {moment(insight.at_ms)}, holds until {moment(insight.holds_until_ms)}"
    return [f"{insight.type.value} {insight.sku} at {insight.location}, {held}", f"  {insight.message}"]

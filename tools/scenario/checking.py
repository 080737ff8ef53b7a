"""The steps that look at something: what there is, against what the text says."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.inventory.offers import Offer
from agents.inventory.projection import Change, projected_atp, promisable_by
from agents.inventory.reservations import Claim, allocated_units, reserved_units
from agents.inventory.rows import INBOUNDS, POSITIONS, TRANSFERS
from agents.inventory.shipments import open_units, place_of_arrival
from agents.inventory.units import MILLISECONDS_PER_DAY
from tools.scenario.conversation import Conversation
from tools.scenario.ledger import Ledger
from tools.scenario.order_comparing import figures_of_line, figures_of_order
from tools.scenario.report_comparing import figures_of_campaign, look_at_kpi, start_of_window
from tools.scenario.steps import (
    CheckAccount,
    CheckAvailability,
    CheckCampaign,
    CheckClaim,
    CheckFence,
    CheckJournal,
    CheckKpi,
    CheckLevel,
    CheckOrder,
    CheckOutlook,
    CheckProjection,
    CheckRow,
    Look,
)
from tools.scenario.values import field_of, same, text_of
from tools.scenario.words import clock_text

PROMISES_REACH_MS = 30 * MILLISECONDS_PER_DAY
"""How far beyond its date a promise looks at what is owed later."""


def look(talk: Conversation, step: Look, records: int) -> tuple[str, tuple[str, ...]]:
    """What was seen, and sentences that say how it differs; `records`: those the last transaction made."""
    ledger = talk.ledger
    if isinstance(step, CheckCampaign | CheckOutlook | CheckKpi):
        return look_at_others(talk, step)
    if isinstance(step, CheckOrder):
        order = talk.book.order(step.order_id)
        if step.number is None:
            return checked(step.order_id, step.figures, figures_of_order(order))
        return checked(f"{step.order_id}/{step.number}", step.figures, figures_of_line(order, step.number))
    if isinstance(step, CheckLevel):
        return checked(f"{step.sku}@{step.location}", step.figures, level_of(ledger, step.sku, step.location))
    if isinstance(step, CheckClaim):
        claim = ledger.rows.claim(step.sku, step.holder, step.number)
        if step.location is None:
            return checked(f"{step.holder}/{step.number}", step.figures, figures_of_claim(claim))
        return checked(
            f"{step.holder}/{step.number} at {step.location}", step.figures, figures_of_leg(claim, step.location)
        )
    if isinstance(step, CheckFence):
        return checked(
            f"the fence of {step.channel} at {step.location}", step.figures, {"open": fenced_units(ledger, step)}
        )
    if isinstance(step, CheckAccount):
        return checked(step.sku, step.figures, {step.account: posted(ledger, step)})
    if isinstance(step, CheckJournal):
        return checked("journal", step.figures, {"records": records})
    if isinstance(step, CheckProjection):
        return checked(f"{step.sku} at {clock_text(step.at_time_ms)}", step.figures, projected(ledger, step))
    if isinstance(step, CheckAvailability):
        return look_at_availability(ledger, step)
    assert isinstance(step, CheckRow)
    return look_at_rows(ledger, step)


def look_at_others(talk: Conversation, step: CheckCampaign | CheckOutlook | CheckKpi) -> tuple[str, tuple[str, ...]]:
    """What campaign guard, replenisher and scorekeepers have."""
    others = talk.invite_others()
    if isinstance(step, CheckCampaign):
        return checked(step.campaign_id, step.figures, figures_of_campaign(others.guard.campaign(step.campaign_id)))
    if isinstance(step, CheckOutlook):
        row = others.replenisher.outlook(step.sku, step.location)
        return checked(f"{step.sku}@{step.location}", step.figures, {} if row is None else named(row, step.figures))
    window = (step.subject, step.window, start_of_window(step, talk.now_ms))
    return look_at_kpi(step, others.windows.said.get(window))


def level_of(ledger: Ledger, sku: str, location: str) -> dict[str, Any]:
    """The figures of a position; none where there is no row."""
    row = ledger.rows.tables[POSITIONS].get((sku, location))
    if row is None:
        return {}
    figures = msgspec.structs.asdict(row)
    figures["on_hand"] = sum(figures[name] for name in ("unpromised", "reserved", "allocated", "quarantined"))
    figures["safety_stock"] = withheld(ledger, sku, location)
    figures["atp"] = figures["unpromised"] - figures["safety_stock"]
    return figures


def withheld(ledger: Ledger, sku: str, location: str) -> int:
    """Units withheld from promise: by the policy of now, and by what repeated losses have added."""
    goods = ledger.rows.goods(sku)
    if goods is None:
        return ledger.rows.policy(sku, location).safety_stock
    category = None if goods.item is None else goods.item.category
    buffers = sum(buffer.quantity for buffer in goods.safety_buffers if buffer.location == location)
    return ledger.rows.policy(sku, location, None, category).safety_stock + buffers


def figures_of_claim(claim: Claim | None) -> dict[str, Any]:
    """What a claim holds, in all."""
    if claim is None:
        return {}
    legs = sorted((leg.location, leg.reserved + leg.allocated) for leg in claim.legs)
    return msgspec.structs.asdict(claim) | {
        "reserved": reserved_units(claim),
        "allocated": allocated_units(claim),
        "picking": sum(leg.picking for leg in claim.legs),
        "fenced": sum(leg.fenced for leg in claim.legs),
        "due": claim.due_ms,
        "legs": ",".join(f"{location}:{units}" for location, units in legs) or "none",
    }


def figures_of_leg(claim: Claim | None, location: str) -> dict[str, Any]:
    """What a claim holds at one place; none where it holds nothing there."""
    found = [leg for leg in ([] if claim is None else claim.legs) if leg.location == location]
    return msgspec.structs.asdict(found[0]) if found else {}


def fenced_units(ledger: Ledger, step: CheckFence) -> int:
    """Units that are kept for the channel there and not taken yet."""
    goods = ledger.rows.goods(step.sku)
    fences = () if goods is None else goods.fences
    return sum(fence.open for fence in fences if (fence.channel, fence.location) == (step.channel, step.location))


def posted(ledger: Ledger, step: CheckAccount) -> int:
    """Units that the journal has posted to an account."""
    return sum(
        posting.quantity
        for record in ledger.journal
        if record.sku == step.sku
        for posting in record.postings
        if posting.account == step.account and step.location in {None, posting.location}
    )


def projected(ledger: Ledger, step: CheckProjection) -> dict[str, Any]:
    """Stock by date, at one place or at all of them, and what a promise for that date may take."""
    rows, here = ledger.rows, {step.location, None}
    places = [place for place in rows.positions(step.sku) if step.location in {None, place}]
    atp = sum(level_of(ledger, step.sku, place)["atp"] for place in places)
    shipments: list[Any] = [*rows.group(INBOUNDS, step.sku).values(), *rows.group(TRANSFERS, step.sku).values()]
    changes = [
        Change(open_units(shipment), shipment.due_ms)
        for shipment in shipments
        if step.location is None or place_of_arrival(shipment) in here
    ]
    changes += [Change(-claim.backordered, claim.promise_by_ms) for claim in rows.claims(step.sku).values()]
    at_ms = step.at_time_ms
    return {
        "projected": projected_atp(atp, changes, ledger.now_ms, at_ms),
        "promisable": promisable_by(atp, changes, ledger.now_ms, at_ms, at_ms + PROMISES_REACH_MS),
    }


def look_at_rows(ledger: Ledger, step: CheckRow) -> tuple[str, tuple[str, ...]]:
    """The row of a table whose key begins so; `rows 2` asks only how many there are."""
    subject = f"{step.table} {'/'.join(step.key)}"
    found = {
        key: row
        for key, row in ledger.rows.tables[step.table].items()
        if tuple(str(part) for part in key[: len(step.key)]) == step.key
    }
    if set(step.figures) == {"rows"}:
        return checked(subject, step.figures, {"rows": len(found)})
    if len(found) > 1:
        return f"{len(found)} rows", (f"{subject} names {len(found)} rows: {sorted(map(str, found))}",)
    row: Any = next(iter(found.values()), None)
    return checked(subject, step.figures, {} if row is None else named(row, step.figures))


def look_at_availability(ledger: Ledger, step: CheckAvailability) -> tuple[str, tuple[str, ...]]:
    """The first offer of the availability published last that the text selects."""
    published = ledger.availability.get(step.sku)
    subject = " ".join(["availability of", step.sku, *(f"{name}={value}" for name, value in step.which)])
    offers = [
        offer
        for group in (() if published is None else published.groups)
        for offer in group.offers
        if all(is_selected(group.channels, offer, name, value) for name, value in step.which)
    ]
    if not offers or not step.figures:
        return checked(subject, step.figures, {"there": 1} if offers else {})
    if set(step.figures) == {"offers"}:
        return checked(subject, step.figures, {"offers": len(offers)})
    return checked(subject, step.figures, named(offers[0], step.figures))


def is_selected(channels: tuple[str, ...], offer: Offer, name: str, value: str) -> bool:
    """Whether an offer is for that channel, method, region ..."""
    if name == "channel":
        return value in channels
    return name in offer.__struct_fields__ and same(name, value, getattr(offer, name))


def named(row: Any, names: dict[str, str]) -> dict[str, Any]:
    """The fields of a row under the names that the text gives them."""
    fields = {name: field_of(type(row), name) for name in names}
    return {name: getattr(row, field) for name, field in fields.items() if field is not None} or {"": None}


def checked(subject: str, wanted: dict[str, str], found: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Compare figures; none wanted means that there must be none."""
    if not wanted:
        return ("none" if not found else "there"), ((f"{subject} is there",) if found else ())
    if not found:
        return "none", (f"{subject} is not there",)
    said = ", ".join(f"{name} {shown(name, found)}" for name in wanted)
    differences = tuple(
        f"{name} of {subject} is {shown(name, found)}, expected {value}"
        for name, value in wanted.items()
        if name not in found or not same(name, value, found[name])
    )
    return said, differences


def shown(name: str, found: dict[str, Any]) -> str:
    """A figure as scenario text says it."""
    return text_of(name, found[name]) if name in found else "no figure of it"

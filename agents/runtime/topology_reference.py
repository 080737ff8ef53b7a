"""The seeds of topology.yaml: policies, locations and channels, read as the records that will carry them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from agents.inventory.channels import Method
from agents.inventory.hours import clock_ms
from agents.inventory.reference_validation import LOCATION_KINDS, problem_of_channel, problem_of_location
from agents.inventory.transactions import ChannelReference, LocationReference, PolicySettings, Zone
from agents.inventory.units import MILLISECONDS_PER_MINUTE
from agents.inventory.validation import problem_of_rule
from agents.runtime.topology_file import Section

POLICY_WORDS = {
    "claims": ("first_come", "priority"),
    "backorder": ("none", "limit", "unlimited"),
    "abroad": ("allowed", "never"),
    "stock_alerts": ("none", "out", "low"),
}
_Reference = TypeVar("_Reference", PolicySettings, LocationReference, ChannelReference)


def policies(file: Section) -> tuple[PolicySettings, ...]:
    """The rules under `policies`."""
    return _seeds(file, "policies", "rule", _policy)


def locations(file: Section) -> tuple[LocationReference, ...]:
    """The places under `locations`."""
    return _seeds(file, "locations", "location", _location)


def channels(file: Section) -> tuple[ChannelReference, ...]:
    """The channels under `channels`."""
    return _seeds(file, "channels", "channel", _channel)


def _seeds(file: Section, key: str, name: str, read: Callable[[Section], _Reference]) -> tuple[_Reference, ...]:
    found = [read(section) for section in file.listed(key)]
    for index, each in enumerate(found):
        named = getattr(each, name)
        if named and named in {getattr(earlier, name) for earlier in found[:index]}:
            file.wrong(f"{key}[{index}].{name}", f"{named} is given twice")
    return tuple(found)


def _policy(section: Section) -> PolicySettings:
    values: dict[str, Any] = {"rule": section.text("rule")}
    for known in msgspec.structs.fields(PolicySettings):
        name = known.name
        if name == "rule":
            continue
        if name not in section.values:
            section.text(name, "")  # known, not given
        elif name == "withdrawn":
            values[name] = section.flag(name, False)
        elif name.endswith("_ms"):
            values[name] = section.duration_ms(name)
        elif name in POLICY_WORDS:
            values[name] = section.choice(name, POLICY_WORDS[name])
        elif str in getattr(known.type, "__args__", ()):
            values[name] = section.text(name)
        else:
            values[name] = section.whole(name)
    if values.get("backorder") == "limit" and "backorder_limit" not in values:
        section.wrong("backorder_limit", "is missing: backorder is limit")
    section.finish()
    rule = PolicySettings(**values)
    _judge(section, problem_of_rule(rule) if rule.rule else None)
    return rule


def _location(section: Section) -> LocationReference:
    reference = LocationReference(
        location=section.text("location"),
        kind=section.choice("kind", sorted(LOCATION_KINDS), "warehouse"),
        open=section.flag("open", True),
        ships=section.flag("ships", True),
        pickup=section.flag("pickup", False),
        region=section.text("region", "") or None,
        country=section.text("country", "") or None,
        latitude_tenths=_tenths(section, "latitude_tenths"),
        longitude_tenths=_tenths(section, "longitude_tenths"),
        time_zone=section.text("time_zone", "") or None,
        authority=section.names("authority", ()),
        utc_offset_minutes=_offset_minutes(section),
        zones=tuple([_zone(each) for each in section.listed("zones")]),
        opening_days=section.names("opening_days", ()),
        opens_at=section.text("opens_at", "") or None,
        closes_at=section.text("closes_at", "") or None,
        working_days=section.names("working_days", ()),
        cut_off=section.text("cut_off", "") or None,
        handling_time_ms=_given(section, "handling_time_ms", section.duration_ms),
        daily_capacity=_given(section, "daily_capacity", section.whole),
        holidays=_dates(section, "holidays"),
    )
    section.finish()
    _judge(section, problem_of_location(reference) if reference.location else None)
    return reference


def _zone(section: Section) -> Zone:
    zone = Zone(
        country=section.text("country"),
        postal_prefix=section.text("postal_prefix", ""),
        cost=section.whole("cost", 0),
        days=section.whole("days", 0),
    )
    section.finish()
    return zone


def _channel(section: Section) -> ChannelReference:
    methods = section.names("methods", ())
    known = [method.value for method in Method]
    for method in methods:
        if method not in known:
            section.wrong("methods", f"{method} is no method; they are {', '.join(known)}")
    reference = ChannelReference(
        channel=section.text("channel"),
        locations=section.names("locations", ()),
        region=section.text("region", "") or None,
        handling_time_ms=_given(section, "handling_time_ms", section.duration_ms),
        methods=tuple(method for method in methods if method in known),
        cancel_limit_ms=_given(section, "cancel_limit_ms", section.duration_ms),
        late_penalty=_given(section, "late_penalty", section.whole),
    )
    section.finish()
    _judge(section, problem_of_channel(reference) if reference.channel else None)
    return reference


def _given(section: Section, name: str, read: Callable[[str], int]) -> int | None:
    section.asked.add(name)
    return None if section.values.get(name) is None else read(name)


def _offset_minutes(section: Section) -> int:
    text = section.text("utc_offset", "+00:00")
    try:
        minutes = clock_ms(text[1:]) // MILLISECONDS_PER_MINUTE
    except ValueError:
        minutes = -1
    if minutes < 0 or text[0] not in "+-":
        section.wrong("utc_offset", f"must be local time less UTC, written +HH:MM or -HH:MM in quotes, not {text!r}")
        return 0
    return -minutes if text[0] == "-" else minutes


def _dates(section: Section, name: str) -> tuple[str, ...]:
    """Days, as YAML reads them or in quotes."""
    values = section.values.get(name)
    section.asked.add(name)
    if values is None:
        return ()
    if isinstance(values, list) and all(isinstance(each, str | dt.date) for each in values):
        return tuple([each if isinstance(each, str) else each.isoformat() for each in values])
    section.wrong(name, f"must be a list of dates YYYY-MM-DD, not {values!r}")
    return ()


def _tenths(section: Section, name: str) -> int | None:
    value = section.values.get(name)
    section.asked.add(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    section.wrong(name, f"must be degrees times ten, a whole number, not {value!r}")
    return None


def _judge(section: Section, problem: str | None) -> None:
    if problem is not None:
        section.mistakes.add(section.path, problem)

"""The seeds of topology.yaml: policies, locations and channels, read as the records that will carry them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from agents.inventory.channels import Method
from agents.inventory.reference_validation import LOCATION_KINDS, problem_of_channel, problem_of_location
from agents.inventory.transactions import ChannelReference, LocationReference, PolicySettings
from agents.inventory.validation import problem_of_rule
from agents.runtime.topology_file import Section

POLICY_WORDS = {"claims": ("first_come", "priority"), "backorder": ("none", "limit", "unlimited")}
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
    )
    section.finish()
    _judge(section, problem_of_location(reference) if reference.location else None)
    return reference


def _channel(section: Section) -> ChannelReference:
    handling_time_ms = section.duration_ms("handling_time_ms") if "handling_time_ms" in section.values else None
    if handling_time_ms is None:
        section.text("handling_time_ms", "")  # known, not given
    methods = section.names("methods", ())
    known = [method.value for method in Method]
    for method in methods:
        if method not in known:
            section.wrong("methods", f"{method} is no method; they are {', '.join(known)}")
    reference = ChannelReference(
        channel=section.text("channel"),
        locations=section.names("locations", ()),
        region=section.text("region", "") or None,
        handling_time_ms=handling_time_ms,
        methods=tuple(method for method in methods if method in known),
    )
    section.finish()
    _judge(section, problem_of_channel(reference) if reference.channel else None)
    return reference


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

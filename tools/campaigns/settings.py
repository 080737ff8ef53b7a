"""Registrations as people write them: `SETTING=VALUE` on a line, or a file with the same names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
import yaml

from agents.inventory.campaigns.words import Alternative, Registration, Rule, Thresholds
from agents.inventory.offers import State
from agents.runtime.notation import duration_ms

E = TypeVar("E", bound=StrEnum)

NONE = "none"
"""Takes a value away."""
REQUIRED = ("platform", "account", "budget_minor", "currency")


class Unreadable(Exception):
    """What is written is no registration; the message says why."""


def registration_of(old: Registration | None, given: Mapping[str, object]) -> Registration:
    """The registration: what is given counts, the rest stays as it is, or is the default. Raises Unreadable."""
    unknown = [name for name in given if name not in SETTINGS]
    if unknown:
        raise Unreadable(f"{unknown[0]!r} is no setting of a campaign; there are {', '.join(SETTINGS)}")
    read = {name: read_setting(name, value) for name, value in given.items()}
    if "skus" in read and "category" not in read:
        read["category"] = None
    elif "category" in read and "skus" not in read:
        read["skus"] = ()
    own = {name: value for name, value in read.items() if name not in Thresholds.__struct_fields__}
    limits = {name: value for name, value in read.items() if name in Thresholds.__struct_fields__}
    if old is None:
        missing = [name for name in REQUIRED if read.get(name) is None]
        if missing:
            raise Unreadable(f"a new campaign needs {', '.join(missing)}")
        return Registration(**own, thresholds=Thresholds(**limits))
    thresholds = msgspec.structs.replace(old.thresholds, **limits)
    return msgspec.structs.replace(old, **own, thresholds=thresholds)


def read_setting(name: str, value: object) -> Any:
    """One value. Raises Unreadable."""
    if value is None or value == NONE:
        return DEFAULTS[name]
    try:
        return SETTINGS[name](value)
    except ValueError as error:
        raise Unreadable(f"{name} {error}") from None


def pairs(texts: tuple[str, ...]) -> dict[str, object]:
    """`SETTING=VALUE` as a mapping. Raises Unreadable."""
    found: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise Unreadable(f"{text!r} is not SETTING=VALUE")
        if name in found:
            raise Unreadable(f"{name} is given twice")
        found[name] = value
    return found


def of_file(text: str) -> dict[str, Mapping[str, object]]:
    """Settings by campaign: a mapping of campaigns, as YAML or JSON. Raises Unreadable."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Unreadable(f"it is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(value, dict) or not all(isinstance(inner, dict) for inner in value.values()):
        raise Unreadable("it is no mapping of campaigns to their settings")
    return {str(name): {str(key): inner for key, inner in settings.items()} for name, settings in value.items()}


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value):
        raise ValueError(f"must be a text, not {value!r}")
    return str(value)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).isdecimal():
        raise ValueError(f"must be a whole number, not {value!r}")
    return int(value)


def _names(value: object) -> tuple[str, ...]:
    names = value if isinstance(value, list) else str(value).split(",")
    return tuple(_text(name).strip() for name in names)


def _one_of(kind: type[E]) -> Callable[[object], E]:
    def read(value: object) -> E:
        try:
            return kind(str(value))
        except ValueError:
            raise ValueError(f"must be one of {', '.join(kind)}, not {value!r}") from None

    return read


def _alternatives(value: object) -> tuple[Alternative, ...]:
    """`hats:HAT-1+HAT-2,caps:CAP`, or a mapping of campaigns to lists of SKUs."""
    if isinstance(value, dict):
        return tuple(Alternative(_text(name), _names(skus)) for name, skus in value.items())
    found = []
    for text in str(value).split(","):
        name, colon, skus = text.partition(":")
        if not colon or not name or not skus:
            raise ValueError(f"must be CAMPAIGN:SKU+SKU,..., not {value!r}")
        found.append(Alternative(name.strip(), tuple(sku.strip() for sku in skus.split("+"))))
    return tuple(found)


SETTINGS: dict[str, Callable[[object], Any]] = {
    "platform": _text,
    "account": _text,
    "entity": _text,
    "budget_minor": _whole,
    "currency": _text,
    "skus": _names,
    "category": _text,
    "channels": _names,
    "regions": _names,
    "alternatives": _alternatives,
    "rule": _one_of(Rule),
    "pause_at": _whole,
    "resume_at": _whole,
    "pause_on": _one_of(State),
    "minimum_dwell_ms": duration_ms,
    "cool_down_ms": duration_ms,
    "boost_above_weeks": _whole,
    "boost_until_weeks": _whole,
    "boost_share": _whole,
    "boost_percent": _whole,
}
"""Name -> how its value is read."""


def _defaults() -> dict[str, object]:
    fields = [*msgspec.structs.fields(Registration), *msgspec.structs.fields(Thresholds)]
    return {field.name: None if field.required else field.default for field in fields}


DEFAULTS = _defaults()

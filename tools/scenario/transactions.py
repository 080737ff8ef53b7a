"""From the words of a step to the fields of its transaction."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from agents.inventory.transactions import (
    Bucket,
    ChannelReference,
    FeedReference,
    Item,
    Kind,
    LocationReference,
    PolicySettings,
    Transaction,
    Watcher,
)
from tools.scenario.values import field_of, read_field, read_record, types_of
from tools.scenario.words import Words, is_number

LEADING = {
    Kind.RESERVE: "holder",
    Kind.ALLOCATE: "holder",
    Kind.EXTEND: "holder",
    Kind.RELEASE: "holder",
    Kind.PICK: "holder",
    Kind.SHIP: "holder",
    Kind.FENCE: "fence",
    Kind.UNFENCE: "fence",
    Kind.INBOUND: "inbound",
    Kind.TRANSFER_OUT: "transfer",
    Kind.TRANSFER_IN: "transfer",
    Kind.WATCH: "watcher",
    Kind.UNWATCH: "watcher",
}
"""What the name before the SKU says."""

MAY_LACK_IT = frozenset({Kind.SHIP, Kind.INBOUND, Kind.TRANSFER_OUT, Kind.TRANSFER_IN})
"""Kinds that always name a location, so that a first word with an @ is SKU@LOCATION."""

ABOUT: dict[Kind, tuple[str, type[msgspec.Struct], str | None]] = {
    Kind.ITEM: ("item", Item, None),
    Kind.LOCATION: ("location_reference", LocationReference, "location"),
    Kind.CHANNEL: ("channel_reference", ChannelReference, "channel"),
    Kind.FEED: ("feed", FeedReference, "feed"),
}
"""Kinds that carry a record: the field that holds it, the record, and its own name (none: the SKU is)."""

ALIASES = {"id": "transaction_id", "taken": "occurred_at_ms"}
WORDS = {
    "request": ("mode", "request"),
    "untracked": ("tracked", "no"),
    "closed": ("open", "no"),
    **{bucket.value: ("bucket", bucket.value) for bucket in Bucket},
}
"""Words that say a field and its value."""

LINE = re.compile(r"\d+:[+-]?\d+")


def read_transaction(kind: Kind, words: Words) -> tuple[str, dict[str, Any]]:
    """Read `[NAME] SKU[@PLACES] [QUANTITY] [words] [name=value ...]`: the SKU and the fields."""
    if kind in ABOUT:
        return read_about(kind, words)
    fields: dict[str, Any] = {}
    if kind in LEADING and not (kind in MAY_LACK_IT and "@" in words.peek()):
        read_leading(kind, words, fields)
    sku, locations, to_location = words.places()
    if len(locations) == 1:
        fields["location"] = locations[0]
    elif locations:
        fields["locations"] = locations
    if to_location is not None:
        fields["to_location"] = to_location
    if is_number(words.peek()):
        fields["quantity"] = words.number("the quantity")
    read_options(words, fields)
    return sku, fields


def read_leading(kind: Kind, words: Words, fields: dict[str, Any]) -> None:
    """Read the name before the SKU: a holder with its line, a fence's channel, an inbound, a transfer, a watcher."""
    field = LEADING[kind]
    if field == "watcher":
        fields[field] = read_record(words, Watcher, words.take("TOPIC:KEY"))
    elif field == "holder":
        fields[field], line = words.claim()
        if line != 1:
            fields["line"] = line
    else:
        fields[field] = words.take(f"the {field}")


def read_about(kind: Kind, words: Words) -> tuple[str, dict[str, Any]]:
    """Read a reference record: `item SKU name=value ...`, `location NAME ...`, `channel NAME ...`."""
    holds, record, own_name = ABOUT[kind]
    name = words.take("its name")
    fields: dict[str, Any] = {}
    values: dict[str, Any] = {} if own_name is None else {own_name: name}
    read_options(words, fields, record, values)
    fields[holds] = record(**values)
    return (name if own_name is None else ""), fields


def read_options(
    words: Words,
    fields: dict[str, Any],
    record: type[msgspec.Struct] | None = None,
    values: dict[str, Any] | None = None,
) -> None:
    """Read what stands behind the quantity, in any order; what `record` has goes into `values`."""
    while words:
        word = words.take("an option")
        name, equals, text = word.partition("=")
        if word == "into":
            fields["bucket"] = read_field(words, Transaction, "bucket", words.take("a bucket"))
        elif word == "lines":
            fields["lines"] = read_field(words, Transaction, "lines", ",".join(lines_of(words)))
        else:
            name, text = WORDS.get(word, (ALIASES.get(name, name), text if equals else "yes"))
            flag = not equals and word not in WORDS
            if record is not None and values is not None and (field := settable(record, name, flag=flag)):
                values[field] = read_field(words, record, field, text)
            elif field := settable(Transaction, name, flag=flag):
                fields[field] = read_field(words, Transaction, field, text)
            else:
                raise words.wrong(f"{word!r} is no option")


def settable(record: type[msgspec.Struct], name: str, *, flag: bool) -> str | None:
    """The field of that name; a word without `=` names only what is yes or no."""
    field = field_of(record, name)
    return None if field is None or (flag and types_of(record)[field] is not bool) else field


def lines_of(words: Words) -> list[str]:
    """Take `1:3 2:4 ...`."""
    lines: list[str] = []
    while LINE.fullmatch(words.peek()):
        lines.append(words.take("LINE:QUANTITY"))
    if not lines:
        raise words.wrong("LINE:QUANTITY is missing")
    return lines


def read_policy(words: Words) -> tuple[str, dict[str, Any]]:
    """Read `SKU[@LOCATION] | @LOCATION | everywhere, then SETTING VALUE ...` or `withdrawn`."""
    where = words.take("where the policy applies")
    named: dict[str, Any] = {}
    if where != "everywhere":
        sku, at, location = where.partition("@")
        named = {"sku": sku or None, "location": location if at else None}
    fields: dict[str, Any] = {}
    values: dict[str, Any] = {}
    rule = ""
    while words:
        word = words.take("a setting")
        name, equals, text = word.partition("=")
        if equals and name in {"id", "source", "who", "why"}:
            fields[ALIASES.get(name, name)] = text
        elif equals and name in {"rule", "category", "channel"}:
            rule = text if name == "rule" else rule
            named |= {} if name == "rule" else {name: text}
        elif word == "withdrawn":
            values["withdrawn"] = True
        else:
            setting = setting_of(words, word)
            values[setting] = read_field(words, PolicySettings, setting, words.take("the value of the setting"))
    if not values:
        raise words.wrong("a policy sets something")
    # Without a name of its own a rule is known by where it applies and what it sets, so two lines are two rules.
    scope = [where, *(f"{name}={named[name]}" for name in ("category", "channel") if name in named)]
    rule = rule or " ".join([*scope, *sorted(name for name in values if name != "withdrawn")])
    fields["policy"] = PolicySettings(rule=rule, **named, **values)
    return "", fields


def setting_of(words: Words, word: str) -> str:
    """The field of a setting; durations may leave out `_ms`."""
    setting = field_of(PolicySettings, word)
    if setting is None:
        raise words.wrong(f"{word!r} is no setting of a policy")
    return setting

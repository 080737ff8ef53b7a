"""From the words of a step to the fields of its transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents.inventory.transactions import INTENTION_KINDS, Bucket, Kind, Line, Mode, PolicySettings
from tools.scenario.words import Words, is_number

CLAIM_KINDS = INTENTION_KINDS - {Kind.WATCH, Kind.UNWATCH}
FLAGS = ("partial", "confirm", "revive", "sold", "last")

TEXT_OPTIONS = (
    "reason",
    "channel",
    "order_id",
    "lot",
    "expires_on",
    "inbound",
    "transfer",
    "to_location",
    "who",
    "why",
)
"""`name=value` that sets the field of the same name to the text."""


def read_transaction(kind: Kind, words: Words) -> tuple[str, dict[str, Any]]:
    """Read `[HOLDER[/LINE]] SKU[@LOCATION] [QUANTITY] [into BUCKET] [flags] [name=value ...]`."""
    fields: dict[str, Any] = {}
    if kind in CLAIM_KINDS or (kind is Kind.SHIP and names_holder(words)):
        fields["holder"], line = words.claim()
        if line != 1:
            fields["line"] = line
    sku, location = words.place()
    if location is not None:
        fields["location"] = location
    if is_number(words.peek()):
        fields["quantity"] = words.number("the quantity")
    read_options(words, fields)
    return sku, fields


def names_holder(words: Words) -> bool:
    """SHIP may name a holder before its SKU@LOCATION."""
    return "@" not in words.peek()


def read_options(words: Words, fields: dict[str, Any]) -> None:
    """Read what stands behind the quantity, in any order."""
    while words:
        word = words.take("an option")
        name, equals, value = word.partition("=")
        if word in FLAGS:
            fields[word] = True
        elif word == "into" or word in tuple(Bucket):
            fields["bucket"] = member(words, Bucket, words.take("a bucket") if word == "into" else word)
        elif equals and name in OPTIONS:
            field, read = OPTIONS[name]
            fields[field] = read(words, value)
        elif equals and name in TEXT_OPTIONS:
            fields[name] = value
        else:
            raise words.wrong(f"{word!r} is no option")


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
        name, equals, value = word.partition("=")
        if equals and name in {"id", "source"}:
            fields[OPTIONS[name][0]] = value
        elif equals and name in {"rule", "category", "channel"}:
            rule = value if name == "rule" else rule
            named |= {} if name == "rule" else {name: value}
        elif word == "withdrawn":
            values["withdrawn"] = True
        else:
            setting = setting_of(words, word)
            values[setting] = value_of(words)
    if not values:
        raise words.wrong("a policy sets something")
    # Without a name of its own a rule is known by where it applies and what it sets, so two lines are two rules.
    rule = rule or " ".join([where, *sorted(name for name in values if name != "withdrawn")])
    fields["policy"] = PolicySettings(rule=rule, **named, **values)
    return "", fields


def setting_of(words: Words, word: str) -> str:
    """The field of a setting; durations may leave out `_ms`."""
    for name in (word, f"{word}_ms"):
        if name in PolicySettings.__struct_fields__:
            return name
    raise words.wrong(f"{word!r} is no setting of a policy")


def value_of(words: Words) -> int | str:
    """A number, a duration, or a word."""
    word = words.take("the value of the setting")
    if is_number(word):
        return int(word)
    return words.duration_of(word) if word[:1].isdigit() else word


def whole(words: Words, value: str) -> int:
    """A whole number."""
    if not is_number(value):
        raise words.wrong(f"{value!r} is no whole number")
    return int(value)


def member(words: Words, enum: type[Mode | Bucket], value: str) -> Mode | Bucket:
    """A member of an enum by its value."""
    if value not in tuple(enum):
        raise words.wrong(f"{value.lower()!r} is none of {', '.join(enum).lower()}")
    return Mode(value) if enum is Mode else Bucket(value)


def lines_of(words: Words, value: str) -> tuple[Line, ...]:
    """`1:3,2:4`: line and quantity."""
    lines: list[Line] = []
    for part in value.split(","):
        line, _, quantity = part.partition(":")
        lines.append(Line(whole(words, line), whole(words, quantity)))
    return tuple(lines)


OPTIONS: dict[str, tuple[str, Callable[[Words, str], Any]]] = {
    "id": ("transaction_id", lambda _, value: value),
    "source": ("source", lambda _, value: value),
    "occurred": ("occurred_at_ms", lambda words, value: words.time_of(value)),
    "taken": ("occurred_at_ms", lambda words, value: words.time_of(value)),
    "ttl": ("ttl_ms", lambda words, value: words.duration_of(value)),
    "priority": ("priority", whole),
    "max_splits": ("max_splits", whole),
    "mode": ("mode", lambda words, value: member(words, Mode, value.upper())),
    "locations": ("locations", lambda _, value: tuple(value.split(","))),
    "lines": ("lines", lines_of),
}
"""`name=value`: the field it sets, and how its value is read."""

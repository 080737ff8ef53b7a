"""One word as the value of a field, read by the type of the field; and back.

Fields are found by name in the records of the core (`Transaction`, `Item`, `PolicySettings` ...), so that a field which
the core gets can be said at once.
"""

from __future__ import annotations

import types
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from tools.scenario.words import Words, clock_text, is_number

SUFFIXES = ("", "_ms", "_at_ms", "_by_ms", "_on", "_id", "_location")
"""Ends of a field's name that may be left out: `due=` says `due_at_ms`, `to=` says `to_location`."""

YES_OR_NO = {"yes": True, "no": False}


@cache
def types_of(record: type[msgspec.Struct]) -> dict[str, Any]:
    """Field -> type, without `| None`."""
    hints = get_type_hints(record)
    return {name: without_none(hints[name]) for name in record.__struct_fields__}


def without_none(hint: Any) -> Any:
    """`int | None` -> `int`."""
    if isinstance(hint, types.UnionType) or get_origin(hint) is Union:
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    return hint


def field_of(record: type[msgspec.Struct], name: str) -> str | None:
    """The field that `name` says, perhaps without the end of its name; None if there is no such field."""
    fields = types_of(record)
    return next((f"{name}{suffix}" for suffix in SUFFIXES if f"{name}{suffix}" in fields), None)


def read_field(words: Words, record: type[msgspec.Struct], field: str, text: str) -> Any:
    """The value of a field of a record."""
    return read_value(words, types_of(record)[field], field, text)


def read_value(words: Words, hint: Any, name: str, text: str) -> Any:
    """The value of that type: parts of a list are separated by commas, those of a record by colons."""
    if get_origin(hint) is tuple:
        return tuple(read_value(words, get_args(hint)[0], name, part) for part in text.split(",") if part)
    if hint is bool:
        if text not in YES_OR_NO:
            raise words.wrong(f"{name} is yes or no, not {text!r}")
        return YES_OR_NO[text]
    if hint is int:
        return read_number(words, name, text)
    if issubclass(hint, Enum):
        for member in hint:
            if member.value.lower() == text.lower():
                return member
        raise words.wrong(f"{text!r} is none of {', '.join(member.value.lower() for member in hint)}")
    if issubclass(hint, msgspec.Struct):
        return read_record(words, hint, text)
    return text


def read_number(words: Words, name: str, text: str) -> int:
    """A whole number; a time or a duration where the field is one."""
    if name.endswith(("_at_ms", "_by_ms")):
        return words.time_of(text)
    if is_number(text):
        return int(text)
    if name.endswith("_ms"):
        return words.duration_of(text)
    raise words.wrong(f"{text!r} is no whole number")


def read_record(words: Words, record: type[msgspec.Struct], text: str) -> msgspec.Struct:
    """`1:3`: the fields of a record in their order; the last ones may be left out."""
    parts = text.split(":")
    fields = types_of(record)
    if len(parts) > len(fields):
        raise words.wrong(f"{text!r} has more parts than {', '.join(fields)}")
    values = {name: read_field(words, record, name, part) for name, part in zip(fields, parts, strict=False)}
    try:
        return record(**values)
    except TypeError:
        raise words.wrong(f"{text!r} should say {':'.join(fields)}") from None


def text_of(name: str, value: Any) -> str:
    """A value as scenario text says it: the opposite of `read_value`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value).lower()
    if isinstance(value, int) and is_time(name):
        return clock_text(value)
    if isinstance(value, msgspec.Struct):
        return ":".join(text_of(field, getattr(value, field)) for field in value.__struct_fields__)
    if isinstance(value, tuple):
        return ",".join(text_of(name, each) for each in value) or "none"
    return str(value)


def is_time(name: str) -> bool:
    """Whether a figure of that name is a moment."""
    return name in {"due", "due_ms", "promise", "deadline_ms"} or name.endswith(("_at_ms", "_by_ms"))


def same(name: str, wanted: str, value: Any) -> bool:
    """Whether a value is what the text says; times and numbers may be written in several ways."""
    if wanted == text_of(name, value):
        return True
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    if is_number(wanted):
        return int(wanted) == value
    return is_time(name) and ":" in wanted and Words("", 0).time_of(wanted) == value

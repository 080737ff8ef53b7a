"""How people write durations and sizes: `7d`, `90s`, `64MiB`. Read here, spoken in milliseconds and bytes ever after."""

from __future__ import annotations

import re

MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
BYTES = {
    "B": 1,
    "kB": 1_000,
    "MB": 1_000_000,
    "GB": 1_000_000_000,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}
FOREVER_MS = -1
"""What Kafka writes for a retention without end."""

_MEASURE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")


def duration_ms(value: object) -> int:
    """Milliseconds of `15m`, `7d`, `1.5h`; a bare whole number is milliseconds. ValueError says what is allowed."""
    return _measure(value, MILLISECONDS, "a duration such as 90s, 15m, 2h or 7d")


def size_bytes(value: object) -> int:
    """Bytes of `64MiB`, `1GB`; a bare whole number is bytes. ValueError says what is allowed."""
    return _measure(value, BYTES, "a size such as 512KiB, 64MiB or 1GiB")


def in_words(duration: int) -> str:
    """The shortest exact notation of a duration in milliseconds; `forever` where it has no end."""
    if duration == FOREVER_MS:
        return "forever"
    for unit, factor in reversed(MILLISECONDS.items()):
        if duration >= factor and duration % factor == 0:
            return f"{duration // factor}{unit}"
    return f"{duration}ms"


def size_in_words(size: int) -> str:
    """The shortest exact notation of a size in bytes."""
    for unit in ("GiB", "MiB", "KiB"):
        if size >= BYTES[unit] and size % BYTES[unit] == 0:
            return f"{size // BYTES[unit]}{unit}"
    return f"{size}B"


def _measure(value: object, units: dict[str, int], allowed: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    text = value if isinstance(value, str) else ""
    if text.strip().isdecimal():
        return int(text)
    found = _MEASURE.fullmatch(text)
    if found is None or found[2] not in units:
        raise ValueError(f"must be {allowed}, not {value!r}")
    amount = float(found[1]) * units[found[2]]
    if amount != int(amount):
        raise ValueError(f"must be {allowed}; {value!r} is no whole number of {next(iter(units))}")
    return int(amount)

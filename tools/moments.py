"""Moments as people write them."""

from __future__ import annotations

import datetime as dt
import time

from agents.runtime.notation import duration_ms


class NoMoment(ValueError):
    """The text is neither an age nor a time; the message says what is."""


def moment_ms(text: str) -> int:
    """Epoch milliseconds of an age (`1h`: an hour ago) or of a date and time, UTC where it names no zone.

    Raises NoMoment.
    """
    try:
        return int(time.time() * 1000) - duration_ms(text)
    except ValueError:
        pass
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise NoMoment(f"an age such as 15m, 1h or 2d, or a time such as 2026-11-21T14:00Z, not {text!r}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp() * 1000)

"""What a reply of a platform means: it was done, it was so already, it failed for good, or it is to be tried again.

In order of precedence:

    204                          done
    any other 2xx                what its JSON says: {"result": "done" | "already" | "failed", "message": "..."};
                                 where it says nothing of the kind (202: not yet) try again
    408 425 429, 5xx             try again, after Retry-After where it is given
    any other                    failed: 3xx too, no redirect is followed
    no reply, or half of one     try again
"""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from agents.inventory.campaigns.words import Result

AGAIN = frozenset({408, 425, 429})
LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one call."""

    result: Result | None
    """None: not known, or not now; try again."""
    message: str
    """In the platform's words, or what kept it from saying any."""
    status: int | None = None
    """Of HTTP; None where no reply came."""
    retry_after_ms: int | None = None
    """The pause that the platform asks for."""


class _Said(msgspec.Struct):
    result: Result
    message: str | None = None


def judge(status: int, headers: Mapping[str, str], body: bytes, now_ms: int) -> Reply:
    """The meaning of a reply; names of `headers` in lower case, `body` as far as it was read."""
    if status == 204:
        return Reply(Result.DONE, "", status)
    if 200 <= status < 300:
        return _of_success(status, body)
    if status in AGAIN or status >= 500:
        pause = retry_after_ms(headers.get("retry-after", ""), now_ms)
        return Reply(None, _with_words(status, body), status, pause)
    if 300 <= status < 400:
        where = plain(headers.get("location", "nowhere"))
        return Reply(Result.FAILED, f"HTTP {status} to {where}: no redirect is followed; correct the url", status)
    return Reply(Result.FAILED, _with_words(status, body), status)


def no_reply(why: str) -> Reply:
    """The platform could not be asked, or did not answer in time."""
    return Reply(None, plain(why))


def retry_after_ms(text: str, now_ms: int) -> int | None:
    """`Retry-After` in milliseconds from now: seconds or a date of HTTP; None where it is neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return int(text[:9]) * 1000
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return max(0, int(moment.timestamp() * 1000) - now_ms)
    except (ValueError, OverflowError):
        return None


def plain(text: str) -> str:
    """Words from outside in one line, without control characters, never long."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * LONGEST_MESSAGE]).split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 3]}..."


def _of_success(status: int, body: bytes) -> Reply:
    said = _said(body)
    if said is None:
        return Reply(None, f'HTTP {status}, but its body is not {{"result": "done", "already" or "failed"}}', status)
    return Reply(said.result, plain(said.message or ""), status)


def _with_words(status: int, body: bytes) -> str:
    said = _said(body)
    words = plain(said.message or "") if said is not None else plain(body.decode("utf-8", "replace"))
    return plain(f"HTTP {status}: {words}") if words else f"HTTP {status}"


def _said(body: bytes) -> _Said | None:
    try:
        return msgspec.json.decode(body, type=_Said)
    except (msgspec.DecodeError, UnicodeDecodeError):  # a ValidationError is a DecodeError
        return None

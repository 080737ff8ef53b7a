"""Letters for people and as plain values: a table, the whole story of one, and its bytes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from msgspec.structs import asdict
from rich.console import Console
from rich.table import Table

from agents.codec import Malformed
from agents.runtime.dead_letters import STORY_HEADER
from agents.runtime.fold import Headers
from tools.context import encoded
from tools.dead_letters.letters import Letter, State
from tools.dead_letters.words import Words

BYTES_A_LINE = 16
MOST_BYTES_SHOWN = 4_096
_ORIGINS = {"topic", "partition", "offset"}


def plain(letter: Letter, value: bytes | None) -> dict[str, Any]:
    """One letter for JSON; bytes as hexadecimal, and as text where they are text."""
    last, settlement = letter.last, letter.settlement
    return {
        "dead_letter": f"{letter.topic}-{letter.place}",
        "buried_at_ms": last.buried_at_ms,
        "state": letter.state.value,
        "count": len(letter.burials),
        "buried_at": [str(burial.place) for burial in letter.burials],
        "first_origin": last.origin,
        "settled": None
        if settlement is None
        else {
            "verdict": settlement.verdict.value,
            "who": settlement.who,
            "why": settlement.why,
            "at_ms": settlement.at_ms,
            "to": settlement.to or None,
        },
        "key": last.key,
        "key_text": text_of(last.key),
        "value": value,
        "value_text": text_of(value),
        **{f"origin_{name}" if name in _ORIGINS else name: said for name, said in asdict(last.story).items()},
        "attempts": letter.attempts,
    }


def whole(letter: Letter, value: bytes | None, headers: Headers, words: Words) -> dict[str, Any]:
    """One letter with all that is known of it, for JSON."""
    decoded, problem = words.told(value, headers)
    return {
        **plain(letter, value),
        "headers": [{"name": name, "value": _header(said)} for name, said in headers if name != STORY_HEADER],
        "decoded": decoded,
        "stops_decoding": problem,
    }


def show_table(console: Console, letters: Sequence[Letter]) -> None:
    """One line for each letter."""
    names = ["dead letter", "buried (UTC)", "key", "came from", "stage", "reason"]
    several = any(len(letter.burials) > 1 for letter in letters)
    settled = any(letter.state is not State.OPEN for letter in letters)
    names[5:5] = [*(["times"] if several else []), *(["state"] if settled else [])]
    table = Table()
    for name in names:
        table.add_column(name, overflow="fold")
    for letter in letters:
        last, story = letter.last, letter.last.story
        key = "" if last.key is None else last.key[:60].decode("utf-8", "backslashreplace")
        cells = [str(letter.place), moment(last.buried_at_ms), key, origin(letter), story.stage, story.reason]
        cells[5:5] = [*([_times(letter)] if several else []), *([_state(letter)] if settled else [])]
        table.add_row(*cells)
    console.print(table, markup=False)  # names and reasons may hold [brackets]
    console.print(number(len(letters)))


def editable(value: bytes | None, headers: Headers, words: Words) -> bytes:
    """The value for an editor: what says something of it as JSON, or as it is where it cannot be read."""
    try:
        said = words.plain(value, headers)
    except Malformed:
        return value or b""
    told = {
        name: held for name, held in said.items() if held is not None and held is not False and held not in ("", [])
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2)


def show_counts(console: Console, counts: Iterable[tuple[str, int]], by: str) -> None:
    """How many for each."""
    table = Table()
    table.add_column("letters", justify="right")
    table.add_column(by, overflow="fold")
    for name, count in counts:
        table.add_row(f"{count:,}", name)
    console.print(table, markup=False)


def show_letter(console: Console, letter: Letter, value: bytes | None, headers: Headers, words: Words) -> None:
    """The whole story of one letter."""

    def line(name: str, said: object) -> None:
        console.print(f"{name:<14} {said}", markup=False, soft_wrap=True)

    last, story = letter.last, letter.last.story
    line("dead letter", f"{letter.topic}-{letter.place}")
    line("state", _state_sentence(letter))
    line("reason", story.reason)
    line("failed at", f"{story.stage} ({story.error_class}), {moment(last.buried_at_ms)} UTC")
    line("came from", f"{origin(letter)}, record time {moment(story.record_time_ms)} UTC")
    if letter.attempts > 1 or last.origin != f"{story.topic}-{story.partition}-{story.offset}":
        line("first from", f"{last.origin}; tried {letter.attempts} times")
    if len(letter.burials) > 1:
        line("buried", f"{len(letter.burials)} times: {', '.join(str(burial.place) for burial in letter.burials)}")
    line("key", "none" if last.key is None else last.key[:200].decode("utf-8", "backslashreplace"))
    kept = f", of which the first {len(value or b''):,} are kept" if story.truncated else ""
    line(
        "value", "none" if story.value_bytes < 0 else f"{story.value_bytes:,} bytes{kept}, sha256 {story.value_sha256}"
    )
    for name, said in headers:
        if name != STORY_HEADER and not name.startswith("__connect.errors."):
            line("header", f"{name}: {_header(said)}")
    decoded, problem = words.told(value, headers)
    if decoded is not None:
        line("decoded", encoded(decoded))
    if problem is not None:
        line("reads until", problem)
    for bytes_line in hexdump(value or b""):
        console.print(bytes_line, markup=False)
    if story.traceback:
        console.print(story.traceback, markup=False)


def hexdump(data: bytes) -> Iterator[str]:
    """Offset, sixteen bytes, and what of them is text."""
    for begin in range(0, min(len(data), MOST_BYTES_SHOWN), BYTES_A_LINE):
        part = data[begin : begin + BYTES_A_LINE]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"  {begin:06x}  {part.hex(' '):<47}  {text}"
    if len(data) > MOST_BYTES_SHOWN:
        yield f"  ... {len(data) - MOST_BYTES_SHOWN:,} more bytes; --json has them all"


def number(count: int) -> str:
    """`1 dead letter`, `2 dead letters`."""
    return "1 dead letter" if count == 1 else f"{count:,} dead letters"


def origin(letter: Letter) -> str:
    """`topic-partition-offset`; what an import buried was never in a topic."""
    story = letter.last.story
    return f"{story.topic}-{story.partition}-{story.offset}" if story.partition >= 0 else letter.last.origin


def moment(at_ms: int) -> str:
    """A time for people; a dash where there is none."""
    return "-" if at_ms < 0 else dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def text_of(data: bytes | None) -> str | None:
    """None where it is no text that people could read."""
    try:
        text = None if data is None else data.decode()
    except UnicodeDecodeError:
        return None
    return text if text is None or text.strip().isprintable() else None


def _times(letter: Letter) -> str:
    return str(len(letter.burials)) if letter.attempts == 1 else f"{len(letter.burials)}, tried {letter.attempts}"


def _state(letter: Letter) -> str:
    settlement = letter.settlement
    return (
        letter.state.value
        if letter.state is State.OPEN or settlement is None
        else f"{letter.state} by {settlement.who}"
    )


def _state_sentence(letter: Letter) -> str:
    settlement = letter.settlement
    if settlement is None:
        return "open"
    to = f" to {settlement.to}" if settlement.to else ""
    why = f": {settlement.why}" if settlement.why else ""
    told = f"{settlement.verdict}{to} by {settlement.who} at {moment(settlement.at_ms)} UTC{why}"
    return f"open again; {told} before" if letter.state is State.OPEN else told


def _header(said: bytes | str | None) -> str | None:
    if said is None or isinstance(said, str):
        return said
    text = text_of(said)
    return f"0x{said.hex()}" if text is None else text

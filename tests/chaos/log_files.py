"""The log as it lies on the broker's disk: who wrote which offsets, and whether their transaction was committed.

No client can ask for this. A consumer that reads committed records never sees the aborted ones, and one that reads
uncommitted ones is not told who wrote them; the files tell both. A segment is a row of batches (version 2):

    0 base offset 8 · 8 length 4 · 12 leader epoch 4 · 16 magic 1 · 17 checksum 4 · 21 attributes 2 · 23 last offset delta 4
    27 first and last time 16 · 43 producer id 8 · 51 producer epoch 2 · 53 base sequence 4 · 57 count 4 · 61 records

Attributes: bit 4 = of a transaction, bit 5 = control. A control batch has one record; its key ends with 0 = abort, 1 = commit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_BATCH = struct.Struct(">qiibIhiqqqhii")
_BEFORE_LENGTH_COUNTS = 12
_MAGIC = 2
_TRANSACTIONAL, _CONTROL = 1 << 4, 1 << 5

Writer = tuple[int, int]
"""Producer id and epoch: one life of one owner."""


class Fate(StrEnum):
    """What became of a batch."""

    COMMITTED = "committed"
    ABORTED = "aborted"
    OPEN = "open"
    """Its transaction has neither been committed nor aborted."""


@dataclass(frozen=True)
class Batch:
    """Some records of one writer, or the marker that ends its transaction."""

    first: int
    last: int
    """Offsets."""
    writer: Writer
    in_transaction: bool
    marker: Fate | None
    """Of a control batch."""


def batches(data: Path, topic: str, partition: int) -> list[Batch]:
    """All batches of a partition, in order. `data` is the broker's log directory."""
    segments = sorted((data / f"{topic}-{partition}").glob("*.log"))
    return [batch for segment in segments for batch in _batches_of(segment.read_bytes())]


def fates(log: Sequence[Batch]) -> list[tuple[Batch, Fate]]:
    """Each batch of records and what became of it. What is in no transaction is committed at once."""
    found: list[tuple[Batch, Fate]] = []
    waiting: dict[int, list[int]] = {}
    for batch in log:
        producer = batch.writer[0]
        if batch.marker is not None:
            for index in waiting.pop(producer, ()):
                found[index] = (found[index][0], batch.marker)
        elif batch.in_transaction:
            waiting.setdefault(producer, []).append(len(found))
            found.append((batch, Fate.OPEN))
        else:
            found.append((batch, Fate.COMMITTED))
    return found


def _batches_of(content: bytes) -> Iterator[Batch]:
    at = 0
    while at + _BATCH.size <= len(content):
        first, length, _, magic, _, attributes, delta, _, _, producer, epoch, _, _ = _BATCH.unpack_from(content, at)
        if length <= 0 or at + _BEFORE_LENGTH_COUNTS + length > len(content):
            return  # the end of what was written so far
        assert magic == _MAGIC, f"batch at {at} has magic {magic}"
        control = bool(attributes & _CONTROL)
        yield Batch(
            first,
            first + delta,
            (producer, epoch),
            bool(attributes & _TRANSACTIONAL),
            _marker(content, at + _BATCH.size) if control else None,
        )
        at += _BEFORE_LENGTH_COUNTS + length


def _marker(content: bytes, at: int) -> Fate | None:
    """The kind of a control record: length, attributes, time, offset, key length, key (version, kind)."""
    _, at = _varint(content, at)
    at += 1
    for _ in range(3):
        _, at = _varint(content, at)
    (kind,) = struct.unpack_from(">h", content, at + 2)
    return {0: Fate.ABORTED, 1: Fate.COMMITTED}.get(kind)


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return (value >> 1) ^ -(value & 1), at

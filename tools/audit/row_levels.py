"""Levels against rows, without a fold: for an input whose beginning is deleted.

The last level of each row must say what the changelog's position row says, or be of a later revision: then it was
written after the cut.
"""

from __future__ import annotations

from typing import cast

from agents.inventory.positions import Position, StockLevel
from agents.state.ledger import POSITIONS
from tools.audit.cut import ChangelogCut
from tools.audit.events import decoded, told
from tools.audit.findings import Difference, Findings, Kind, Party
from tools.audit.levels import REPUBLISH
from tools.audit.logs import PartitionLog
from tools.audit.stage import AuditStage

POSTED = ("unpromised", "reserved", "allocated", "quarantined", "in_transit", "revision", "as_of_ms")


def compare_levels_with_rows(stage: AuditStage, partition: int, cut: ChangelogCut, findings: Findings) -> int:
    """Note what differs; return how many levels agree."""
    topics = [topic for topic, schema in stage.said.items() if schema == "level"]
    if not topics:
        return 0
    last = _last_levels(stage, topics[0], partition, findings)
    agreeing = 0
    for key, row in cut.rows.items():
        if key[:1] != POSITIONS.prefix:
            continue
        position: Position = POSITIONS.decode_row(row)
        sku, location = cast("tuple[str, str]", POSITIONS.decode_key(key[1:]))
        level = last.pop(f"{sku}@{location}".encode(), None)
        if level is not None and (level.revision > position.revision or _says(level) == _row(position)):
            agreeing += 1
            continue
        kind = Kind.MISSING if level is None else Kind.DIFFERS
        what = "is missing" if level is None else f"is of revision {level.revision} and differs from the row"
        _note(
            findings,
            partition,
            kind,
            f"{sku}@{location}",
            repr(position),
            level,
            f"The last level of {sku} at {location} {what}, which is at revision {position.revision}: level or changelog "
            "is wrong.",
        )
    return agreeing


def _last_levels(stage: AuditStage, topic: str, partition: int, findings: Findings) -> dict[bytes, StockLevel]:
    decode = stage.decoder(topic)
    span = stage.spans(topic)[partition]
    last: dict[bytes, StockLevel] = {}
    with PartitionLog(stage.topology.kafka, topic, partition, span.first) as log:
        for message in log.up_to(span.next):
            level = decoded(decode, message)
            if level is not None:
                last[message.key() or b""] = level
                continue
            where = f"{topic}[{partition}]@{message.offset()}"
            sentence = f"The level at {where} cannot be read: it is wrong."
            _note(findings, partition, Kind.UNREADABLE, where, None, None, sentence)
    return last


def _says(level: StockLevel) -> tuple[int, ...]:
    on_hand = level.unpromised + level.reserved + level.allocated + level.quarantined
    derived = (level.on_hand, level.atp + level.safety_stock)
    return (*(getattr(level, name) for name in POSTED), *derived, on_hand)


def _row(position: Position) -> tuple[int, ...]:
    on_hand = position.unpromised + position.reserved + position.allocated + position.quarantined
    return (*(getattr(position, name) for name in POSTED), on_hand, position.unpromised, on_hand)


def _note(
    findings: Findings,
    partition: int,
    kind: Kind,
    record: str,
    expected: str | None,
    found: StockLevel | None,
    sentence: str,
) -> None:
    findings.note(
        Party.LEVELS,
        kind,
        lambda: Difference(partition, Party.LEVELS, kind, record, expected, told(found), sentence, REPUBLISH),
    )

"""May this partition be run? What is compared when it is opened, so that nothing is ever lost silently.

Free of I/O: the owner collects the figures, this judges them. A refusal names what was lost and what continues.
"""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN_TOPIC_ID = ""
"""Brokers without topic ids report zeros; then a re-created topic cannot be recognised by its id."""

CONTINUE = "When the loss is understood, `onhand worker --accept-loss` continues from what is there."


@dataclass(frozen=True, slots=True)
class LogFigures:
    """What the broker says of the input partition and of the changelog partition."""

    topic: str
    partition: int
    input_start: int
    input_end: int
    input_topic_id: str
    changelog: str
    changelog_start: int
    """Not 0 where somebody has deleted records; compaction leaves it at 0."""
    changelog_end: int
    changelog_cleanup_policy: str
    changelog_delete_retention_ms: int
    told_position: int = 0
    """The input position that the partition's heartbeats told last; 0 where none was told, or nobody asked."""


def must_rebuild(checkpoint_at_ms: int, now_ms: int, figures: LogFigures) -> bool:
    """Whether the local store is too old to be caught up from its checkpoint.

    Deleted rows stay in a compacted log as tombstones for `delete.retention.ms` only. A store that missed them would
    keep those rows for ever, so beyond half of that time it is rebuilt from the start. That holds at checkpoint 0, too: a
    restore that was cut off in its first write has left rows. Only a store without a date has none.
    """
    return checkpoint_at_ms > 0 and now_ms - checkpoint_at_ms > figures.changelog_delete_retention_ms // 2


def changelog_refusal(checkpoint: int, figures: LogFigures) -> str | None:
    """Why the changelog cannot be trusted, or None."""
    where = f"{figures.changelog}[{figures.partition}]"
    if "compact" not in figures.changelog_cleanup_policy or "delete" in figures.changelog_cleanup_policy:
        return (
            f"{where} has cleanup.policy={figures.changelog_cleanup_policy}, so the broker deletes state. "
            f"Set it to `compact` (`onhand topics diff` shows all differences), then start the worker again."
        )
    if checkpoint > figures.changelog_end:
        return (
            f"{where} ends at offset {figures.changelog_end}, but this worker's state was written up to {checkpoint}: "
            f"the changelog was re-created or truncated, and {checkpoint - figures.changelog_end} or more of its "
            f"records are lost. {CONTINUE}"
        )
    if figures.changelog_start > checkpoint:
        return (
            f"{where} starts at offset {figures.changelog_start}, but this worker's state has to be restored from "
            f"{checkpoint} on: records of the changelog were deleted, and rows of the state with them. {CONTINUE}"
        )
    return None


def input_refusal(input_position: int, topic_id: str, figures: LogFigures) -> str | None:
    """Why the input log does not fit the position in the state, or None."""
    where = f"{figures.topic}[{figures.partition}]"
    known = UNKNOWN_TOPIC_ID not in (topic_id, figures.input_topic_id)
    if known and topic_id != figures.input_topic_id:
        return (
            f"{where} was re-created: its topic id is {figures.input_topic_id}, the state was folded from {topic_id} "
            f"up to offset {input_position}. What the new topic holds is not the continuation. {CONTINUE}"
        )
    if figures.input_start > input_position:
        return (
            f"{where} starts at offset {figures.input_start}, but the state is folded up to {input_position} only: "
            f"{figures.input_start - input_position} records were deleted before they were read (retention?). {CONTINUE}"
        )
    if figures.input_end < input_position:
        return (
            f"{where} ends at offset {figures.input_end}, but the state is folded up to {input_position}: the topic was "
            f"re-created or truncated. {CONTINUE}"
        )
    return None


def position_refusal(input_position: int, figures: LogFigures) -> str | None:
    """Why the position of changelog and local state cannot be the last one, or None.

    With both gone this would look like a first start, and everything be decided once more.
    """
    if figures.told_position <= input_position:
        return None
    where, changelog = f"{figures.topic}[{figures.partition}]", f"{figures.changelog}[{figures.partition}]"
    return (
        f"{where} was decided up to offset {figures.told_position}, as its heartbeats say, but the state that "
        f"{changelog} and this worker's directory have left ends at {input_position}: the changelog was re-created or "
        f"truncated. Put it back if there is a copy. `onhand worker --accept-loss` decides the input again from "
        f"{input_position} on: the state is right then, and every event since comes a second time, under the same id."
    )

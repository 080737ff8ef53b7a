"""Commands to ad platforms, counted: how long advertisements stood still that led to empty shelves.

A pause counts when it is over: one that never ends by a RESUME (the campaign ended, others took it over, the platform did
not do it) is not claimed as a saving.
"""

from __future__ import annotations

from agents.inventory.campaigns.words import Command, CommandKind
from agents.inventory.scores.rows import SCORED_PAUSES, ScoredPause, ScoreRows
from agents.inventory.scores.stock import NOTHING, Scored
from agents.inventory.scores.tallies import lasted
from agents.inventory.scores.words import ALL, Counter, Dimension, subject_of


def score_command(rows: ScoreRows, command: Command) -> Scored:
    """Score one command. Changes nothing; the same rows and command always give the same. A repeat says nothing new."""
    if command.attempt != 1:
        return NOTHING
    key = (command.campaign_id,)
    if command.kind is CommandKind.PAUSE:
        return Scored({(SCORED_PAUSES, key): ScoredPause(command.at_ms, command.platform)}, [])
    pause: ScoredPause | None = rows.row(SCORED_PAUSES, key)
    if command.kind is not CommandKind.RESUME or pause is None:
        return NOTHING
    subjects = (ALL, subject_of(Dimension.PLATFORM, pause.platform))
    spell = lasted(subjects, pause.since_ms, command.at_ms, Counter.PAUSED_SECONDS)
    return Scored({(SCORED_PAUSES, key): None}, list(spell))

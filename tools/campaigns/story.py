"""The story of one campaign: every record that was heard of it, what the platform was told, and why.

The guard's decisions are folded once more from its records, with the same code and the policy of the topology: the log
does not say what was asked of the ledger, nor why a record had no effect, but both follow from it. What the topic of
commands says must follow as well; where it does not (the policy was another one then), the story says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.inventory.campaigns.decide import decide_campaign
from agents.inventory.campaigns.rows import CAMPAIGNS, Campaign, CampaignArrival, CampaignDecision, CampaignPolicy
from agents.inventory.campaigns.validation import problem_of
from agents.inventory.campaigns.words import CampaignKind, Command
from tools.campaigns.reading import Heard
from tools.campaigns.sentences import command_sentence, record_sentence, some, standing_of
from tools.orders.sentences import moment


class Chapter(msgspec.Struct, frozen=True, kw_only=True):
    """One record, what it says, and what followed from it."""

    at_ms: int
    cause: str
    kind: CampaignKind
    told: str
    """What the record says, as a sentence."""
    commands: tuple[Command, ...] = ()
    watched: tuple[str, ...] = ()
    """SKUs of which the ledger was asked to tell, or to tell no more."""
    alerts: tuple[str, ...] = ()
    standing: str | None = None
    """How the campaign stood after it; None if it was not known."""
    ignored: str | None = None
    """Why it had no effect."""


class Story(msgspec.Struct, frozen=True):
    """The chapters, how the campaign stands after them, and whether they are exactly what was published."""

    chapters: tuple[Chapter, ...]
    campaign: Campaign | None
    is_exact: bool


class _Rows:
    """The row of one campaign."""

    def __init__(self) -> None:
        self.known: Campaign | None = None

    def campaign(self, campaign_id: str) -> Campaign | None:  # noqa: ARG002 - there is one
        return self.known

    def apply(self, decision: CampaignDecision) -> None:
        for (table, _), row in decision.changes.items():
            if table == CAMPAIGNS:
                assert row is None or isinstance(row, Campaign)
                self.known = row


def story_of(heard: Sequence[Heard], published: Sequence[Command], policy: CampaignPolicy) -> Story:
    """Tell a campaign from its records. `published` are its commands as the topic still has them."""
    rows = _Rows()
    chapters: list[Chapter] = []
    for each in heard:
        if problem_of(each.record) is not None:
            continue  # A dead letter: it was never decided.
        decision = decide_campaign(rows, CampaignArrival(each.record, each.cause, each.at_ms), policy)
        before = rows.known
        rows.apply(decision)
        chapters.append(_chapter(each, decision, before or rows.known, rows.known))
    folded = [command for chapter in chapters for command in chapter.commands]
    return Story(tuple(chapters), rows.known, agrees(folded, published))


def agrees(folded: Sequence[Command], published: Sequence[Command]) -> bool:
    """Whether what was published is what follows, as far back as it is kept."""
    if not published:
        return not folded
    kept_since_ms = min(command.at_ms for command in published)
    kept, told = ({command.event_id: command for command in commands} for commands in (published, folded))
    return all(told.get(event_id) == command for event_id, command in kept.items()) and all(
        event_id in kept for event_id, command in told.items() if command.at_ms > kept_since_ms
    )


def _chapter(each: Heard, decision: CampaignDecision, known: Campaign | None, after: Campaign | None) -> Chapter:
    return Chapter(
        at_ms=each.at_ms,
        cause=each.cause,
        kind=each.record.kind,
        told=record_sentence(each.record, None if known is None else known.registration),
        commands=decision.commands,
        watched=tuple([f"{asked.kind} {asked.sku}" for asked in decision.transactions]),
        alerts=tuple([alert.message for alert in decision.alerts]),
        standing=None if after is None else standing_of(after),
        ignored=decision.ignored,
    )


def matters(chapter: Chapter) -> bool:
    """Whether anything followed from it, or it is what people and platforms said."""
    if chapter.kind in {CampaignKind.WAKE, CampaignKind.EDGE, CampaignKind.SIGNAL}:
        return bool(chapter.commands or chapter.alerts)
    return True


def chapter_lines(chapter: Chapter) -> list[str]:
    """A chapter as lines of text."""
    lines = [f"{moment(chapter.at_ms)}  {chapter.told}"]
    lines += [f"      commands  {command_sentence(command)}" for command in chapter.commands]
    lines += [f"      asks the ledger  {some(chapter.watched)}"] if chapter.watched else []
    lines += [f"      alerts    {each}" for each in chapter.alerts]
    if chapter.ignored is not None:
        lines.append(f"      without effect: {chapter.ignored}")
    return lines

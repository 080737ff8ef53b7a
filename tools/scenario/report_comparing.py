"""What campaign guard, replenisher and scorekeepers said against what the text expects, and as scenario text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any, TypeVar

import msgspec

from agents.inventory.alerts import Alert
from agents.inventory.campaigns.rows import Campaign
from agents.inventory.campaigns.watching import members_heard
from agents.inventory.campaigns.words import Command
from agents.inventory.replenishment.words import CountProposal, Insight, Request, TransferProposal
from agents.inventory.scores.rows import ScorePolicy
from agents.inventory.scores.words import KpiRecord
from tools.campaigns.sentences import standing_of
from tools.scenario.comparing import describe_alert, figure, listed
from tools.scenario.conversation import Since
from tools.scenario.steps import (
    CheckKpi,
    Expected,
    ExpectedCommand,
    ExpectedInsight,
    ExpectedProposal,
    ExpectedReport,
)
from tools.scenario.values import field_of, same

Wanted = TypeVar("Wanted")
Said = TypeVar("Said")
Proposed = Request | TransferProposal | CountProposal

UNKNOWN = "unknown"
"""How a campaign stands that nobody registered."""


def differences_of_report(
    wanted: ExpectedReport | None, ignored: str | None, campaign: Campaign | None
) -> Iterator[str]:
    """Sentences that say how it went otherwise; `ignored`: why the record itself had no effect."""
    wanted = wanted or ExpectedReport()
    if wanted.malformed:
        yield "it was expected to be malformed"
    elif wanted.ignored:
        if ignored is None:
            yield "it has an effect, expected to be ignored"
    elif ignored is not None:
        yield f"it has no effect: {ignored}"
    elif wanted.standing is not None and standing_text(campaign) != wanted.standing:
        yield f"the campaign is {standing_text(campaign)}, expected {wanted.standing}"


def differences_of_others(expected: Expected, since: Since) -> Iterator[str]:
    """Sentences that say how commands, proposals and insights differ from those declared."""
    yield from differing("commands", expected.commands, commands_of(since), is_command, describe_command)
    yield from differing("proposals", expected.proposals, proposals_of(since), is_proposal, describe_proposal)
    yield from differing("insights", expected.insights, insights_of(since), is_insight, describe_insight)


def differing(
    what: str,
    wanted: Sequence[Wanted] | None,
    said: Sequence[Said],
    is_it: Callable[[Wanted, Said], bool],
    describe: Callable[[Said], str],
) -> Iterator[str]:
    """Nothing is asked where nothing was declared; else they must be exactly those, in their order."""
    if wanted is None:
        return
    if len(wanted) != len(said) or not all(map(is_it, wanted, said)):
        yield f"the {what} are {listed(map(describe, said))}, expected {listed(map(wanted_text, wanted))}"


def commands_of(since: Since) -> list[Command]:
    """Commands to platforms, in their order."""
    return [command for each in since.campaigns for command in each.decision.commands]


def proposals_of(since: Since) -> list[Proposed]:
    """What the replenisher proposes: requests, transfers, counts of each decision."""
    found: list[Proposed] = []
    for each in since.demand:
        found += [*each.decision.requests, *each.decision.transfers, *each.decision.counts]
    return found


def insights_of(since: Since) -> list[Insight]:
    """What was seen together."""
    return [insight for each in since.demand for insight in each.decision.insights]


def alerts_of_guard(since: Since) -> list[Alert]:
    """What the campaign guard alerted people to."""
    return [alert for each in since.campaigns for alert in each.decision.alerts]


def is_command(wanted: ExpectedCommand, command: Command) -> bool:
    """Whether the command is the one declared."""
    return (
        (wanted.kind, wanted.entity) == (command.kind, command.entity)
        and wanted.amount in {None, command.amount_minor}
        and have_fields((command,), wanted.others)
    )


def is_proposal(wanted: ExpectedProposal, said: Proposed) -> bool:
    """Whether the proposal is the one declared."""
    return (
        (wanted.word, wanted.sku, wanted.location) == (word_of(said), said.sku, said.location)
        and wanted.to_location in {None, getattr(said, "to_location", None)}
        and wanted.quantity in {None, getattr(said, "quantity", None)}
        and have_fields((said, getattr(said, "figures", None)), wanted.others)
    )


def is_insight(wanted: ExpectedInsight, insight: Insight) -> bool:
    """Whether the insight is the one declared."""
    return (wanted.type, wanted.sku, wanted.location) == (
        insight.type,
        insight.sku,
        insight.location,
    ) and have_fields((insight, insight.figures), wanted.others)


def have_fields(records: Sequence[msgspec.Struct | None], wanted: Iterable[tuple[str, str]]) -> bool:
    """Whether every field named, of the first record that has it, has the value that the text says."""
    return all(has_field(records, name, value) for name, value in wanted)


def has_field(records: Sequence[msgspec.Struct | None], name: str, value: str) -> bool:
    """Whether the first record that has such a field has that value."""
    for record in records:
        field = None if record is None else field_of(type(record), name)
        if field is not None:
            return same(field, value, getattr(record, field))
    return False


# -- as scenario text --------------------------------------------------------------------------------------------------


def describe_others(since: Since) -> list[str]:
    """Commands, proposals, insights and alerts as scenario text."""
    said = [describe_command(each) for each in commands_of(since)]
    said += [describe_proposal(each) for each in proposals_of(since)]
    said += [describe_insight(each) for each in insights_of(since)]
    said += [describe_alert(each) for each in alerts_of_guard(since)]
    return [f".. {each}" for each in said]


def standing_text(campaign: Campaign | None) -> str:
    """How a campaign stands, in one word."""
    return UNKNOWN if campaign is None else standing_of(campaign).replace(" ", "_")


def describe_command(command: Command) -> str:
    """A command as scenario text."""
    said = f"command {command.kind.value.lower()} {command.entity}{figure(command.amount_minor)}"
    return f"{said} reason={command.reason}" + ("" if command.attempt == 1 else f" attempt={command.attempt}")


def word_of(said: Proposed) -> str:
    """What a proposal is called."""
    return {Request: "reorder", TransferProposal: "transfer", CountProposal: "count"}[type(said)]


def describe_proposal(said: Proposed) -> str:
    """A proposal as scenario text."""
    if isinstance(said, TransferProposal):
        return f"transfer {said.sku}@{said.location}->{said.to_location} {said.quantity}"
    if isinstance(said, CountProposal):
        return f"count {said.sku}@{said.location} risk={said.risk}"
    return f"reorder {said.sku}@{said.location} {said.quantity} status={said.status.value.lower()}"


def describe_insight(insight: Insight) -> str:
    """An insight as scenario text."""
    return f"insight {insight.type.value.lower()} {insight.sku}@{insight.location}: {insight.message}"


def wanted_text(wanted: Any) -> str:
    """What was declared, as scenario text."""
    others = "".join(f" {name}={value}" for name, value in wanted.others)
    if isinstance(wanted, ExpectedCommand):
        return f"command {wanted.kind.value.lower()} {wanted.entity}{figure(wanted.amount)}{others}"
    if isinstance(wanted, ExpectedInsight):
        return f"insight {wanted.type.value.lower()} {wanted.sku}@{wanted.location}{others}"
    to_location = "" if wanted.to_location is None else f"->{wanted.to_location}"
    return f"{wanted.word} {wanted.sku}@{wanted.location}{to_location}{figure(wanted.quantity)}{others}"


# -- looked at ---------------------------------------------------------------------------------------------------------


def figures_of_campaign(campaign: Campaign | None) -> dict[str, Any]:
    """How the guard has a campaign; nothing where it is not known."""
    if campaign is None:
        return {}
    shares = ",".join(f"{each.entity}:{each.told_minor}" for each in campaign.shares if each.told_minor)
    return {
        "standing": standing_text(campaign),
        "owned": campaign.owned,
        "sellable": sum(1 for each in members_heard(campaign) if each.sellable),
        "members": campaign.members,
        "pending": len(campaign.pending),
        "shares": shares or "none",
        "boost": 0 if campaign.boost is None else campaign.boost.told_minor,
    }


def start_of_window(step: CheckKpi, now_ms: int) -> int:
    """The start of the window that the step looks at."""
    (length_ms,) = [each.length_ms for each in ScorePolicy().windows if each.name == step.window]
    within_ms = now_ms if step.within_ms is None else step.within_ms
    return within_ms - within_ms % length_ms


def look_at_kpi(step: CheckKpi, record: KpiRecord | None) -> tuple[str, tuple[str, ...]]:
    """What is said last of a KPI, and sentences that say how it differs."""
    found = {
        each.kpi: Fraction(each.numerator, each.denominator) for each in ([] if record is None else record.figures)
    }
    value = found.get(step.name)
    said = f"{step.name} of {step.subject} is {'none' if value is None else value}"
    wanted = "none" if step.value is None else str(step.value)
    return said, () if value == step.value else (f"{said}, expected {wanted}",)

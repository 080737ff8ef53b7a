"""All scenarios, played once: what each of them shows, so that a page can point at an example that the tests run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from agents.inventory.alerts import AlertType
from agents.inventory.rows import Decision
from agents.inventory.transactions import PolicySettings, Transaction
from tools.scenario.ledger import Ledger
from tools.scenario.parser import parse
from tools.scenario.runner import Runner, speaks_of_others
from tools.scenario.steps import CheckKpi, Step

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "docs" / "scenarios"
PEERS = SCENARIOS / "peers"


@dataclass
class Play:
    """One scenario and what came of it."""

    path: Path
    steps: int
    difference: str | None
    """The first difference from what the text expects."""
    of_others: bool = False
    """It speaks of campaigns, demand or KPIs: of the ledger it shows more than its lines say."""
    shows: set[tuple[str, str]] = field(default_factory=set)
    """(what, name): `kind RESERVE`, `refusal insufficient_atp`, `refused SHIP` for the same reason, `alert OVERSOLD`,
    `status MOVED`, `setting safety_stock`, `event levels`, `command PAUSE`, `proposal reorder`, `insight REQUEST_OVERDUE`,
    `kpi fill_rate`."""


class WatchedLedger(Ledger):
    """A ledger that notes what its transactions show."""

    def __init__(self, shows: set[tuple[str, str]]) -> None:
        super().__init__()
        self.shows = shows

    def send(self, transaction: Transaction) -> Decision:
        """Decide, and note kind, refusal, alerts, settings and events."""
        decision = super().send(transaction)
        answers = [answer for answer in decision.answers if answer.transaction_id == transaction.transaction_id]
        refused = {str(answer.refusal) for answer in answers if answer.refusal is not None}
        self.shows |= {(f"refused {transaction.kind}", refusal) for refusal in refused}
        if not refused:
            self.shows.add(("kind", transaction.kind))
        self.shows |= {("refusal", refusal) for refusal in refused}
        self.shows |= {("alert", alert.type) for alert in decision.alerts}
        self.shows |= {("status", answer.status) for answer in decision.answers}
        if transaction.policy is not None and not refused:
            rule = transaction.policy
            self.shows |= {
                ("setting", name) for name in PolicySettings.__struct_fields__ if getattr(rule, name) is not None
            }
        self.shows |= {("event", name) for name in decision.__struct_fields__ if getattr(decision, name)}
        return decision


@cache
def all_plays() -> tuple[Play, ...]:
    """Every scenario, in the order of their names; those of peers last."""
    return tuple(play_of(path) for folder in (SCENARIOS, PEERS) for path in sorted(folder.glob("*.txt")))


def play_of(path: Path) -> Play:
    """Play one scenario, up to the first difference."""
    steps = parse(path.read_text(encoding="utf-8"))
    play = Play(path, len(steps), None, any(map(speaks_of_others, steps)))
    for result in Runner(WatchedLedger(play.shows)).run(steps):
        declared = result.step.expected.alerts or ()
        play.shows |= {("alert", AlertType[alert.type]) for alert in declared}  # Also those of the agents.
        play.shows |= set(shown_by_others(result.step))
        if result.differences:
            play.difference = f"line {result.step.line}: {'; '.join(result.differences)}"
    return play


def shown_by_others(step: Step) -> Iterator[tuple[str, str]]:
    """What a step shows of campaign guard, replenisher and scorekeepers, if it goes as it is written."""
    expected = step.expected
    yield from (("command", command.kind) for command in expected.commands or ())
    yield from (("proposal", proposal.word) for proposal in expected.proposals or ())
    yield from (("insight", insight.type) for insight in expected.insights or ())
    if isinstance(step, CheckKpi) and step.value is not None:
        yield "kpi", step.name


def example_of(what: str, name: str) -> Path | None:
    """The plainest scenario that shows it: a short one that shows little else, one of our own if there is one."""
    found = [play for play in all_plays() if (what, name) in play.shows and play.difference is None]
    return min(found, key=weight, default=Play(PEERS, 0, None)).path if found else None


def refusals_seen(kind: str) -> set[str]:
    """Why scenarios had transactions of that kind refused."""
    return {name for play in all_plays() for what, name in play.shows if what == f"refused {kind}"}


def weight(play: Play) -> tuple[bool, bool, int, str]:
    """How far a scenario is from being a plain example."""
    return play.path.parent == PEERS, play.of_others, play.steps + len(play.shows), play.path.name


def link_to(path: Path | None) -> str:
    """A link from a page of docs/reference; a dash if there is nothing to point at."""
    if path is None:
        return "-"
    return f"[{path.stem}](../{path.relative_to(ROOT / 'docs').as_posix()})"

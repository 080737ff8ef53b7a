"""What the demo's campaigns were told, how soon, and whether it may be so: judged by what was sold, not by the guard's code."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from agents.inventory.campaigns.words import Command, CommandKind
from tools.demo.tally import percentile

TOLD_AS = {CommandKind.PAUSE: "pause", CommandKind.SHIFT_BUDGET: "shift", CommandKind.RESUME: "resume"}


@dataclass
class CampaignTally:
    """All commands that were heard. Filled by the platform's thread, read by others."""

    commands: list[Command] = field(default_factory=list)
    latencies_ms: defaultdict[CommandKind, list[float]] = field(default_factory=lambda: defaultdict(list))
    """From the publishing of the cause to the reading of the command, in calm times."""
    doubled_events: int = 0
    missing: int = 0
    """Commands that should have come and did not."""
    wrong: int = 0
    """Budgets that are not exactly shared out, and opposite commands too close to each other."""
    _event_ids: set[str] = field(default_factory=set)

    def hear(self, command: Command) -> bool:
        """A command came. Says whether for the first time; one that came before counts as doubled."""
        if command.event_id in self._event_ids:
            self.doubled_events += 1
            return False
        self._event_ids.add(command.event_id)
        self.commands.append(command)
        return True

    def figures(self) -> dict[str, Any]:
        """`campaigns` of --json."""
        measured = dict(self.latencies_ms)
        every = [value for values in measured.values() for value in values]
        return {
            "campaigns": {
                "paused": self._count(CommandKind.PAUSE),
                "resumed": self._count(CommandKind.RESUME),
                "shifted": self._count(CommandKind.SHIFT_BUDGET),
                "latency_ms": _percentiles(every),
                **{f"{TOLD_AS[kind]}_latency_ms": _percentiles(values) for kind, values in measured.items()},
            }
        }

    def _count(self, kind: CommandKind) -> int:
        """Commands of that kind, without repeats and without taking a budget back."""
        return sum(each.kind is kind and each.attempt == 1 and each.amount_minor != 0 for each in list(self.commands))


def _percentiles(values: list[float]) -> dict[str, float]:
    return {"p50": round(percentile(values, 0.5), 1), "p99": round(percentile(values, 0.99), 1)}

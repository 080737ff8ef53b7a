"""POLICY: rules are in the log like everything else, so that replay is exact."""

from __future__ import annotations

from agents.inventory.draft import Draft
from agents.inventory.outcomes import Outcome, accept
from agents.inventory.rows import POLICY


def set_rule(draft: Draft) -> Outcome:
    """Set a rule as a whole, or remove it if it is withdrawn. It holds from the next record on; never refused."""
    settings = draft.transaction.policy
    assert settings is not None
    draft.changes[POLICY, (settings.rule,)] = None if settings.withdrawn else settings
    return accept()

"""POLICY: rules are in the log like everything else, so that replay is exact."""

from __future__ import annotations

from agents.inventory.draft import Draft
from agents.inventory.offers import Scope
from agents.inventory.outcomes import Outcome, accept
from agents.inventory.policy import DEFAULT_POLICY
from agents.inventory.refreshing import begin_walk
from agents.inventory.rows import POLICY
from agents.inventory.transactions import PolicySettings

VISIBLE = (
    "safety_stock",
    "buffer",
    "buffer_percent",
    "low_at",
    "low_until",
    "minimum_shelf_life_days",
    "removal_days",
    "expiry_warning_days",
    "stock_alerts",
    "aging_after_ms",
    "withhold_when_silent",
)
"""Settings by which something was published or is withheld: where one changes, the SKUs concerned are visited.
The others are only asked when something happens."""


def set_rule(draft: Draft) -> Outcome:
    """Set a rule as a whole, or remove it if it is withdrawn. It holds from the next record on; never refused."""
    settings = draft.transaction.policy
    assert settings is not None
    old = draft.book.rules().get(settings.rule)
    new = None if settings.withdrawn else settings
    draft.changes[POLICY, (settings.rule,)] = new
    if not (draft.book.is_empty and says_defaults(new)):
        begin_walk(draft, scopes_of_change(old, new))
    return accept()


def says_defaults(rule: PolicySettings | None) -> bool:
    """Whether what it sets holds without it: the first rule of a ledger usually is such a one."""
    return rule is not None and all(
        getattr(rule, setting) in {None, getattr(DEFAULT_POLICY, setting)} for setting in VISIBLE
    )


def scopes_of_change(old: PolicySettings | None, new: PolicySettings | None) -> tuple[Scope, ...]:
    """Which SKUs have to be visited because a rule changed; none where nothing visible did."""
    if old is not None and new is not None and scope_of(old) == scope_of(new) and old.channel == new.channel:
        changed = any(getattr(old, setting) != getattr(new, setting) for setting in VISIBLE)
        return (scope_of(new),) if changed else ()
    said = [rule for rule in (old, new) if rule is not None]
    return tuple(scope_of(rule) for rule in said if any(getattr(rule, setting) is not None for setting in VISIBLE))


def scope_of(rule: PolicySettings) -> Scope:
    """The SKUs that the rule applies to."""
    return Scope(rule.sku, rule.category, rule.location)

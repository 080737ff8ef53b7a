"""Policy: the knobs of the ledger, and which rule gives which value.

A rule (`PolicySettings`, table `policy`) says where it applies and what it sets. For every setting on its own the
most particular rule that applies and sets it gives the value:

    sku + location  >  sku  >  category + location  >  category  >  location  >  everywhere  >  the default below

A rule that also names a channel applies to that channel only and comes before one of the same rank that names none.
Of two rules of equal rank the one whose name sorts first gives the value. A rule may set what a later version of the
ledger will read; it is kept and has no effect until then.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agents.inventory.transactions import PolicySettings
from agents.inventory.units import MILLISECONDS_PER_HOUR, MILLISECONDS_PER_MINUTE

CACHED_POLICIES = 20_000
"""Effective policies kept at most; past that the cache starts anew."""


class Policy(msgspec.Struct, frozen=True, gc=False):
    """The policy in force for a SKU at a location (and channel)."""

    safety_stock: int = 0
    """Units withheld from promise."""
    reservation_ttl_ms: int = 15 * MILLISECONDS_PER_MINUTE
    late_window_ms: int = 2 * MILLISECONDS_PER_HOUR
    """How far back a count may reach, and how long movements are kept for it."""
    count_tolerance: int = 0
    """A count that differs by more raises a discrepancy."""


SETTINGS: tuple[str, ...] = Policy.__struct_fields__
"""The settings that this version reads; each is also a field of PolicySettings."""

DEFAULT_POLICY = Policy()


def rank(rule: PolicySettings) -> int:
    """How particular a rule is; higher comes first."""
    by_place = 1 if rule.location is not None else 0
    by_goods = 4 if rule.sku is not None else 2 if rule.category is not None else 0
    by_channel = 1 if rule.channel is not None else 0
    return 2 * (by_goods + by_place) + by_channel


def applies(rule: PolicySettings, sku: str, category: str | None, location: str | None, channel: str | None) -> bool:
    """Whether everything that the rule names is so."""
    return (
        (rule.sku is None or rule.sku == sku)
        and (rule.category is None or rule.category == category)
        and (rule.location is None or rule.location == location)
        and (rule.channel is None or rule.channel == channel)
    )


class PolicyBook:
    """All rules, and the policies that follow from them. Changing a rule forgets what was worked out before."""

    def __init__(self, rules: Iterable[PolicySettings] = ()) -> None:
        self._rules: dict[str, PolicySettings] = {}
        self._by_sku: dict[str | None, list[PolicySettings]] = {}
        self._effective: dict[tuple[str, str | None, str | None, str | None], Policy] = {}
        for rule in rules:
            self.put(rule.rule, rule)

    def put(self, name: str, rule: PolicySettings | None) -> None:
        """Set a rule, or remove it with None (a withdrawn rule is removed too)."""
        before = self._rules.pop(name, None)
        if before is not None:
            self._by_sku[before.sku].remove(before)
        if rule is not None and not rule.withdrawn:
            self._rules[name] = rule
            self._by_sku.setdefault(rule.sku, []).append(rule)
        self._effective.clear()

    def rules(self) -> dict[str, PolicySettings]:
        """A copy of the rules in force, by name."""
        return dict(self._rules)

    def policy(self, sku: str, location: str | None, channel: str | None = None, category: str | None = None) -> Policy:
        """The policy in force there; `location` None asks for what holds wherever the SKU is."""
        key = (sku, location, channel, category)
        found = self._effective.get(key)
        if found is None:
            found = self._resolve(sku, location, channel, category)
            if len(self._effective) >= CACHED_POLICIES:
                self._effective.clear()
            self._effective[key] = found
        return found

    def _resolve(self, sku: str, location: str | None, channel: str | None, category: str | None) -> Policy:
        candidates = self._by_sku.get(sku, []) + self._by_sku.get(None, [])
        ranked = sorted(
            (rule for rule in candidates if applies(rule, sku, category, location, channel)),
            key=lambda rule: (-rank(rule), rule.rule),
        )
        values: dict[str, int] = {}
        for rule in ranked:
            for setting in SETTINGS:
                value = getattr(rule, setting)
                if value is not None:
                    values.setdefault(setting, value)
        return Policy(**values) if values else DEFAULT_POLICY

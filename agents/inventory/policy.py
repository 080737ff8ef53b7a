"""Policy: the knobs of the ledger, and which rule gives which value.

A rule (`PolicySettings`, table `policy`) says where it applies and what it sets. For every setting on its own the
most particular rule that applies and sets it gives the value:

    sku + location  >  sku  >  category + location  >  category  >  location  >  everywhere  >  the default below

A rule that also names a channel applies to that channel only and comes before one of the same rank that names none.
Of two rules of equal rank the one whose name sorts first gives the value. `buffer` and `buffer_percent` are one setting:
the rule that gives either gives both, and the larger withholds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from agents.inventory.transactions import PolicySettings
from agents.inventory.units import MILLISECONDS_PER_DAY, MILLISECONDS_PER_HOUR, MILLISECONDS_PER_MINUTE

CACHED_POLICIES = 20_000
"""Effective policies kept at most; past that the cache starts anew."""


class Policy(msgspec.Struct, frozen=True, gc=False):
    """The policy in force for a SKU at a location (and channel)."""

    safety_stock: int = 0
    """Units withheld from promise."""
    reservation_ttl_ms: int = 15 * MILLISECONDS_PER_MINUTE
    """How long a reservation holds that does not say so itself."""
    late_window_ms: int = 2 * MILLISECONDS_PER_HOUR
    """How far back a count may reach, and how long movements are kept for it."""
    count_tolerance: int = 0
    """A count that differs by more raises a discrepancy."""
    shrinkage_events: int = 0
    """After so many losses within the window units are withheld at that place; 0 = never."""
    shrinkage_window_ms: int = 30 * MILLISECONDS_PER_DAY
    """How long a loss counts."""
    shrinkage_buffer: int = 1
    """The units withheld then, beside the safety stock."""
    echo_window_ms: int = MILLISECONDS_PER_MINUTE
    """A snapshot that says back a level published so shortly before it was taken is an echo; 0 = there are none."""
    buffer: int = 0
    """Units withheld from a channel at each place."""
    buffer_percent: int = 0
    """The same in percent of unpromised + reserved + allocated there, rounded up."""
    low_at: int = 0
    """Availability becomes low at so many units; 0 = it goes from in stock to out."""
    low_until: int = 0
    """It is in stock again above so many units; less than `low_at` counts as that."""
    max_splits: int = 0
    """Places beyond the first that a claim may be split over, where it does not say itself."""
    claims: str = "first_come"
    """`priority`: a claim may take units of reservations of lower priority."""
    backorder: str = "none"
    """Whether a claim may wait for units: `none`, `limit` or `unlimited`."""
    backorder_limit: int = 0
    """With `limit`: units of the SKU that all of its claims together may wait for."""
    preorder_limit: int | None = None
    """Units that may be preordered against one inbound; null = as many as are announced."""
    preorder_channel_limit: int | None = None
    """The same through one channel."""
    minimum_shelf_life_days: int = 0
    """Life that a lot must have left to be promised or sold; 0 = it has not expired."""
    removal_days: int = 0
    """A lot with less life than this is set apart by the ledger; 0 = on the day after its date."""
    expiry_warning_days: int = 7
    """Of a lot with less life than this an alert is raised, once; 0 = never."""
    distance_weight: int = 0
    """Where the ledger chooses a place, the least cost wins: this is the cost of a kilometre."""
    zone_weight: int = 0
    """What the zone cost of the place is multiplied with."""
    scarcity_weight: int = 0
    """The cost of a tenth of a week that the supply of the place falls short of twelve weeks."""
    expiry_weight: int = 0
    """The cost of a day that the first lot of the place has left: old units are sold first."""
    load_weight: int = 0
    """The cost of a percent of the place's daily capacity that is promised of the SKU."""
    lateness_weight: int = 0
    """What the channel's penalty for days late is multiplied with."""
    farthest_km: int = 0
    """The ledger chooses no place further away than this; 0 = any."""
    abroad: str = "allowed"
    """`never`: the ledger chooses no place in another country than the destination's."""
    stock_alerts: str = "none"
    """`out`: people hear when a place runs out; `low`: also when it runs low (`low_at`, `low_until`, for the place)."""
    aging_after_ms: int = 0
    """A claim that is open for longer is alerted, once; 0 = never."""
    anomaly_factor: int = 0
    """A movement beyond the usual by so many times the usual deviation is alerted; 0 = never."""
    anomaly_after: int = 30
    """So many movements of the kind must have been seen there before one can be unusual."""
    anomaly_minimum: int = 10
    """Movements of fewer units are never unusual."""
    withhold_when_silent: int = 0
    """Percent of what is available that is not promised while the feed that reports the place is silent."""


SETTINGS: tuple[str, ...] = Policy.__struct_fields__
"""The settings that this version reads; each is also a field of PolicySettings."""

DEFAULT_POLICY = Policy()

WEIGHTS = (
    "distance_weight",
    "zone_weight",
    "scarcity_weight",
    "expiry_weight",
    "load_weight",
    "lateness_weight",
)
"""Settings that weigh places against each other; with all of them 0 the place with most to promise is chosen."""

OF_THE_CHOICE = (*WEIGHTS, "farthest_km", "abroad")
"""Settings of a choice between places: a rule for one place cannot set them."""

BUFFERS = ("buffer", "buffer_percent")
"""One setting in two measures."""


def rank(rule: PolicySettings) -> int:
    """How particular a rule is; higher comes first."""
    by_place = 1 if rule.location is not None else 0
    by_goods = 4 if rule.sku is not None else 2 if rule.category is not None else 0
    by_channel = 1 if rule.channel is not None else 0
    return 2 * (by_goods + by_place) + by_channel


def applies(
    rule: PolicySettings, sku: str | None, category: str | None, location: str | None, channel: str | None
) -> bool:
    """Whether everything that the rule names is so."""
    return (
        (rule.sku is None or rule.sku == sku)
        and (rule.category is None or rule.category == category)
        and (rule.location is None or rule.location == location)
        and (rule.channel is None or rule.channel == channel)
    )


class Given(msgspec.Struct, frozen=True, gc=False):
    """The value of one setting, and where it comes from."""

    setting: str
    value: int | str | None
    rule: str | None
    """The rule that gave it; null = the default of the program."""


class PolicyBook:
    """All rules, and the policies that follow from them. Changing a rule forgets what was worked out before."""

    def __init__(self, rules: Iterable[PolicySettings] = ()) -> None:
        self.derived: dict[Any, Any] = {}
        """What others work out from the rules and want to keep until one changes; at most `CACHED_POLICIES`."""
        self.counts_demand = False
        """Whether any rule weighs scarcity: only then what leaves is remembered as demand."""
        self.watches_stock = False
        """Whether any rule asks for alerts of places that run low or out."""
        self.watches_age = False
        """Whether any rule asks for alerts of claims that are open for long."""
        self.watches_movements = False
        """Whether any rule asks for alerts of unusual movements: only then it is remembered what is usual."""
        self.withholds_silent = False
        """Whether any rule withholds stock while its feed is silent."""
        self.shortest_late_window_ms = DEFAULT_POLICY.late_window_ms
        """No place has a shorter one."""
        self._rules: dict[str, PolicySettings] = {}
        self._by_sku: dict[str | None, list[PolicySettings]] = {}
        self._locations: set[str | None] = set()
        self._channels: set[str | None] = set()
        self._categories: set[str | None] = set()
        self._effective: dict[tuple[str | None, str | None, str | None, str | None], Policy] = {}
        for rule in rules:
            self._set(rule.rule, rule)
        self._rules_changed()

    def put(self, name: str, rule: PolicySettings | None) -> None:
        """Set a rule, or remove it with None (a withdrawn rule is removed too)."""
        self._set(name, rule)
        self._rules_changed()

    @property
    def is_empty(self) -> bool:
        """Whether no rule is in force."""
        return not self._rules

    def rules(self) -> dict[str, PolicySettings]:
        """A copy of the rules in force, by name."""
        return dict(self._rules)

    def policy(self, sku: str, location: str | None, channel: str | None = None, category: str | None = None) -> Policy:
        """The policy in force there; `location` None asks for what holds wherever the SKU is."""
        # What no rule names makes no difference: a million SKUs without rules of their own share one policy.
        key = (
            sku if sku in self._by_sku else None,
            location if location in self._locations else None,
            channel if channel in self._channels else None,
            category if category in self._categories else None,
        )
        found = self._effective.get(key)
        if found is None:
            given = {each.setting: each.value for each in self.explain(*key) if each.rule is not None}
            found = Policy(**given) if given else DEFAULT_POLICY  # type: ignore[arg-type]
            if len(self._effective) >= CACHED_POLICIES:
                self._effective.clear()
            self._effective[key] = found
        return found

    def goods_key(self, sku: str, category: str | None) -> tuple[str | None, str | None]:
        """What all SKUs of the same policy have in common: equal keys, equal policies at every place and channel."""
        return sku if sku in self._by_sku else None, category if category in self._categories else None

    def explain(
        self, sku: str | None, location: str | None, channel: str | None = None, category: str | None = None
    ) -> tuple[Given, ...]:
        """Every setting with its value there, and the rule that gave it."""
        candidates = (self._by_sku.get(sku, []) if sku is not None else []) + self._by_sku.get(None, [])
        ranked = sorted(
            (rule for rule in candidates if applies(rule, sku, category, location, channel)),
            key=lambda rule: (-rank(rule), rule.rule),
        )
        return tuple(_given(setting, ranked) for setting in SETTINGS)

    def _set(self, name: str, rule: PolicySettings | None) -> None:
        before = self._rules.pop(name, None)
        if before is not None:
            self._by_sku[before.sku].remove(before)
            if not self._by_sku[before.sku]:
                del self._by_sku[before.sku]
        if rule is not None and not rule.withdrawn:
            self._rules[name] = rule
            self._by_sku.setdefault(rule.sku, []).append(rule)

    def _rules_changed(self) -> None:
        rules = self._rules.values()
        self._locations = {rule.location for rule in rules}
        self._channels = {rule.channel for rule in rules}
        self._categories = {rule.category for rule in rules}
        self.counts_demand = any(rule.scarcity_weight for rule in rules)
        self.watches_stock = any(rule.stock_alerts not in {None, "none"} for rule in rules)
        self.watches_age = any(rule.aging_after_ms for rule in rules)
        self.watches_movements = any(rule.anomaly_factor for rule in rules)
        self.withholds_silent = any(rule.withhold_when_silent for rule in rules)
        windows = [rule.late_window_ms for rule in rules if rule.late_window_ms is not None]
        self.shortest_late_window_ms = min([DEFAULT_POLICY.late_window_ms, *windows])
        self._effective.clear()
        self.derived.clear()


def _given(setting: str, ranked: list[PolicySettings]) -> Given:
    """What the first of the rules that says something about the setting makes it."""
    together = BUFFERS if setting in BUFFERS else (setting,)
    for rule in ranked:
        if any(getattr(rule, each) is not None for each in together):
            value = getattr(rule, setting)
            return Given(setting, getattr(DEFAULT_POLICY, setting) if value is None else value, rule.rule)
    return Given(setting, getattr(DEFAULT_POLICY, setting), None)

"""The section `replenishment` of topology.yaml: how the replenisher reckons, and who supplies what in which time."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.inventory.replenishment.levels import narrowest_first
from agents.inventory.replenishment.rows import Rebalance, ReplenishmentPolicy, Seed
from agents.inventory.replenishment.validation import problem_of_supplier, problem_of_terms
from agents.inventory.replenishment.words import Supplier, Terms
from agents.runtime.topology_file import Section

DEFAULTS = ReplenishmentPolicy()
_NUMBERS = tuple(
    each.name for each in msgspec.structs.fields(ReplenishmentPolicy) if isinstance(getattr(DEFAULTS, each.name), int)
)
"""The knobs that are whole numbers: all but `rebalance` and what is listed."""


def replenishment_policy(section: Section) -> ReplenishmentPolicy:
    """The knobs of the replenisher."""
    numbers: dict[str, Any] = {name: section.whole(name, getattr(DEFAULTS, name)) for name in _NUMBERS}
    rebalance = Rebalance(section.choice("rebalance", [each.value for each in Rebalance], DEFAULTS.rebalance.value))
    seeds = narrowest_first([_seed(each) for each in section.listed("terms")])
    suppliers = tuple([_supplier(each) for each in section.listed("suppliers")])
    section.finish()
    names = [each.supplier for each in suppliers]
    for name in sorted({name for name in names if names.count(name) > 1}):
        section.wrong("suppliers", f"{name} is given twice")
    try:
        return ReplenishmentPolicy(rebalance=rebalance, seeds=seeds, suppliers=suppliers, **numbers)
    except ValueError as wrong:
        section.mistakes.add(section.path, str(wrong))
        return DEFAULTS


def _seed(section: Section) -> Seed:
    usual = Terms()
    lead = section.whole("lead_time_days") if section.values.get("lead_time_days") is not None else None
    section.asked.add("lead_time_days")
    terms = Terms(
        location=section.text("location", "") or None,
        supplier=section.text("supplier", "") or None,
        lead_time_days=lead,
        review_days=section.whole("review_days", usual.review_days),
        service_level=section.whole("service_level", usual.service_level),
        minimum_order=section.whole("minimum_order", usual.minimum_order),
        pack_size=section.whole("pack_size", usual.pack_size),
        unit_value=section.whole("unit_value", usual.unit_value),
    )
    seed = Seed(terms=terms, sku=section.text("sku", "") or None, category=section.text("category", "") or None)
    section.finish()
    _judge(section, problem_of_terms(terms))
    return seed


def _supplier(section: Section) -> Supplier:
    usual = Supplier("")
    supplier = Supplier(
        section.text("supplier"),
        section.whole("lead_time_days", usual.lead_time_days),
        section.whole("lead_time_deviation_tenths", usual.lead_time_deviation_tenths),
    )
    section.finish()
    _judge(section, problem_of_supplier(supplier) if supplier.supplier else None)
    return supplier


def _judge(section: Section, problem: str | None) -> None:
    if problem is not None:
        section.mistakes.add(section.path, problem)

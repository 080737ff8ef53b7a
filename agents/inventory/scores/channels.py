"""Edges of availability, counted: how many SKUs a channel can sell, out of all that it has ever sold.

Only edges of all regions together: what a channel can sell in none of its places it cannot sell. A SKU can be sold while
any method can deliver it.
"""

from __future__ import annotations

from agents.inventory.offers import Edge, State
from agents.inventory.scores.rows import SCORED_OFFERS, ScoredOffer, ScoreRows
from agents.inventory.scores.stock import NOTHING, Scored
from agents.inventory.scores.tallies import Increment, changed
from agents.inventory.scores.words import ALL, Counter, Dimension, subject_of


def score_edge(rows: ScoreRows, edge: Edge) -> Scored:
    """Score one edge. Changes nothing; the same rows and edge always give the same."""
    if edge.region is not None:
        return NOTHING
    key = (edge.sku, edge.channel)
    before: ScoredOffer | None = rows.row(SCORED_OFFERS, key)
    others = () if before is None else tuple([each for each in before.methods if each != edge.method.value])
    methods = others if edge.state is State.OUT else tuple(sorted([*others, edge.method.value]))
    if before is None and not methods:
        return NOTHING  # It was out, and is: the channel never sold it.
    after = ScoredOffer(methods)
    if after == before:
        return NOTHING
    subjects = (ALL, subject_of(Dimension.CHANNEL, edge.channel))
    increments: list[Increment] = []
    if before is None:
        increments += changed(subjects, edge.at_ms, Counter.OFFERED_CHANGE, 1)
    sellable_before = 0 if before is None else int(bool(before.methods))
    increments += changed(subjects, edge.at_ms, Counter.SELLABLE_CHANGE, int(bool(methods)) - sellable_before)
    return Scored({(SCORED_OFFERS, key): after}, increments)

"""The story of an order (`onhand orders why`) where places can send only so much, and of what a shipment costs."""

from __future__ import annotations

import pytest

from agents.inventory.distances import distance_km
from agents.inventory.orders.costs import shipment_cost, shipment_terms
from agents.inventory.transactions import Destination, Kind, LocationReference, Zone
from tests.inventory.orders.world import World
from tools.orders.reading import Heard
from tools.orders.story import chapter_lines, story_of

LONDON = Destination("GB", "SW1A 1AA", 515, -1)
LEEDS = LocationReference("LEEDS", country="GB", latitude_tenths=538, longitude_tenths=-15)


def text_of(world: World, order_id: str) -> list[str]:
    """What is told of an order, line by line, without the times."""
    heard = [Heard(each.at_ms, each.cause, each.record) for each in world.heard if each.record.order_id == order_id]
    routings = [routing for routing in world.routings if routing.order_id == order_id]
    story = story_of(heard, routings, world.router.policy, world.router.book.references())
    assert story.is_exact
    return [line.strip().removeprefix("asks     ") for each in story.chapters for line in chapter_lines(each)]


def test_a_full_day_is_told_and_where_the_order_went_instead() -> None:
    world = World(2)
    world.limit("LEEDS", 1)
    world.fact(Kind.RECEIPT, "SHOE", "LEEDS", 9)
    world.fact(Kind.RECEIPT, "SHOE", "YORK", 5)
    world.run()
    for order_id in ("o1", "o2"):
        world.place(order_id, {1: ("SHOE", 2)}, paid=True)
        world.run()
    first, second = text_of(world, "o1"), text_of(world, "o2")
    assert "hold a shipment from LEEDS on 2026-01-05" in first
    assert "make a shipment from LEEDS on 2026-01-05 firm" in first
    assert any("the ledger: no, the day is full - hold a shipment from LEEDS on 2026-01-05" in line for line in second)
    assert "hold 2 SHOE for line 1, wherever is best, not from LEEDS" in second
    world.limit("LEEDS", 0)
    world.run()
    told = "\n".join(text_of(world, "o1"))
    assert "a shipment from LEEDS on 2026-01-05 gave way, the day has become shorter" in told
    assert "line 1: 2 SHOE moved from LEEDS to YORK: over_capacity" in told


@pytest.mark.parametrize(
    ("place", "destination"),
    [
        (LEEDS, LONDON),
        (LEEDS, None),
        (None, LONDON),
        (
            LocationReference(
                "PARIS", country="FR", latitude_tenths=489, longitude_tenths=24, zones=(Zone("GB", "", 7),)
            ),
            LONDON,
        ),
    ],
)
def test_the_terms_of_a_shipment_sum_to_its_cost(
    place: LocationReference | None, destination: Destination | None
) -> None:
    terms = shipment_terms(place, destination)
    assert sum(term.cost for term in terms) == shipment_cost(place, destination)
    assert destination is None or ("distance", distance_km(place, destination)) in [
        (term.term, term.measure) for term in terms
    ]

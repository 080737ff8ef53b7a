"""The day of orders: the same from the same seed, played by the real cores, and judged by what must hold."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from agents.inventory.channels import Method
from agents.inventory.orders.words import (
    LineStanding,
    LineStatus,
    OrderedLine,
    OrderKind,
    OrderRecord,
    OrderStatus,
    Place,
)
from agents.inventory.postings import Account, JournalRecord, Posting
from agents.inventory.transactions import Destination, Kind, LocationReference
from tools.order_day.checks import Books, Broken, judge_orders
from tools.order_day.comparing import ONHAND, OPTIMUM, SPLITTING, compare
from tools.order_day.course import Following
from tools.order_day.day import MOST_LINES, Course, Day
from tools.order_day.live import Played
from tools.order_day.naive import Naive
from tools.order_day.optimum import optimum
from tools.order_day.outside import Say
from tools.order_day.places import references
from tools.order_day.profile import popularity, read_profile
from tools.order_day.routed import Onhand
from tools.order_day.routing import MISSING_CENTS, Problem, Router, Taken, score

LEEDS = Destination("GB", latitude_tenths=538, longitude_tenths=-15)
NEAR, FAR, ABROAD = "NEAR", "FAR", "PARIS"
PLACES = {
    NEAR: LocationReference(NEAR, country="GB", latitude_tenths=538, longitude_tenths=-15),
    FAR: LocationReference(FAR, country="GB", latitude_tenths=515, longitude_tenths=-1),
    ABROAD: LocationReference(ABROAD, country="FR", latitude_tenths=489, longitude_tenths=23),
}
SHIPMENT, LEEDS_TO_FAR, BORDER = 200, 272, 1_000


def silent(_: str) -> None:
    """Say nothing."""


def problem_of(stock: dict[tuple[str, str], int], *orders: OrderRecord) -> Problem:
    """A problem made by hand."""
    problem = Problem.__new__(Problem)
    problem.orders, problem.stock, problem.places = list(orders), stock, dict(PLACES)
    return problem


def order(number: int, *lines: tuple[str, int], partial: bool = False, max_splits: int = 0) -> OrderRecord:
    """To Leeds."""
    ordered = tuple([OrderedLine(line, sku, units) for line, (sku, units) in enumerate(lines, 1)])
    return OrderRecord(
        record_id="placed",
        source="shop",
        kind=OrderKind.PLACED,
        order_id=f"o-{number}",
        lines=ordered,
        destination=LEEDS,
        partial=partial,
        max_splits=max_splits,
        paid=True,
    )


# -- the day -----------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    day, again, other = Day(200, 40), Day(200, 40), Day(200, 40, seed=2)
    assert list(day.orders()) == list(again.orders())
    assert day.stock() == again.stock()
    assert list(day.orders()) != list(other.orders())
    assert day.stock() != other.stock()


def test_a_day_follows_the_profile_of_the_shop() -> None:
    profile, orders = read_profile(), list(Day(4_000, 200).orders())
    shares = {1: 1_500, 2: 813, 3: 693, 4: 676, 5: 672}
    lines = Counter(len(each.placed.lines) for each in orders)
    assert {number: profile.lines[number] for number in shares} == shares
    assert max(lines) <= MOST_LINES
    assert lines[1] / len(orders) == pytest.approx(shares[1] / sum(shares.values()), abs=0.04)
    assert [each.minute for each in orders] == sorted(each.minute for each in orders)
    abroad = Counter(each.placed.destination.country for each in orders if each.placed.destination)
    assert abroad["GB"] / sum(abroad.values()) == pytest.approx(0.915, abs=0.02)


def test_few_articles_are_many_lines_whatever_their_number() -> None:
    profile = read_profile()
    for articles in (100, 10_000):
        lines = list(popularity(profile, articles).values())
        assert sum(lines[: articles // 5]) / sum(lines) == pytest.approx(0.636, abs=0.01)
        assert lines[0] > 20 * lines[-1]


def test_some_articles_are_scarce_and_most_are_not() -> None:
    day = Day(1_000, 200)
    there: Counter[str] = Counter()
    for (sku, _), units in day.stock().items():
        there[sku] += units
    wanted: Counter[str] = Counter()
    for (sku, _), units in day.demand.items():
        wanted[sku] += units
    short = [sku for sku, units in wanted.items() if there[sku] < units]
    assert 0 < len(short) < len(wanted) / 4


def test_there_are_fifty_places_and_a_store_can_be_collected_from() -> None:
    places = references(1_000, with_capacity=True)
    assert len({place.location for place in places}) == 50
    assert all(place.pickup is (place.kind == "store") for place in places)
    assert all((place.daily_capacity is not None) is (place.kind == "store") for place in places)


# -- what becomes of an order ------------------------------------------------------------------------------------------


def status(stage: str, *lines: LineStatus) -> OrderStatus:
    """How it stands."""
    return OrderStatus(event_id="e", order_id="o-1", stage=stage, at_ms=0, lines=lines)


def allocated(place: str, quantity: int = 2, shipped: int = 0) -> LineStatus:
    """A line of four units or less."""
    return LineStatus(
        line=1,
        sku="SHOE",
        quantity=quantity + shipped,
        state=LineStanding.ALLOCATED,
        places=(Place(place, quantity),),
        shipped=shipped,
    )


def told(following: Following, heard: OrderStatus, *, is_evening: bool = False) -> list[OrderKind]:
    """What is done then."""
    return [record.kind for record in following.hear(heard, is_evening=is_evening)]


def test_goods_leave_once_for_each_time_that_there_are_some() -> None:
    following = Following(order(1, ("SHOE", 4)), Course())
    assert told(following, status("confirmed", allocated(NEAR))) == [OrderKind.SHIPPED]
    assert told(following, status("confirmed", allocated(NEAR))) == []
    assert told(following, status("confirmed", allocated(FAR, 2, shipped=2))) == [OrderKind.SHIPPED]
    assert told(following, status("done")) == []
    assert following.is_final


def test_what_was_found_short_is_not_shipped_before_it_has_another_place() -> None:
    following = Following(order(1, ("SHOE", 2)), Course(is_short=True))
    assert told(following, status("confirmed", allocated(NEAR))) == [OrderKind.PICKED_SHORT]
    assert told(following, status("confirmed", allocated(NEAR))) == []
    assert told(following, status("confirmed", allocated(FAR))) == [OrderKind.SHIPPED]


def test_in_the_evening_the_unpaid_and_the_uncollected_are_given_up() -> None:
    unpaid = Following(order(1, ("SHOE", 2)), Course(pays=False))
    assert told(unpaid, status("reserved")) == []
    assert told(unpaid, status("reserved"), is_evening=True) == [OrderKind.CANCELLED]
    pickup = msgspec.structs.replace(order(1, ("SHOE", 2)), method=Method.PICKUP, pickup_location=NEAR)
    uncollected = Following(pickup, Course(collects=False))
    assert told(uncollected, status("confirmed", allocated(NEAR))) == [OrderKind.READY]
    assert told(uncollected, status("confirmed", allocated(NEAR))) == []
    assert [record.kind for record in uncollected.tidy_up()] == [OrderKind.CANCELLED]


def test_what_became_firm_after_the_goods_had_left_leaves_in_the_evening() -> None:
    following = Following(order(1, ("SHOE", 4)), Course())
    assert told(following, status("confirmed", allocated(NEAR))) == [OrderKind.SHIPPED]
    assert told(following, status("confirmed", allocated(NEAR))) == []
    assert [record.kind for record in following.tidy_up()] == [OrderKind.SHIPPED]


# -- judging -----------------------------------------------------------------------------------------------------------


def posted(offset: int, kind: Kind, *postings: Posting, holder: str | None = None) -> JournalRecord:
    """A record of the journal."""
    return JournalRecord(
        event_id=f"transactions-0-{offset}-0",
        transaction_id=f"t{offset}",
        source="test",
        sku="SHOE",
        kind=kind,
        at_ms=0,
        occurred_at_ms=0,
        postings=postings,
        holder=holder,
        line=1,
    )


def move(there: Account, here: Account, units: int) -> tuple[Posting, Posting]:
    """Units from one account to another."""
    return Posting(there, NEAR, -units), Posting(here, NEAR, units)


def test_a_promise_beyond_what_is_there_is_an_oversell() -> None:
    books = Books(broken := Broken())
    books.add(posted(1, Kind.RECEIPT, *move(Account.SUPPLIER, Account.UNPROMISED, 2)))
    books.add(posted(2, Kind.RESERVE, *move(Account.UNPROMISED, Account.RESERVED, 2)))
    assert not broken.counts
    books.add(posted(3, Kind.RESERVE, *move(Account.UNPROMISED, Account.RESERVED, 1)))
    assert broken.counts == {"promised beyond what was there": 1}


def test_an_event_that_comes_twice_and_one_that_does_not_sum_are_noticed() -> None:
    books = Books(broken := Broken())
    record = posted(1, Kind.RECEIPT, *move(Account.SUPPLIER, Account.UNPROMISED, 2))
    books.add(record)
    books.add(record)
    books.add(posted(2, Kind.RECEIPT, Posting(Account.UNPROMISED, NEAR, 1)))
    assert broken.counts == {"a journal record came twice or out of order": 1, "a record does not sum to zero": 1}


def test_ledger_and_router_must_say_the_same_of_what_left() -> None:
    books = Books(broken := Broken())
    books.add(posted(1, Kind.SHIP, *move(Account.ALLOCATED, Account.CUSTOMER, 3), holder="o-1"))
    following = Following(order(1, ("SHOE", 2)), Course())
    shipped = LineStatus(line=1, sku="SHOE", quantity=2, state=LineStanding.SHIPPED, shipped=2)
    assert told(following, status("done", shipped)) == []
    judge_orders(broken, books, Played({"o-1": following, "o-2": Following(order(2, ("SHOE", 1)), Course())}, {}))
    assert broken.counts == {
        "router and ledger differ in what left": 1,
        "more left than was ordered": 1,
        "an order is not final": 1,
    }


# -- ways to route -----------------------------------------------------------------------------------------------------


def places_of(router: Router, *orders: OrderRecord) -> list[list[str]]:
    """Where each line of each order comes from."""
    return [[each.place for each in router.route(placed)] for placed in orders]


BASKET = {("HAT", FAR): 5, ("SHOE", FAR): 2, ("SHOE", NEAR): 4, ("HAT", ABROAD): 9, ("SHOE", ABROAD): 9}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("nearest", [NEAR, FAR]),
        ("nearest_whole", [FAR, FAR]),
        ("most_stock", [ABROAD, ABROAD]),
        ("fixed", [NEAR, FAR]),
    ],
)
def test_naive_policies_do_what_their_names_say(policy: str, expected: list[str]) -> None:
    basket = order(1, ("SHOE", 1), ("HAT", 1))
    assert places_of(Naive(problem_of(BASKET, basket), policy), basket) == [expected]


def test_naive_policies_split_as_the_ledger_does_and_give_nothing_where_all_or_nothing_fails() -> None:
    stock = {("SHOE", NEAR): 2, ("SHOE", FAR): 2, ("SHOE", ABROAD): 3}
    split, too_much = order(1, ("SHOE", 4), max_splits=1), order(2, ("SHOE", 9), max_splits=2)
    part = order(3, ("SHOE", 9), partial=True, max_splits=0)
    router = Naive(problem_of(stock, split), "nearest")
    assert list(router.route(split)) == [Taken(1, NEAR, 2), Taken(1, FAR, 2)]
    assert list(router.route(too_much)) == []
    assert list(router.route(part)) == [Taken(1, ABROAD, 3)]


def test_onhand_makes_the_fewest_shipments_unless_a_split_saves_what_it_must() -> None:
    stock = {("SHOE", NEAR): 1, ("HAT", FAR): 1, ("SHOE", ABROAD): 1, ("HAT", ABROAD): 1}
    basket = order(1, ("SHOE", 1), ("HAT", 1))
    problem = problem_of(stock, basket)
    split = 2 * SHIPMENT + LEEDS_TO_FAR
    whole = problem.cost(basket, ABROAD)
    assert problem.cost(basket, NEAR) + problem.cost(basket, FAR) == split
    assert whole > SHIPMENT + BORDER
    assert places_of(Onhand(problem), basket) == [[ABROAD, ABROAD]]
    assert places_of(Onhand(problem, whole - split - 1), basket) == [[NEAR, FAR]]
    assert places_of(Onhand(problem, whole - split), basket) == [[ABROAD, ABROAD]]


def test_the_optimum_keeps_the_near_unit_for_the_one_who_has_no_other() -> None:
    # The first could have it from near or from afar, the second only from near: who comes first would take it.
    stock = {("SHOE", NEAR): 1, ("SHOE", FAR): 1, ("HAT", NEAR): 1}
    first, second = order(1, ("SHOE", 1)), order(2, ("SHOE", 1), ("HAT", 1))
    problem = problem_of(stock, first, second)
    best = optimum(problem, seconds=60)
    assert best.is_proven
    assert score((problem, best.routed)).cost == (SHIPMENT + LEEDS_TO_FAR) + SHIPMENT
    assert score((problem, problem.run(Naive(problem, "nearest")))).cost == SHIPMENT + (2 * SHIPMENT + LEEDS_TO_FAR)


def test_the_optimum_refuses_whom_it_costs_least_and_splits_no_more_than_is_allowed() -> None:
    stock = {("SHOE", NEAR): 2, ("SHOE", FAR): 2}
    big, small = order(1, ("SHOE", 4), max_splits=1), order(2, ("SHOE", 1), ("SHOE", 1))
    problem = problem_of(stock, big, small)
    scored = score((problem, optimum(problem, seconds=60).routed))
    assert scored.shipped_orders == 1
    assert scored.total_per_order == (SHIPMENT + MISSING_CENTS) / 2
    unsplit = problem_of(stock, order(1, ("SHOE", 4)))
    assert score((unsplit, optimum(unsplit, seconds=60).routed)).shipped_orders == 0


def test_a_routing_that_takes_what_is_not_there_is_refused() -> None:
    placed = order(1, ("SHOE", 2))
    problem = problem_of({("SHOE", NEAR): 1}, placed)
    with pytest.raises(ValueError, match="not there"):
        score((problem, {"o-1": [Taken(1, NEAR, 2)]}))
    with pytest.raises(ValueError, match="all or nothing"):
        score((problem, {"o-1": [Taken(1, NEAR, 1)]}))


def test_on_a_small_day_nothing_is_oversold_and_nobody_is_better_than_the_optimum() -> None:
    say: Say = silent
    small, whole = compare([Problem(Day(10, 20, seed=3))], say, seconds=60), compare([Problem(Day(300, 30))], say)
    best = small.scores[OPTIMUM].total_per_order
    assert small.is_proven
    assert all(scored.total_per_order >= best - 0.1 for scored in small.scores.values())
    ours = whole.scores[ONHAND]
    naive = [scored for way, scored in whole.scores.items() if way not in {ONHAND, SPLITTING}]
    assert all(ours.cost_per_order < scored.cost_per_order for scored in naive)
    assert whole.scores[SPLITTING].cost_per_order <= ours.cost_per_order

from __future__ import annotations

import pytest

from agents.inventory.kits import EXPLODED_KINDS, KitInvalid, explode, flatten, kit_atp
from agents.inventory.transactions import Component, Item, Kind, Line
from tests.inventory.helpers import Shop, answer_of, transaction

KIT = Item(kit=(Component("SOLE", 2), Component("LACE", 1)))


def test_a_kit_becomes_one_transaction_for_each_component() -> None:
    asked = transaction(Kind.RESERVE, 3, sku="KIT", holder="r1", line=4, channel="web", partial=True)
    sole, lace = explode(asked, KIT)
    assert (sole.sku, sole.quantity, lace.sku, lace.quantity) == ("SOLE", 6, "LACE", 3)
    assert {(each.holder, each.line, each.channel, each.partial) for each in (sole, lace)} == {("r1", 4, "web", False)}


def test_a_component_that_is_also_sold_alone_under_the_same_id_is_another_transaction() -> None:
    of_kit, _ = explode(transaction(Kind.SALE, 1, sku="KIT"), KIT)
    alone = transaction(Kind.SALE, 1, sku="SOLE")
    assert of_kit.transaction_id != alone.transaction_id
    assert explode(transaction(Kind.SALE, 1, sku="KIT"), KIT)[0] == of_kit


def test_every_line_of_a_claim_is_multiplied_and_what_names_no_quantity_stays_whole() -> None:
    asked = transaction(Kind.ALLOCATE, sku="KIT", holder="r1", lines=(Line(1, 2), Line(2, 5)))
    assert explode(asked, KIT)[0].lines == (Line(1, 4), Line(2, 10))
    assert explode(transaction(Kind.ALLOCATE, sku="KIT", holder="r1", confirm=True), KIT)[0].quantity is None


@pytest.mark.parametrize("kind", sorted(set(Kind) - EXPLODED_KINDS))
def test_what_is_not_about_a_number_of_units_is_not_exploded(kind: Kind) -> None:
    told = transaction(kind, 1, sku="KIT")
    assert explode(told, KIT) == (told,)


def test_what_is_no_kit_is_not_exploded() -> None:
    told = transaction(Kind.SALE, 1)
    assert explode(told, None) == explode(told, Item()) == (told,)


def test_the_atp_of_a_kit_is_that_of_its_scarcest_component() -> None:
    assert kit_atp(KIT, {"SOLE": 7, "LACE": 5}) == 3
    assert kit_atp(KIT, {"SOLE": 7, "LACE": 2}) == 2
    assert kit_atp(KIT, {"SOLE": 7}) == 0
    assert kit_atp(KIT, {"SOLE": -7, "LACE": 5}) == 0


def test_a_component_that_is_always_available_limits_nothing() -> None:
    assert kit_atp(KIT, {"SOLE": None, "LACE": 5}) == 5
    assert kit_atp(KIT, {"SOLE": None, "LACE": None}) is None


def test_kits_within_kits_are_taken_apart() -> None:
    box = Item(kit=(Component("KIT", 3), Component("LACE", 4), Component("LID", 1)))
    items = {"KIT": KIT, "BOX": box, "LID": Item()}
    assert flatten("BOX", items).kit == (Component("SOLE", 6), Component("LACE", 7), Component("LID", 1))


def test_a_kit_that_contains_itself_is_refused() -> None:
    items = {"A": Item(kit=(Component("B", 1),)), "B": Item(kit=(Component("A", 1),))}
    with pytest.raises(KitInvalid, match="contains itself"):
        flatten("A", items)


def test_the_components_of_a_claimed_kit_are_claims_of_the_same_line() -> None:
    shop = Shop()
    for component in KIT.kit:
        shop.tell(Kind.RECEIPT, 4, sku=component.sku)
    asked = transaction(Kind.RESERVE, 2, sku="KIT", holder="o1", line=7, number=99)
    assert [answer_of(shop.send(each)).quantity for each in explode(asked, KIT)] == [4, 2]
    assert shop.rows.claim("SOLE", "o1", 7) is not None
    assert shop.rows.claim("LACE", "o1", 7) is not None

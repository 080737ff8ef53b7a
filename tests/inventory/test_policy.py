from __future__ import annotations

from itertools import permutations

import pytest

from agents.inventory import policy
from agents.inventory.policy import DEFAULT_POLICY, SETTINGS, PolicyBook
from agents.inventory.transactions import PolicySettings

RULES = (
    PolicySettings(rule="a", sku="SHOE", location="LEEDS", safety_stock=1),
    PolicySettings(rule="b", sku="SHOE", safety_stock=2),
    PolicySettings(rule="c", category="FOOTWEAR", location="LEEDS", safety_stock=3),
    PolicySettings(rule="d", category="FOOTWEAR", safety_stock=4),
    PolicySettings(rule="e", location="LEEDS", safety_stock=5),
    PolicySettings(rule="f", safety_stock=6),
)
"""From the most particular to the most general."""


@pytest.mark.parametrize("missing", range(len(RULES)))
def test_the_most_particular_rule_gives_the_value(missing: int) -> None:
    book = PolicyBook(RULES[missing:])
    assert book.policy("SHOE", "LEEDS", category="FOOTWEAR").safety_stock == missing + 1


def test_each_setting_is_looked_up_on_its_own() -> None:
    book = PolicyBook([*RULES, PolicySettings(rule="g", count_tolerance=7)])
    found = book.policy("SHOE", "LEEDS")
    assert (found.safety_stock, found.count_tolerance, found.late_window_ms) == (1, 7, DEFAULT_POLICY.late_window_ms)


def test_the_order_in_which_rules_came_does_not_matter() -> None:
    rules = [
        PolicySettings(rule=name, sku="SHOE", safety_stock=value) for name, value in (("x", 1), ("y", 2), ("z", 3))
    ]
    assert {PolicyBook(order).policy("SHOE", "LEEDS").safety_stock for order in permutations(rules)} == {1}


def test_a_rule_of_another_place_or_channel_does_not_apply() -> None:
    book = PolicyBook([RULES[0], PolicySettings(rule="w", sku="SHOE", channel="web", safety_stock=9)])
    assert book.policy("SHOE", "YORK") == DEFAULT_POLICY
    assert book.policy("BOOT", "LEEDS") == DEFAULT_POLICY
    assert book.policy("SHOE", "YORK", "web").safety_stock == 9
    assert book.policy("SHOE", "YORK", "till") == DEFAULT_POLICY


def test_a_changed_or_withdrawn_rule_counts_at_once() -> None:
    book = PolicyBook(RULES)
    assert book.policy("SHOE", "LEEDS").safety_stock == 1
    book.put("a", PolicySettings(rule="a", sku="SHOE", location="LEEDS", safety_stock=8))
    assert book.policy("SHOE", "LEEDS").safety_stock == 8
    book.put("a", PolicySettings(rule="a", withdrawn=True))
    assert book.policy("SHOE", "LEEDS").safety_stock == 2
    book.put("b", None)
    assert book.policy("SHOE", "LEEDS").safety_stock == 5


def test_every_setting_of_a_policy_can_be_set_by_a_rule() -> None:
    assert set(SETTINGS) <= set(PolicySettings.__struct_fields__)


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "CACHED_POLICIES", 10)
    book = PolicyBook(RULES)
    for number in range(100):
        book.policy(f"SKU-{number}", "LEEDS")
        assert len(book._effective) <= 10


def test_a_buffer_in_units_and_one_in_percent_are_one_setting() -> None:
    general = PolicySettings(rule="general", buffer_percent=20)
    ours = PolicySettings(rule="ours", channel="web", buffer=0)
    book = PolicyBook([general, ours])
    web, app = book.policy("SHOE", "LEEDS", "web"), book.policy("SHOE", "LEEDS", "app")
    assert (web.buffer, web.buffer_percent) == (0, 0), "who says 0 units means no percentage of others either"
    assert (app.buffer, app.buffer_percent) == (0, 20)


def test_it_says_which_rule_gave_which_value() -> None:
    book = PolicyBook([*RULES, PolicySettings(rule="g", count_tolerance=7)])
    given = {each.setting: (each.value, each.rule) for each in book.explain("SHOE", "YORK", None, "FOOTWEAR")}
    assert given["safety_stock"] == (2, "b")
    assert given["count_tolerance"] == (7, "g")
    assert given["late_window_ms"] == (DEFAULT_POLICY.late_window_ms, None)
    assert list(given) == list(SETTINGS)


def test_skus_without_rules_of_their_own_share_one_policy_and_others_do_not() -> None:
    book = PolicyBook([*RULES, PolicySettings(rule="w", channel="web", buffer=1)])
    assert book.policy("HAT", "LEEDS") is book.policy("SOCK", "LEEDS")
    assert book.policy("HAT", "LEEDS") is not book.policy("HAT", "YORK")
    assert book.policy("HAT", "LEEDS", "app") is book.policy("HAT", "LEEDS")
    assert book.policy("HAT", "LEEDS", "web").buffer == 1
    assert book.goods_key("HAT", "GLOVES") == book.goods_key("SOCK", None)
    assert book.goods_key("SHOE", None) != book.goods_key("SOCK", None) != book.goods_key("SOCK", "FOOTWEAR")


def test_what_was_derived_is_forgotten_when_a_rule_changes() -> None:
    book = PolicyBook(RULES)
    book.derived["anything"] = 1
    book.put("a", None)
    assert book.derived == {}

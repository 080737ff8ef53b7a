"""`onhand policy`, `location` and `channel` on what a real worker keeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.inventory.transactions import Item, Kind
from tests.integration.harness import Stage, a_transaction, receipt
from tests.tools.asking import ask, objects
from tools.brokers.scratch import ClusterAddress

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def shop(broker: ClusterAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Shoes of a category, and rules for all, for the category, and for a channel."""
    with Stage(broker, tmp_path_factory.mktemp("reference")) as stage:
        stage.worker().start().until_ready()
        item = Item(category="footwear")
        stage.send(
            receipt("SHOE", 10),
            a_transaction(Kind.ITEM, "SHOE", location=None, occurred_at_ms=None, item=item),
        )
        for arguments in (
            ("policy", "set", "care", "safety_stock=1", "reservation_ttl=10m"),
            ("policy", "set", "shoes", "safety_stock=3", "--category", "footwear"),
            ("policy", "set", "web", "buffer_percent=20", "--channel", "web"),
            ("location", "set", "LEEDS", "region=north", "pickup=yes", "authority=wms,pos"),
            ("channel", "set", "web", "locations=LEEDS,YORK", "methods=shipping", "handling_time=2h"),
        ):
            done = ask(stage, *arguments, "--yes", "--who", "anna", "--why", "for the tests")
            assert done.exit_code == 0, done.output
        stage.settle()
        yield stage


def test_the_rules_in_force_are_listed_the_most_particular_first(shop: Stage) -> None:
    assert [rule["rule"] for rule in objects(shop, "policy", "list")] == ["shoes", "web", "care"]
    table = ask(shop, "policy", "list").stdout
    assert "category footwear" in table
    assert "reservation_ttl_ms 10m" in table


def test_it_says_which_rule_gave_which_value(shop: Stage) -> None:
    (shown,) = objects(shop, "policy", "show", "SHOE@LEEDS", "--channel", "web")
    assert shown["category"] == "footwear"
    assert shown["settings"]["safety_stock"] == {"value": 3, "rule": "shoes"}
    assert shown["settings"]["reservation_ttl_ms"] == {"value": 600_000, "rule": "care"}
    assert shown["settings"]["buffer_percent"] == {"value": 20, "rule": "web"}
    assert shown["settings"]["count_tolerance"] == {"value": 0, "rule": None}
    (other,) = objects(shop, "policy", "show", "SHOE", "--category", "hats")
    assert other["settings"]["safety_stock"] == {"value": 1, "rule": "care"}
    assert other["settings"]["buffer_percent"]["rule"] is None
    table = ask(shop, "policy", "show", "SHOE@LEEDS").stdout
    assert "category footwear" in table
    assert "default" in table


def test_places_and_channels_are_listed(shop: Stage) -> None:
    (place,) = objects(shop, "location", "list")
    assert (place["location"], place["region"], place["pickup"], place["authority"]) == (
        "LEEDS",
        "north",
        True,
        ["wms", "pos"],
    )
    (channel,) = objects(shop, "channel", "list")
    assert (channel["locations"], channel["methods"], channel["handling_time_ms"]) == (
        ["LEEDS", "YORK"],
        ["shipping"],
        7_200_000,
    )
    assert "wms,pos" in ask(shop, "location", "list").stdout


def test_a_dry_run_shows_what_would_change_and_writes_nothing(shop: Stage) -> None:
    before = objects(shop, "policy", "list")
    (shown,) = objects(shop, "policy", "set", "shoes", "safety_stock=5", "--dry-run")
    assert shown["changes"] == {"safety_stock": [3, 5]}
    assert shown["written"] is False
    assert "safety_stock: 3 -> 5" in ask(shop, "policy", "set", "shoes", "safety_stock=5", "--dry-run").stdout
    assert objects(shop, "policy", "list") == before


def test_what_is_not_named_stays_and_what_is_said_already_is_not_written_again(shop: Stage) -> None:
    (written,) = objects(shop, "location", "set", "LEEDS", "open=no", "--yes")
    assert written["changes"] == {"open": [True, False]}
    assert written["reference"]["region"] == "north"
    shop.settle()
    (place,) = objects(shop, "location", "list")
    assert (place["open"], place["region"]) == (False, "north")
    assert "says that already" in ask(shop, "location", "set", "LEEDS", "open=no").stdout
    (told,) = objects(shop, "location", "set", "LEEDS", "--again", "--yes")
    assert (told["written"], told["changes"]) == (True, {}), "for an agent that came later"
    objects(shop, "location", "set", "LEEDS", "open=yes", "--yes")
    shop.settle()


def test_a_rule_that_is_withdrawn_is_gone(shop: Stage) -> None:
    objects(shop, "policy", "set", "passing", "max_splits=2", "--yes")
    shop.settle()
    assert "passing" in {rule["rule"] for rule in objects(shop, "policy", "list")}
    objects(shop, "policy", "set", "passing", "--withdraw", "--yes")
    shop.settle()
    assert "passing" not in {rule["rule"] for rule in objects(shop, "policy", "list")}


def test_it_asks_before_it_writes(shop: Stage) -> None:
    told = ask(shop, "channel", "set", "web", "methods=none")  # nobody answers the question
    assert told.exit_code != 0
    assert objects(shop, "channel", "list")[0]["methods"] == ["shipping"]
    assert ask(shop, "channel", "set", "web", "methods=none", "--json").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("policy", "set", "r"), "Say what the rule sets"),
        (("policy", "set", "r", "saftey_stock=1"), "Did you mean safety_stock?"),
        (("policy", "set", "r", "safety_stock"), "give NAME=VALUE"),
        (("policy", "set", "r", "safety_stock=many"), "cannot be read"),
        (("policy", "set", "r", "buffer_percent=130"), "buffer_percent is 130"),
        (("policy", "set", "unheard-of", "--withdraw"), "There is no rule unheard-of"),
        (("policy", "set", "shoes", "safety_stock=1", "--withdraw"), "sets nothing"),
        (("location", "set", "LEEDS", "open=perhaps"), "yes or no"),
        (("location", "set", "LEEDS", "kind=castle"), "kind of LEEDS is castle"),
        (("channel", "set", "web", "methods=drone"), "drone"),
        (("channel", "set", "web", "channel=app"), "no setting of it"),
        (("policy", "show", "@LEEDS"), "Name a SKU"),
    ],
)
def test_what_is_wrong_is_said_and_is_wrong_usage(shop: Stage, arguments: tuple[str, ...], said: str) -> None:
    told = ask(shop, *arguments)
    assert told.exit_code == 2, told.output
    assert said in told.stderr


def test_without_topics_it_says_how_to_create_them(broker: ClusterAddress, tmp_path: Path) -> None:
    told = ask(Stage(broker, tmp_path), "policy", "list")
    assert told.exit_code == 3
    assert "onhand topics create" in told.stderr

"""`onhand dead-letters list`: what a real worker and an import have buried."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.harness import Stage, receipt
from tests.tools.asking import ask, objects
from tools.brokers.scratch import ClusterAddress

pytestmark = pytest.mark.embedded
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
BAD_ROW = "1,22423,[CAKE],six,2011-01-01 10:00:00,2.5,7,Norway\n"
UNREADABLE_ROW = '1,22423,"CAKE"STAND,6,2011-01-01 10:00:00,2.5,7,Norway\n'


@pytest.fixture(scope="module")
def shop(broker: ClusterAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Noise, a key that is not its SKU, an id used twice, and two bad rows of a file."""
    root = tmp_path_factory.mktemp("dead-letters")
    with Stage(broker, root) as stage:
        assert objects(stage, "dead-letters", "list") == []
        assert ask(stage, "dead-letters", "list").stdout == "No dead letters.\n"
        stage.worker().start().until_ready()
        shoe = receipt("SHOE", 1, "twice")
        stage.send(shoe)
        stage.send_raw(b"SHOE", b"\xfe\xed noise")
        stage.send_raw(b"BOOT", stage.encoded(receipt("SHOE", 2, "wrong key")))
        stage.send(receipt("SHOE", 9, "twice", occurred_at_ms=shoe.occurred_at_ms))
        stage.settle()
        file = root / "sales.csv"
        file.write_text(HEADER + BAD_ROW + UNREADABLE_ROW)
        imported = ask(stage, "import", str(file), "--map", "uci-online-retail")
        assert imported.exit_code == 0, imported.output
        yield stage


def test_every_burial_is_listed_with_its_stage_its_reason_and_where_it_came_from(shop: Stage) -> None:
    found = objects(shop, "dead-letters", "list")
    assert sorted(letter["stage"] for letter in found) == ["decide", "decode", "decode", "map", "read"]
    assert [letter["buried_at_ms"] for letter in found] == sorted(letter["buried_at_ms"] for letter in found)
    noise = next(letter for letter in found if letter["value_text"] is None)
    assert bytes.fromhex(noise["value"]) == b"\xfe\xed noise"
    assert (noise["key_text"], noise["stage"]) == ("SHOE", "decode")
    assert (noise["origin_topic"], noise["origin_offset"] >= 0) == (shop.transactions, True)
    twice = next(letter for letter in found if letter["stage"] == "decide")
    assert "id_reused" in twice["reason"]


def test_a_bad_row_of_a_file_keeps_its_text_and_its_reason_names_the_row(shop: Stage) -> None:
    (letter,) = objects(shop, "dead-letters", "list", "--stage", "map")
    assert letter["value_text"] == BAD_ROW
    assert letter["reason"].startswith("Row 1 of sales.csv: Quantity is 'six'")
    (unread,) = objects(shop, "dead-letters", "list", "--stage", "read")
    assert unread["value_text"] == UNREADABLE_ROW


def test_stage_reason_key_age_and_number_narrow_it(shop: Stage) -> None:
    def count(*options: str) -> int:
        return len(objects(shop, "dead-letters", "list", *options))

    assert count("--reason", "THE KEY") == 1
    assert count("--key", "BOOT") == 1
    assert count("--since", "1h") == 5
    assert count("--since", "0ms") == 0
    assert count("--topic", shop.transactions) == 5
    last = objects(shop, "dead-letters", "list", "--limit", "2")
    assert last == objects(shop, "dead-letters", "list")[-2:]


def test_people_see_when_and_what_and_every_sign_of_it(shop: Stage) -> None:
    table = ask(shop, "dead-letters", "list").stdout
    assert "5 dead letters" in table
    assert "buried (UTC)" in table
    assert "sales.csv row 1" in table
    assert "1 dead letter\n" in ask(shop, "dead-letters", "list", "--key", "BOOT").stdout


@pytest.mark.parametrize("options", [("--topic", "no.such"), ("--since", "soon"), ("--stage", "rot")])
def test_options_that_make_no_sense_end_with_2(shop: Stage, options: tuple[str, ...]) -> None:
    assert ask(shop, "dead-letters", "list", *options).exit_code == 2

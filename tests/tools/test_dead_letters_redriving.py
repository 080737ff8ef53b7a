"""`onhand dead-letters redrive|drop|show`: what can be sent again, what not, and what the operator is told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agents.inventory.alerts import AlertType
from agents.inventory.answers import Status
from agents.inventory.transactions import Kind
from agents.inventory.units import MILLISECONDS_PER_DAY
from agents.runtime.dead_letters import HEAD_BYTES
from tests.integration.harness import Stage, a_transaction, now_ms, receipt
from tests.tools.asking import ask, objects
from tools.brokers.scratch import ClusterAddress
from tools.cli import cli

pytestmark = pytest.mark.embedded
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
BAD_ROW = "1,22423,CAKE,six,2011-01-01 10:00:00,2.5,7,Norway\n"


@pytest.fixture(scope="module")
def shop(broker: ClusterAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(broker, tmp_path_factory.mktemp("redriving")) as stage:
        stage.worker().start().until_ready()
        yield stage


def buried(shop: Stage, key: str | None, value: bytes | None) -> str:
    """Publish it and wait for its burial. Returns the name of its letter."""
    raw = None if key is None else key.encode()
    landed = shop.send_raw(raw, value, partition=0 if key is None else -1)
    shop.buried_at(landed)
    options = ("--partition", str(landed[0]), "--offsets", str(landed[1]), "--state", "all")
    (letter,) = objects(shop, "dead-letters", "list", *options)
    return "-".join(letter["dead_letter"].rsplit("-", 2)[-2:])


def refused(shop: Stage, sku: str, **fields: Any) -> str:
    """A fact that is refused and buried."""
    sale = a_transaction(Kind.SALE, sku, f"sale-{sku}", **{"quantity": 2, **fields})
    return buried(shop, sku, shop.encoded(sale))


def why_not(shop: Stage, name: str, *options: str) -> str:
    (told,) = objects(shop, "dead-letters", "redrive", name, *options, "--yes", exit_code=1)
    assert told["redriven"] is False
    return str(told["why_not"])


def redrive(shop: Stage, name: str, *options: str) -> None:
    (told,) = objects(shop, "dead-letters", "redrive", name, *options, "--why", "corrected", "--yes")
    assert told["redriven"] is True, told


def typed(shop: Stage, answer: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, *shop.options], input=answer, env=shop.environment)


# -- what cannot be sent as it is --------------------------------------------------------------------------------------


def test_what_is_still_unreadable_is_not_sent_to_be_buried_again(shop: Stage) -> None:
    name = buried(shop, "noise", b"\xfe\xed noise")
    assert why_not(shop, name) == (
        "It would be buried again: The value is not framed Avro: it begins with fe ed 20 6e 6f 69 73 65. "
        "Correct it (--set, --value-file, --new-key), or redrive it --anyway after an upgrade."
    )
    assert why_not(shop, name, "--set", "quantity=1", "--why", "x").startswith("The correction cannot be read: ")
    redrive(shop, name, "--anyway")
    shop.tail("dead_letter").until(lambda tail: any(e.key == b"noise" and e.story.attempts == 2 for e in tail.all))


def test_a_record_of_which_only_the_head_is_kept_must_come_from_its_sender(shop: Stage) -> None:
    name = buried(shop, "huge", b"\0" * (600 * 1024))
    assert why_not(shop, name) == (
        "Of its 614,400 bytes only the head is kept. Let its sender publish it again, then drop this letter; "
        "or give it whole with --value-file."
    )
    shown = ask(shop, "dead-letters", "show", name).stdout
    assert f"614,400 bytes, of which the first {HEAD_BYTES:,} are kept" in shown


def test_a_row_of_a_file_is_imported_again_not_redriven(shop: Stage) -> None:
    file = shop.root / "sales.csv"
    file.write_text(HEADER + BAD_ROW)
    for _ in range(2):
        assert ask(shop, "import", str(file), "--map", "uci-online-retail").exit_code == 0
    (row,) = objects(shop, "dead-letters", "list", "--stage", "map")
    assert (row["count"], row["first_origin"]) == (2, "sales.csv row 1")
    name = "-".join(row["dead_letter"].rsplit("-", 2)[-2:])
    assert why_not(shop, name).startswith("It is a row of a file and never was a record. Correct the row and import")


def test_a_record_without_a_key_needs_one(shop: Stage) -> None:
    sale = receipt("keyless", 4, "keyless-1")
    name = buried(shop, None, shop.encoded(sale))
    assert why_not(shop, name) == "It has no key, so no partition is its own. Give its SKU with --new-key."
    redrive(shop, name, "--new-key", "keyless")
    assert shop.answer_to("keyless-1").status is Status.ACCEPTED


def test_a_deletion_has_nothing_to_send(shop: Stage) -> None:
    name = buried(shop, "deleted", None)
    assert why_not(shop, name) == "It has no value. Give one with --value-file, or drop it."


def test_a_letter_that_is_not_there_is_told(shop: Stage) -> None:
    told = ask(shop, "dead-letters", "redrive", "0-99999", "--yes")
    assert told.exit_code == 3
    assert "There is no dead letter 0-99999." in told.output


# -- facts that were refused: a decision comes first -------------------------------------------------------------------


def test_a_fact_that_is_too_late_is_applied_only_as_a_new_one(shop: Stage) -> None:
    name = refused(shop, "late", occurred_at_ms=now_ms() - 8 * MILLISECONDS_PER_DAY)
    assert why_not(shop, name).startswith("It was refused too_late: its id may have been forgotten, so nobody can tell")
    half = ("--set", "transaction_id={}-corrected", "--why", "x")
    assert why_not(shop, name, *half) == (
        "It would be too_late again: occurred_at_ms is older than 1w. Set it too: --set occurred_at_ms=now."
    )
    redrive(shop, name, *half[:2], "--set", "occurred_at_ms=now")
    assert shop.answer_to("sale-late-corrected").status is Status.ACCEPTED


def test_a_fact_whose_id_was_used_needs_an_id_of_its_own(shop: Stage) -> None:
    shop.send(a_transaction(Kind.SALE, "reused", "sale-reused", quantity=7))
    name = refused(shop, "reused")
    assert why_not(shop, name).startswith("Its id belongs to another transaction with other content.")
    redrive(shop, name, "--set", "transaction_id={}-corrected")
    assert shop.answer_to("sale-reused-corrected").status is Status.ACCEPTED


def test_a_fact_with_a_refused_quantity_needs_another_quantity_and_id(shop: Stage) -> None:
    name = refused(shop, "negative", quantity=-2)
    assert why_not(shop, name).startswith("Its quantity was refused, and the refusal is kept under its id.")
    assert why_not(shop, name, "--set", "quantity=2", "--why", "x").startswith("Its quantity was refused")
    redrive(shop, name, "--set", "quantity=2", "--set", "transaction_id={}-corrected")
    assert shop.answer_to("sale-negative-corrected").quantity == 2


def test_a_refused_fact_raises_an_alert_as_every_burial_does(shop: Stage) -> None:
    refused(shop, "alerted", quantity=-1)
    found = [each for each in shop.tail("alert").to_the_end(shop.topology).all if "sale-alerted" in each.message]
    assert [each.type for each in found] == [AlertType.DEAD_LETTER]
    assert found[0].message.endswith(
        "could not be decided: SALE sale-alerted of test was refused: quantity_not_positive"
    )
    assert found[0].action == (
        "Look at it with `onhand dead-letters list`; correct the sender, then redrive or drop it."
    )


# -- correcting --------------------------------------------------------------------------------------------------------


def test_a_record_is_saved_corrected_and_sent_with_who_and_why(shop: Stage) -> None:
    name = refused(shop, "edited", quantity=-2)
    file = shop.root / "edited.json"
    assert ask(shop, "dead-letters", "show", name, "--save", str(file)).exit_code == 0
    said = json.loads(file.read_text())
    assert (said["transaction_id"], said["quantity"]) == ("sale-edited", -2)
    file.write_text(json.dumps({**said, "quantity": 3, "transaction_id": "sale-edited-2"}))
    redrive(shop, name, "--value-file", str(file), "--who", "ann")
    assert shop.answer_to("sale-edited-2").quantity == 3
    (told,) = objects(shop, "dead-letters", "show", name)
    assert (told["settled"]["verdict"], told["settled"]["who"], told["settled"]["why"]) == (
        "redriven",
        "ann",
        "corrected",
    )
    last = [m for m in shop.tail("transaction").to_the_end(shop.topology).all if m.key() == b"edited"][-1]
    assert dict(last.headers() or [])["onhand.redrive.corrected_sha256"] == told["value_sha256"].encode()


def test_a_correction_that_makes_no_transaction_is_refused_before_it_is_sent(shop: Stage) -> None:
    name = refused(shop, "worse", quantity=-2)
    assert why_not(shop, name, "--set", "kind=STEAL", "--why", "x").startswith(
        "The correction cannot be read: Field `kind`"
    )
    assert why_not(shop, name, "--set", "colour=red", "--why", "x") == (
        "The correction cannot be read: There is no field `colour` in a Transaction."
    )


def test_a_correction_needs_a_reason(shop: Stage) -> None:
    name = refused(shop, "unsaid", quantity=-2)
    told = ask(shop, "dead-letters", "redrive", name, "--set", "quantity=2", "--yes")
    assert told.exit_code == 2
    assert "A corrected record needs --why TEXT: it is kept with it." in told.output


# -- asking first ------------------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(shop: Stage) -> None:
    name = buried(shop, "elsewhere", shop.encoded(receipt("dry", 1, "dry-1")))
    told = ask(shop, "dead-letters", "redrive", name, "--new-key", "dry", "--why", "x", "--dry-run")
    assert told.exit_code == 0
    assert f"would be redriven {name} to {shop.transactions}[" in told.stdout
    assert "1 dead letter would be redriven, 0 left as they are." in told.stdout
    dropped = ask(shop, "dead-letters", "drop", name, "--why", "x", "--dry-run")
    assert f"would be dropped {name}" in dropped.stdout
    (letter,) = objects(shop, "dead-letters", "show", name)
    assert letter["state"] == "open"


def test_a_person_is_asked_and_a_no_changes_nothing(shop: Stage) -> None:
    name = buried(shop, "asked", b"noise of asked")
    said_no = typed(shop, "n\n", "dead-letters", "drop", name, "--why", "x")
    assert "Drop 1 dead letter?" in said_no.output
    assert "Nothing was done." in said_no.output
    assert objects(shop, "dead-letters", "show", name)[0]["state"] == "open"
    assert typed(shop, "y\n", "dead-letters", "drop", name, "--why", "x").exit_code == 0
    assert objects(shop, "dead-letters", "show", name)[0]["state"] == "dropped"
    assert ask(shop, "dead-letters", "drop", name, "--why", "x", "--json").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("redrive",),
        ("redrive", "forty-one"),
        ("redrive", "0-1", "--set", "quantity"),
        ("drop", "0-1"),
        ("drop", "--why", "x"),
        ("show",),
        ("list", "--offsets", "a-b"),
        ("list", "--until", "soon"),
    ],
)
def test_what_is_not_said_clearly_is_wrong_usage(shop: Stage, arguments: tuple[str, ...]) -> None:
    assert ask(shop, "dead-letters", *arguments).exit_code == 2


# -- looking -----------------------------------------------------------------------------------------------------------


def test_one_record_published_twice_is_one_letter_with_a_count(shop: Stage) -> None:
    name = buried(shop, "doubled", b"the same noise")
    shop.buried_at(shop.send_raw(b"doubled", b"the same noise"))
    shop.buried_at(shop.send_raw(b"doubled", b"another noise"))
    one, other = objects(shop, "dead-letters", "list", "--key", "doubled")
    assert sorted((one["count"], other["count"])) == [1, 2]
    assert ask(shop, "dead-letters", "drop", name, "--why", "x", "--yes").exit_code == 0
    (left,) = objects(shop, "dead-letters", "list", "--key", "doubled")
    assert left["value_text"] == "another noise"


def test_reasons_are_counted_without_what_differs_from_record_to_record(shop: Stage) -> None:
    for number in range(3):
        refused(shop, f"counted-{number}", quantity=-1)
    table = ask(shop, "dead-letters", "list", "--by", "reason").stdout
    (line,) = [line for line in table.splitlines() if "SALE was refused: quantity_not_positive" in line]
    assert int(line.split("│")[1]) >= 3
    counts = objects(shop, "dead-letters", "list", "--by", "stage")
    assert {each["stage"] for each in counts} >= {"decide", "decode"}


def test_partition_offsets_time_and_state_narrow_it(shop: Stage) -> None:
    name = buried(shop, "narrow", b"noise of narrow")
    (letter,) = objects(shop, "dead-letters", "show", name)
    at = ("--partition", str(letter["origin_partition"]), "--offsets")
    assert len(objects(shop, "dead-letters", "list", *at, f"{letter['origin_offset']}-{letter['origin_offset']}")) == 1
    assert objects(shop, "dead-letters", "list", *at, "999999") == []
    before = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(letter["buried_at_ms"] / 1000 - 1))
    after = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(letter["buried_at_ms"] / 1000 + 2))
    assert len(objects(shop, "dead-letters", "list", "--key", "narrow", "--since", before, "--until", after)) == 1
    assert objects(shop, "dead-letters", "list", "--key", "narrow", "--until", before) == []
    assert objects(shop, "dead-letters", "list", "--key", "narrow", "--state", "redriven") == []


def test_show_tells_the_story_what_the_value_says_its_bytes_and_the_next_step(shop: Stage) -> None:
    sale = a_transaction(Kind.SALE, "shown", "sale-shown", quantity=1)
    spoilt = shop.encoded(sale)[:-1]
    name = buried(shop, "shown", spoilt)
    shown = ask(shop, "dead-letters", "show", name).stdout
    assert "state          open" in shown
    assert "reads until    The record ends within field `why`" in shown
    assert "  000000  c3 01 " in shown
    assert "redrive        as it is it cannot be: It would be buried again: The record ends" in shown
    (plain,) = objects(shop, "dead-letters", "show", name)
    assert (plain["decoded"], plain["stops_decoding"]) == (None, "The record ends within field `why`.")
    assert bytes.fromhex(plain["value"]) == spoilt
    wrong_key = buried(shop, "not-shown", shop.encoded(sale))
    told = ask(shop, "dead-letters", "show", wrong_key).stdout
    assert '"transaction_id":"sale-shown"' in told

"""Dead letters of a real worker are sent again: each once, with its origin, and whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Message

from agents.inventory.answers import Status
from agents.inventory.transactions import Kind, PolicySettings, Transaction
from agents.runtime.fold import FIRST_RECORD_TIME_HEADER
from agents.runtime.partitioner import partition_of
from tests.integration.breaking_worker import repairable
from tests.integration.harness import Stage, Tail, receipt
from tests.tools.asking import ask, objects
from tools.brokers.encoding import codec_of
from tools.brokers.scratch import ClusterAddress
from tools.dead_letters.desk import Desk, Outcome
from tools.dead_letters.letters import Choice, Letter, State
from tools.dead_letters.redriving import Correction, Decider

RULE = {"transaction_id": "rule-1", "source": "test", "kind": "POLICY"}
ANN = Decider("ann", "upgraded")


BROKERS = [
    pytest.param("broker", marks=pytest.mark.embedded, id="embedded"),
    pytest.param("kafka", marks=pytest.mark.kafka, id="kafka"),
]


@pytest.fixture(scope="module", params=BROKERS)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A worker with bugs on each broker in turn."""
    cluster: ClusterAddress = request.getfixturevalue(request.param)
    with Stage(cluster, tmp_path_factory.mktemp("redrive")) as stage:
        repairable(stage)
        yield stage


def break_again(shop: Stage) -> None:
    (shop.root / "bugs").touch()


def repair(shop: Stage) -> None:
    (shop.root / "bugs").unlink()


def bury(shop: Stage, sku: str, **headers: bytes) -> dict[str, Any]:
    """A receipt that meets the bug. Returns its letter."""
    break_again(shop)
    value = shop.encoded(receipt(sku, 5, f"id-{sku}"))
    landed = shop.send_raw(sku.encode(), value, headers=list(headers.items()))
    shop.buried_at(landed)
    (letter,) = objects(shop, "dead-letters", "list", "--key", sku)
    return letter


def name_of(letter: dict[str, Any]) -> str:
    return "-".join(letter["dead_letter"].rsplit("-", 2)[-2:])


def in_the_log(shop: Stage, key: str) -> list[Message]:
    tail: Tail = shop.tail("transaction").to_the_end(shop.topology)
    return [message for message in tail.all if message.key() == key.encode()]


def desk(shop: Stage) -> Desk:
    return Desk(shop.topology, codec_of(shop.topology), [shop.agent])


def redriven(desk: Desk, letters: list[Letter]) -> Outcome:
    return desk.redrive(letters, Correction(), ANN, dry_run=False, advance=lambda _: None)


def test_a_redriven_record_is_decided_once_and_keeps_key_value_headers_first_time_and_origin(shop: Stage) -> None:
    letter = bury(shop, "bug-one", trace=b"7")
    repair(shop)
    name = name_of(letter)
    assert objects(shop, "dead-letters", "redrive", name, "--why", "upgraded", "--who", "ann", "--yes") == [
        {"dead_letter": name, "redriven": True, "to": to_partition(shop, "bug-one"), "why_not": None}
    ]
    assert shop.answer_to("id-bug-one").status is Status.ACCEPTED
    first, again = in_the_log(shop, "bug-one")
    headers = dict(again.headers() or [])
    assert (again.value(), again.partition()) == (first.value(), first.partition())
    assert headers["trace"] == b"7"
    assert headers["onhand.redrive.origin"] == f"{shop.transactions}-{first.partition()}-{first.offset()}".encode()
    assert headers["onhand.redrive.attempts"] == b"1"
    assert (headers["onhand.redrive.who"], headers["onhand.redrive.why"]) == (b"ann", b"upgraded")
    assert headers[FIRST_RECORD_TIME_HEADER] == str(first.timestamp()[1]).encode()
    assert not [name for name in headers if name.startswith("__connect") or name == "onhand.dead_letter"]
    (told,) = objects(shop, "dead-letters", "list", "--key", "bug-one", "--state", "redriven")
    assert (told["settled"]["who"], told["settled"]["why"], told["settled"]["to"]) == (
        "ann",
        "upgraded",
        to_partition(shop, "bug-one"),
    )
    shop.settle()
    assert shop.levels()["bug-one", "LEEDS"].on_hand == 5


def to_partition(shop: Stage, key: str) -> str:
    return f"{shop.transactions}[{partition_of(key.encode(), shop.partitions)}]"


def test_redriving_twice_by_mistake_sends_it_once_and_says_who_did_it(shop: Stage) -> None:
    name = name_of(bury(shop, "bug-twice"))
    repair(shop)
    assert ask(shop, "dead-letters", "redrive", name, "--who", "ann", "--yes").exit_code == 0
    again = ask(shop, "dead-letters", "redrive", name, "--yes")
    assert again.exit_code == 1
    assert f"left {name}: It was redriven by ann at " in again.stdout
    assert "--again redrives it once more." in again.stdout
    assert "No dead letters to redrive." in ask(shop, "dead-letters", "redrive", "--key", "bug-twice", "--yes").stdout
    assert len(in_the_log(shop, "bug-twice")) == 2
    assert ask(shop, "dead-letters", "redrive", name, "--again", "--yes").exit_code == 0
    assert len(in_the_log(shop, "bug-twice")) == 3
    shop.settle()
    assert shop.levels()["bug-twice", "LEEDS"].on_hand == 5


def test_two_people_at_the_same_letters_send_each_once(shop: Stage) -> None:
    for number in range(3):
        bury(shop, f"bug-race-{number}")
    repair(shop)
    one, other = desk(shop), desk(shop)
    choice = Choice(reason="a bug in a decision", state=State.OPEN)
    both = [
        [each for each in at.chosen(choice) if (each.last.key or b"").startswith(b"bug-race")] for at in (one, other)
    ]
    assert [len(letters) for letters in both] == [3, 3]
    assert len(redriven(one, both[0]).done) == 3
    late = redriven(other, both[1])
    assert late.done == []
    assert ["It was redriven by ann" in sentence for _, sentence in late.left] == [True] * 3
    assert [len(in_the_log(shop, f"bug-race-{number}")) for number in range(3)] == [2, 2, 2]


def test_a_redriven_record_that_fails_again_is_one_letter_with_its_attempts_and_its_first_origin(shop: Stage) -> None:
    letter = bury(shop, "bug-again")
    name = name_of(letter)
    for attempt in (2, 3):
        assert ask(shop, "dead-letters", "redrive", name, "--yes").exit_code == 0
        shop.tail("dead_letter").until(
            lambda tail, attempt=attempt: any(  # type: ignore[misc]
                each.key == b"bug-again" and each.story.attempts == attempt for each in tail.all
            ),
            what=f"no attempt {attempt}",
        )
        (told,) = objects(shop, "dead-letters", "list", "--key", "bug-again")
        assert (told["state"], told["attempts"], told["count"]) == ("open", attempt, attempt)
        assert told["dead_letter"] == letter["dead_letter"]
        assert told["first_origin"] == letter["first_origin"]
        assert told["origin_offset"] > letter["origin_offset"]
    shown = ask(shop, "dead-letters", "show", name).stdout
    assert f"first from     {letter['first_origin']}; tried 3 times" in shown
    assert "buried         3 times: " in shown
    assert "open again; redriven to " in shown
    repair(shop)
    assert ask(shop, "dead-letters", "redrive", name, "--yes").exit_code == 0
    assert shop.answer_to("id-bug-again").status is Status.ACCEPTED
    last = in_the_log(shop, "bug-again")[-1]
    headers = dict(last.headers() or [])
    assert headers["onhand.redrive.attempts"] == b"3"
    assert headers[FIRST_RECORD_TIME_HEADER] == str(letter["record_time_ms"]).encode()


def test_a_broadcast_record_goes_to_every_partition_and_is_one_letter(shop: Stage) -> None:
    rule = Transaction(
        transaction_id="rule-1",
        source="test",
        kind=Kind.POLICY,
        policy=PolicySettings(rule="shelf", sku="bug-shelf", safety_stock=4),
    )
    spoilt = shop.encoded(rule)[:-1]
    landed = [shop.send_raw(b"policy:shelf", spoilt, partition) for partition in range(shop.partitions)]
    for place in landed:
        shop.buried_at(place)
    (letter,) = objects(shop, "dead-letters", "list", "--key", "policy:shelf")
    assert letter["count"] == shop.partitions
    file = shop.root / "rule.json"
    file.write_text(json.dumps({**RULE, "policy": {"rule": "shelf", "sku": "bug-shelf", "safety_stock": 4}}))
    (done,) = objects(
        shop, "dead-letters", "redrive", name_of(letter), "--value-file", str(file), "--why", "cut off", "--yes"
    )
    assert done["to"] == f"{shop.transactions}, every partition"
    assert sorted(message.partition() or 0 for message in in_the_log(shop, "policy:shelf")) == sorted(
        2 * list(range(shop.partitions))
    )
    if (shop.root / "bugs").exists():
        repair(shop)
    shop.send(receipt("bug-shelf", 10))
    shop.settle()
    assert shop.levels()["bug-shelf", "LEEDS"].atp == 6
    assert objects(shop, "dead-letters", "list", "--key", "policy:shelf") == []


def test_a_letter_that_was_dropped_is_open_again_when_the_record_is_published_again(shop: Stage) -> None:
    name = name_of(bury(shop, "bug-dropped"))
    assert ask(shop, "dead-letters", "drop", name, "--why", "test traffic", "--yes").exit_code == 0
    assert objects(shop, "dead-letters", "list", "--key", "bug-dropped") == []
    value = in_the_log(shop, "bug-dropped")[0].value()
    shop.buried_at(shop.send_raw(b"bug-dropped", value))
    (letter,) = objects(shop, "dead-letters", "list", "--key", "bug-dropped")
    assert (name_of(letter), letter["count"], letter["attempts"], letter["state"]) == (name, 2, 1, "open")

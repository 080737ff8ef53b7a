"""`onhand partitions`: how they stand, here and elsewhere, and how a parked one goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.inventory.alerts import AlertType
from agents.inventory.answers import Status
from tests.integration.breaking_worker import repairable
from tests.integration.harness import Stage, Worker, receipt
from tests.tools.asking import ask, objects
from tools.brokers.scratch import ClusterAddress
from tools.commands.partitions import _standing
from tools.partitions import PartitionStanding

KEEPER = ("--agent", "stock_keeper")

BROKERS = [
    pytest.param("broker", marks=pytest.mark.embedded, id="embedded"),
    pytest.param("kafka", marks=pytest.mark.kafka, id="kafka"),
]


@pytest.fixture(scope="module", params=BROKERS)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A worker with bugs on each broker in turn."""
    cluster: ClusterAddress = request.getfixturevalue(request.param)
    with Stage(cluster, tmp_path_factory.mktemp("partitions")) as stage:
        stage.first, _ = repairable(stage)  # type: ignore[attr-defined]
        yield stage


@pytest.fixture
def elsewhere(shop: Stage, tmp_path: Path) -> Iterator[Stage]:
    """The same, asked from a machine that has no worker's state directory."""
    before = shop.environment["ONHAND_STATE"]
    shop.environment["ONHAND_STATE"] = str(tmp_path)
    yield shop
    shop.environment["ONHAND_STATE"] = before


def worker_of(shop: Stage) -> Worker:
    worker: Worker = shop.first  # type: ignore[attr-defined]
    return worker


def park(shop: Stage, partition: int, name: str = "broken") -> tuple[str, int]:
    """Break an invariant in that partition. Returns SKU and offset."""
    (shop.root / "bugs").touch()
    sku = shop.sku_of(partition, name)
    _, offset = shop.send_raw(sku.encode(), shop.encoded(receipt(sku, 5, f"id-{sku}-{name}")))
    worker_of(shop).until(lambda status: status["partitions"][partition]["standing"] == "parked", "parked")
    return sku, offset


def repair(shop: Stage) -> None:
    (shop.root / "bugs").unlink(missing_ok=True)


def unpark(shop: Stage, partition: int, *options: str, exit_code: int = 0) -> dict[str, Any]:
    (told,) = objects(shop, "partitions", "unpark", *KEEPER, str(partition), *options, "--yes", exit_code=exit_code)
    return told


def test_running_partitions_are_listed_with_owner_position_and_lag(shop: Stage) -> None:
    shop.send(receipt("calm", 1))
    shop.settle()
    listed = objects(shop, "partitions", "list", *KEEPER)
    assert [(each["partition"], each["owner"], each["standing"]) for each in listed] == [
        (0, "1", "running"),
        (1, "1", "running"),
    ]
    assert all(each["lag"] == each["end"] - each["input_position"] for each in listed)
    assert all(each["parked_at"] is None and each["agent"] == "stock_keeper" for each in listed)
    assert all(each["busy_s"] is None or each["busy_s"] < 1 for each in listed)


@pytest.mark.parametrize(
    ("standing", "parked_at", "busy_s", "shown"),
    [
        ("running", None, None, "running"),
        ("running", None, 4.9, "running"),
        ("running", None, 71.6, "running, busy for 72 s"),
        ("parked", 12, 71.6, "parked at 12"),
    ],
)
def test_an_owner_that_has_been_at_one_chunk_for_long_is_shown_as_busy(
    standing: str, parked_at: int | None, busy_s: float | None, shown: str
) -> None:
    told = PartitionStanding("stock_keeper", 0, "1", standing, "", parked_at, 12, 40, None, busy_s)
    assert _standing(told) == shown


def test_from_elsewhere_group_and_heartbeats_tell_the_same(elsewhere: Stage) -> None:
    elsewhere.tail("heartbeat").until(
        lambda tail: {beat.partition for beat in tail.all} == {0, 1}, what="no heartbeats"
    )
    listed = objects(elsewhere, "partitions", "list", *KEEPER)
    assert [(each["partition"], each["owner"], each["standing"]) for each in listed] == [
        (0, "1", "running"),
        (1, "1", "running"),
    ]


def test_a_partition_that_is_not_parked_cannot_be_unparked(shop: Stage) -> None:
    told = ask(shop, "partitions", "unpark", *KEEPER, "0", "--retry", "--yes")
    assert told.exit_code == 3
    assert "Partition 0 of stock_keeper is not parked: it is running." in told.output
    assert ask(shop, "partitions", "unpark", *KEEPER, "9", "--retry", "--yes").exit_code == 2


def test_a_parked_partition_goes_on_without_its_record_while_the_others_never_stop(shop: Stage) -> None:
    sku, offset = park(shop, 0)
    try:
        listed = ask(shop, "partitions", "list", *KEEPER)
        assert listed.exit_code == 1
        assert f"parked at {offset}" in listed.stdout
        assert (
            "Partition 0 stands still. After an upgrade: `onhand partitions unpark 0 --agent stock_keeper --retry`."
            in listed.stdout
        )
        assert f"`onhand partitions unpark 0 --agent stock_keeper --skip {offset} --why TEXT`" in listed.stdout
        other = receipt(shop.sku_of(1, "calm"), 1)
        shop.send(other, waiting := receipt(shop.sku_of(0, "waits"), 3))
        assert shop.answer_to(other.transaction_id).status is Status.ACCEPTED
        wrong = ask(shop, "partitions", "unpark", *KEEPER, "0", "--skip", str(offset + 1), "--why", "x", "--yes")
        assert wrong.exit_code == 2
        assert f"Partition 0 is parked at offset {offset}, not at {offset + 1}." in wrong.output
        shown = ask(shop, "partitions", "unpark", *KEEPER, "0", "--skip", str(offset), "--why", "x", "--dry-run").stdout
        assert f'"transaction_id":"id-{sku}-broken"' in shown
        assert "would be: it becomes a dead letter, and the partition goes on after it" in shown
        refused = ask(shop, "partitions", "unpark", *KEEPER, "0", "--skip", str(offset), "--why", "x")
        assert "Nothing was done. Where nobody can be asked, add --yes." in refused.output
        assert worker_of(shop).status()["partitions"][0]["standing"] == "parked"
    finally:
        told = unpark(shop, 0, "--skip", str(offset), "--why", "booked by hand", "--who", "ann")
    assert (told["taken_up"], told["parked_again"], told["standing"]) == (True, False, "running")
    assert shop.answer_to(waiting.transaction_id).status is Status.ACCEPTED
    (letter,) = objects(shop, "dead-letters", "show", told["dead_letter"])
    assert (letter["stage"], letter["origin_partition"], letter["origin_offset"]) == ("parked", 0, offset)
    assert letter["reason"].endswith("left out by ann: booked by hand")
    alerts = [each for each in shop.tail("alert").to_the_end(shop.topology).all if each.subject.endswith("-0")]
    assert [each.type for each in alerts if f"-0-{offset}-" in each.event_id] == [
        AlertType.PARTITION_PARKED,
        AlertType.DEAD_LETTER,
    ]
    repair(shop)
    assert objects(shop, "dead-letters", "redrive", told["dead_letter"], "--yes")[0]["redriven"]
    assert shop.answer_to(f"id-{sku}-broken").status is Status.ACCEPTED


def test_trying_again_while_the_bug_is_there_says_that_it_is_parked_again_and_after_the_repair_goes_on(
    shop: Stage,
) -> None:
    sku, offset = park(shop, 1, "broken-retry")
    again = unpark(shop, 1, "--retry", exit_code=1)
    assert (again["taken_up"], again["parked_again"]) == (True, True)
    assert f"the postings of {sku} sum to 1, not to zero" in again["sentence"]
    repair(shop)
    told = unpark(shop, 1, "--retry")
    assert (told["taken_up"], told["parked_again"], told["dead_letter"]) == (True, False, None)
    assert told["input_position"] > offset
    assert shop.answer_to(f"id-{sku}-broken-retry").status is Status.ACCEPTED


def test_from_elsewhere_a_parked_partition_is_known_by_its_alert_and_goes_on(elsewhere: Stage) -> None:
    _, offset = park(elsewhere, 0, "broken-far")
    elsewhere.tail("alert").until(
        lambda tail: any(each.event_id.endswith(f"-0-{offset}-p") for each in tail.all), what="no alert"
    )
    listed = objects(elsewhere, "partitions", "list", *KEEPER, exit_code=1)
    assert listed[0]["standing"] == "parked"
    assert f"[0]@{offset} broke an invariant, the partition stands still: the postings of" in listed[0]["why"]
    assert (listed[0]["parked_at"], listed[0]["owner"], listed[1]["standing"]) == (offset, "1", "running")
    told = unpark(elsewhere, 0, "--skip", str(offset), "--why", "x", "--wait", "30")
    assert (told["taken_up"], told["standing"]) == (True, "running")


def test_a_chunk_that_fails_at_its_end_parks_at_the_record_that_makes_it_fail(shop: Stage) -> None:
    (shop.root / "bugs").touch()
    calm, bad = shop.sku_of(1, "calm"), shop.sku_of(1, "ends-badly")
    for number in range(40):
        shop.offer(receipt(bad if number == 23 else calm, 1, f"end-{number}"))
    shop.flush()
    worker_of(shop).until(lambda status: status["partitions"][1]["standing"] == "parked", "parked")
    offset = worker_of(shop).status()["partitions"][1]["parked_at"]
    told = unpark(shop, 1, "--skip", str(offset), "--why", "a number too big")
    (letter,) = objects(shop, "dead-letters", "show", told["dead_letter"])
    assert letter["key_text"] == bad
    for number in (0, 22, 24, 39):
        assert shop.answer_to(f"end-{number}").status is Status.ACCEPTED
    assert not [said for said in shop.tail("answer").to_the_end(shop.topology).all if said.transaction_id == "end-23"]
    repair(shop)


def test_a_decision_survives_the_death_of_the_worker_that_should_carry_it_out(shop: Stage) -> None:
    sku, offset = park(shop, 0, "broken-killed")
    worker_of(shop).kill()
    nobody = unpark(shop, 0, "--skip", str(offset), "--why", "x", "--wait", "0", exit_code=1)
    assert nobody["taken_up"] is False
    worker = worker_of(shop).start().until_ready(60)
    worker.until(lambda status: status["partitions"][0]["input_position"] > offset, "behind the record")
    listed = objects(shop, "partitions", "list", *KEEPER)
    assert listed[0]["input_position"] > offset
    (letter,) = objects(shop, "dead-letters", "list", "--key", sku)
    assert (letter["stage"], letter["count"]) == ("parked", 1)


def test_when_no_worker_runs_its_last_heartbeat_ages_and_nobody_has_the_partition(shop: Stage) -> None:
    worker_of(shop).terminate()
    deadline = time.monotonic() + 30
    while (standing := objects(shop, "partitions", "list", *KEEPER)[0]["standing"]) == "running":
        assert time.monotonic() < deadline, "an old heartbeat still counts"
    assert standing in {"nobody", "silent"}  # the embedded broker never evicts a member


@pytest.mark.parametrize(
    "options",
    [("0",), ("0", "--retry", "--skip", "4"), ("0", "--skip", "4"), ("0", "--retry", "--agent", "nobody"), ("x",)],
)
def test_wrong_usage_of_unpark_ends_with_2(shop: Stage, options: tuple[str, ...]) -> None:
    assert ask(shop, "partitions", "unpark", *KEEPER, *options, "--yes").exit_code == 2

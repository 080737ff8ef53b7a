"""One worker as a process: what goes in comes out, and nothing that ends the process loses or doubles anything."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from agents.inventory.answers import Status
from agents.inventory.transactions import Kind
from tests.integration.harness import Stage, a_transaction, receipt, reserve

FIRST_HALF, SECOND_HALF = 600, 1_200


def test_a_transaction_goes_in_and_answer_journal_and_level_come_out(any_stage: Stage) -> None:
    any_stage.worker().start().until_ready()
    sku = any_stage.sku_of(1)
    any_stage.send(receipt(sku, 10), reserve(sku, 4, "cart-1", "r1"), reserve(sku, 7, "cart-2", "r2"))
    assert any_stage.answer_to("r1").status is Status.ACCEPTED
    refused = any_stage.answer_to("r2")
    assert (refused.status, refused.refusal, refused.shortfall) == (Status.REFUSED, "insufficient_atp", 1)
    any_stage.settle()
    level = any_stage.levels()[sku, "LEEDS"]
    assert (level.on_hand, level.reserved, level.atp) == (10, 4, 6)
    any_stage.judge()


def test_a_claim_of_an_idle_sku_expires_once_by_a_wake_up(any_stage: Stage) -> None:
    any_stage.worker().start().until_ready()
    sku = any_stage.sku_of(0)
    any_stage.send(receipt(sku, 5), reserve(sku, 5, "cart", "r1", ttl_ms=400))
    any_stage.tail("answer").until(lambda tail: any(said.status is Status.EXPIRED for said in tail.all))
    any_stage.settle()
    assert [said.holder for said in any_stage.tail("answer").all if said.status is Status.EXPIRED] == ["cart"]
    assert [said.kind for said in any_stage.tail("journal").all].count(Kind.EXPIRE) == 1
    assert any_stage.levels()[sku, "LEEDS"].atp == 5
    any_stage.judge()


def test_a_worker_killed_in_the_middle_loses_nothing_and_doubles_nothing(any_stage: Stage) -> None:
    worker = any_stage.worker().start().until_ready()
    some_traffic(any_stage, 0, FIRST_HALF)
    any_stage.tail("answer").until(lambda tail: len(tail.all) > FIRST_HALF // 4)
    some_traffic(any_stage, FIRST_HALF, SECOND_HALF)
    worker.kill()
    any_stage.flush()
    worker.start().until_ready()
    any_stage.settle()
    any_stage.judge()


@pytest.mark.parametrize("damage", ["deleted", "corrupted"])
def test_a_state_directory_that_is_gone_is_rebuilt_from_the_changelog_and_the_worker_says_so(
    any_stage: Stage, damage: str
) -> None:
    worker = any_stage.worker().start().until_ready()
    some_traffic(any_stage, 0, FIRST_HALF)
    any_stage.settle()
    worker.kill()
    if damage == "deleted":
        shutil.rmtree(worker.state_directory)
    else:
        for partition in range(any_stage.partitions):
            (worker.state_directory / str(partition) / "CURRENT").unlink()
    some_traffic(any_stage, FIRST_HALF, SECOND_HALF)
    any_stage.flush()
    said_before = len(worker.text())
    worker.start().until_ready()
    any_stage.settle()
    any_stage.judge()
    said = worker.text()[said_before:]
    assert "partition 0 open: fenced" in said
    assert ", 0 rows restored" not in said
    if damage == "corrupted":
        assert said.count("will be rebuilt from the changelog") == any_stage.partitions


def test_a_restart_restores_only_what_came_after_the_checkpoint(any_stage: Stage) -> None:
    worker = any_stage.worker().start().until_ready()
    some_traffic(any_stage, 0, FIRST_HALF)
    any_stage.settle()
    assert worker.terminate()[0] == 0
    said_before = len(worker.text())
    worker.start().until_ready()
    opened = [line for line in worker.text()[said_before:].splitlines() if "rows restored" in line]
    assert len(opened) == any_stage.partitions
    assert all(", 0 rows restored" in line for line in opened), opened


def test_sigterm_under_load_leaves_in_order_and_in_time(any_stage: Stage) -> None:
    worker = any_stage.worker().start().until_ready()
    some_traffic(any_stage, 0, SECOND_HALF)
    any_stage.tail("answer").until(lambda tail: len(tail.all) > FIRST_HALF // 4)
    code, seconds = worker.terminate()
    assert code == 0, worker.tail()
    assert seconds < 5, worker.tail()
    assert "Traceback" not in worker.text()
    any_stage.flush()
    worker.start().until_ready()
    any_stage.settle()
    any_stage.judge()


def test_a_supervised_worker_that_is_killed_is_started_again_and_sigterm_ends_both(any_stage: Stage) -> None:
    supervisor = any_stage.worker()
    supervisor.supervised = True
    supervisor.start().until_ready()
    killed = supervisor.status()["pid"]
    some_traffic(any_stage, 0, FIRST_HALF)
    os.kill(killed, signal.SIGKILL)
    supervisor.until(lambda status: status["pid"] != killed and bool(status["ready"]), "ready again")
    any_stage.settle()
    any_stage.judge()
    running = supervisor.status()["pid"]
    code, seconds = supervisor.terminate()
    assert (code, seconds < 8) == (0, True), supervisor.tail()
    assert not Path(f"/proc/{running}").exists()


def some_traffic(stage: Stage, first: int, last: int) -> None:
    """Receipts, claims, releases and sales over twenty SKUs; offered, not flushed."""
    for number in range(first, last):
        sku = f"shoe-{number % 20}"
        kind = number % 5
        if kind == 0:
            stage.offer(receipt(sku, 20, f"t{number}"))
        elif kind in {1, 2}:
            stage.offer(reserve(sku, 1 + number % 7, f"h{number}", f"t{number}"))
        elif kind == 3:
            stage.offer(a_transaction(Kind.RELEASE, sku, f"t{number}", holder=f"h{number - 20}", quantity=1))
        else:
            stage.offer(a_transaction(Kind.SALE, sku, f"t{number}", quantity=1))

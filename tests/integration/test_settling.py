"""A day of orders is judged when all of it is decided: what that means."""

from __future__ import annotations

import pytest

from agents.stock_keeper import AGENT
from tests.integration.harness import Stage, receipt
from tools.brokers.encoding import codec_of
from tools.order_day.outside import DayFailed
from tools.order_day.settling import Settling

SKUS = 6


def test_a_day_is_settled_when_the_last_record_of_every_partition_is_decided(any_stage: Stage) -> None:
    any_stage.create()
    settling = Settling(any_stage.topology, codec_of(any_stage.topology), (AGENT,))
    assert settling.look() is None, "nothing was said yet"
    any_stage.send(*(receipt(f"sku-{number}", 5) for number in range(SKUS)))
    any_stage.flush()
    undecided = settling.look()
    assert undecided is not None
    assert undecided.startswith(any_stage.transactions)
    with pytest.raises(DayFailed, match="is not decided"):
        settling.wait(0.0)
    any_stage.worker().start().until_ready()
    settling.wait(60.0)
    said = any_stage.tail("level").to_the_end(any_stage.topology).all
    assert {level.sku for level in said} == {f"sku-{number}" for number in range(SKUS)}

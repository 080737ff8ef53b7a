"""A small day of orders on Apache Kafka, with one real worker per agent: whatever is killed, everything holds."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tools.brokers.scratch import ClusterAddress
from tools.order_day.__main__ import main

ORDERS = 150
KILLED = ["stock_keeper", "order_router"]

pytestmark = [pytest.mark.kafka, pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_day_in_which_either_agent_is_killed_ends_with_every_order_final_and_nothing_oversold(
    kafka: ClusterAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONHAND_PARTITIONS", "2")
    options = [
        "--orders",
        str(ORDERS),
        "--kill",
        "2",
        "--audit",
        "--capacity",
        "--bootstrap",
        kafka.bootstrap,
        "--json",
    ]
    ran = CliRunner().invoke(main, ["run", *options])
    found = json.loads(ran.stdout.splitlines()[-1])
    judgement = found["judgement"]
    assert (ran.exit_code, found["holds"], judgement["broken"], judgement["examples"]) == (0, True, {}, [])
    assert found["killed"] == KILLED
    assert found["audit_differences"] == dict.fromkeys(KILLED, 0)
    assert sum(judgement["stages"].values()) == ORDERS
    assert judgement["stages"]["done"] > ORDERS / 2
    assert (judgement["oversold"], judgement["not_final"], judgement["lost"]) == (0, 0, 0)
    assert judgement["units"]["customer"] > 0

"""The agents of the shipped topology: what they keep is what their cores need, and what they say is heard."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.inventory.campaigns.rows import CampaignPolicy
from agents.runtime.topology import Topology, TopologyInvalid, load
from agents.scorekeeper import SOURCES
from agents.state.campaigns import CAMPAIGN_TABLES
from agents.state.ledger import LEDGER_TABLES
from agents.state.orders import ORDER_TABLES
from agents.state.replenishment import REPLENISHMENT_TABLES
from agents.state.scores import WINDOW_TABLES
from agents.state.tables import Table

SHIPPED = Path(__file__).parents[2] / "topology.yaml"
TABLES = {"order_router": ORDER_TABLES, "campaign_guard": CAMPAIGN_TABLES, "scorekeeper": WINDOW_TABLES}


@pytest.fixture(scope="module")
def shipped() -> Topology:
    return load(SHIPPED, {})


def test_the_shipped_stock_keeper_keeps_every_table_of_the_core(shipped: Topology) -> None:
    tables = {table.name for table in LEDGER_TABLES}
    assert set(shipped.agents["stock_keeper"].keeps) == tables
    assert tables <= set(shipped.state.tables)


@pytest.mark.parametrize(("agent", "tables"), [*TABLES.items(), *((each.agent, each.tables) for each in SOURCES)])
def test_a_shipped_agent_keeps_every_table_of_its_core(
    shipped: Topology, agent: str, tables: tuple[Table, ...]
) -> None:
    assert set(shipped.agents[agent].keeps) == {table.name for table in tables}
    assert {table.name for table in tables} <= set(shipped.state.tables)


@pytest.mark.parametrize("name", ["order_router", "campaign_guard"])
def test_what_the_ledger_and_another_agent_say_to_each_other_is_what_the_other_folds(
    shipped: Topology, name: str
) -> None:
    keeper, agent = shipped.agents["stock_keeper"], shipped.agents[name]
    assert keeper.folds in agent.says
    assert agent.folds in keeper.says
    assert shipped.topics[agent.folds].timestamp_type == "LogAppendTime"


def test_the_shipped_replenisher_keeps_every_table_of_its_core(shipped: Topology) -> None:
    tables = {table.name for table in REPLENISHMENT_TABLES}
    assert set(shipped.agents["replenisher"].keeps) == tables
    assert tables <= set(shipped.state.tables)
    assert shipped.agents["replenisher"].folds in shipped.agents["stock_keeper"].says
    assert shipped.topics["demand.v1"].timestamp_type == "LogAppendTime"


def with_campaigns(path: Path, section: str) -> Path:
    """The shipped file with another section `campaigns`."""
    head, _, rest = SHIPPED.read_text(encoding="utf-8").partition("campaigns: #")
    assert rest, "the shipped file has the section"
    path.write_text(f"{head}campaigns: {section}\n\npolicies: {rest.partition('policies: ')[2]}", encoding="utf-8")
    return path


def test_the_shipped_times_of_commands_are_the_defaults(shipped: Topology) -> None:
    assert shipped.campaigns == CampaignPolicy()


def test_the_times_of_commands_are_read_and_every_mistake_is_told(tmp_path: Path) -> None:
    file = with_campaigns(tmp_path / "topology.yaml", "{command_ttl: 1m, alert_after_attempts: 2, keep: 1d}")
    assert load(file, {}).campaigns == CampaignPolicy(command_ttl_ms=60_000, alert_after_attempts=2, keep_ms=86_400_000)
    wrong = (
        "{first_back_off: 10s, longest_back_off: 5s, answer_patience: soon, alert_after_attempts: 0, comand_ttl: 1m}"
    )
    with pytest.raises(TopologyInvalid) as raised:
        load(with_campaigns(file, wrong), {})
    assert [mistake.partition(":")[0] for mistake in raised.value.mistakes] == [
        "campaigns.answer_patience",
        "campaigns.alert_after_attempts",
        "campaigns.longest_back_off",
        "campaigns.comand_ttl",
    ]

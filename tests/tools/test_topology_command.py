from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from tools.cli import cli
from tools.drawing import HIDDEN, without_secrets


def drawn(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["topology", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_text_names_every_topic_table_and_agent() -> None:
    whole = json.loads(drawn("--json"))
    text = drawn()
    for name in [*whole["topics"], *whole["agents"], *whole["state"]["tables"]]:
        assert name in text


def test_the_mermaid_flowchart_has_an_edge_for_everything_an_agent_does() -> None:
    chart = drawn("--format", "mermaid")
    assert chart.startswith("flowchart LR\n")
    assert "inventory_transactions_v1 ==>|folds| stock_keeper" in chart
    for topic in ("inventory_journal_v1", "inventory_levels_v1", "inventory_answers_v1", "alerts_v1"):
        assert f"stock_keeper -->|says| {topic}" in chart
    assert "stock_keeper -.->|buries| inventory_transactions_v1_dlq" in chart
    assert "stock_keeper <-.->|restores from| onhand_stock_keeper_changelog" in chart


def test_every_node_of_the_mermaid_flowchart_is_described_before_it_is_used() -> None:
    lines = drawn("--format", "mermaid").splitlines()[1:]
    described = {match[1] for line in lines if (match := re.match(r"\s+(\w+)[\[(]", line))}
    used = {name for line in lines if "|" in line for name in re.findall(r"(?:^\s+|\|\s)(\w+)", line)}
    assert used <= described


def test_json_has_durations_in_milliseconds_and_sizes_in_bytes() -> None:
    whole = json.loads(drawn("--json"))
    assert whole["answers_keep_ms"] == 604_800_000
    assert whole["state"]["block_cache_bytes"] == 67_108_864


def test_bootstrap_on_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "from-environment:1")
    assert json.loads(drawn("--json"))["kafka"]["bootstrap.servers"] == "from-environment:1"
    assert json.loads(drawn("--json", "--bootstrap", "named:2"))["kafka"]["bootstrap.servers"] == "named:2"


def test_secrets_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "s3cret")
    monkeypatch.setenv("SCHEMA_REGISTRY_USER_INFO", "user:s3cret")
    assert "s3cret" not in drawn("--json") + drawn()


@pytest.mark.parametrize(
    "name",
    [
        "sasl.password",
        "ssl.key.password",
        "ssl.key.pem",
        "ssl.keystore.password",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config",
        "basic.auth.user.info",
        "bearer.auth.token",
    ],
)
def test_a_setting_that_holds_a_secret_is_known_by_its_name(name: str) -> None:
    assert without_secrets({name: "s3cret", "sasl.username": "ledger"}) == {name: HIDDEN, "sasl.username": "ledger"}

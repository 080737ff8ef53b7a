from __future__ import annotations

from pathlib import Path

import pytest

from agents.runtime.environment import EnvironmentMistake, client_settings, substitute


def test_a_name_is_replaced_by_its_value() -> None:
    assert substitute("kafka://${HOST}:${PORT:-9092}", {"HOST": "a", "PORT": "1"}) == "kafka://a:1"


def test_a_default_stands_in_for_a_name_that_is_missing_or_empty() -> None:
    assert substitute("${PORT:-9092}", {}) == "9092"
    assert substitute("${PORT:-9092}", {"PORT": ""}) == "9092"
    assert substitute("${PORT:-}", {}) == ""


def test_a_doubled_dollar_is_a_plain_one() -> None:
    assert substitute("$${PORT}", {"PORT": "1"}) == "${PORT}"


def test_a_name_without_value_or_default_is_a_mistake() -> None:
    with pytest.raises(EnvironmentMistake, match="PASSWORD is not set; set it, or PASSWORD_FILE"):
        substitute("${PASSWORD}", {})


@pytest.mark.parametrize("text", ["${}", "${1A}", "${A-b}", "${A:b}"])
def test_other_forms_of_the_shell_are_refused_instead_of_taken_as_text(text: str) -> None:
    with pytest.raises(EnvironmentMistake, match="must be"):
        substitute(text, {"A": "x"})


def test_a_secret_is_read_from_the_file_that_name_file_names(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("pass word\n")
    assert substitute("${PASSWORD}", {"PASSWORD_FILE": str(secret)}) == "pass word"


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMistake, match=r"PASSWORD_FILE names .*nowhere"):
        substitute("${PASSWORD:-x}", {"PASSWORD_FILE": str(tmp_path / "nowhere")})


def test_a_name_and_its_file_together_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMistake, match="both PASSWORD and PASSWORD_FILE"):
        substitute("${PASSWORD}", {"PASSWORD": "a", "PASSWORD_FILE": str(tmp_path)})


def test_kafka_variables_become_client_settings(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret")
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": "a:9092",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_USERNAME": "ledger",
        "KAFKA_SASL_PASSWORD_FILE": str(secret),
        "KAFKA_SSL_CA_LOCATION": "/ca.pem",
    }
    assert client_settings(environment) == {
        "bootstrap.servers": "a:9092",
        "security.protocol": "SASL_SSL",
        "sasl.username": "ledger",
        "sasl.password": "s3cret",
        "ssl.ca.location": "/ca.pem",
    }


def test_kafka_variables_that_speak_to_others_are_left_alone() -> None:
    others = {
        "KAFKA_HEAP_OPTS": "-Xmx1g",
        "KAFKA_PORT": "tcp://1.2.3.4:9092",
        "KAFKA_SERVICE_HOST": "x",
        "KAFKA_HOME": "y",
    }
    assert client_settings(others) == {}


def test_an_empty_kafka_variable_says_nothing() -> None:
    assert client_settings({"KAFKA_SASL_USERNAME": ""}) == {}

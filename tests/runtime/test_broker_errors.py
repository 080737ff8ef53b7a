from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from agents.runtime.broker_errors import explain, is_hopeless, most_telling

AT = "kafka.example:9092"
DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
REFUSED = KafkaError(
    KafkaError._TRANSPORT,
    "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
)
WRONG_PASSWORD = KafkaError(
    KafkaError._AUTHENTICATION,
    "sasl_plaintext://127.0.0.1:46381/bootstrap: SASL authentication error: Authentication failed: "
    "Invalid username or password (after 302ms in state AUTH_REQ)",
)
NOT_TLS = KafkaError(
    KafkaError._TRANSPORT,
    "ssl://127.0.0.1:19092/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by peer: "
    "connecting to a PLAINTEXT broker listener? (after 7ms in state SSL_HANDSHAKE)",
)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (REFUSED, "Nobody listens at kafka.example:9092"),
        (DOWN, "No broker answers at kafka.example:9092"),
        (KafkaError(KafkaError._RESOLVE), "is not known to this machine"),
        (
            WRONG_PASSWORD,
            "refuses these credentials: SASL authentication error: Authentication failed: Invalid username",
        ),
        (KafkaError(KafkaError.SASL_AUTHENTICATION_FAILED), "refuses these credentials"),
        (NOT_TLS, "speaks another protocol"),
        (KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), "does not allow this user the topic"),
        (KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED), "administer the cluster"),
        (KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART), "is not there at kafka.example:9092"),
        (KafkaError(KafkaError._FENCED), "has taken over the same transactional id"),
        (KafkaError(KafkaError.INVALID_REPLICATION_FACTOR), "too few brokers"),
    ],
)
def test_each_error_becomes_one_sentence_and_something_to_do(error: KafkaError, says: str) -> None:
    problem = explain(error, AT)
    assert says in problem.sentence
    assert problem.sentence.endswith(".")
    assert "after" not in problem.sentence
    assert problem.what_to_do.endswith(".")
    assert problem.code == error.code()


def test_an_unknown_error_is_told_in_the_words_of_the_client() -> None:
    problem = explain(KafkaError(KafkaError.KAFKA_STORAGE_ERROR), AT)
    assert "KAFKA_STORAGE_ERROR" in problem.sentence


def test_the_cause_is_told_and_not_that_all_brokers_are_down() -> None:
    assert most_telling([REFUSED, WRONG_PASSWORD, DOWN]) is WRONG_PASSWORD
    assert most_telling([DOWN, REFUSED, DOWN]) is REFUSED
    assert most_telling([DOWN]) is DOWN
    assert most_telling([]) is None


def test_only_wrong_credentials_and_settings_are_not_worth_another_try() -> None:
    assert is_hopeless(WRONG_PASSWORD)
    assert is_hopeless(KafkaError(KafkaError._INVALID_ARG))
    assert not is_hopeless(DOWN)
    assert not is_hopeless(REFUSED)

"""What a broker error means for people: one sentence that says what is the case, and one that says what to do.

Used by every tool and by the worker. Free of I/O: a `KafkaError` goes in, sentences come out. What an error means for the
chunk in flight is `faults`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from confluent_kafka import KafkaError

_Text = str  # inside the protocol `str` is the method


class BrokerError(Protocol):
    """The part of `confluent_kafka.KafkaError` that is told."""

    def code(self) -> int:
        """Numeric code; client-side ones are negative."""

    def name(self) -> _Text:
        """Name of the code."""

    def str(self) -> _Text:
        """What the client library says."""


E = TypeVar("E", bound=BrokerError)


class BrokerUnusable(Exception):
    """The broker cannot be used as asked. `sentence` says why, `what_to_do` the next step."""

    def __init__(self, sentence: str, what_to_do: str, code: int = KafkaError.UNKNOWN) -> None:
        self.sentence = sentence
        self.what_to_do = what_to_do
        self.code = code
        super().__init__(f"{sentence} {what_to_do}")


_REACH = "Check kafka.bootstrap.servers in topology.yaml (or KAFKA_BOOTSTRAP_SERVERS), and that the broker runs there; "
_REACH += "`onhand broker` starts one on this machine."
_RIGHTS = "Ask for the right, or connect as another user (sasl.username, sasl.password)."

_SENTENCES: Mapping[int, tuple[str, str]] = {
    KafkaError._RESOLVE: (
        "The broker's address {bootstrap} is not known to this machine.",
        "Check the spelling of kafka.bootstrap.servers in topology.yaml (or KAFKA_BOOTSTRAP_SERVERS).",
    ),
    KafkaError._SSL: (
        "The TLS connection to {bootstrap} failed: {detail}.",
        "Check ssl.ca.location and the certificate's host name, and that security.protocol fits the listener.",
    ),
    KafkaError._AUTHENTICATION: (
        "The broker at {bootstrap} refuses these credentials: {detail}.",
        "Check sasl.username, sasl.password and sasl.mechanism (or KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD).",
    ),
    KafkaError.TOPIC_AUTHORIZATION_FAILED: ("The broker at {bootstrap} does not allow this user the topic.", _RIGHTS),
    KafkaError.GROUP_AUTHORIZATION_FAILED: ("The broker at {bootstrap} does not allow this user the group.", _RIGHTS),
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: (
        "The broker at {bootstrap} does not allow this user to administer the cluster.",
        _RIGHTS,
    ),
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        "The broker at {bootstrap} does not allow this user the transactional id.",
        _RIGHTS,
    ),
    KafkaError.UNKNOWN_TOPIC_OR_PART: (
        "The topic, or one of its partitions, is not there at {bootstrap}.",
        "Create it with `onhand topics create`.",
    ),
    KafkaError.INVALID_REPLICATION_FACTOR: (
        "The cluster at {bootstrap} has too few brokers for the replication asked for: {detail}.",
        "Lower `replication` in topology.yaml, or start more brokers.",
    ),
    KafkaError.POLICY_VIOLATION: (
        "A policy of the cluster at {bootstrap} forbids this topic: {detail}.",
        "Change the topic in topology.yaml, or ask whoever runs the cluster.",
    ),
    KafkaError.INVALID_CONFIG: (
        "The cluster at {bootstrap} does not take a topic setting: {detail}.",
        "Correct `config` of the topic in topology.yaml.",
    ),
    KafkaError.MSG_SIZE_TOO_LARGE: (
        "The broker at {bootstrap} refuses a record: it is too big.",
        "Raise max.message.bytes of the topic, and message.max.bytes of the producer, or send less.",
    ),
    KafkaError.PRODUCER_FENCED: (
        "Another process has taken over the same transactional id at {bootstrap}.",
        "Let it finish, then run this again.",
    ),
    KafkaError.UNSUPPORTED_VERSION: (
        "The broker at {bootstrap} is too old for what is asked: {detail}.",
        "Use Apache Kafka 4 or later, or another broker with transactions.",
    ),
    KafkaError._INVALID_ARG: (
        "A client setting is wrong: {detail}.",
        "Correct it in topology.yaml (kafka, consumer, producer) or in the KAFKA_* variable.",
    ),
    KafkaError._TRANSPORT: ("No broker answers at {bootstrap}.", _REACH),
}

# The same thing said with another code.
_ALIASES: Mapping[int, int] = {
    KafkaError.SASL_AUTHENTICATION_FAILED: KafkaError._AUTHENTICATION,
    KafkaError.UNSUPPORTED_SASL_MECHANISM: KafkaError._AUTHENTICATION,
    KafkaError.ILLEGAL_SASL_STATE: KafkaError._AUTHENTICATION,
    KafkaError._ALL_BROKERS_DOWN: KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT: KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT_QUEUE: KafkaError._TRANSPORT,
    KafkaError._MSG_TIMED_OUT: KafkaError._TRANSPORT,
    KafkaError.REQUEST_TIMED_OUT: KafkaError._TRANSPORT,
    KafkaError._UNKNOWN_TOPIC: KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_PARTITION: KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._FENCED: KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH: KafkaError.PRODUCER_FENCED,
    KafkaError._UNSUPPORTED_FEATURE: KafkaError.UNSUPPORTED_VERSION,
}

# Of several errors the first of these says most; "all brokers are down" follows each of them.
_MOST_TELLING = (KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError._RESOLVE)
_HOPELESS = frozenset({KafkaError._AUTHENTICATION, KafkaError._INVALID_ARG})

# librdkafka tells some causes only in the text of a transport error.
_LISTENER_MISMATCH = (
    "PLAINTEXT broker listener",
    "connecting to a SSL listener",
    "security.protocol",
    "not valid in current SASL state",
)


def explain(error: BrokerError, bootstrap: str, *, answered_before: bool = False) -> BrokerUnusable:
    """The sentences for `error`, met while talking to `bootstrap`. Unknown codes are told in the client's own words.

    `answered_before`: with these settings, so that no hint at wrong ones is given.
    """
    code = _known(error)
    detail = _detail(error)
    if any(hint in error.str() for hint in _LISTENER_MISMATCH):
        return BrokerUnusable(
            f"The broker at {bootstrap} speaks another protocol than `security.protocol` says.",
            "Set security.protocol to the listener's: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.",
            error.code(),
        )
    if code == KafkaError._TRANSPORT:
        return _no_answer(error, bootstrap, answered_before)
    if code not in _SENTENCES:
        return BrokerUnusable(
            f"The broker at {bootstrap} answered {error.name()}: {detail}.",
            "See the broker's log; if it goes on, show it to whoever runs the cluster.",
            error.code(),
        )
    sentence, what_to_do = _SENTENCES[code]
    return BrokerUnusable(sentence.format(bootstrap=bootstrap, detail=detail), what_to_do, error.code())


def is_hopeless(error: BrokerError) -> bool:
    """Whether trying again with the same settings cannot help (wrong credentials), however long."""
    return _known(error) in _HOPELESS


def most_telling(errors: Iterable[E]) -> E | None:
    """Of all errors heard while connecting, the one that names the cause; None where there are none."""
    heard = list(errors)
    for code in _MOST_TELLING:
        for error in heard:
            if _known(error) == code:
                return error
    for error in heard:
        if any(hint in error.str() for hint in (*_LISTENER_MISMATCH, "Connection refused")):
            return error
    return heard[-1] if heard else None


def _known(error: BrokerError) -> int:
    return _ALIASES.get(error.code(), error.code())


def _no_answer(error: BrokerError, bootstrap: str, answered_before: bool) -> BrokerUnusable:
    if "refused" in error.str():
        return BrokerUnusable(f"Nobody listens at {bootstrap}: the connection is refused.", _REACH, error.code())
    sentence, what_to_do = _SENTENCES[KafkaError._TRANSPORT]
    hint = "" if answered_before else " If it does, it may want TLS or SASL: see security.protocol."
    return BrokerUnusable(sentence.format(bootstrap=bootstrap), what_to_do + hint, error.code())


def _detail(error: BrokerError) -> str:
    """What the client library says, without its address prefixes and its timing."""
    said = error.str().split(" (after ")[0]
    while True:
        head, separator, rest = said.partition(": ")
        if not separator or "/" not in head or " " in head:
            return said.rstrip(".")
        said = rest

"""What a broker error means for the chunk it met. Free of I/O: a `KafkaError` goes in, what to do comes out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Protocol

from confluent_kafka import KafkaError

_FENCED = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.TRANSACTION_COORDINATOR_FENCED,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
        KafkaError.UNKNOWN_PRODUCER_ID,
    }
)
_HOPELESS = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
    }
)


class Fault(Enum):
    """What to do after a broker error inside a transaction."""

    APPLY_AGAIN = auto()
    """Abort, discard the overlay, apply the chunk again."""
    COMMIT_AGAIN = auto()
    """The commit itself may simply be called again."""
    FENCED_OFF = auto()
    """Another owner, or a transaction timeout, has fenced this one off: drop it, and open again only if the group
    still says that the partition is ours."""
    INDEFINITE = auto()
    """Nobody knows whether it was committed: throw the producer away, open again, let the restore say."""
    STOP = auto()
    """Trying again cannot help: stop the worker and say why."""


TOLD: Mapping[Fault, str] = {
    Fault.APPLY_AGAIN: (
        "the transaction was aborted, nothing of it counts, and the same records are decided again. "
        "If this goes on, look at the broker's log"
    ),
    Fault.COMMIT_AGAIN: "the broker has not confirmed the transaction yet. If this goes on, look at the broker's log",
    Fault.FENCED_OFF: (
        "another worker has taken over, or the transaction took longer than transaction.timeout.ms. This worker writes "
        "nothing more here, and opens the partition again only if the group still gives it. "
        "If this goes on, look for a frozen machine or a slow broker"
    ),
    Fault.INDEFINITE: (
        "nobody knows whether the transaction was committed, so the partition is opened again and its changelog tells. "
        "If this goes on, look at the broker and the network"
    ),
    Fault.STOP: "the broker refuses this worker. Correct its credentials or rights, then start it again",
}
"""What an operator reads of each: what is the case, and what to do."""


class BrokerError(Protocol):
    """The part of `confluent_kafka.KafkaError` that decides."""

    def code(self) -> int:
        """Numeric code; client-side ones are negative."""

    def fatal(self) -> bool:
        """The producer instance is of no further use."""

    def retriable(self) -> bool:
        """The call may be repeated."""

    def txn_requires_abort(self) -> bool:
        """The transaction must be aborted."""


def judge(error: BrokerError) -> Fault:
    """What `error`, met between begin and commit, means for the chunk."""
    code = error.code()
    if code in _FENCED:
        return Fault.FENCED_OFF
    if code in _HOPELESS:
        return Fault.STOP
    if error.txn_requires_abort():
        return Fault.APPLY_AGAIN
    if error.retriable() and not error.fatal():
        return Fault.COMMIT_AGAIN
    return Fault.INDEFINITE

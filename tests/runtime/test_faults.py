"""What each broker error means for the chunk it met."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from confluent_kafka import KafkaError

from agents.runtime.faults import Fault, judge


@dataclass(frozen=True)
class Met:
    """An error as the client library gives it."""

    number: int
    is_fatal: bool = False
    is_retriable: bool = False
    requires_abort: bool = False

    def code(self) -> int:
        return self.number

    def fatal(self) -> bool:
        return self.is_fatal

    def retriable(self) -> bool:
        return self.is_retriable

    def txn_requires_abort(self) -> bool:
        return self.requires_abort


@pytest.mark.parametrize(
    "code",
    [
        KafkaError._FENCED,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.UNKNOWN_PRODUCER_ID,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
    ],
)
def test_whoever_is_fenced_off_is_told_so_whatever_else_the_error_says(code: int) -> None:
    assert judge(Met(code, is_fatal=True)) is Fault.FENCED_OFF
    assert judge(Met(code, requires_abort=True)) is Fault.FENCED_OFF
    assert judge(Met(code, is_retriable=True)) is Fault.FENCED_OFF


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
    ],
)
def test_missing_rights_stop_the_worker_even_if_the_transaction_could_be_aborted(code: int) -> None:
    assert judge(Met(code, requires_abort=True)) is Fault.STOP


def test_what_can_be_aborted_is_applied_again() -> None:
    assert judge(Met(KafkaError._MSG_TIMED_OUT, requires_abort=True)) is Fault.APPLY_AGAIN
    assert judge(Met(KafkaError.REQUEST_TIMED_OUT, is_retriable=True, requires_abort=True)) is Fault.APPLY_AGAIN


def test_a_commit_that_may_be_repeated_is_repeated() -> None:
    assert judge(Met(KafkaError._TIMED_OUT, is_retriable=True)) is Fault.COMMIT_AGAIN


def test_all_else_is_indefinite_and_the_restore_must_say() -> None:
    assert judge(Met(KafkaError._TIMED_OUT)) is Fault.INDEFINITE
    assert judge(Met(KafkaError._FATAL, is_fatal=True)) is Fault.INDEFINITE
    assert judge(Met(KafkaError._TRANSPORT, is_fatal=True, is_retriable=True)) is Fault.INDEFINITE


def test_a_real_error_of_the_client_library_can_be_judged() -> None:
    assert judge(KafkaError(KafkaError._FENCED, "fenced", True)) is Fault.FENCED_OFF
    assert judge(KafkaError(KafkaError._TIMED_OUT, "late", False, True)) is Fault.COMMIT_AGAIN
    assert judge(KafkaError(KafkaError._MSG_TIMED_OUT, "late", False, False, True)) is Fault.APPLY_AGAIN

"""How a command tells that the broker cannot be used: one sentence, what to do, exit code 3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaException

from agents.runtime.broker_errors import BrokerUnusable, explain
from tools.context import fail


@contextmanager
def broker_or_fail(bootstrap: str) -> Iterator[None]:
    """End the command with a sentence where the broker at `bootstrap` cannot be used as asked."""
    try:
        yield
    except BrokerUnusable as problem:
        fail(problem.sentence, problem.what_to_do)
    except KafkaException as failed:
        explained = explain(failed.args[0], bootstrap)
        fail(explained.sentence, explained.what_to_do)

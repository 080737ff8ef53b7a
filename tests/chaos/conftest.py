"""One Apache Kafka with its proxy for all tests of faults. They hurt it, so it is always their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.scene import Scene
from tools.brokers.apache_kafka import unavailable_reason


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Ended by its process id at the end, and by its guard if this process is killed."""
    reason = unavailable_reason()
    if reason:
        pytest.skip(reason)
    with Scene(tmp_path_factory.mktemp("chaos")) as started:
        yield started

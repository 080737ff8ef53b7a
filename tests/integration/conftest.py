"""Integration tests run on both brokers: ask for `any_broker` or `any_scratch`, and the test runs once on each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from agents.runtime.topology import Topology
from tests.conftest import MakeScratch
from tests.integration.harness import Stage
from tools.brokers.scratch import ClusterAddress


@pytest.fixture(
    params=[
        pytest.param("broker", marks=pytest.mark.embedded, id="embedded"),
        pytest.param("kafka", marks=pytest.mark.kafka, id="kafka"),
    ]
)
def any_broker(request: pytest.FixtureRequest) -> ClusterAddress:
    """Each of the two brokers in turn."""
    return cast("ClusterAddress", request.getfixturevalue(request.param))


@pytest.fixture
def any_scratch(any_broker: ClusterAddress, make_scratch: MakeScratch) -> Topology:
    """A topology of its own on each broker in turn; its topics are created."""
    return make_scratch(any_broker, create=True)


@pytest.fixture
def any_stage(any_broker: ClusterAddress, tmp_path: Path) -> Iterator[Stage]:
    """Workers as processes on each broker in turn; two partitions."""
    with Stage(any_broker, tmp_path) as stage:
        yield stage


@pytest.fixture
def stage(broker: ClusterAddress, tmp_path: Path) -> Iterator[Stage]:
    """Workers as processes on the quick broker; two partitions."""
    with Stage(broker, tmp_path) as made:
        yield made

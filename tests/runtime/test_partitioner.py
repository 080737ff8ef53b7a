"""The partitioner agrees with Java's default one, byte for byte."""

from __future__ import annotations

import pytest

from agents.runtime.partitioner import murmur2, partition_of

# Source of the vectors: Apache Kafka, clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java (testMurmur2)
KAFKA_VECTORS = [
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]


@pytest.mark.parametrize(("key", "signed"), KAFKA_VECTORS)
def test_the_hash_is_the_one_that_apache_kafka_publishes(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed & 0xFFFFFFFF


def test_a_partition_is_within_the_topic() -> None:
    assert {partition_of(b"SKU-%d" % n, 8) for n in range(1_000)} == set(range(8))

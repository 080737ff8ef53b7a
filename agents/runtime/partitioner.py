"""The one partitioner of the system: murmur2, as Java's default producer and librdkafka's `murmur2_random` have it.

Two partitioners for one topic would give one SKU two writers, so the owner of a partition checks every key with this.
Source: `org.apache.kafka.common.utils.Utils.murmur2` and `BuiltInPartitioner.partitionForKey`.
"""

from __future__ import annotations

from functools import lru_cache

PARTITIONER = "murmur2_random"
"""librdkafka's name of it, for every producer of ours."""

_MULTIPLIER = 0x5BD1E995
_SEED = 0x9747B28C
_WORD = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit murmur2 hash of `data`, unsigned."""
    length = len(data)
    whole = length & ~3
    state = _SEED ^ length
    for at in range(0, whole, 4):
        block = int.from_bytes(data[at : at + 4], "little") * _MULTIPLIER & _WORD
        block ^= block >> 24
        state = (state * _MULTIPLIER & _WORD) ^ (block * _MULTIPLIER & _WORD)
    if length != whole:
        state ^= int.from_bytes(data[whole:], "little")
        state = state * _MULTIPLIER & _WORD
    state ^= state >> 13
    state = state * _MULTIPLIER & _WORD
    return state ^ state >> 15


@lru_cache(maxsize=131_072)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition, of `partitions`, that records with `key` belong to. The hash is cached: keys repeat."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions

"""The invariants. Looked at whenever something happens that could break one: a transaction ends, a store is written.

* What a transaction commits is what the oracle says of the input between the last input position and the new one.
* Input position, rows and events are in one transaction; nobody commits for a partition after a newer owner has.
* No local store holds what is not committed; at the checkpoint it holds exactly the rows of the fold.
* Books close, ids count once, what is due is expired: the oracle's own account.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from agents.inventory.transactions import SYSTEM_KINDS, Kind
from agents.state.changelog import POSITION_KEY, decode_meta
from agents.state.ledger import LEDGER_TABLES
from agents.state.store import Change, Meta
from tests.simulation.broker import Broker, Entry, Outcome, Transaction, by_topic
from tests.simulation.oracle import Chunk, Content, Oracle, Said, read
from tests.simulation.producer import VirtualProducer
from tests.simulation.setting import CHANGELOG, CODEC, INPUT, PARTITIONS, SAYS

_DECODE_ALERT = CODEC.decoder(SAYS["alert"], "alert")
_DECODE_HEARTBEAT = CODEC.decoder(SAYS["heartbeat"], "heartbeat")
_TABLE_OF = {table.prefix: table.name for table in LEDGER_TABLES}
_BY_THE_CLOCK = {INPUT, SAYS["heartbeat"], SAYS["alert"]}
LARGEST_SKEW_MS = 3_000


class Snapshot:
    """The rows of a partition after one transaction."""

    __slots__ = ("content", "offset", "position")

    def __init__(self, offset: int, position: int, content: Content) -> None:
        self.offset = offset
        """Of the changelog, behind the transaction's last record."""
        self.position = position
        self.content = content


class Watch:
    """Fails the world at the first thing that must not be."""

    def __init__(self, broker: Broker, fail: Callable[[str], None], now_ms: Callable[[], int]) -> None:
        self._broker = broker
        self._fail = fail
        self._now_ms = now_ms
        self.oracles = [Oracle(partition) for partition in range(PARTITIONS)]
        self.said: dict[str, list[tuple[bytes | None, bytes | None]]] = {}
        """All that was committed by owners, by topic, as the oracle wants it."""
        self.commits = 0
        self._generations = [-1] * PARTITIONS
        self._snapshots = [[Snapshot(0, 0, {})] for _ in range(PARTITIONS)]
        self._committed_rows: list[set[tuple[str, bytes, bytes | None]]] = [set() for _ in range(PARTITIONS)]
        self.compacted = [False] * PARTITIONS

    # -- a transaction has ended -------------------------------------------------------------------------------------

    def ended(self, transaction: Transaction) -> None:
        """Of an owner or of somebody upstream."""
        if transaction.outcome is not Outcome.COMMITTED or not transaction.entries:
            return
        writer = transaction.entries[0].writer
        if not isinstance(writer, VirtualProducer):
            return
        self.commits += 1
        records = by_topic(transaction.entries)
        changelog = records.pop(CHANGELOG, [])
        if not changelog:
            self._only_by_the_clock(records)
            return
        partition = changelog[0].log.number
        self._newest_owner(partition, writer)
        last = changelog[-1]
        if last.key != POSITION_KEY or last.value is None:
            self._fail(f"rows of partition {partition} were committed without an input position")
            return
        oracle, meta = self.oracles[partition], decode_meta(last.value)
        if meta.input_position < oracle.position:
            self._fail(f"partition {partition} went back from {oracle.position} to {meta.input_position}")
            return
        chunk = self._expected(partition, meta.input_position)
        if meta.last_time_ms != oracle.time_ms:
            self._fail(f"partition {partition} is at {meta.last_time_ms}, its input at {oracle.time_ms}")
        self._rows(partition, changelog[:-1], chunk)
        self._events(partition, records, chunk)
        self._snapshots[partition].append(
            Snapshot(last.offset + 1, oracle.position, {name: dict(rows) for name, rows in oracle.written.items()})
        )

    def _newest_owner(self, partition: int, writer: VirtualProducer) -> None:
        if writer.generation < self._generations[partition]:
            self._fail(f"an owner of partition {partition} committed after a newer one had")
        self._generations[partition] = writer.generation

    def _expected(self, partition: int, position: int) -> Chunk:
        oracle, source = self.oracles[partition], self._broker.log(INPUT, partition)
        if position > source.stable_end:
            self._fail(f"input beyond the last stable offset of partition {partition} was decided")
        chunk = oracle.fold(source.committed(oracle.position, position), position)
        for fault in oracle.faults:
            self._fail(fault)
        return chunk

    def _rows(self, partition: int, records: Sequence[Entry], chunk: Chunk) -> None:
        found: Content = {}
        for record in records:
            assert record.key is not None
            name, key = _TABLE_OF[record.key[:1]], record.key[1:]
            if key in found.get(name, {}):
                self._fail(f"a row of {name} was written twice in one transaction")
            found.setdefault(name, {})[key] = record.value or b""
            self._committed_rows[partition].add((name, key, record.value))
        for name in {**found, **chunk.changes}:
            if found.get(name, {}) != chunk.changes.get(name, {}):
                self._fail(f"rows of {name} in partition {partition} are not those of the fold")

    def _events(self, partition: int, records: dict[str, list[Entry]], chunk: Chunk) -> None:
        for topic in {**records, **chunk.said}:
            expected = chunk.said.get(topic, [])
            found = records.get(topic, [])
            if topic in _BY_THE_CLOCK and topic != SAYS["alert"]:
                self._only_by_the_clock({topic: found[len(expected) :]})
                found = found[: len(expected)]
            if len(found) != len(expected):
                self._fail(f"{topic}: {len(found)} records from partition {partition}, the fold gives {len(expected)}")
            for said, entry in zip(expected, found, strict=False):
                if not _is(said, entry):
                    self._fail(f"{topic}@{entry.offset} is not what the fold says: {entry.key!r}")
                if said.alert is None:
                    self.said.setdefault(topic, []).append((said.key, said.value))

    def _only_by_the_clock(self, records: dict[str, list[Entry]]) -> None:
        """Heartbeats, wake-ups, and what a parked partition says."""
        for topic, entries in records.items():
            if topic not in _BY_THE_CLOCK:
                self._fail(f"{len(entries)} records of {topic} were committed without rows and input position")
            for entry in entries:
                if topic == INPUT:
                    self._wakes(entry)
                elif topic == SAYS["heartbeat"]:
                    beat = _DECODE_HEARTBEAT(entry.value)
                    if beat.input_position > self._broker.log(INPUT, beat.partition).end:
                        self._fail("a heartbeat is ahead of the input")

    def _wakes(self, entry: Entry) -> None:
        """A wake-up is for something that was due, by a clock that may be some seconds ahead."""
        transaction = read(entry)
        oracle = self.oracles[entry.log.number]
        if transaction is None or transaction.kind not in SYSTEM_KINDS:
            self._fail(f"an owner wrote a record of its own into the input: {entry.key!r}")
        elif transaction.kind is Kind.REFRESH and not oracle.is_walking:
            self._fail(f"a visit to {transaction.sku}, though no reference has changed")
        elif transaction.kind is Kind.EXPIRE and not oracle.due(transaction.sku, self._now_ms() + LARGEST_SKEW_MS):
            self._fail(f"a wake-up of {transaction.sku}, of which nothing is due")

    # -- a store was written -----------------------------------------------------------------------------------------

    def stored(
        self, who: str, partition: int, rows: Sequence[Change], meta: Meta, content: Content, *, torn: bool
    ) -> None:
        """Called after each whole write, with all that the store now holds; `torn`: an earlier one was cut off."""
        log = self._broker.log(CHANGELOG, partition)
        if meta.checkpoint > log.stable_end:
            self._fail(f"the checkpoint of {who} is {meta.checkpoint}, partition {partition} ends at {log.stable_end}")
            return
        committed = self._committed_rows[partition]
        for table, key, value in rows:
            if (table.name, key, value) not in committed:
                self._fail(f"{who} stored a row of {table.name} that is not committed")
                return
        snapshots = self._snapshots[partition]
        at = bisect_right(snapshots, meta.checkpoint, key=lambda snapshot: snapshot.offset) - 1
        snapshot, is_last = snapshots[at], at == len(snapshots) - 1
        if (not is_last and (torn or self.compacted[partition])) or log.committed(snapshot.offset, meta.checkpoint):
            return  # in the middle of a restore
        if meta.input_position != snapshot.position:
            self._fail(f"{who} stored input position {meta.input_position}, committed is {snapshot.position}")
        difference = _difference(_without_empty(content), _without_empty(snapshot.content))
        if difference is not None:
            self._fail(
                f"the store of {who} is not the changelog of partition {partition} up to {meta.checkpoint}: {difference}"
            )

    # -- at the end --------------------------------------------------------------------------------------------------

    def outputs(self) -> None:
        """Each topic of the ledger, read as a stranger would, holds what the oracle said, once and in order."""
        for topic, logs in self._broker.topics.items():
            if topic in _BY_THE_CLOCK or topic == CHANGELOG:
                continue
            found: list[tuple[bytes | None, bytes | None]] = []
            for log in logs:
                if log.open:
                    self._fail(f"a transaction is open in {topic}[{log.number}]")
                entries, _ = log.read(0, log.end, committed=True)
                found += [(entry.key, entry.value) for entry in entries]
            if sorted(found, key=repr) != sorted(self.said.get(topic, []), key=repr):
                self._fail(f"{topic} holds {len(found)} records, the fold gives {len(self.said.get(topic, []))}")


def _is(said: Said, entry: Entry) -> bool:
    if said.key != entry.key or (said.partition >= 0 and said.partition != entry.log.number):
        return False
    if said.header is not None and not _carries(entry, *said.header):
        return False
    if said.alert is not None:
        return bool(_DECODE_ALERT(entry.value).event_id == said.alert)
    return said.value == entry.value


def _carries(entry: Entry, name: str, value: str) -> bool:
    return any(key == name and held in {value, value.encode()} for key, held in entry.headers or ())


def _difference(found: Content, expected: Content) -> str | None:
    """The first row that is not as it should be."""
    if found == expected:
        return None
    for name in {**found, **expected}:
        rows, wanted = found.get(name, {}), expected.get(name, {})
        for key in {**rows, **wanted}:
            if rows.get(key) != wanted.get(key):
                return f"{name} {key!r} is {rows.get(key)!r}, not {wanted.get(key)!r}"
    return None


def _without_empty(content: Content) -> Content:
    return {name: rows for name, rows in content.items() if rows}

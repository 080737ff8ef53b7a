"""A local state that is older than the changelog's tombstones: it must be rebuilt, or deleted rows would come back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from agents.inventory.transactions import Kind
from agents.state.ledger import CLAIMS
from agents.state.rocks import RocksOptions, RocksStore
from tests.chaos.faults import fault, log_says
from tests.chaos.network_faults import until
from tests.chaos.scene import PARTITIONS, Run
from tests.chaos.state_faults import audited, stop, stores
from tests.integration.harness import a_transaction, receipt, reserve
from tests.integration.tails import Tail, quiet
from tools.audit.findings import Party

COUNT = 400
CLEANED_WITHIN_S = 120.0
AT_ONCE = {"delete.retention.ms": "1000", "segment.ms": "500", "min.cleanable.dirty.ratio": "0.001"}
CLEANER = {"log.cleaner.backoff.ms": "500"}


@contextmanager
def compacted_at_once(run: Run) -> Iterator[None]:
    """The broker compacts the changelog as soon as it can, and forgets tombstones after a second."""
    settings = run.stage.topology.kafka
    alter(settings, ConfigResource(ResourceType.TOPIC, run.stage.agent.changelog.name), AT_ONCE)
    broker = ConfigResource(ResourceType.BROKER, "1")
    alter(settings, broker, CLEANER)
    try:
        yield
    finally:
        alter(settings, broker, dict.fromkeys(CLEANER))


def alter(settings: Mapping[str, str], resource: ConfigResource, values: Mapping[str, str | None]) -> None:
    """Set these, or with None give back the default."""
    entries = [
        ConfigEntry(
            name,
            value,
            incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET,
        )
        for name, value in values.items()
    ]
    asked = ConfigResource(resource.restype, resource.name, incremental_configs=entries)
    admin = AdminClient(dict(settings), logger=quiet)
    for future in admin.incremental_alter_configs([asked]).values():
        future.result(20)


@fault(
    "older_than_tombstones",
    "a copy of the state is put back after the changelog has forgotten which of its rows were deleted",
    log_says(r"/\d: too old to catch up, rebuilding"),
    # The changelog is compacted while it grows, so it no longer tells all that ever was: the audit knows how to read it.
    invariants=("I1", "I2", "I3", "I5", "I7", "I8"),
)
def older_than_tombstones(run: Run) -> None:
    with compacted_at_once(run):
        run.two_workers()
        skus = [run.stage.sku_of(partition, "forgotten") for partition in range(PARTITIONS)]
        for sku in skus:
            run.load.publish(receipt(sku, 10))
            run.load.publish(reserve(sku, 1, "early"))
        run.load.send(COUNT)
        stop(run)
        copies = {
            name: shutil.copytree(worker.state_directory, worker.log.with_suffix(".copy"))
            for name, worker in run.workers.items()
        }
        run.two_workers()
        for sku in skus:
            run.load.publish(a_transaction(Kind.RELEASE, sku, holder="early"))
        forgotten = {CLAIMS.prefix + CLAIMS.encode_key((sku, "early", 1)) for sku in skus}
        until(lambda: is_forgotten(run, forgotten), "the changelog keeps its tombstones", CLEANED_WITHIN_S)
        stop(run)
        assert any(key in rows for rows in map(keys_of, copies.values()) for key in forgotten), (
            "the copies are no older"
        )
        for name, copy in copies.items():
            shutil.rmtree(run.workers[name].state_directory)
            shutil.copytree(copy, run.workers[name].state_directory)
        run.two_workers()
        run.healed()
        run.load.send(COUNT)
        run.load.until_answered(run.fault.lag_zero_within_s)
        report = audited(run)
        parties = {party for each in report.partitions for party, _ in each.findings.counts}
        assert not parties & {Party.STATE, Party.CHANGELOG}, report.sentence()
        assert all(stores(worker) for worker in run.workers.values())


def is_forgotten(run: Run, keys: set[bytes]) -> bool:
    """Whether the changelog has neither rows nor tombstones of these keys. Writes on: only older segments are compacted."""
    for _ in range(20):
        run.load.publish(run.load.next())
    run.stage.flush()
    run.load.take_in(0.5)
    tail = Tail(run.stage.topology, run.stage.agent.changelog.name, lambda message: message.key())
    try:
        return not keys & set(tail.to_the_end(run.stage.topology).all)
    finally:
        tail.close()


def keys_of(copy: Path) -> set[bytes]:
    """Changelog keys of the claims in a copied state directory."""
    found: set[bytes] = set()
    for path in copy.iterdir():
        if (path / "CURRENT").exists():
            store = RocksStore(path, RocksOptions())
            found |= {CLAIMS.prefix + key for key, _ in store.scan(CLAIMS, b"")}
            store.close()
    return found

"""What must hold after every fault. Each is a function of the evidence that raises AssertionError with the first difference.

The oracle folds the committed input through the same core, partition by partition, into rows of plain dicts; units are
counted a second time without it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

from agents.inventory.positions import Position
from agents.inventory.rows import POSITIONS
from agents.inventory.transactions import Kind
from tests.chaos import log_files
from tests.chaos.evidence import Changelog, Evidence, KeptStore, Rows
from tests.chaos.load import ABORTED
from tests.chaos.log_files import Batch, Fate, Writer

COMES_IN = {Kind.RECEIPT: 1, Kind.RETURN: 1, Kind.SALE: -1, Kind.SHIP: -1}
"""Kinds of the load that change on_hand, and their sign."""
ON_HAND = ("unpromised", "reserved", "allocated", "quarantined")
SAID = ("answer", "journal", "level", "alert", "edge", "availability")


def outputs_are_the_fold(evidence: Evidence) -> None:
    """I1: what is said equals the fold of the committed input, each event once, in order."""
    for partition, want in evidence.expected.items():
        same_list(f"answers of partition {partition}", evidence.said("answer")[partition], want.answers)
        same_list(f"journal of partition {partition}", evidence.said("journal")[partition], want.journal)
        same_list(f"edges of partition {partition}", evidence.said("edge")[partition], want.edges)
        last = {availability.sku: availability for availability in evidence.said("availability")[partition]}
        for sku, availability in want.availability.items():
            assert last.get(sku) == availability, f"availability of {sku}: said {last.get(sku)}, oracle {availability}"
        buried = [letter.story.offset for letter in evidence.said("dead_letter")[partition]]
        same_list(f"dead letters of partition {partition}", buried, want.buried)
    events = Counter(event for schema in SAID for event in events_of(evidence, schema))
    doubled = [event for event, count in events.items() if count > 1]
    # A topic made anew counts its offsets anew, and event ids are made of them.
    assert not doubled or evidence.lives > 1, f"{len(doubled)} event ids came more than once: {doubled[:5]}"
    alerts_are_the_fold(evidence)


def alerts_are_the_fold(evidence: Evidence) -> None:
    """Those of decisions to the last field, and those of the runtime for each record that it buried or forwarded."""
    wanted = {alert.event_id: alert for want in evidence.expected.values() for alert in want.alerts}
    remarked = {
        f"{evidence.stage.transactions}-{partition}-{offset}-r"
        for partition, want in evidence.expected.items()
        for offset in (*want.buried, *want.forwarded)
    }
    said = {alert.event_id: alert for alert in flat(evidence.said("alert"))}
    missing, more = (wanted.keys() | remarked) - said.keys(), said.keys() - (wanted.keys() | remarked)
    assert not missing, f"{len(missing)} alerts are missing: {sorted(missing)[:5]}"
    assert not more, f"{len(more)} alerts too many: {sorted(more)[:5]}"
    other = [event for event, alert in wanted.items() if evidence.lives == 1 and said[event] != alert]
    assert not other, f"alert {other[0]}: said {said[other[0]]}, oracle {wanted[other[0]]}"


def levels_are_the_fold(evidence: Evidence) -> None:
    """I2: every level equals the fold at its revision, revisions only grow, and the last one is the position."""
    for partition, want in evidence.expected.items():
        last: dict[tuple[str, str], int] = {}
        for level in evidence.said("level")[partition]:
            key = (level.sku, level.location)
            folded = want.levels.get((*key, level.revision))
            assert level == folded, f"level of {key} at revision {level.revision}: said {level}, oracle {folded}"
            assert level.revision > last.get(key, -1), f"{key}: revision {level.revision} came after {last[key]}"
            last[key] = level.revision
        for key, position in positions(want.rows.tables).items():
            assert last.get(key) == position.revision, f"{key}: the last level is {last.get(key)}, kept is {position}"


def nothing_is_open(evidence: Evidence) -> None:
    """I3: no open transaction anywhere, last stable offset and high watermark equal, and the input is folded to its end."""
    for (topic, partition), (stable, high) in evidence.ends.items():
        assert stable == high, f"{topic}[{partition}]: stable up to {stable}, its end is {high}"
        open_ = [batch for batch, fate in log_files.fates(evidence.log(topic, partition)) if fate is Fate.OPEN]
        assert not open_, f"{topic}[{partition}]: a transaction is open since offset {open_[0].first}"
    for partition, want in evidence.expected.items():
        kept = evidence.changelogs[partition].positions[-1].input_position
        assert kept == want.position, f"partition {partition} is folded up to {kept}, its input ends at {want.position}"


def state_is_the_changelog_is_the_fold(evidence: Evidence) -> None:
    """I4: the changelog's last values equal the fold, the last owner's store equals them, and no store is ahead of it."""
    for partition, changelog in evidence.changelogs.items():
        fold, may_go = evidence.folded_rows[partition], evidence.forgettable[partition]
        same_rows(f"changelog[{partition}] against the fold", changelog.rows, fold, may_go)
        stores = [store for store in evidence.stores if store.partition == partition]
        assert stores, f"nobody keeps partition {partition}"
        for store in stores:
            never_ahead(store, changelog)
        owner = max(stores, key=lambda store: store.meta.checkpoint)
        assert owner.meta.checkpoint >= changelog.end, (
            f"no store of partition {partition} is complete: the furthest is at {owner.meta.checkpoint} of {changelog.end}"
        )
        assert owner.meta.input_position == changelog.positions[-1].input_position
        same_rows(f"store {owner.instance}/{partition} against the changelog", owner.rows, changelog.rows, set())


def never_ahead(store: KeptStore, changelog: Changelog) -> None:
    """Every row of a store, also of one left behind, was committed once: a store is a cache of the changelog."""
    where = f"store {store.instance}/{store.partition}"
    positions_ = {meta.input_position for meta in changelog.positions} | {0}
    assert store.meta.input_position in positions_, f"{where} is at {store.meta.input_position}, never committed"
    for key, row in store.rows.items():
        assert row in changelog.history.get(key, ()), f"{where}: row {key!r} was never committed as {row!r}"


def units_are_conserved(evidence: Evidence) -> None:
    """I5: per SKU what came in less what went out is there; and per place the journal's postings are the position."""
    counted: Counter[str] = Counter()
    for want in evidence.expected.values():
        once = {(each.source, each.sku, each.transaction_id): each for each in want.transactions}
        for each in once.values():
            counted[each.sku] += COMES_IN.get(each.kind, 0) * (each.quantity or 0)
    levels = {(level.sku, level.location): level for level in flat(evidence.said("level"))}
    on_hand: Counter[str] = Counter()
    for (sku, _), level in levels.items():
        on_hand[sku] += level.on_hand
    for sku in counted.keys() | on_hand.keys():
        assert counted[sku] == on_hand[sku], (
            f"{sku}: {counted[sku]} came in and stayed, {on_hand[sku]} are told on hand"
        )
    postings_are_the_positions(evidence)


def postings_are_the_positions(evidence: Evidence) -> None:
    """Double entry, from the published journal: each record sums to zero, all of them to the buckets kept."""
    buckets: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for record in flat(evidence.said("journal")):
        assert sum(posting.quantity for posting in record.postings) == 0, f"{record.event_id} does not sum to zero"
        for posting in record.postings:
            buckets[record.sku, posting.location][posting.account] += posting.quantity
    for want in evidence.expected.values():
        for key, position in positions(want.rows.tables).items():
            for bucket in ON_HAND:
                posted, kept = buckets[key][bucket], getattr(position, bucket)
                assert posted == kept, f"{key}: {posted} were posted to {bucket}, {kept} are kept"


def one_owner_at_a_time(evidence: Evidence) -> None:
    """I6: a partition's writers follow one another: none comes back, none writes into another's transaction."""
    for partition, changelog in evidence.changelogs.items():
        instances = writers_by_instance(evidence, partition)
        for writer, named in instances.items():
            assert len(named) == 1, f"partition {partition}: {sorted(named)} wrote as the same writer {writer}"
        names = [evidence.stage.agent.changelog.name, *evidence.stage.agent.says]
        for topic in names:
            if evidence.stage.topology.all_topics[topic].key != "subject":  # alerts go where their subject says
                writers_follow_one_another(f"{topic}[{partition}]", evidence.log(topic, partition))
        told = [meta.input_position for meta in changelog.positions]
        back = [(one, two) for one, two in pairwise(told) if two < one]
        assert len(back) < evidence.lives, f"partition {partition}: the input position went back, {back[0]}"


def writers_follow_one_another(where: str, log: Iterable[Batch]) -> None:
    """Producer ids and epochs in the order of the log."""
    gone: set[Writer] = set()
    last: Writer | None = None
    is_open = False
    for batch in log:
        if batch.marker is not None:
            is_open = False
            continue
        if not batch.in_transaction:
            continue
        if batch.writer != last:
            assert not is_open, f"{where}: at {batch.first} {batch.writer} wrote into the transaction of {last}"
            assert batch.writer not in gone, f"{where}: at {batch.first} {batch.writer} came back after {last}"
            if last is not None:
                gone.add(last)
                older = last[0] == batch.writer[0] and batch.writer[1] < last[1]
                assert not older, f"{where}: at {batch.first} epoch {batch.writer[1]} wrote after {last[1]}"
        last, is_open = batch.writer, True


def writers_by_instance(evidence: Evidence, partition: int) -> Mapping[Writer, set[str]]:
    """Who a producer id and epoch was, from the heartbeats."""
    topic = evidence.stage.tail("heartbeat").topic
    written = [
        batch.writer
        for batch, fate in log_files.fates(evidence.log(topic, partition))
        if fate is Fate.COMMITTED
        for _ in range(batch.first, batch.last + 1)
    ]
    beats = evidence.said("heartbeat")[partition]
    assert len(written) == len(beats), f"{topic}[{partition}]: {len(beats)} heartbeats are read, {len(written)} written"
    found: dict[Writer, set[str]] = defaultdict(set)
    for writer, beat in zip(written, beats, strict=True):
        found[writer].add(beat.instance)
    return found


def nothing_aborted_is_heard(evidence: Evidence) -> None:
    """I7: no event has an aborted record as its cause, and nothing kept is of one."""
    assert evidence.aborted_input, "nothing was aborted: this proves nothing"
    named = [said for schema in ("answer", "journal") for said in flat(evidence.said(schema))]
    heard = [said.event_id for said in named if said.transaction_id.startswith(ABORTED)]
    assert not heard, f"{heard[0]} is about a transaction that was aborted by its publisher"
    if evidence.lives > 1:
        return  # offsets of the first topic mean other records in the second
    topic = evidence.stage.transactions
    causes = {f"{topic}-{partition}-{offset}" for partition, offset in evidence.aborted_input}
    for schema in SAID:
        heard = [event for event in events_of(evidence, schema) if event.rpartition("-")[0] in causes]
        assert not heard, f"{schema} {heard[0]} comes from a record whose transaction was aborted"
    letters = [(letter.story.partition, letter.story.offset) for letter in flat(evidence.said("dead_letter"))]
    assert not evidence.aborted_input.intersection(letters), "an aborted record was buried"


def same_list(what: str, said: list[Any], wanted: list[Any]) -> None:
    """Fails with the first difference."""
    for index, (one, other) in enumerate(zip(said, wanted, strict=False)):
        assert one == other, f"{what}, number {index} of {len(said)}/{len(wanted)}: said {one}, oracle {other}"
    assert len(said) == len(wanted), f"{what}: {len(said)} were said, the oracle has {len(wanted)}"


def same_rows(what: str, kept: Rows, wanted: Rows, may_go: set[bytes]) -> None:
    """Fails with the first differences."""
    differing = [
        key
        for key in kept.keys() | wanted.keys()
        if kept.get(key) != wanted.get(key) and not (key not in kept and key in may_go)
    ]
    assert not differing, f"{what}: {len(differing)} rows differ: " + "; ".join(
        f"{key!r}: {kept.get(key)!r} against {wanted.get(key)!r}" for key in sorted(differing)[:3]
    )


def events_of(evidence: Evidence, schema: str) -> list[str]:
    """The event ids of a topic."""
    return [each.event_id for each in flat(evidence.said(schema))]


def positions(tables: Mapping[str, Mapping[Any, Any]]) -> Mapping[tuple[str, str], Position]:
    """The oracle's positions."""
    return tables[POSITIONS]


def flat(said: Mapping[int, list[Any]]) -> list[Any]:
    """All partitions, one after the other."""
    return [each for partition in sorted(said) for each in said[partition]]


INVARIANTS: Mapping[str, Callable[[Evidence], None]] = {
    "I1": outputs_are_the_fold,
    "I2": levels_are_the_fold,
    "I3": nothing_is_open,
    "I4": state_is_the_changelog_is_the_fold,
    "I5": units_are_conserved,
    "I6": one_owner_at_a_time,
    "I7": nothing_aborted_is_heard,
}
"""I8, the lag, is measured while the workers run: see scene.py."""

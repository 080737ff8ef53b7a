"""What a person decides about a parked partition: how it is told, heard, and carried out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from agents.inventory.alerts import AlertType, Severity
from agents.runtime.custody import Standing
from agents.runtime.fold import Headers
from agents.runtime.owner import Parked
from agents.runtime.topology import Topology
from agents.runtime.unparking import Parking, Skip, Unparking, UnparkingTopic, Verdict, unparking_in
from agents.state.store import Meta
from tests.conftest import MakeScratch
from tests.runtime.parts import DEAD_LETTER_TOPIC, TOPIC, HandMade, RealOwner, alerts_in, key_of, stories_in
from tests.runtime.scene import Scene, StandInOwner, play, until
from tools.bench.thin import COUNTERS
from tools.brokers.scratch import ClusterAddress

MINE = key_of(0)
SKIP = Unparking(Verdict.SKIP, 12, "ann", "booked by hand")
RETRY = Unparking(Verdict.RETRY, 12, "ann", "upgraded")
THE_BOOKS = "the books do not close"


def sha256(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


# -- the owner: what is left out, and what is said of it --------------------------------------------------------------


def test_a_skipped_record_becomes_a_dead_letter_in_the_chunk_that_moves_the_position_past_it() -> None:
    real = RealOwner(meta=Meta(input_position=10))
    real.owner.skip = Skip(11, f"{THE_BOOKS}; left out by ann: booked by hand", sha256(b"broken"))
    prepared = real.owner.decide(
        [HandMade(MINE, b"", 10), HandMade(MINE, b"broken", 11, time_ms=5_000), HandMade(MINE, b"", 12)]
    )
    assert prepared is not None
    assert (prepared.input_position, prepared.time_ms) == (13, 5_000)
    (story,) = stories_in(prepared.outbox)
    assert (story.stage, story.topic, story.partition, story.offset) == ("parked", TOPIC, 0, 11)
    assert story.reason == "the books do not close; left out by ann: booked by hand"
    assert story.error_class == "InvariantBroken"
    assert real.overlay.get(COUNTERS, (MINE.decode(),)).records == 2
    (letter,) = [each for each in prepared.outbox if each[0] == DEAD_LETTER_TOPIC]
    assert (letter[1], letter[2]) == (MINE, b"broken")


def test_people_hear_that_a_record_was_left_out() -> None:
    real = RealOwner()
    real.owner.skip = Skip(0, "why it was", "")
    prepared = real.owner.decide([HandMade(MINE, b"broken", 0)])
    assert prepared is not None
    (alert,) = alerts_in(prepared.outbox)
    assert (alert.type, alert.severity) == (AlertType.DEAD_LETTER, Severity.CRITICAL)
    assert alert.message == f"The record at {TOPIC}[0]@0 could not be decided, and was left out: why it was"
    assert "onhand dead-letters list" in (alert.action or "")


def test_a_decision_about_another_record_at_that_offset_skips_nothing() -> None:
    real = RealOwner()
    real.owner.skip = Skip(0, "", sha256(b"what the person saw"))
    with pytest.raises(Parked, match=THE_BOOKS):
        real.owner.decide([HandMade(MINE, b"broken", 0)])


def test_a_parking_knows_the_time_of_its_record_and_whether_the_chunk_met_it() -> None:
    real = RealOwner()
    with pytest.raises(Parked) as parked:
        real.owner.decide([HandMade(MINE, b"broken", 3, time_ms=77)])
    assert (parked.value.record_time_ms, parked.value.at_the_end) == (77, False)
    real.fold.ends_badly = True
    with pytest.raises(Parked) as parked:
        real.owner.decide([HandMade(MINE, b"", 3, time_ms=78)])
    assert (parked.value.record_time_ms, parked.value.at_the_end) == (78, True)


def test_the_alert_of_a_parked_partition_names_both_ways_on() -> None:
    (alert,) = alerts_in(RealOwner().owner.parking_alert(Parked(0, 41, THE_BOOKS)))
    assert alert.message == f"The record at {TOPIC}[0]@41 broke an invariant, the partition stands still: {THE_BOOKS}"
    assert alert.action == (
        "Nothing of it was committed, the other partitions go on. Report the record. After an upgrade "
        "`onhand partitions unpark 0 --agent thin --retry` folds it again; the same with `--skip 41 --why TEXT` in place of "
        "`--retry` leaves it out."
    )
    assert alert.event_id == f"{TOPIC}-0-41-p"


# -- a parking: which decisions count ----------------------------------------------------------------------------------


class Told:
    """Gives decisions in order, as the dead letter topic would."""

    def __init__(self, *decisions: Unparking) -> None:
        self.decisions = list(decisions)
        self.asked: list[int | None] = []
        self.away = False

    def read(self, partition: int, begin: int | None, record_time_ms: int) -> tuple[Sequence[Unparking], int]:
        if self.away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        self.asked.append(begin)
        return self.decisions[begin or 0 :], len(self.decisions)


def test_a_skip_counts_whenever_it_was_decided() -> None:
    assert Parking(0, 12, 0, Told(SKIP)).look() == SKIP


def test_a_wish_to_try_again_from_before_the_parking_is_fulfilled_and_does_not_loop() -> None:
    told = Told(RETRY)
    parking = Parking(0, 12, 0, told)
    assert parking.look() is None
    assert parking.look() is None
    told.decisions.append(RETRY)
    assert parking.look() == RETRY
    assert told.asked == [None, 1, 1]


def test_a_decision_about_another_offset_does_not_count_and_the_last_word_does() -> None:
    other = Unparking(Verdict.SKIP, 11, "ann", "")
    assert Parking(0, 12, 0, Told(other)).look() is None
    last = Unparking(Verdict.SKIP, 12, "bob", "")
    assert Parking(0, 12, 0, Told(SKIP, last, other)).look() == last


def test_while_the_broker_is_away_nothing_was_decided() -> None:
    told = Told(SKIP)
    told.away = True
    parking = Parking(0, 12, 0, told)
    assert parking.look() is None
    told.away = False
    assert parking.look() == SKIP


def test_a_decision_comes_back_from_its_headers_as_it_was() -> None:
    decision = Unparking(Verdict.SKIP, 12, "ann", "größer", sha256(b"x"))
    as_read: Headers = [
        (name, value.encode() if isinstance(value, str) else value) for name, value in decision.headers()
    ]
    assert unparking_in(as_read) == decision


@pytest.mark.parametrize(
    "headers", [[], [("onhand.unpark", b"burn"), ("onhand.unpark.offset", b"1")], [("onhand.unpark", b"skip")]]
)
def test_what_is_no_decision_is_none(headers: list[tuple[str, bytes | str | None]]) -> None:
    assert unparking_in(headers) is None


# -- custody: a parked partition goes on -------------------------------------------------------------------------------


def test_a_parked_partition_goes_on_without_its_record_when_that_is_decided() -> None:
    async def scene(it: Scene) -> None:
        told = Told()
        it.custody._unparkings = told
        await it.assign(0, 1)
        first = it.owners[0][0]
        first.decides = [Parked(0, 12, THE_BOOKS)]
        it.arrive(0, 12, 13)
        held = it.custody.held[0]
        await until(lambda: held.standing is Standing.PARKED and first.alerts == 1)
        assert held.parking is not None
        assert held.parking.offset == 12
        it.arrive(1, 0)
        await until(lambda: it.owners[1][0].committed == [[0]])
        told.decisions.append(SKIP)
        second = await after_parking(it)
        assert first.closed
        assert second.skip == Skip(12, f"{THE_BOOKS}; left out by ann: booked by hand", "")
        it.arrive(0, 12, 13)
        await until(lambda: second.committed == [[12, 13]])
        assert held.parking is None

    play(scene)


async def after_parking(it: Scene) -> StandInOwner:
    await until(lambda: len(it.owners[0]) == 2)
    return await it.until_running(0)


def test_a_restart_between_decision_and_commit_finds_the_decision_again_and_alerts_nobody() -> None:
    async def scene(it: Scene) -> None:
        it.custody._unparkings = Told(SKIP)
        await it.assign(0)
        first = it.owners[0][0]
        first.decides = [Parked(1, 12, THE_BOOKS)]
        it.arrive(0, 11, 12)
        second = await after_parking(it)
        assert second.skip is not None
        assert second.skip.offset == 12
        assert first.committed == [[11]], "what came before the record was not kept"
        assert first.alerts == 0

    play(scene)


def test_trying_again_opens_anew_and_leaves_nothing_out() -> None:
    async def scene(it: Scene) -> None:
        told = Told()
        it.custody._unparkings = told
        await it.assign(0)
        it.owners[0][0].decides = [Parked(0, 12, THE_BOOKS)]
        it.arrive(0, 12)
        await until(lambda: it.custody.held[0].standing is Standing.PARKED)
        told.decisions.append(RETRY)
        second = await after_parking(it)
        assert second.skip is None
        second.decides = [Parked(0, 12, THE_BOOKS)]
        it.arrive(0, 12)
        await until(lambda: it.custody.held[0].standing is Standing.PARKED and second.alerts == 1)
        assert len(it.owners[0]) == 2, "the wish was taken for a second one"

    play(scene)


def test_a_parked_partition_that_is_taken_away_waits_for_nothing_more() -> None:
    async def scene(it: Scene) -> None:
        told = Told()
        it.custody._unparkings = told
        await it.assign(0)
        it.owners[0][0].decides = [Parked(0, 12, THE_BOOKS)]
        it.arrive(0, 12)
        await until(lambda: it.custody.held[0].standing is Standing.PARKED)
        await it.custody.taken([0])
        told.decisions.append(SKIP)
        await until(lambda: not it.custody._tasks)
        assert len(it.owners[0]) == 1

    play(scene)


def test_the_end_of_a_chunk_that_breaks_is_narrowed_down_to_the_one_record_that_breaks_it() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        owner = it.owners[0][0]
        decide = owner.decide

        def breaks_with_16(records: Sequence[HandMade]) -> object:
            if any(record.offset() == 16 for record in records):
                raise Parked(0, records[0].offset(), "OverflowError", at_the_end=True)
            return decide(records)

        owner.decide = breaks_with_16  # type: ignore[method-assign, assignment]
        it.arrive(0, *range(10, 20))
        held = it.custody.held[0]
        await until(lambda: held.standing is Standing.PARKED and owner.alerts == 1)
        assert [offset for chunk in owner.committed for offset in chunk] == [10, 11, 12, 13, 14, 15]
        assert held.parking is not None
        assert held.parking.offset == 16

    play(scene)


# -- the topic ---------------------------------------------------------------------------------------------------------


@pytest.mark.embedded
def test_decisions_are_read_from_the_dead_letter_topic_once_and_then_on(
    broker: ClusterAddress, make_scratch: MakeScratch
) -> None:
    topology: Topology = make_scratch(broker, create=True)
    topic = topology.agents["stock_keeper"].dead_letters.name
    reader = UnparkingTopic(topology.kafka, topic)
    assert reader.read(1, None, 0) == ([], 0)
    producer = Producer({**topology.kafka, "enable.idempotence": True})

    def write(partition: int, headers: list[tuple[str, bytes | str | None]]) -> None:
        producer.produce(topic, None, b"1", partition, headers=headers)
        assert producer.flush(10) == 0

    write(1, [("other", b"x")])
    write(0, RETRY.headers())
    write(1, SKIP.headers())
    found, following = reader.read(1, None, 0)
    assert (found, following) == ([SKIP], 2)
    write(1, RETRY.headers())
    assert reader.read(1, following, 0) == ([RETRY], 3)
    assert reader.read(1, 3, 0) == ([], 3)

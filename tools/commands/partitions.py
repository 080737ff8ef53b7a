"""`onhand partitions`: how each partition stands, and what becomes of one that is parked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from tools.context import WRONG_USAGE, Context, common_options, confirmed, deciding_options, fail

if TYPE_CHECKING:
    from confluent_kafka import Message

    from agents.codec import Codec
    from agents.runtime.topology import AgentSettings
    from agents.runtime.unparking import Unparking
    from tools.partitions import PartitionStanding

WAIT_S = 20
BUSY_FOR_LONG_S = 5
"""A chunk takes a fraction of a second. One that takes so long waits for a broker or a disk, and the log says for which."""


@click.group("partitions", epilog="Example: onhand partitions list")
def command() -> None:
    """See how each partition stands, and decide what becomes of one that is parked.

    A partition is parked when a record breaks an invariant of the ledger: nothing of it is committed, and nothing
    after it is read. The other partitions go on.
    """


@command.command("list", epilog="Example: onhand partitions list --json")
@click.option("--agent", "agent_name", help="Only of this agent; default: of all.")
@common_options
def list_(context: Context, agent_name: str | None) -> None:
    """Show each partition: who has it, how it stands, how far it is. Exit code 1 where one is parked or refused.

    Of workers on this machine everything is known; of those elsewhere what they last said to the broker.
    """
    from tools.brokers.encoding import codec_of
    from tools.brokers.reporting import broker_or_fail
    from tools.partitions import standings

    topology = context.topology
    codec = codec_of(topology)
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        found = [each for agent in _agents(context, agent_name) for each in standings(topology, codec, agent)]
    if context.as_json:
        for each in found:
            context.print_json(_plain(each))
    else:
        _show(context, found)
    if any(each.needs_a_person for each in found):
        context.differs()


@command.command(
    "unpark", epilog="Example: onhand partitions unpark 3 --agent stock_keeper --skip 41 --why 'a bug; booked by hand'"
)
@click.argument("partition", type=click.IntRange(min=0))
@click.option("--agent", "agent_name", help="The agent; needed where there are several.")
@click.option(
    "--skip", type=click.IntRange(min=0), metavar="OFFSET", help="Leave the record at OFFSET out: a dead letter."
)
@click.option("--retry", is_flag=True, help="Fold it again, after an upgrade.")
@deciding_options(why="Why; required with --skip, and kept in the dead letter.")
@click.option(
    "--wait", type=click.IntRange(min=0), default=WAIT_S, show_default=True, help="Seconds to wait for the worker."
)
@common_options
def unpark(
    context: Context,
    partition: int,
    agent_name: str | None,
    skip: int | None,
    retry: bool,
    why: str | None,
    who: str | None,
    wait: int,
    dry_run: bool,
    yes: bool,
) -> None:
    """Let a parked partition go on: by leaving its record out, or by trying it again.

    The decision is written into the dead letter topic, and the worker that has the partition acts on it within
    seconds, or as soon as one has it. Exit code 1 where it did not go on within --wait.
    """
    from tools.brokers.encoding import codec_of
    from tools.commands.dead_letters import user_name

    if (skip is None) is not retry:
        raise click.UsageError("Say what becomes of the record: --skip OFFSET or --retry.")
    if skip is not None and not why:
        raise click.UsageError("A record that is left out needs --why TEXT: it is kept with it.")
    agents = _agents(context, agent_name)
    if len(agents) != 1:
        raise click.UsageError(f"Say which agent with --agent: {', '.join(agent.name for agent in agents)}.")
    case = _Case(context, codec_of(context.topology), agents[0], partition)
    offset = case.check(skip)
    unparking = case.decision(offset, retry=retry, who=who or user_name(), why=why or "")
    case.show(unparking, dry_run=dry_run)
    if dry_run:
        return
    if yes or confirmed(context, "Do it?"):
        case.carry_out(unparking, wait)


class _Case:
    """One parked partition."""

    def __init__(self, context: Context, codec: Codec, agent: AgentSettings, partition: int) -> None:
        self._context = context
        self._topology = context.topology
        self._codec = codec
        self._agent = agent
        self._partition = partition
        self._record: Message | None = None

    def check(self, skip: int | None) -> int:
        """The offset where it is parked. Ends the command where it is not, or not there."""
        standing = self._standing()
        if standing.standing != "parked" or standing.parked_at is None:
            fail(
                f"Partition {self._partition} of {self._agent.name} is not parked: it is {standing.standing}.",
                "`onhand partitions list` shows all.",
            )
        if skip is not None and skip != standing.parked_at:
            fail(
                f"Partition {self._partition} is parked at offset {standing.parked_at}, not at {skip}.",
                f"Look at that record first: `onhand partitions unpark {self._partition} --agent {self._agent.name} "
                f"--skip {standing.parked_at} --why TEXT --dry-run`.",
                WRONG_USAGE,
            )
        return standing.parked_at

    def decision(self, offset: int, *, retry: bool, who: str, why: str) -> Unparking:
        """What is to be written. Reads the record, so that no other one can be meant."""
        import hashlib

        from agents.runtime.unparking import Unparking, Verdict
        from tools.burials import records_between

        with self._broker():
            found = list(
                records_between(
                    self._topology.kafka, self._agent.folds, {self._partition: offset}, {self._partition: offset + 1}
                )
            )
        if not found:
            fail(
                f"There is no record at {self._agent.folds}[{self._partition}]@{offset} any more.",
                "Restart its worker: it compares its position with the log and says what was lost.",
            )
        self._record = found[0]
        verdict = Verdict.RETRY if retry else Verdict.SKIP
        return Unparking(verdict, offset, who, why, hashlib.sha256(found[0].value() or b"").hexdigest())

    def show(self, unparking: Unparking, *, dry_run: bool) -> None:
        """The record, and what happens to it."""
        from agents.runtime.unparking import Verdict
        from tools.burials import headers_of
        from tools.context import encoded
        from tools.dead_letters.showing import text_of
        from tools.dead_letters.words import Words

        assert self._record is not None
        standing = self._standing()
        said, problem = Words(self._topology, self._codec, self._agent.folds).told(
            self._record.value(), headers_of(self._record)
        )
        skips = unparking.verdict is Verdict.SKIP
        happens = "becomes a dead letter, and the partition goes on after it" if skips else "is folded again"
        where = f"{self._agent.folds}[{self._partition}]@{unparking.offset}"
        if self._context.as_json:
            if dry_run:
                record = {"key": text_of(self._record.key()), "decoded": said, "problem": problem}
                self._context.print_json(
                    {
                        "dry_run": True,
                        "decision": unparking.verdict,
                        "where": where,
                        "why_parked": standing.why,
                        **record,
                    }
                )
            return
        console = self._context.console
        console.print(f"parked at  {where}: {standing.why}", markup=False, soft_wrap=True)
        console.print(f"record     {text_of(self._record.key())}  {encoded(said)}", markup=False, soft_wrap=True)
        would = "would be: it" if dry_run else "it"
        console.print(f"decision   {unparking.verdict}: {would} {happens}", markup=False, soft_wrap=True)

    def carry_out(self, unparking: Unparking, wait: int) -> None:
        """Write the decision and wait for what comes of it."""
        from tools.partitions import wait_until

        before = self._last_alert()
        begin = self._end_of_dead_letters()
        self._write(unparking)
        told: dict[str, Any] = {"decision": unparking.verdict, "partition": self._partition, "offset": unparking.offset}

        def settled() -> bool:
            now = self._standing()
            alert = self._last_alert()
            parked_anew = alert is not None and (before is None or alert.place != before.place)
            gone_on = now.standing == "running" and (now.input_position or 0) > unparking.offset
            told.update(standing=now.standing, input_position=now.input_position, parked_again=parked_anew)
            told["sentence"] = "" if alert is None or not parked_anew else alert.alert.message
            return gone_on or parked_anew

        taken_up = wait_until(settled, wait)
        letter = self._dead_letter(unparking.offset, begin) if taken_up else None
        self._tell({**told, "taken_up": taken_up, "dead_letter": letter}, wait)

    def _tell(self, told: dict[str, Any], wait: int) -> None:
        console = self._context.console
        if self._context.as_json:
            self._context.print_json(told)
        elif not told["taken_up"]:
            console.print(
                f"The decision is written, but no worker acted on it within {wait} s. The one that has the partition "
                "will, or the next one that gets it.",
                soft_wrap=True,
            )
        else:
            if told["dead_letter"]:
                console.print(
                    f"The record is dead letter {told['dead_letter']} now: `onhand dead-letters show` has it."
                )
            if told["parked_again"]:
                console.print(f"The partition is parked again. {told['sentence']}", markup=False, soft_wrap=True)
            else:
                console.print(f"Partition {self._partition} goes on; it is at offset {told['input_position']}.")
        if not told["taken_up"] or told["parked_again"]:
            self._context.differs()

    def _standing(self) -> PartitionStanding:
        from tools.partitions import standings

        with self._broker():
            found = standings(self._topology, self._codec, self._agent)
        if self._partition >= len(found):
            fail(f"{self._agent.folds} has {len(found)} partitions, from 0 on.", exit_code=WRONG_USAGE)
        return found[self._partition]

    def _last_alert(self) -> Any:
        from tools.partitions import parking_alerts

        since_ms = time.time_ns() // 1_000_000 - 3_600_000
        with self._broker():
            return parking_alerts(self._topology, self._codec, self._agent, since_ms=since_ms).get(self._partition)

    def _end_of_dead_letters(self) -> int:
        from agents.runtime.topics import Cluster

        name = self._agent.dead_letters.name
        with self._broker():
            cluster = Cluster(self._topology.kafka)
            return cluster.offsets(cluster.topics([name]).values())[name][self._partition].next

    def _dead_letter(self, offset: int, begin: int) -> str | None:
        """The name of the letter that the record has become."""
        from tools.burials import Graveyard, read_on

        graveyard = Graveyard(self._agent.dead_letters.name, read_to={self._partition: begin})
        with self._broker():
            read_on(self._topology, self._codec, graveyard)
        found = [str(burial.place) for burial in graveyard.burials if burial.story.offset == offset]
        return found[0] if found else None

    def _write(self, unparking: Unparking) -> None:
        from confluent_kafka import KafkaError, KafkaException, Producer

        failures: list[KafkaError] = []
        settings: dict[str, Any] = {**self._topology.kafka, **self._topology.producer}
        producer = Producer({**settings, "enable.idempotence": True, "partitioner": "murmur2_random"})
        with self._broker():
            producer.produce(
                self._agent.dead_letters.name,
                None,
                str(self._partition).encode(),
                self._partition,
                headers=unparking.headers(),
                on_delivery=lambda error, _: failures.append(error) if error is not None else None,
            )
            if producer.flush(30):
                fail("The broker did not take the decision within 30 s.", "Nothing was done; run this again.")
            if failures:
                raise KafkaException(failures[0])

    def _broker(self) -> Any:
        from tools.brokers.reporting import broker_or_fail

        return broker_or_fail(self._topology.kafka["bootstrap.servers"])


def _agents(context: Context, name: str | None) -> list[AgentSettings]:
    agents = context.topology.agents
    if name is not None and name not in agents:
        fail(f"There is no agent {name!r}.", f"There are: {', '.join(agents)}.", WRONG_USAGE)
    return list(agents.values()) if name is None else [agents[name]]


def _plain(each: PartitionStanding) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(each), "lag": each.lag}


def _standing(each: PartitionStanding) -> str:
    """With what belongs to it: where it is parked, or that its owner has been at one chunk for long."""
    if each.parked_at is not None:
        return f"{each.standing} at {each.parked_at}"
    if each.busy_s is not None and each.busy_s >= BUSY_FOR_LONG_S:
        return f"{each.standing}, busy for {each.busy_s:.0f} s"
    return each.standing


def _show(context: Context, found: list[PartitionStanding]) -> None:
    from rich.table import Table

    table = Table()
    for name in ("agent", "partition", "owner", "standing", "position", "lag", "heartbeat", "why"):
        table.add_column(name, overflow="fold", justify="right" if name in {"partition", "position", "lag"} else "left")
    now = time.time_ns() // 1_000_000
    for each in found:
        age = "never" if each.heartbeat_at_ms is None else f"{max(0, now - each.heartbeat_at_ms) / 1000:.0f} s ago"
        position = "" if each.input_position is None else f"{each.input_position:,}"
        lag = "" if each.lag is None else f"{each.lag:,}"
        table.add_row(each.agent, str(each.partition), each.owner or "", _standing(each), position, lag, age, each.why)
    context.console.print(table, markup=False)
    for each in found:
        if each.standing == "parked":
            context.console.print(
                f"Partition {each.partition} stands still. After an upgrade: `onhand partitions unpark {each.partition} "
                f"--agent {each.agent} --retry`. To leave the record out: `onhand partitions unpark {each.partition} "
                f"--agent {each.agent} --skip {each.parked_at} --why TEXT`.",
                soft_wrap=True,
            )

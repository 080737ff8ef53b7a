"""`onhand tail`: the records of a topic, decoded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from tools.context import Context, common_options, encoded, fail

if TYPE_CHECKING:
    from confluent_kafka import Message

    from agents.codec.codec import Codec
    from agents.runtime.topology import Topology
    from tools.brokers.reading import Start

DEFAULT_LAST = 10


@click.command("tail", epilog="Example: onhand tail inventory.answers.v1 --since 1h --where status=REFUSED --json")
@click.argument("topic")
@click.option("--key", help="Only records with this key.")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Only records whose field has this value; a dotted path reaches inside; repeated = all must hold.",
)
@click.option("--since", metavar="TIME", help="From a time on: an age such as 90s, 15m, 1h, 2d, or 2026-11-21T14:00Z.")
@click.option(
    "--offset",
    type=int,
    help=f"From this offset in each partition; -N = the last N.  [default: -{DEFAULT_LAST}; the beginning with --key or --where]",
)
@click.option("--partition", type=click.IntRange(min=0), help="Only this partition.")
@click.option("--limit", type=click.IntRange(min=1), help="End after so many records.")
@click.option(
    "--follow/--until-end",
    "-f",
    default=False,
    show_default=True,
    help="Go on until Ctrl-C, or end where the topic ends now.",
)
@common_options
def command(
    context: Context,
    topic: str,
    key: str | None,
    conditions: tuple[str, ...],
    since: str | None,
    offset: int | None,
    partition: int | None,
    limit: int | None,
    follow: bool,
) -> None:
    """Show the committed records of a topic, decoded; what cannot be decoded is shown in hexadecimal.

    No group is joined and nothing is committed: reading disturbs nobody. With --json one object a line.
    """
    from tools.brokers.encoding import codec_of
    from tools.brokers.reporting import broker_or_fail

    wanted = [_condition(text) for text in conditions]
    start = _start(since, offset, filtered=bool(wanted) or key is not None)
    topology = context.topology
    codec = codec_of(topology)
    shown = 0
    try:
        with broker_or_fail(topology.kafka["bootstrap.servers"]):
            for message in _messages(topology, topic, start, partition, follow=follow):
                if key is not None and message.key() != key.encode():
                    continue
                record = _decoded(message, topology, codec)
                if not all(_holds(record["value"], path, value) for path, value in wanted):
                    continue
                click.echo(encoded(record) if context.as_json else _line(record))
                shown += 1
                if shown == limit:
                    return
    except KeyboardInterrupt:
        if not follow:
            raise


def _messages(
    topology: Topology, topic: str, start: Start, partition: int | None, *, follow: bool
) -> Iterator[Message]:
    from agents.runtime.topics import Cluster
    from tools.brokers.reading import records

    cluster = Cluster(topology.kafka)
    found = cluster.topics([topic])
    if topic not in found:
        fail(
            f"There is no topic {topic} at {cluster.bootstrap}.",
            f"The topology has {', '.join(topology.all_topics)}; `onhand topics create` creates them.",
        )
    spans = cluster.offsets(found.values())[topic]
    if partition is not None:
        if partition >= len(spans):
            fail(f"{topic} has the partitions 0 to {len(spans) - 1}, not {partition}.", exit_code=2)
        spans = (spans[partition],)
    yield from records(topology.kafka, topic, spans, start, follow=follow)


def _start(since: str | None, offset: int | None, *, filtered: bool) -> Start:
    from tools.brokers.reading import Start

    if since is not None and offset is not None:
        raise click.UsageError("--since and --offset both say where to begin; give one")
    if since is not None:
        return Start(since_ms=_moment_ms(since))
    if offset is None:
        return Start() if filtered else Start(last=DEFAULT_LAST)
    return Start(offset=offset) if offset >= 0 else Start(last=-offset)


def _moment_ms(text: str) -> int:
    from tools.moments import NoMoment, moment_ms

    try:
        return moment_ms(text)
    except NoMoment as error:
        raise click.UsageError(f"--since must be {error}") from None


def _condition(text: str) -> tuple[tuple[str, ...], str]:
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise click.UsageError(f"--where must be FIELD=VALUE, not {text!r}")
    return tuple(path.split(".")), value


def _holds(value: object, path: tuple[str, ...], wanted: str) -> bool:
    for index, name in enumerate(path):
        if isinstance(value, list):
            return any(_holds(item, path[index:], wanted) for item in value)
        if not isinstance(value, Mapping) or name not in value:
            return False
        value = value[name]
    if isinstance(value, str):
        return value == wanted
    return encoded(value) == wanted


def _decoded(message: Message, topology: Topology, codec: Codec) -> dict[str, Any]:
    kind, timestamp_ms = message.timestamp()
    value, problem = _value(message, topology, codec)
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp_ms": timestamp_ms if kind else None,
        "key": _text(message.key()),
        "headers": _headers(message.headers() or (), codec),
        "value": value,
        "problem": problem,
        "bytes": message.value() if problem else None,
    }


def _value(message: Message, topology: Topology, codec: Codec) -> tuple[object, str | None]:
    """(what the value says, None), or (None, why it cannot be read)."""
    from agents.codec import Malformed

    raw = message.value()
    if raw is None:
        return None, None
    name = str(message.topic())
    if any(name == agent.changelog.name for agent in topology.agents.values()):
        return _changelog_row(raw)
    declared = topology.all_topics.get(name)
    try:
        return codec.decode_any(name, declared.schema if declared else None, raw, message.headers()), None
    except Malformed as problem:
        return None, str(problem)


def _changelog_row(raw: bytes) -> tuple[object, str | None]:
    import msgspec

    try:
        return {"version": raw[0], "row": msgspec.msgpack.decode(raw[1:])}, None
    except (IndexError, msgspec.DecodeError) as problem:
        return None, f"The value is no row of a changelog: {problem}."


def _headers(headers: Any, codec: Codec) -> list[Mapping[str, object]]:
    return [{"name": name, "value": _header(name, value, codec)} for name, value in headers]


def _header(name: str, value: bytes | None, codec: Codec) -> object:
    from agents.codec import Malformed
    from agents.runtime.dead_letters import STORY_HEADER

    if name == STORY_HEADER and value is not None:
        try:
            return codec.decode_any("", "dead_letter", value)
        except Malformed:
            return _text(value)
    return _text(value)


def _text(data: bytes | str | None) -> str | None:
    """Text where it is text that can be printed on one line, else 0x and hexadecimal."""
    if data is None or isinstance(data, str):
        return data
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return f"0x{data.hex()}"
    return text if text.isprintable() else f"0x{data.hex()}"


def _line(record: Mapping[str, Any]) -> str:
    """One record for people: time, partition@offset, key, value, headers."""
    at_ms = record["timestamp_ms"]
    moment = dt.datetime.fromtimestamp((at_ms or 0) / 1000, dt.UTC).isoformat(timespec="milliseconds")
    parts = [
        moment.replace("+00:00", "Z") if at_ms is not None else "no time",
        f"{record['partition']}@{record['offset']}",
        record["key"] if record["key"] is not None else "(no key)",
    ]
    if record["problem"]:
        parts.append(f"0x{record['bytes'].hex()}  ({record['problem']})")
    else:
        parts.append("(deleted)" if record["value"] is None else encoded(_said(record["value"])))
    headers = [
        f"{h['name']}={h['value'] if isinstance(h['value'], str) else encoded(h['value'])}" for h in record["headers"]
    ]
    if headers:
        parts.append(f"[{' '.join(headers)}]")
    return "  ".join(parts)


def _said(value: object) -> object:
    """Without the fields that say nothing: people look for what is there."""
    if isinstance(value, list):
        return [_said(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {name: _said(held) for name, held in value.items() if not _says_nothing(held)}


def _says_nothing(value: object) -> bool:
    # Not `not value`: a quantity of 0 says much.
    return value is None or value is False or value in ("", [])

"""`onhand dead-letters`: what could not be read or decided, and why."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

import click

from tools.context import Context, common_options, fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.burials import Burial


@click.group("dead-letters", epilog="Example: onhand dead-letters list --since 1h")
def command() -> None:
    """Look at what could not be read or decided: the records with their bytes, the reason and where they came from."""


@command.command("list", epilog="Example: onhand dead-letters list --since 1h --stage decode --json")
@click.option("--topic", help="Only of this input topic; default: of every agent's.")
@click.option("--since", metavar="AGE", help="Only what was buried within this time, such as 15m or 2d.")
@click.option("--stage", type=click.Choice(["key", "decode", "decide", "read", "map"]), help="Only what failed there.")
@click.option("--reason", help="Only where the reason contains this text.")
@click.option("--key", help="Only records with this key.")
@click.option("--limit", type=click.IntRange(min=1), help="The last so many.")
@common_options
def list_(
    context: Context,
    topic: str | None,
    since: str | None,
    stage: str | None,
    reason: str | None,
    key: str | None,
    limit: int | None,
) -> None:
    """List dead letters, the oldest first.

    With --json one object a line: the bytes in `key` and `value` as hexadecimal, and in `key_text` and `value_text`
    where they are text.
    """
    after_ms = 0 if since is None else time.time_ns() // 1_000_000 - _duration_ms(since)
    found = [
        burial
        for burial in _burials(context, topic)
        if burial.buried_at_ms >= after_ms
        and (stage is None or burial.story.stage == stage)
        and (reason is None or reason.lower() in burial.story.reason.lower())
        and (key is None or burial.key == key.encode())
    ]
    found = found if limit is None else found[-limit:]
    if context.as_json:
        for burial in found:
            context.print_json(_plain(burial))
    elif found:
        _show(context, found)
    else:
        click.echo("No dead letters.")


def _burials(context: Context, topic: str | None) -> Iterator[Burial]:
    from tools.brokers.encoding import codec_of
    from tools.brokers.reporting import broker_or_fail
    from tools.burials import burials

    topology = context.topology
    inputs = {agent.folds: agent.dead_letters.name for agent in topology.agents.values()}
    if topic is not None and topic not in inputs:
        fail(f"No agent folds {topic}.", f"There are: {', '.join(inputs)}.", exit_code=2)
    wanted = [inputs[topic]] if topic is not None else list(inputs.values())
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        yield from burials(topology, codec_of(topology), wanted)


def _plain(burial: Burial) -> dict[str, Any]:
    from msgspec.structs import asdict

    return {
        "dead_letter": f"{burial.topic}-{burial.partition}-{burial.offset}",
        "buried_at_ms": burial.buried_at_ms,
        "key": burial.key,
        "key_text": _text(burial.key),
        "value": burial.value,
        "value_text": _text(burial.value),
        **{f"origin_{name}" if name in {"topic", "partition", "offset"} else name: value
           for name, value in asdict(burial.story).items()},
    }  # fmt: skip


def _show(context: Context, found: list[Burial]) -> None:
    from rich.table import Table

    table = Table()
    for name in ("dead letter", "buried (UTC)", "key", "came from", "stage", "reason"):
        table.add_column(name, overflow="fold")
    for burial in found:
        story = burial.story
        key = "" if burial.key is None else burial.key[:60].decode("utf-8", "backslashreplace")
        buried_at = dt.datetime.fromtimestamp(burial.buried_at_ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
        cells = (f"{burial.partition}-{burial.offset}", buried_at, key, _origin(burial), story.stage, story.reason)
        table.add_row(*cells)
    context.console.print(table, markup=False)  # names and reasons may hold [brackets]
    context.console.print("1 dead letter" if len(found) == 1 else f"{len(found):,} dead letters")


def _origin(burial: Burial) -> str:
    """`topic-partition-offset`; what an import buried was never in a topic, and its reason names the row."""
    story = burial.story
    return f"{story.topic}-{story.partition}-{story.offset}" if story.partition >= 0 else "a file"


def _text(data: bytes | None) -> str | None:
    """None where it is no text that people could read."""
    try:
        text = None if data is None else data.decode()
    except UnicodeDecodeError:
        return None
    return text if text is None or text.strip().isprintable() else None


def _duration_ms(text: str) -> int:
    from agents.runtime.notation import duration_ms

    try:
        return duration_ms(text)
    except ValueError as wrong:
        raise click.UsageError(f"--since: {wrong}") from None

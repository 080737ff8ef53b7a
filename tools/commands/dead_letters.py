"""`onhand dead-letters`: what could not be read or decided, why, and what becomes of it."""

from __future__ import annotations

import datetime as dt
import functools
import getpass
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tools.context import WRONG_USAGE, Context, common_options, confirmed, deciding_options, fail

if TYPE_CHECKING:
    from tools.dead_letters.desk import Desk
    from tools.dead_letters.letters import Choice

R = TypeVar("R")
STAGES = ("key", "decode", "decide", "parked", "read", "map", "deliver")
STATES = ("open", "redriven", "dropped", "all")


@click.group("dead-letters", epilog="Example: onhand dead-letters list --since 1h")
def command() -> None:
    """Look at what could not be read or decided, send it again, or put it aside for good.

    A letter is one record, however often it was buried. It is named PARTITION-OFFSET, as `list` shows it.
    """


def choosing(default_state: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give a command the letters and filters that choose among dead letters, as one `Choice`."""

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        @click.argument("letters", nargs=-1, metavar="[LETTER]...")
        @click.option("--topic", help="Only of this input topic; default: of every agent's, and of the delivery's.")
        @click.option(
            "--since", metavar="WHEN", help="Buried within this time (15m, 2d) or since 2026-11-22T14:00 (UTC)."
        )
        @click.option("--until", metavar="WHEN", help="Buried before that.")
        @click.option("--stage", type=click.Choice(STAGES), help="Only what failed there.")
        @click.option("--reason", metavar="TEXT", help="Only where the reason contains this text.")
        @click.option("--key", metavar="SKU", help="Only records with this key.")
        @click.option("--partition", type=click.IntRange(min=0), help="Only from this partition of the input topic.")
        @click.option("--offsets", metavar="FIRST-LAST", help="Only from these offsets of the input topic.")
        @click.option(
            "--state", type=click.Choice(STATES), default=default_state, show_default=True, help="What was decided."
        )
        @functools.wraps(function)
        def with_choice(
            context: Context,
            letters: tuple[str, ...],
            topic: str | None,
            since: str | None,
            until: str | None,
            stage: str | None,
            reason: str | None,
            key: str | None,
            partition: int | None,
            offsets: str | None,
            state: str,
            **options: Any,
        ) -> R:
            from tools.dead_letters.letters import Choice, State

            choice = Choice(
                places=_places(letters),
                stage=stage,
                reason=reason,
                key=key,
                since_ms=_moment_ms("--since", since),
                until_ms=_moment_ms("--until", until),
                partition=partition,
                offsets=_span(offsets),
                state=None if state == "all" or letters else State(state),
            )
            return function(context, topic, choice, **options)

        return with_choice

    return decorate


@command.command("list", epilog="Example: onhand dead-letters list --since 1h --by reason")
@common_options
@choosing("open")
@click.option("--by", type=click.Choice(["reason", "stage", "state", "partition", "key"]), help="Only count, by that.")
@click.option("--limit", type=click.IntRange(min=1), help="The last so many.")
def list_(context: Context, topic: str | None, choice: Choice, by: str | None, limit: int | None) -> None:
    """List dead letters, the oldest first.

    One that was redriven and failed again, or that came more than once, is one letter with its number of times.

    With --json one object a line: the bytes in `key` and `value` as hexadecimal, and in `key_text` and `value_text`
    where they are text.
    """
    from tools.dead_letters import showing
    from tools.dead_letters.letters import counted

    desk = _desk(context, topic)
    found = desk.chosen(choice)
    found = found if limit is None else found[-limit:]
    if by is not None:
        counts = counted(found, by)
        if context.as_json:
            for name, count in counts:
                context.print_json({by: name, "letters": count})
        elif counts:
            showing.show_counts(context.console, counts, by)
        else:
            click.echo("No dead letters.")
    elif context.as_json:
        for letter, value, _ in desk.with_contents(found):
            context.print_json(showing.plain(letter, value))
    elif found:
        showing.show_table(context.console, found)
    else:
        click.echo("No dead letters.")


@command.command("show", epilog="Example: onhand dead-letters show 3-41 --save record.json")
@common_options
@choosing("all")
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write its value there: as JSON where it can be read, else as it is. For --value-file of redrive.",
)
def show(context: Context, topic: str | None, choice: Choice, save: Path | None) -> None:
    """Show letters with all that is known: story, headers, what the value says, where it stops being readable, bytes."""
    from tools.dead_letters import showing

    _require(choice, "show")
    desk = _desk(context, topic)
    found = desk.chosen(choice)
    _all_found(choice, found)
    if save is not None and len(found) != 1:
        raise click.UsageError(f"--save is for one letter; these are {len(found)}.")
    for number, (letter, value, headers) in enumerate(desk.with_contents(found)):
        words = desk.words(letter)
        if context.as_json:
            context.print_json(showing.whole(letter, value, headers, words))
        else:
            if number:
                click.echo()
            showing.show_letter(context.console, letter, value, headers, words)
            _say_how(context, desk, letter, value, headers)
        if save is not None:
            save.write_bytes(showing.editable(value, headers, words))


def _say_how(context: Context, desk: Desk, letter: Any, value: bytes | None, headers: Any) -> None:
    """The next step, or why there is none."""
    from tools.dead_letters.redriving import Cannot, Correction

    ready = desk.prepared(letter, value, headers, Correction())
    if isinstance(ready, Cannot):
        said = f"as it is it cannot be: {ready.sentence}"
    else:
        said = f"`onhand dead-letters redrive {letter.place}` sends it to {ready.to}"
    context.console.print(f"{'redrive':<14} {said}", markup=False, soft_wrap=True)


@command.command(
    "redrive", epilog="Example: onhand dead-letters redrive 3-41 --set location=LEEDS --why 'typo of the till'"
)
@common_options
@choosing("open")
@click.option("--all", "everything", is_flag=True, help="All open letters, where nothing else chooses.")
@click.option("--set", "fields", multiple=True, metavar="FIELD=VALUE", help="Correct a field; {} is its old value.")
@click.option(
    "--value-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The corrected value: a transaction as JSON, or bytes as the topic has them.",
)
@click.option("--new-key", metavar="SKU", help="The corrected key.")
@click.option("--anyway", is_flag=True, help="Also what would be buried again, as far as can be told.")
@click.option("--again", is_flag=True, help="Also what was redriven or dropped already.")
@deciding_options(why="Why; required where something is corrected.")
def redrive(
    context: Context,
    topic: str | None,
    choice: Choice,
    everything: bool,
    fields: tuple[str, ...],
    value_file: Path | None,
    new_key: str | None,
    anyway: bool,
    again: bool,
    why: str | None,
    who: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Send letters again, to the partition of their key, with their headers and their first record time.

    Each is marked as redriven in the same Kafka transaction, so that it is not sent twice. One that fails again
    is the same letter with one attempt more. Exit code 1 where one was left as it is.
    """
    from tools.dead_letters.redriving import Correction, Decider

    _require(choice, "redrive", everything)
    correction = Correction(
        key=new_key,
        value=None if value_file is None else value_file.read_bytes(),
        fields=tuple(_field(text) for text in fields),
        anyway=anyway,
        again=again,
    )
    if (correction.changes_value or new_key) and not why:
        raise click.UsageError("A corrected record needs --why TEXT: it is kept with it.")
    desk = _desk(context, topic)
    found = desk.chosen(choice)
    _all_found(choice, found)
    if len(found) > 1 and (value_file is not None or new_key is not None):
        raise click.UsageError(f"--value-file and --new-key are for one letter; these are {len(found)}.")
    if any(name == "transaction_id" and "{}" not in value for name, value in correction.fields) and len(found) > 1:
        raise click.UsageError("Several letters cannot get one transaction_id; {} in it is the old one of each.")
    if not _agreed(context, len(found), "redrive", dry_run=dry_run, yes=yes):
        return
    decider = Decider(who or user_name(), why or "")
    with _progress(context, len(found), "redriving") as advance:
        outcome = desk.redrive(found, correction, decider, dry_run=dry_run, advance=advance)
    _tell(context, "redriven", outcome, dry_run=dry_run)


@command.command("drop", epilog="Example: onhand dead-letters drop --reason 'unknown_field' --why 'test traffic'")
@common_options
@choosing("open")
@click.option("--all", "everything", is_flag=True, help="All open letters, where nothing else chooses.")
@deciding_options(why="Why nobody needs it; it is kept.", why_required=True)
def drop(
    context: Context,
    topic: str | None,
    choice: Choice,
    everything: bool,
    why: str,
    who: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Mark letters as dropped: looked at, and not needed. Their bytes stay as long as the topic keeps them."""
    from tools.dead_letters.redriving import Decider

    _require(choice, "drop", everything)
    desk = _desk(context, topic)
    found = desk.chosen(choice)
    _all_found(choice, found)
    if not _agreed(context, len(found), "drop", dry_run=dry_run, yes=yes):
        return
    with _progress(context, len(found), "dropping") as advance:
        outcome = desk.drop(found, Decider(who or user_name(), why), dry_run=dry_run, advance=advance)
    _tell(context, "dropped", outcome, dry_run=dry_run)


def _desk(context: Context, topic: str | None) -> Desk:
    from agents.serve.delivery.plan import as_reader
    from tools.brokers.encoding import codec_of
    from tools.dead_letters.desk import Desk

    topology = context.topology
    delivery = as_reader(topology)
    readers = [*topology.agents.values(), *([] if delivery is None else [delivery])]
    inputs = {reader.folds: reader for reader in readers}
    if topic is not None and topic not in inputs:
        fail(f"Nobody reads {topic}.", f"There are: {', '.join(inputs)}.", WRONG_USAGE)
    wanted = [inputs[topic]] if topic is not None else list(inputs.values())
    return Desk(topology, codec_of(topology), wanted)


def _require(choice: Choice, verb: str, everything: bool = False) -> None:
    from tools.dead_letters.letters import Choice

    if not everything and choice == Choice(state=choice.state):
        all_ = "" if verb == "show" else ", or --all"
        raise click.UsageError(f"Say which to {verb}: letters such as 3-41, or a filter such as --reason TEXT{all_}.")


def _all_found(choice: Choice, found: Any) -> None:
    there = {burial.place for letter in found for burial in letter.burials}
    missing = sorted(choice.places - there)
    if missing:
        fail(
            f"There is no dead letter {', '.join(map(str, missing))}.",
            "`onhand dead-letters list --state all` shows those that are still kept.",
        )


def _agreed(context: Context, count: int, verb: str, *, dry_run: bool, yes: bool) -> bool:
    """Whether to go on. With --json nobody can be asked."""
    from tools.dead_letters.showing import number

    if not count:
        if context.as_json:
            context.print_json({"dry_run": dry_run, "done": 0, "left": 0})
        else:
            click.echo(f"No dead letters to {verb}.")
        return False
    return dry_run or yes or confirmed(context, f"{verb.capitalize()} {number(count)}?")


@contextmanager
def _progress(context: Context, count: int, what: str) -> Iterator[Callable[[int], None]]:
    """A bar for people while it takes long."""
    from rich.progress import Progress

    console = context.progress_console
    with Progress(console=console, disable=context.as_json or not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=count)
        yield lambda done: progress.advance(task, done)


def _tell(context: Context, verb: str, outcome: Any, *, dry_run: bool) -> None:
    from tools.dead_letters.showing import number

    if context.as_json:
        for place, to in outcome.done:
            context.print_json({"dead_letter": str(place), verb: not dry_run, "to": to or None, "why_not": None})
        for place, sentence in outcome.left:
            context.print_json({"dead_letter": str(place), verb: False, "to": None, "why_not": sentence})
    else:
        would = "would be " if dry_run else ""
        console = context.console
        for place, to in outcome.done:
            console.print(f"{would}{verb} {place}" + (f" to {to}" if to else ""), markup=False, soft_wrap=True)
        for place, sentence in outcome.left:
            console.print(f"left {place}: {sentence}", markup=False, soft_wrap=True)
        console.print(f"{number(len(outcome.done))} {would}{verb}, {len(outcome.left):,} left as they are.")
    if outcome.left:
        context.differs()


def _places(letters: tuple[str, ...]) -> frozenset[Any]:
    from tools.burials import Place

    places = set()
    for letter in letters:
        parts = letter.rsplit("-", 2)[-2:]
        if len(parts) != 2 or not all(part.isdigit() for part in parts):
            raise click.UsageError(f"A letter is named PARTITION-OFFSET, such as 3-41, not {letter!r}.")
        places.add(Place(int(parts[0]), int(parts[1])))
    return frozenset(places)


def _moment_ms(option: str, text: str | None) -> int | None:
    from agents.runtime.notation import duration_ms

    if text is None:
        return None
    try:
        return time.time_ns() // 1_000_000 - duration_ms(text)
    except ValueError as wrong:
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            raise click.UsageError(f"{option}: {wrong}, or a time such as 2026-11-22T14:00") from None
        return int((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp() * 1000)


def _span(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, last = text.partition("-")
    if not first.isdigit() or not (last or first).isdigit():
        raise click.UsageError(f"--offsets must be FIRST-LAST, such as 40-52, or one offset, not {text!r}")
    return int(first), int(last or first)


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--set must be FIELD=VALUE, not {text!r}")
    return name, value


def user_name() -> str:
    """Who decides, where nobody is named. Ends the command where the user has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user database
        raise click.UsageError("Your user has no name here: give --who NAME.") from None

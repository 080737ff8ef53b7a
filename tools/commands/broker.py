"""`onhand broker`: a broker on this machine, in the foreground."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.context import Context, fail

if TYPE_CHECKING:
    from tools.brokers.local import LocalBroker

DEFAULT_PORT = 9092
EMBEDDED_DATA = Path(".onhand/broker")
APACHE_DATA = Path(".onhand/kafka")
LOOK_SECONDS = 0.5


@click.command("broker", epilog="Example: onhand broker --port 9092, then in another terminal: onhand topics create")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0 = any free one."
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Where its data live; default {EMBEDDED_DATA}, with --apache {APACHE_DATA}.",
)
@click.option("--apache", is_flag=True, help="Apache Kafka in place of the embedded broker; needs Java 17 and Maven.")
@click.option("--json", "as_json", is_flag=True, help="Print one object once it is ready: bootstrap and pid.")
@click.pass_context
def command(running: click.Context, port: int, data: Path | None, apache: bool, as_json: bool) -> None:
    """Run a broker here, embedded or Apache Kafka, until Ctrl-C or SIGTERM.

    The embedded broker needs nothing installed, keeps everything in memory and rewrites all its data as one snapshot:
    it is for a first look and for small loads, never for production. Data stay in the directory; the next start has
    them again. It listens on this machine only, without passwords.
    """
    from agents.runtime.stopping import StopSignal
    from tools.brokers.local import BrokerFailed

    context = running.obj = Context(as_json=as_json)
    broker = _chosen(port or None, data, apache=apache)
    stop = StopSignal.heard()  # From here on a signal means: stop in order, even in the middle of the start.
    if not as_json:
        context.progress_console.print(f"Starting {broker.name} ...")
    try:
        broker.start()
    except BrokerFailed as failed:
        fail(f"{_capital(str(failed))}.", f"Data and log are in {broker.directory}.")
    try:
        _announce(context, broker, apache=apache)
        while not stop.wait(LOOK_SECONDS):
            if not broker.running:
                fail(f"{_capital(broker.name)} ended by itself.", f"Its log is {broker.log}.")
    finally:
        broker.stop()


def _chosen(port: int | None, data: Path | None, *, apache: bool) -> LocalBroker:
    from tools.brokers import apache_kafka, embedded

    reason = apache_kafka.unavailable_reason() if apache else embedded.unavailable_reason()
    if reason is not None:
        other = (
            "Run `onhand broker` without --apache for the embedded one." if apache else "Or use --apache (Java, Maven)."
        )
        fail(f"{_capital(reason)}.", other)
    if apache:
        return apache_kafka.ApacheKafka(data or APACHE_DATA, port)
    return embedded.EmbeddedBroker(data or EMBEDDED_DATA, port)


def _announce(context: Context, broker: LocalBroker, *, apache: bool) -> None:
    from tools.brokers.embedded import SMALL_LOADS_ONLY

    if context.as_json:
        context.print_json({"bootstrap": broker.bootstrap, "pid": broker.pid})
        return
    elsewhere = "" if broker.port == DEFAULT_PORT else f" --bootstrap {broker.bootstrap}"
    lines = [
        f"[bold]{_capital(broker.name)}[/bold] at [bold]{broker.bootstrap}[/bold], process {broker.pid}, data in {broker.directory}",
        "",
        "Next, in another terminal:",
        f"  onhand topics create{elsewhere}",
        f"  onhand worker{elsewhere}",
        "",
        *(
            []
            if apache
            else [SMALL_LOADS_ONLY.replace("use Apache Kafka", "use Apache Kafka (`onhand broker --apache`)"), ""]
        ),
        "Ctrl-C stops it.",
    ]
    with suppress(BrokenPipeError):
        context.console.print("\n".join(lines), soft_wrap=True)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]

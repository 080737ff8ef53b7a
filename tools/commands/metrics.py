"""`onhand metrics`: KPIs and the positions of all workers, for Prometheus."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from tools.context import Context, common_options, fail

if TYPE_CHECKING:
    from agents.serve.metrics.follower import Follower

CURRENT_SECONDS = 30.0


@click.command("metrics", epilog="Example: onhand metrics --port 9464    (then: curl http://127.0.0.1:9464/metrics)")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; it answers whoever asks.")
@click.option("--port", type=click.IntRange(0, 65_535), default=9464, show_default=True, help="0 takes a free one.")
@click.option("--once", is_flag=True, help="Print what a scrape would get now, and end.")
@common_options
def command(context: Context, host: str, port: int, once: bool) -> None:
    """Serve the KPIs and the positions of all workers in the text format of Prometheus, until SIGTERM or Ctrl-C.

    It follows the topics of KPIs and heartbeats, so one is enough for all workers, wherever they run. docs/reference/kpis.md
    names the metrics. With --json the address is told as an object once it is served, or with --once the page as a list of
    samples.
    """
    from agents.serve.metrics.follower import Follower, TopicsMissing
    from tools.brokers.encoding import codec_of
    from tools.brokers.reporting import broker_or_fail

    topology = context.topology
    follower = Follower(topology, codec_of(topology))
    with broker_or_fail(topology.kafka["bootstrap.servers"]):
        try:
            follower.start()
        except TopicsMissing as missing:
            fail(f"There is no topic {missing} on this cluster.", "Create it with `onhand topics create`.")
    try:
        if not follower.wait_until_current(CURRENT_SECONDS):
            click.echo("The topics are long: what was said last is still being read.", err=True)
        if once:
            _print(context, follower)
        else:
            _serve(context, follower, host, port)
    finally:
        follower.stop()


def _print(context: Context, follower: Follower) -> None:
    from agents.serve.metrics.server import families, page

    if context.as_json:
        for family in families(follower):
            for sample in family.samples:
                context.print_json({"metric": family.name, "labels": dict(sample.labels), "value": sample.value})
    else:
        click.echo(page(follower), nl=False)


def _serve(context: Context, follower: Follower, host: str, port: int) -> None:
    from agents.runtime.stopping import StopSignal
    from agents.serve.metrics.server import MetricsServer

    try:
        server = MetricsServer(host, port, follower)
    except OSError as error:
        fail(f"{host}:{port} cannot be listened on: {error.strerror}.", "Give another --port, or 0 for a free one.")
    serving = threading.Thread(target=server.serve_forever, name="http", daemon=True)
    stop = StopSignal.heard()
    serving.start()
    address = f"http://{host}:{server.server_address[1]}/metrics"
    if context.as_json:
        context.print_json({"listening": address})
    else:
        click.echo(f"Serving {address}")
    stop.wait()
    server.shutdown()
    server.server_close()

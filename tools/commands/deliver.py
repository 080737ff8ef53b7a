"""`onhand deliver`: carry the commands of campaigns to their platforms, and the answers back."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from tools.context import Context, common_options, fail

if TYPE_CHECKING:
    from agents.serve.delivery.plan import DeliveryPlan


@click.command(
    "deliver",
    epilog="Example: onhand deliver --instance ads-1",
    help="""Deliver the commands of campaigns to the webhooks of their platforms, until SIGTERM.

    Each platform is described under `platforms` in topology.yaml; without one nothing is sent anywhere. Calls are
    signed (Standard Webhooks), tried again with back-off, and answered into the campaigns' topic in the transaction that
    moves the offset. What stays undelivered becomes a dead letter: `onhand dead-letters list`. Run several with
    different --instance to share the work.

    With --json each call and each outcome is one line on standard output; logs go to standard error.
    """,
)
@click.option(
    "--instance",
    envvar="ONHAND_INSTANCE",
    show_envvar=True,
    default="1",
    show_default=True,
    help="Name of this process in the group. Another one needs another name.",
)
@click.option("--check", is_flag=True, help="Only check topology, topics and platforms; send nothing.")
@click.option("--log-level", envvar="LOG_LEVEL", default="INFO", show_default=True, help="DEBUG, INFO, WARNING, ERROR.")
@click.option(
    "--log-format",
    envvar="LOG_FORMAT",
    type=click.Choice(["auto", "json", "text"]),
    default="auto",
    show_default=True,
    help="auto: text on a terminal, else JSON.",
)
@common_options
def command(context: Context, instance: str, check: bool, log_level: str, log_format: str) -> None:
    """See help."""
    from agents.codec import RegistryUnreachable
    from agents.runtime.logs import set_up_logs
    from agents.runtime.preflight import CannotRun
    from agents.serve.delivery.adapter import Adapter, run_adapter
    from agents.serve.delivery.plan import DeliveryPlan
    from tools.brokers.encoding import codec_of

    try:
        plan = DeliveryPlan(context.topology, codec_of(context.topology), instance)
        plan.check()
        if check:
            _tell_platforms(context, plan)
            return
        set_up_logs(log_level, log_format == "json" or (log_format == "auto" and not sys.stderr.isatty()))
        adapter = Adapter(plan, context.print_json if context.as_json else None)
        code = run_adapter(adapter)
    except CannotRun as cannot:
        fail(cannot.sentence, cannot.what_to_do)
    except RegistryUnreachable as unreachable:
        fail(str(unreachable), "Check schema_registry in topology.yaml (or SCHEMA_REGISTRY_URL), and that it runs.")
    if adapter.failure is not None:
        click.echo(f"Error: {adapter.failure}", err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a thread may still wait for a broker that is gone


def _tell_platforms(context: Context, plan: DeliveryPlan) -> None:
    for name, platform in plan.topology.platforms.items():
        if context.as_json:
            context.print_json({"platform": name, "url": platform.url or None, "elsewhere": platform.elsewhere})
        else:
            where = "elsewhere" if platform.elsewhere else platform.url
            context.console.print(f"{name}: {where}", markup=False, soft_wrap=True)

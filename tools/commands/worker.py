"""`onhand worker`: run agents, one process each, and watch them."""

from __future__ import annotations

import os
import sys

import click

from agents.codec import RegistryUnreachable
from agents.runtime import failpoints
from agents.runtime.app import run_worker
from agents.runtime.logs import set_up_logs
from agents.runtime.plan import WorkerPlan
from agents.runtime.preflight import CannotRun, check_topics
from agents.runtime.supervisor import Supervisor, die_with_parent
from agents.runtime.topology import Topology
from agents.state.lock import StateDirectoryLock, StateDirectoryTaken, StateDirectoryUnusable
from tools.brokers.encoding import codec_of
from tools.context import WRONG_USAGE, Context, common_options, fail
from tools.ledger_view import LEDGER
from tools.logics import LOGICS


@click.command(
    "worker",
    epilog="Example: onhand worker stock_keeper --instance shop-1",
    help="Run the agents of the topology (all of them, or those named), one process each, until SIGTERM.",
)
@click.argument("agents", nargs=-1)
@click.option(
    "--instance",
    envvar="ONHAND_INSTANCE",
    show_envvar=True,
    default="1",
    show_default=True,
    help="Name of this worker: its state directory, and its place in the group. Another worker needs another name.",
)
@click.option("--accept-loss", is_flag=True, help="Go on where a partition refused to run because records were lost.")
@click.option("--log-level", envvar="LOG_LEVEL", default="INFO", show_default=True, help="DEBUG, INFO, WARNING, ERROR.")
@click.option(
    "--log-format",
    envvar="LOG_FORMAT",
    type=click.Choice(["auto", "json", "text"]),
    default="auto",
    show_default=True,
    help="auto: text on a terminal, else JSON.",
)
@click.option("--alone", is_flag=True, hidden=True, help="Be the process of the one agent named.")
@click.option("--tied", is_flag=True, hidden=True, help="End when the process that started it ends.")
@click.option("--failpoint", envvar=failpoints.VARIABLE, hidden=True, help="Where it ends itself, for tests.")
@common_options
def command(
    context: Context,
    agents: tuple[str, ...],
    instance: str,
    accept_loss: bool,
    log_level: str,
    log_format: str,
    alone: bool,
    tied: bool,
    failpoint: str | None,
) -> None:
    """See help."""
    as_json = context.as_json or log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    set_up_logs(log_level, as_json)
    if tied:
        die_with_parent()
    topology = context.topology
    names = _named(topology, agents)
    if alone:
        _arm(failpoint)
        _run_alone(topology, names[0], instance, accept_loss)
    for name in names:
        _check(topology, name)
    supervised = {name: _command_line(context, name, instance, accept_loss, log_level, as_json) for name in names}
    if topology.feeds and LEDGER in names:
        supervised["feeds"] = [sys.executable, "-m", "tools", "feeds", "watch", "--tied", *_where(context)]
    sys.exit(Supervisor(supervised).run())


def _arm(failpoint: str | None) -> None:
    if failpoint:
        try:
            failpoints.arm(failpoint)
        except failpoints.NoSuchFailpoint as unknown:
            fail(str(unknown), exit_code=WRONG_USAGE)


def _named(topology: Topology, agents: tuple[str, ...]) -> tuple[str, ...]:
    for name in agents:
        if name not in topology.agents:
            fail(f"There is no agent {name!r}.", f"There are: {', '.join(topology.agents)}.", WRONG_USAGE)
    return agents or tuple(topology.agents)


def _check(topology: Topology, name: str) -> None:
    try:
        check_topics(topology, topology.agents[name])
    except CannotRun as cannot:
        fail(cannot.sentence, cannot.what_to_do)


def _run_alone(topology: Topology, name: str, instance: str, accept_loss: bool) -> None:
    """Be the worker process. Ends the process."""
    die_with_parent()
    agent = topology.agents[name]
    try:
        codec = codec_of(topology)
        plan = WorkerPlan(topology, agent, LOGICS[name](topology, codec), codec, instance, accept_loss=accept_loss)
        check_topics(topology, agent)
        with StateDirectoryLock(plan.state_directory):
            code = run_worker(plan)
    except CannotRun as cannot:
        fail(cannot.sentence, cannot.what_to_do)
    except RegistryUnreachable as unreachable:
        fail(str(unreachable), "Check schema_registry in topology.yaml (or SCHEMA_REGISTRY_URL), and that it runs.")
    except (StateDirectoryTaken, StateDirectoryUnusable) as unusable:
        fail(f"{unusable}.")
    if plan.failure is not None:
        click.echo(f"Error: {plan.failure}", err=True)
    sys.stderr.flush()
    os._exit(code)  # a thread may still wait for a broker that is gone


def _command_line(
    context: Context, name: str, instance: str, accept_loss: bool, log_level: str, as_json: bool
) -> list[str]:
    options = ["--instance", instance, "--log-level", log_level, "--log-format", "json" if as_json else "text"]
    if accept_loss:
        options.append("--accept-loss")
    return [sys.executable, "-m", "tools", "worker", name, "--alone", *options, *_where(context)]


def _where(context: Context) -> list[str]:
    """The shared options, for a process that is started."""
    options = []
    if context.topology_path is not None:
        options += ["--topology", str(context.topology_path)]
    if context.bootstrap is not None:
        options += ["--bootstrap", context.bootstrap]
    if context.scratch is not None:
        options += ["--scratch", context.scratch]
    return options

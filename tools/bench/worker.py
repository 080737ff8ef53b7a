"""The processes that a bench starts beside `onhand worker`: the thin fold on the real engine, and the bare loops.

python -m tools.bench.worker thin|bare-thin|bare-ledger --scratch NAME [--topology FILE] [--bootstrap HOST:PORT]
"""

from __future__ import annotations

import os
import sys

import click

from agents.runtime.app import run_worker
from agents.runtime.logs import set_up_logs
from agents.runtime.plan import WorkerPlan
from agents.runtime.supervisor import die_with_parent
from agents.runtime.topology import Topology
from agents.state.lock import StateDirectoryLock
from agents.stock_keeper import AGENT
from tools.bench.bare import run_bare_ledger, run_bare_thin
from tools.bench.scene import INSTANCE, THIN, thin_topology
from tools.bench.thin import thin_logic
from tools.brokers.encoding import codec_of
from tools.context import Context, common_options


@click.command("bench-worker", epilog="Example: onhand bench starts it.")
@click.argument("what", type=click.Choice([THIN, "bare-thin", "bare-ledger"]))
@common_options
def command(context: Context, what: str) -> None:
    """Be one side of a measurement, until SIGTERM."""
    die_with_parent()
    set_up_logs("INFO", as_json=False)
    topology = context.topology
    if what == "bare-ledger":
        run_bare_ledger(topology, topology.agents[AGENT], codec_of(topology))
        return
    thin = thin_topology(topology)
    if what == "bare-thin":
        run_bare_thin(thin, thin.agents[THIN])
        return
    sys.exit(run_thin(thin))


def run_thin(topology: Topology) -> int:
    """The thin fold through the real transport and owner. Ends the process."""
    agent = topology.agents[THIN]
    plan = WorkerPlan(topology, agent, thin_logic(agent.says[0]), codec_of(topology), INSTANCE)
    with StateDirectoryLock(plan.state_directory):
        code = run_worker(plan)
    if plan.failure is not None:
        click.echo(f"Error: {plan.failure}", err=True)
    sys.stderr.flush()
    os._exit(code)  # as `onhand worker`: a thread may still wait for a broker that is gone


if __name__ == "__main__":
    command()

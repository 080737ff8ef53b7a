"""SIGKILL to either agent's process, by its id, at moments drawn from a seed. Its supervisor starts it again."""

from __future__ import annotations

import os
import random
import signal

from agents.inventory.transactions import ORDER_ROUTER
from agents.runtime.status import read_status
from agents.runtime.topology import Topology
from agents.stock_keeper import AGENT as STOCK_KEEPER
from tools.demo.stage import INSTANCE

AGENTS = (STOCK_KEEPER, ORDER_ROUTER)
EARLIEST, LATEST = 0.05, 0.95
"""Shares of the day between which somebody is killed."""


class Assassin:
    """Kills the agents in turn."""

    def __init__(self, topology: Topology, kills: int, seed: int) -> None:
        rng = random.Random(f"kills-{seed}")
        self.killed: list[tuple[str, int]] = []
        """Agent and process id."""
        self._topology = topology
        self._moments = sorted(rng.uniform(EARLIEST, LATEST) for _ in range(kills))

    def look(self, share_done: float) -> str | None:
        """Kill if it is time; says whom."""
        if not self._moments or share_done < self._moments[0]:
            return None
        agent = AGENTS[len(self.killed) % len(AGENTS)]
        status = read_status(self._topology.state.directory, INSTANCE, agent)
        if status is None or not status["ready"]:
            return None
        pid = int(status["pid"])
        if self.killed and pid in {each for _, each in self.killed}:
            return None  # it has not come up again since the last time
        self._moments.pop(0)
        os.kill(pid, signal.SIGKILL)
        self.killed.append((agent, pid))
        return f"{agent} killed (process {pid})"

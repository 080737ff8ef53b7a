"""Which code runs which agent of the topology."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agents.codec import Codec
from agents.runtime.plan import AgentLogic
from agents.runtime.topology import Topology
from agents.stock_keeper import AGENT, stock_keeper

LOGICS: Mapping[str, Callable[[Topology, Codec], AgentLogic]] = {AGENT: stock_keeper}

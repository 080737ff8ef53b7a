"""Which code runs which agent of the topology."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agents.campaign_guard import AGENT as CAMPAIGN_GUARD
from agents.campaign_guard import campaign_guard
from agents.codec import Codec
from agents.order_router import AGENT as ORDER_ROUTER
from agents.order_router import order_router
from agents.replenisher import AGENT as REPLENISHER
from agents.replenisher import replenisher
from agents.runtime.plan import AgentLogic
from agents.runtime.topology import Topology
from agents.scorekeeper import SCOREKEEPERS
from agents.stock_keeper import AGENT as STOCK_KEEPER
from agents.stock_keeper import stock_keeper

LOGICS: Mapping[str, Callable[[Topology, Codec], AgentLogic]] = {
    STOCK_KEEPER: stock_keeper,
    ORDER_ROUTER: order_router,
    CAMPAIGN_GUARD: campaign_guard,
    REPLENISHER: replenisher,
    **SCOREKEEPERS,
}

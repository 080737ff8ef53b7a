"""What Faust asks of the transport. That records flow through it is shown with real workers in tests/integration."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from mode import Service

from agents.runtime.transport import Consumer


def test_leaving_while_partitions_change_hands_is_no_crash() -> None:
    async def leave() -> None:
        draining = asyncio.create_task(Consumer._drain_messages(cast("Any", None), Service()))
        await asyncio.sleep(0)
        draining.cancel()
        await draining  # raised CancelledError once, and Faust said "Crashed" with a traceback

    asyncio.run(leave())

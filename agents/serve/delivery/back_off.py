"""How long to wait before the next call: twice as long each time, up to a bound, with a jitter that the key decides.

So commands that failed together do not come again together, and a test meets the same waits each time.
"""

from __future__ import annotations

import hashlib

from agents.runtime.topology_platforms import Platform

MOST_DOUBLINGS = 30


def wait_ms(platform: Platform, key: str, calls: int, retry_after_ms: int | None = None) -> int:
    """Milliseconds from the end of call number `calls` (from 1) to the next: between half and all of the step.

    A pause that the platform asks for is kept, up to `longest_retry_after`.
    """
    step_ms = min(platform.first_back_off_ms << min(calls - 1, MOST_DOUBLINGS), platform.longest_back_off_ms)
    digest = hashlib.sha256(f"{key}:{calls}".encode()).digest()
    share = int.from_bytes(digest[:4], "big") % 1001
    jittered_ms = step_ms * (1000 + share) // 2000
    asked_ms = min(retry_after_ms or 0, platform.longest_retry_after_ms)
    return max(jittered_ms, asked_ms)

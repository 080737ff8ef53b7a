"""What a worker says of itself: `status.json` in its state directory, written each second and whenever asked.

For `onhand`, for scripts that wait until a worker is ready, and for people. Written to a new file and renamed, so that
a reader never sees half of it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from agents.runtime.plan import WorkerPlan

STATUS_FILE = "status.json"


def status_of(plan: WorkerPlan) -> dict[str, Any]:
    """The worker as it is now."""
    held = [] if plan.custody is None else sorted(plan.custody.held.values(), key=lambda each: each.partition)
    partitions = [
        {
            "partition": each.partition,
            "standing": each.standing.value,
            "why": each.why,
            "parked_at": None if each.parking is None else each.parking.offset,
            "listening": each.listening,
            "busy_s": None if each.inbox.busy_s is None else round(each.inbox.busy_s, 3),
            "waiting": each.inbox.waiting,
            "input_position": None if each.owner is None else each.owner.input_position,
            "record_time_ms": None if each.owner is None else each.owner.time_ms,
            **({} if each.owner is None else each.owner.counts.as_dict()),
        }
        for each in held
    ]
    return {
        "agent": plan.agent.name,
        "instance": plan.instance,
        "pid": os.getpid(),
        "at_ms": time.time_ns() // 1_000_000,
        "ready": bool(held) and all(each.standing == "running" and each.listening for each in held),
        "failure": plan.failure,
        "partitions": partitions,
    }


def write_status(plan: WorkerPlan) -> None:
    """Write it down. Raises OSError where the directory cannot be written."""
    path = plan.state_directory / STATUS_FILE
    temporary = path.with_suffix(".new")
    temporary.write_bytes(orjson.dumps(status_of(plan), option=orjson.OPT_INDENT_2))
    temporary.replace(path)


def read_status(state_directory: Path, instance: str, agent: str) -> dict[str, Any] | None:
    """The status that a worker's agent wrote last; None where none did."""
    try:
        return dict(orjson.loads((state_directory / instance / agent / STATUS_FILE).read_bytes()))
    except (FileNotFoundError, NotADirectoryError, orjson.JSONDecodeError):
        return None

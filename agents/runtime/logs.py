"""Logs: one JSON object a line for machines, one plain line for people. Set up once, by whoever starts the process."""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

OF_THE_CLIENT = "%s [%s] %s"
"""How the Kafka client library forms its lines: facility, client, text."""
SAID_AGAIN_AFTER_S = 30.0


class NotAgainAndAgain(logging.Filter):
    """Keeps what the Kafka client library says from drowning everything else.

    While a broker is away each client tries to connect twenty times a second, and says so each time. Of lines that
    differ in nothing but numbers one passes, and the next after half a minute.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is to be logged."""
        if record.msg != OF_THE_CLIENT or record.levelno >= logging.CRITICAL:
            return True
        same = re.sub(r"\d+", "0", record.getMessage())
        if record.created - self._said_at.get(same, 0.0) < SAID_AGAIN_AFTER_S:
            return False
        self._said_at[same] = record.created
        return True


class JsonLines(logging.Formatter):
    """`timestamp` (RFC 3339, UTC), `level`, `logger`, `message`, and `error` with the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def set_up_logs(level: str, as_json: bool) -> None:
    """Log to standard error from now on. What Faust and librdkafka say is shown from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(NotAgainAndAgain())
    if as_json:
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("faust", "mode", "agents.runtime.app", "agents.runtime.transport", "aiokafka", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

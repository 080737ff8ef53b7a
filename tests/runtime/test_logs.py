"""One JSON object a line for machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime

from agents.runtime.logs import JsonLines


def record_of(message: str, *values: object, exc_info: bool = False) -> logging.LogRecord:
    told = sys.exc_info() if exc_info else None
    return logging.LogRecord("onhand.owner", logging.WARNING, __file__, 1, message, values, told)


def test_a_line_is_one_json_object_with_time_level_logger_and_message() -> None:
    line = JsonLines().format(record_of("partition %d\nwaits", 3))
    assert "\n" not in line
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == ("warning", "onhand.owner", "partition 3\nwaits")
    assert datetime.fromisoformat(told["timestamp"]).utcoffset() is not None


def test_an_exception_is_told_with_its_traceback_on_the_same_line() -> None:
    try:
        int("why")
    except ValueError:
        line = JsonLines().format(record_of("failed", exc_info=True))
    assert "\n" not in line
    assert "ValueError: invalid literal" in json.loads(line)["error"]

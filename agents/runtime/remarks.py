"""What a worker remarks about the world around it: it goes on, but an operator should hear of it.

Each sentence says what is the case and what to do, and is not repeated before a while has passed. Free of I/O but for the
log; the clocks are the caller's.
"""

from __future__ import annotations

import logging

from agents.runtime.broker_errors import BrokerError, explain

log = logging.getLogger("onhand.owner")
pump_log = logging.getLogger("onhand.pump")

SLOW_COMMIT_S = 1.0
AHEAD_MS = 60_000
AGAIN_AFTER_MS = 60_000
REACH_AGAIN_AFTER_S = 60.0
AGAIN_AFTER_COMMITS = 50
"""Transactions; a slow broker is not remarked at each of them."""


class Remarks:
    """Of one owner."""

    def __init__(self, where: str) -> None:
        """`where` is `topic[partition]`."""
        self._where = where
        self._commits_until_next = 0
        self._not_before_ms = 0

    def commit_waits(self, seconds: float, why: str) -> None:
        """The broker has not said yet whether a transaction is committed; it is asked again."""
        log.warning(
            "%s: the broker has not confirmed a transaction for %.0f s; it is asked again, nothing is lost. "
            "If this goes on, look at the broker and the network (%s).",
            self._where,
            seconds,
            why,
        )

    def committed_after(self, seconds: float) -> None:
        """A transaction was committed after so long."""
        self._commits_until_next -= 1
        if seconds < SLOW_COMMIT_S or self._commits_until_next > 0:
            return
        self._commits_until_next = AGAIN_AFTER_COMMITS
        log.warning(
            "%s: a transaction took %.1f s, so answers come that late; nothing is lost. "
            "Look at the load of the broker and at the network.",
            self._where,
            seconds,
        )

    def record_time(self, record_time_ms: int, now_ms: int) -> None:
        """Where the partition's time is, and the wall clock."""
        ahead_ms = record_time_ms - now_ms
        if ahead_ms < AHEAD_MS or now_ms < self._not_before_ms:
            return
        self._not_before_ms = now_ms + AGAIN_AFTER_MS
        log.warning(
            "%s: its records are stamped %.0f s ahead of this machine's clock, so claims expire that much too early. "
            "Set the clock right of the broker (LogAppendTime) or of whoever stamps the records (CreateTime).",
            self._where,
            ahead_ms / 1_000,
        )


class Reach:
    """Whether the broker can be reached, as the group's consumer hears it."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._since: float | None = None
        self._answered_before = False
        self._not_before = 0.0

    def lost(self, error: BrokerError, now: float) -> None:
        """The client library could not reach a broker. It tries again by itself, many times a second."""
        if self._since is None:
            self._since = now
        elif now < self._not_before:
            return
        self._not_before = now + REACH_AGAIN_AFTER_S
        told = explain(error, self._bootstrap, answered_before=self._answered_before)
        pump_log.warning("%s Nothing is lost: the worker goes on by itself. %s", told.sentence, told.what_to_do)

    def answered(self, now: float) -> None:
        """A broker has answered."""
        self._answered_before = True
        if self._since is not None:
            pump_log.warning("the broker at %s answers again, after %.1f s", self._bootstrap, now - self._since)
            self._since = None

"""A small HTTP server that answers scrapes: `/metrics` and `/-/healthy`, reading only, on the loopback unless told otherwise."""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agents.serve.metrics.exposition import CONTENT_TYPE, Family, Sample, exposition
from agents.serve.metrics.follower import Follower, millis_now
from agents.serve.metrics.measures import families_of_kpis, families_of_positions

REQUEST_SECONDS = 10
"""A client that says nothing for so long is dropped."""


def page(follower: Follower) -> str:
    """What a scrape gets now."""
    return exposition(families(follower))


def families(follower: Follower) -> list[Family]:
    """All that is measured, as of now."""
    positions = families_of_positions(follower.positions(), millis_now())
    reachable = Family(
        "onhand_broker_reachable", "1 while the broker answers, else 0.", (Sample({}, 1 if follower.reachable else 0),)
    )
    return [reachable, *positions, *families_of_kpis(follower.kpis())]


class MetricsServer(ThreadingHTTPServer):
    """Serves what a follower knows. `port` 0 takes a free one; `server_address` tells which."""

    daemon_threads = True

    def __init__(self, host: str, port: int, follower: Follower) -> None:
        """Raises OSError where the address cannot be had."""
        self.follower = follower
        super().__init__((host, port), MetricsHandler)


class MetricsHandler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: MetricsServer
    server_version = "onhand"
    sys_version = ""
    timeout = REQUEST_SECONDS

    def do_GET(self) -> None:
        """The page, a word that the process lives, or 404."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(HTTPStatus.OK, CONTENT_TYPE, page(self.server.follower))
        elif path == "/-/healthy":
            self._answer(HTTPStatus.OK, "text/plain; charset=utf-8", "healthy\n")
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", "There are /metrics and /-/healthy.\n")

    def do_HEAD(self) -> None:
        """As GET, without the body."""
        self.do_GET()

    def _answer(self, status: HTTPStatus, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Scrapes are no news."""

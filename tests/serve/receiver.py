"""A platform on this machine: a real HTTP server on loopback, which keeps what it was sent and answers as it is told."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.serve.parts import SECRET


class Answer(NamedTuple):
    """What the platform replies."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


DONE = Answer(200, b'{"result": "done"}')


@dataclass(frozen=True)
class Call:
    """One call as it came."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def said(self) -> dict[str, Any]:
        """The command."""
        said: dict[str, Any] = json.loads(self.body)
        return said

    def is_signed_with(self, secret: bytes) -> bool:
        """The check of Standard Webhooks, written down once more."""
        message = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = binascii.b2a_base64(hmac.digest(secret, message, "sha256"), newline=False)
        given = [entry.partition(",") for entry in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and signature.encode() == expected for version, _, signature in given)


def always_done(call: Call) -> Answer:
    """The simplest platform."""
    return DONE


@dataclass
class Receiver:
    """Started with `with`. `answer` decides on each call; it runs on a thread of its own and may wait."""

    answer: Callable[[Call], Answer] = always_done
    secret: bytes = SECRET
    port: int = 0
    calls: list[Call] = field(default_factory=list)
    unsigned: int = 0
    certificate: Path | None = None
    """With key: then it speaks TLS."""
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                call = Call({name.lower(): value for name, value in self.headers.items()}, body, time.monotonic())
                receiver.calls.append(call)
                if not call.is_signed_with(receiver.secret):
                    receiver.unsigned += 1
                status, said, headers = receiver.answer(call)
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # the caller has gone, or does not trust us
                    super().handle()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the library gives
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it is called."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}/onhand"

    def of_campaign(self, campaign_id: str) -> list[Call]:
        """The calls about one campaign."""
        return [call for call in self.calls if call.said["campaign_id"] == campaign_id]

    def wait_for(self, condition: Callable[[Receiver], bool], seconds: float = 20.0) -> None:
        """Wait until the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition(self):
            assert time.monotonic() < deadline, f"waited in vain; {len(self.calls)} calls: {self.calls[-3:]}"
            time.sleep(0.01)


def encoded(secret: bytes) -> str:
    """A secret as topology.yaml has it."""
    return "whsec_" + base64.b64encode(secret).decode()


def free_port() -> int:
    """A port of loopback where nobody listens."""
    with Receiver() as receiver:
        return receiver.port

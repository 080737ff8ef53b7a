"""One call over HTTP: POST, TLS verified, no redirect, no cookies, bounded in time and size. Never raises for the world."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import aiohttp

from agents.runtime.surroundings import now_ms as wall_clock_ms
from agents.runtime.topology_platforms import Platform
from agents.serve.delivery.replies import Reply, judge, no_reply
from agents.serve.delivery.requests import Request

LARGEST_REPLY = 64 * 1024
"""Bytes that are read of a reply; the rest is not."""


class Webhooks:
    """The webhooks of all platforms. Made and closed on the event loop: `async with Webhooks(platforms) as webhooks`."""

    def __init__(self, platforms: Mapping[str, Platform], now_ms: Callable[[], int] = wall_clock_ms) -> None:
        self._platforms = platforms
        self._now_ms = now_ms
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        for name, platform in self._platforms.items():
            if not platform.elsewhere:
                self._sessions[name] = _session(platform)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            await session.close()

    async def call(self, name: str, request: Request) -> Reply:
        """Call the platform of that name, and wait for its reply as long as it is allowed to take."""
        platform = self._platforms[name]
        try:
            async with self._sessions[name].post(
                platform.url, data=request.body, headers=request.headers, allow_redirects=False
            ) as response:
                body = await _beginning(response.content)
                headers = {key.lower(): value for key, value in response.headers.items()}
                return judge(response.status, headers, body, self._now_ms())
        except TimeoutError:
            return no_reply(f"no reply within {platform.timeout_ms / 1000:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return no_reply(f"{type(error).__name__}: {error}")


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """As much of a reply as is looked at."""
    body = bytearray()
    while len(body) < LARGEST_REPLY and (piece := await content.read(LARGEST_REPLY - len(body))):
        body += piece
    return bytes(body)


def _session(platform: Platform) -> aiohttp.ClientSession:
    context = ssl.create_default_context(cafile=None if platform.ca_file is None else str(platform.ca_file))
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=platform.concurrency),
        timeout=aiohttp.ClientTimeout(total=platform.timeout_ms / 1000),
        cookie_jar=aiohttp.DummyCookieJar(loop=asyncio.get_running_loop()),
        auto_decompress=False,  # a small reply must not become a large one
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
    )

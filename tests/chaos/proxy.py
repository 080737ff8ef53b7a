"""A TCP proxy before the broker that delays, holds, cuts, and knows enough of Kafka's framing to tell one request from another.

Every request is a frame: 4 bytes of length, then api key (2 bytes), version (2) and correlation id (4). An answer is 4 bytes
of length and the correlation id. Frames keep their order on a connection, so one that is held holds those behind it: as
when a broker is slow. What was taken in is delivered even when its sender is dead by then, as a network does.

A request is held for a time, or until it is released: so a test waits for what is to happen meanwhile, on however slow a
machine, and never guesses how long that takes.

It runs in a thread of its own; its settings may be changed at any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tools.brokers.local import LOOPBACK

PRODUCE = 0
END_OF_TRANSACTION = 26
GROUP_HEARTBEAT = 68
"""Of a consumer in a KIP-848 group."""
_REQUEST = struct.Struct(">hhi")
_LENGTH = struct.Struct(">i")
START_S = 10.0


@dataclass(frozen=True, slots=True)
class Due:
    """A frame on its way."""

    at: float
    """Not delivered before, by the clock of the event loop."""
    frame: bytes
    gate: Gate | None = None
    """Nor before this is opened."""


class Gate:
    """Holds requests of one kind until it is opened, once."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.behind: list[bytes] = []
        """The requests that it holds, in the order of their coming."""


class Proxy:
    """See the module's docstring. A context manager."""

    def __init__(self, target_port: int, port: int) -> None:
        """`port` is where it listens; it passes on to `target_port`."""
        self.port = port
        self.requests: Counter[int] = Counter()
        """Seen so far, by api key."""
        self.held: Counter[int] = Counter()
        """Requests held so far, by api key."""
        self.lost: Counter[int] = Counter()
        """Answers lost so far, by api key of the request."""
        self.cuts = 0
        """Connections cut so far."""
        self.delay_s = 0.0
        """Of every request and every answer."""
        self._hold: dict[int, float] = {}
        self._gates: dict[int, Gate] = {}
        """The last one of each kind of request, open or not."""
        self._lose: Counter[int] = Counter()
        self._open = True
        self._target_port = target_port
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="chaos-proxy", daemon=True)
        self._listening = threading.Event()

    @property
    def address(self) -> str:
        """For `bootstrap.servers`."""
        return f"{LOOPBACK}:{self.port}"

    # -- what it does to the traffic ---------------------------------------------------------------------------------

    def hold(self, api_key: int, seconds: float) -> None:
        """From now on hold each request of this kind so long; 0 = pass it."""
        self._hold[api_key] = seconds

    def hold_until_released(self, api_key: int) -> None:
        """From now on hold each request of this kind until `release`."""
        self.release(api_key)
        self._gates[api_key] = Gate()

    def release(self, api_key: int) -> None:
        """Deliver what is held until released, and hold no more of it."""
        gate = self._gates.get(api_key)
        if gate is not None and not gate.opened.is_set():
            self._call(gate.opened.set)

    def holding(self, api_key: int) -> list[bytes]:
        """The requests of this kind that are held until released and were not passed on yet, whole frames."""
        gate = self._gates.get(api_key)
        return [] if gate is None else list(gate.behind)

    def lose_answers(self, api_key: int, count: int) -> None:
        """Let the next requests of this kind reach the broker, and cut the connection in place of their answers."""
        self._lose[api_key] = count

    def cut(self) -> None:
        """Cut all connections; clients may connect again at once."""
        self._call(self._cut)

    def shut(self) -> None:
        """Cut all connections and refuse new ones."""
        self._open = False
        self.cut()

    def open(self) -> None:
        """Take connections again."""
        self._open = True

    def heal(self) -> None:
        """Pass everything on again, at once."""
        self.open()
        self.delay_s = 0.0
        self._hold.clear()
        self._lose.clear()
        for api_key in list(self._gates):
            self.release(api_key)

    # -- its life ----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(START_S), "the proxy does not listen"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._call(self._cut)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)

    def _call(self, function: Callable[[], object]) -> None:
        done = threading.Event()

        def call() -> None:
            function()
            done.set()

        self._loop.call_soon_threadsafe(call)
        assert done.wait(START_S), "the proxy does not answer"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, LOOPBACK, self.port))
        self._listening.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _cut(self) -> None:
        self.cuts += len(self._connections)
        for connection in list(self._connections):
            connection.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        try:
            to_reader, to_writer = await asyncio.open_connection(LOOPBACK, self._target_port)
        except OSError:  # the broker is away
            writer.transport.abort()
            return
        connection = _Connection(self, writer, to_writer)
        self._connections.add(connection)
        try:
            await connection.serve(reader, to_reader)
        finally:
            self._connections.discard(connection)

    def due_of_request(self, frame: bytes, now: float) -> tuple[Due, int, int]:
        """(when it is to be delivered, api key, correlation id) of a request."""
        api_key, _, correlation = _REQUEST.unpack_from(frame, _LENGTH.size)
        self.requests[api_key] += 1
        held, gate = self._hold.get(api_key, 0.0), self._gates.get(api_key)
        if gate is not None and gate.opened.is_set():
            gate = None
        if gate is not None:
            gate.behind.append(frame)
        if held or gate is not None:
            self.held[api_key] += 1
        return Due(now + self.delay_s + held, frame, gate), api_key, correlation

    def loses_answer_to(self, api_key: int) -> bool:
        """Whether the answer to this request is to be lost; counts it."""
        if self._lose[api_key] <= 0:
            return False
        self._lose[api_key] -= 1
        self.lost[api_key] += 1
        return True


class _Connection:
    """One connection of a client, and ours to the broker behind it."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter, broker: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._client = client
        self._broker = broker
        self._losing: set[int] = set()

    async def serve(self, from_client: asyncio.StreamReader, from_broker: asyncio.StreamReader) -> None:
        """Pass on in both directions until both sides are done."""
        there: asyncio.Queue[Due | None] = asyncio.Queue()
        back: asyncio.Queue[Due | None] = asyncio.Queue()
        await asyncio.gather(
            self._take_requests(from_client, there),
            self._deliver(there, self._broker),
            self._take_answers(from_broker, back),
            self._deliver(back, self._client),
        )

    def abort(self) -> None:
        """Cut it on both sides, whatever is under way."""
        self._client.transport.abort()
        self._broker.transport.abort()

    async def _take_requests(self, reader: asyncio.StreamReader, queue: asyncio.Queue[Due | None]) -> None:
        clock = asyncio.get_running_loop().time
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                frame = await _frame(reader)
                due, api_key, correlation = self._proxy.due_of_request(frame, clock())
                if self._proxy.loses_answer_to(api_key):
                    self._losing.add(correlation)
                queue.put_nowait(due)
        queue.put_nowait(None)

    async def _take_answers(self, reader: asyncio.StreamReader, queue: asyncio.Queue[Due | None]) -> None:
        clock = asyncio.get_running_loop().time
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                frame = await _frame(reader)
                (correlation,) = _LENGTH.unpack_from(frame, _LENGTH.size)
                if correlation in self._losing:
                    self.abort()
                    break
                queue.put_nowait(Due(clock() + self._proxy.delay_s, frame))
        queue.put_nowait(None)

    @staticmethod
    async def _deliver(queue: asyncio.Queue[Due | None], writer: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        with contextlib.suppress(OSError):
            while (due := await queue.get()) is not None:
                if (wait := due.at - clock()) > 0:
                    await asyncio.sleep(wait)
                if due.gate is not None:
                    await due.gate.opened.wait()
                    due.gate.behind.remove(due.frame)
                writer.write(due.frame)
                await writer.drain()
        writer.close()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """One frame with its length before it."""
    length = await reader.readexactly(_LENGTH.size)
    return length + await reader.readexactly(_LENGTH.unpack(length)[0])

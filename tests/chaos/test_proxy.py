"""The proxy passes everything on unless it is told not to, and knows one request from another."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.chaos.proxy import END_OF_TRANSACTION, PRODUCE, Proxy
from tools.brokers.local import LOOPBACK, free_port

HOLD_S = 0.4


class Answerer:
    """Answers every request with its correlation id, and remembers what it got."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.server = socket.create_server((LOOPBACK, 0))
        self.port = int(self.server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:  # closed: the test is over
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while (frame := receive(connection)) is not None:
                self.got.append(frame)
                connection.sendall(struct.pack(">i", 8) + frame[4:8] + b"fine")


def receive(connection: socket.socket) -> bytes | None:
    """One frame without its length; None at the end."""
    try:
        length = connection.recv(4, socket.MSG_WAITALL)
        return connection.recv(struct.unpack(">i", length)[0], socket.MSG_WAITALL) if len(length) == 4 else None
    except OSError:
        return None


@pytest.fixture
def answerer() -> Iterator[Answerer]:
    made = Answerer()
    yield made
    made.server.close()


@pytest.fixture
def proxy(answerer: Answerer) -> Iterator[Proxy]:
    with Proxy(answerer.port, free_port()) as started:
        yield started


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection((LOOPBACK, proxy.port)) as connection:
        connection.settimeout(10)
        yield connection


def request(connection: socket.socket, api_key: int, correlation: int, body: bytes = b"") -> None:
    connection.sendall(struct.pack(">ihhi", 8 + len(body), api_key, 4, correlation) + body)


def asked(connection: socket.socket, api_key: int, correlation: int) -> tuple[bytes | None, float]:
    """The answer to a request, and the seconds it took."""
    began = time.monotonic()
    request(connection, api_key, correlation)
    return receive(connection), time.monotonic() - began


def fine(correlation: int) -> bytes:
    return struct.pack(">i", correlation) + b"fine"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_requests_and_answers_pass_whole_and_in_order(client: socket.socket, answerer: Answerer) -> None:
    for number in range(50):
        request(client, PRODUCE, number, bytes(number * 1_000))
    assert [receive(client) for _ in range(50)] == [fine(number) for number in range(50)]
    assert [len(frame) for frame in answerer.got] == [8 + number * 1_000 for number in range(50)]


def test_only_the_request_that_is_named_is_held(client: socket.socket, proxy: Proxy) -> None:
    proxy.hold(END_OF_TRANSACTION, HOLD_S)
    assert asked(client, PRODUCE, 1)[1] < HOLD_S
    answer, seconds = asked(client, END_OF_TRANSACTION, 2)
    assert (answer, seconds >= HOLD_S) == (fine(2), True)
    assert (proxy.held[END_OF_TRANSACTION], proxy.requests[PRODUCE]) == (1, 1)
    proxy.heal()
    assert asked(client, END_OF_TRANSACTION, 3)[1] < HOLD_S


def test_what_is_held_until_released_is_named_comes_then_and_holds_what_is_behind_it(
    client: socket.socket, proxy: Proxy, answerer: Answerer
) -> None:
    proxy.hold_until_released(END_OF_TRANSACTION)
    assert asked(client, PRODUCE, 1)[0] == fine(1)
    request(client, END_OF_TRANSACTION, 2, b"onhand.stock_keeper.2")
    request(client, PRODUCE, 3)
    until(lambda: proxy.requests[PRODUCE] == 2)
    client.settimeout(HOLD_S)
    assert receive(client) is None
    (held,) = proxy.holding(END_OF_TRANSACTION)
    assert (b"stock_keeper.2" in held, proxy.held[END_OF_TRANSACTION], len(answerer.got)) == (True, 1, 1)
    client.settimeout(10)
    proxy.release(END_OF_TRANSACTION)
    assert [receive(client), receive(client)] == [fine(2), fine(3)]
    assert proxy.holding(END_OF_TRANSACTION) == []
    assert asked(client, END_OF_TRANSACTION, 4)[0] == fine(4)


def test_held_anew_what_was_held_before_comes(client: socket.socket, proxy: Proxy) -> None:
    for number in range(2):
        proxy.hold_until_released(END_OF_TRANSACTION)
        request(client, END_OF_TRANSACTION, number)
        until(lambda: len(proxy.holding(END_OF_TRANSACTION)) == 1)
    assert receive(client) == fine(0)
    proxy.heal()
    assert receive(client) == fine(1)


def test_a_delay_counts_there_and_back(client: socket.socket, proxy: Proxy) -> None:
    proxy.delay_s = HOLD_S / 2
    assert asked(client, PRODUCE, 1)[1] >= HOLD_S


def test_a_lost_answer_means_a_request_that_arrived_and_a_connection_that_is_cut(
    client: socket.socket, proxy: Proxy, answerer: Answerer
) -> None:
    proxy.lose_answers(END_OF_TRANSACTION, 1)
    assert asked(client, PRODUCE, 1)[0] == fine(1)
    assert asked(client, END_OF_TRANSACTION, 2)[0] is None
    assert len(answerer.got) == 2
    with socket.create_connection((LOOPBACK, proxy.port)) as again:
        assert asked(again, END_OF_TRANSACTION, 3)[0] == fine(3)


def test_what_was_taken_in_arrives_although_its_sender_is_dead_by_then(
    client: socket.socket, proxy: Proxy, answerer: Answerer
) -> None:
    proxy.hold_until_released(END_OF_TRANSACTION)
    request(client, END_OF_TRANSACTION, 1)
    until(lambda: proxy.held[END_OF_TRANSACTION] == 1)
    client.close()
    time.sleep(HOLD_S)  # what would let it through has the time to do so
    assert answerer.got == []
    proxy.release(END_OF_TRANSACTION)
    until(lambda: len(answerer.got) == 1)


def test_a_cut_ends_what_is_open_and_a_shut_proxy_serves_nobody(client: socket.socket, proxy: Proxy) -> None:
    assert asked(client, PRODUCE, 1)[0] == fine(1)
    proxy.cut()
    assert receive(client) is None
    proxy.shut()
    with socket.create_connection((LOOPBACK, proxy.port)) as refused:
        refused.settimeout(10)
        assert receive(refused) is None
    proxy.heal()
    with socket.create_connection((LOOPBACK, proxy.port)) as again:
        assert asked(again, PRODUCE, 2)[0] == fine(2)

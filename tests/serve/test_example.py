"""The receiver in docs/operating/delivering.md does what the page says of it."""

from __future__ import annotations

import asyncio
import re
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agents.inventory.campaigns.words import Command, CommandKind, Result
from agents.serve.delivery.replies import Reply
from agents.serve.delivery.requests import Request, request_for
from agents.serve.delivery.webhook import Webhooks
from tests.serve.parts import OTHER_SECRET, SECRET, command, platform
from tests.serve.receiver import encoded
from tests.serve.stage import now_ms, pause

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operating" / "delivering.md"


class Example:
    """The program of the page, on a port of its own, with an ad platform that is told what to say."""

    def __init__(self, port: int, program: Any) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self.program = program
        self.done: list[str] = []
        self.says: Any = ("done", "")
        program.carry_out = self._carry_out

    def _carry_out(self, said: dict[str, Any]) -> tuple[str, str]:
        self.done.append(said["idempotency_key"])
        if isinstance(self.says, OSError):
            raise self.says
        result: tuple[str, str] = self.says
        return result

    def call(self, said: Command, *, ask_only: bool = False, secrets: tuple[bytes, ...] = (SECRET,)) -> Reply:
        where = platform(url=self.url, secrets=secrets)
        return asyncio.run(_call(where, request_for(where, said, now_ms(), ask_only=ask_only)))


async def _call(where: Any, request: Request) -> Reply:
    async with Webhooks({where.name: where}) as webhooks:
        return await webhooks.call(where.name, request)


@contextmanager
def running(memory: Path) -> Iterator[Example]:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    program: Any = types.ModuleType("example")
    exec(compile(code, str(PAGE), "exec"), program.__dict__)
    program.Receiver.memory = program.Memory(memory)
    program.Receiver.log_message = lambda *_: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), program.Receiver)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield Example(server.server_port, program)
    finally:
        server.shutdown()
        server.server_close()
        program.Receiver.memory.rows.close()


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Example]:
    monkeypatch.setenv("ADS_SECRET", encoded(SECRET))
    with running(tmp_path / "commands.sqlite") as started:
        yield started


def test_it_does_a_command_once_and_answers_its_repeats_the_same(example: Example) -> None:
    assert example.call(pause("c1")).result is Result.DONE
    example.says = ("already", "")
    assert example.call(pause("c1", attempt=2)).result is Result.DONE
    assert example.call(pause("c1", attempt=3, expires_at_ms=0), ask_only=True).result is Result.DONE
    assert len(example.done) == 1


def test_it_believes_nobody_who_does_not_know_the_secret(example: Example) -> None:
    assert example.call(pause("c1"), secrets=(OTHER_SECRET,)).result is Result.FAILED
    assert example.done == []
    assert example.call(pause("c1"), secrets=(OTHER_SECRET, SECRET)).result is Result.DONE, "while it is changed"


def test_it_does_nothing_expired_and_nothing_that_is_history(example: Example) -> None:
    assert example.call(pause("c1", expires_at_ms=now_ms() - 1)).result is Result.FAILED
    assert example.call(pause("c1"), ask_only=True).result is Result.FAILED
    resume = pause("c1", sequence=2, kind=CommandKind.RESUME)
    assert example.call(resume).result is Result.DONE
    assert example.call(pause("c1", sequence=1)).message == "a later command was done"
    anew = pause("c1", sequence=1, idempotency_key=f"c1.{now_ms()}.1")
    assert example.call(anew).result is Result.DONE, "its numbers began anew"
    assert len(example.done) == 2


def test_what_it_cannot_know_it_does_not_say(example: Example) -> None:
    example.says = OSError("the ad platform is away")
    reply = example.call(pause("c1"))
    assert (reply.result, reply.status) == (None, 503)
    assert example.call(pause("c1"), ask_only=True).result is None, "it was begun"
    example.says = ("failed", "removed")
    assert example.call(pause("c1")).result is Result.FAILED
    assert example.call(pause("c1"), ask_only=True).result is Result.FAILED


def test_killed_after_it_paused_it_knows_its_own_pause_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADS_SECRET", encoded(SECRET))
    with running(tmp_path / "commands.sqlite") as first:
        first.says = OSError("killed here: paused, and not written down")
        first.call(command(1, expires_at_ms=now_ms() + 60_000))
    with running(tmp_path / "commands.sqlite") as second:
        second.says = ("already", "")
        assert second.call(command(1, expires_at_ms=now_ms() + 60_000)).result is Result.DONE
        assert second.call(pause("another")).result is Result.ALREADY

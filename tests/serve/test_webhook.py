from __future__ import annotations

import asyncio
import gzip
import threading
import time
from pathlib import Path

from agents.inventory.campaigns.words import Result
from agents.runtime.topology_platforms import Platform
from agents.serve.delivery.replies import Reply
from agents.serve.delivery.requests import request_for
from agents.serve.delivery.webhook import LARGEST_REPLY, Webhooks
from tests.serve.certificate import self_signed
from tests.serve.parts import NOW_MS, OTHER_SECRET, SECRET, command, platform
from tests.serve.receiver import DONE, Answer, Receiver, free_port


def call(where: Platform, times: int = 1) -> list[Reply]:
    """Call the platform so many times, one after the other."""

    async def all_of_them() -> list[Reply]:
        async with Webhooks({where.name: where}) as webhooks:
            request = request_for(where, command(), NOW_MS, ask_only=False)
            return [await webhooks.call(where.name, request) for _ in range(times)]

    return asyncio.run(all_of_them())


def test_the_signature_is_verified_by_who_knows_only_the_specification() -> None:
    with Receiver() as receiver:
        (reply,) = call(platform(url=receiver.url))
    assert reply.result is Result.DONE
    (received,) = receiver.calls
    assert received.is_signed_with(SECRET)
    assert not received.is_signed_with(OTHER_SECRET)
    assert received.said["idempotency_key"] == command().idempotency_key


def test_while_secrets_are_changed_the_old_and_the_new_one_verify() -> None:
    with Receiver() as receiver:
        call(platform(url=receiver.url, secrets=(OTHER_SECRET, SECRET)))
    assert receiver.calls[0].is_signed_with(SECRET)
    assert receiver.calls[0].is_signed_with(OTHER_SECRET)
    assert receiver.calls[0].headers["webhook-signature"].count("v1,") == 2


def test_a_platform_that_does_not_answer_in_time_is_not_waited_for() -> None:
    patience = threading.Event()

    def answer(_: object) -> Answer:
        patience.wait(20)
        return DONE

    with Receiver(answer) as receiver:
        began = time.monotonic()
        (reply,) = call(platform(url=receiver.url, timeout_ms=200))
        took_s = time.monotonic() - began
        patience.set()
    assert reply == Reply(None, "no reply within 0.2 s")
    assert took_s < 5


def test_a_refused_connection_is_no_answer_and_the_next_call_may_succeed() -> None:
    port = free_port()
    where = platform(url=f"http://127.0.0.1:{port}/")
    (refused,) = call(where)
    assert refused.result is None
    assert refused.status is None
    with Receiver(port=port):
        assert call(where)[0].result is Result.DONE


def test_no_redirect_is_followed() -> None:
    with Receiver() as elsewhere:
        to = (("location", elsewhere.url),)
        with Receiver(lambda _: Answer(307, b"", to)) as receiver:
            (reply,) = call(platform(url=receiver.url))
    assert reply.result is Result.FAILED
    assert elsewhere.calls == []


def test_of_a_reply_without_end_only_the_beginning_is_read() -> None:
    whole = b'{"result": "done", "message": "' + b"x" * LARGEST_REPLY + b'"}'
    with Receiver(lambda _: Answer(200, whole)) as receiver:
        (reply,) = call(platform(url=receiver.url))
    assert reply.result is None
    assert reply.status == 200


def test_a_small_reply_cannot_become_a_large_one() -> None:
    bomb = gzip.compress(b'{"result": "done"}' + b" " * 50_000_000)
    with Receiver(lambda _: Answer(200, bomb, (("content-encoding", "gzip"),))) as receiver:
        (reply,) = call(platform(url=receiver.url))
    assert reply.result is None


def test_cookies_are_not_kept_and_headers_of_the_topology_are_sent() -> None:
    with Receiver(lambda _: Answer(200, DONE.body, (("set-cookie", "a=b"),))) as receiver:
        call(platform(url=receiver.url, headers={"Authorization": "Bearer x"}), times=2)
    assert [received.headers.get("cookie") for received in receiver.calls] == [None, None]
    assert receiver.calls[1].headers["authorization"] == "Bearer x"


def test_a_certificate_that_nobody_vouches_for_is_not_believed(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "own.pem")
    with Receiver(certificate=certificate) as receiver:
        (reply,) = call(platform(url=receiver.url))
        assert receiver.calls == []
        (believed,) = call(platform(url=receiver.url, ca_file=certificate))
        assert believed.result is Result.DONE
        (another_name,) = call(platform(url=receiver.url.replace("127.0.0.1", "localhost"), ca_file=certificate))
    assert reply.result is None
    assert "certificate" in reply.message.lower()
    assert another_name.result is None
    assert len(receiver.calls) == 1

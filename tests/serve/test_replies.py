from __future__ import annotations

import pytest

from agents.inventory.campaigns.words import Result
from agents.serve.delivery.back_off import wait_ms
from agents.serve.delivery.replies import LONGEST_MESSAGE, Reply, judge, retry_after_ms
from tests.serve.parts import NOW_MS, platform


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    return judge(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, NOW_MS)


@pytest.mark.parametrize(
    ("status", "body", "result"),
    [
        (204, b"", Result.DONE),
        (200, b'{"result": "done"}', Result.DONE),
        (201, b'{"result": "already", "message": "by ann", "more": 1}', Result.ALREADY),
        (200, b'{"result": "failed", "message": "removed"}', Result.FAILED),
        (202, b"", None),
        (200, b"OK", None),
        (200, b'{"result": "perhaps"}', None),
        (200, b"\xff\xfe", None),
        (301, b"", Result.FAILED),
        (400, b"", Result.FAILED),
        (401, b"", Result.FAILED),
        (409, b"", Result.FAILED),
        (410, b"", Result.FAILED),
        (422, b"", Result.FAILED),
        (408, b"", None),
        (425, b"", None),
        (429, b"", None),
        (500, b'{"result": "done"}', None),
        (503, b"", None),
        (599, b"", None),
    ],
)
def test_each_reply_has_one_meaning(status: int, body: bytes, result: Result | None) -> None:
    assert reply(status, body).result is result


def test_the_words_of_the_platform_are_kept_in_one_line_that_is_never_long() -> None:
    said = reply(422, b"no such\r\ncampaign\x00\x1b[31m" + b"x" * 5_000).message
    assert said.startswith("HTTP 422: no such campaign [31m")
    assert said.isprintable()
    assert len(said) <= LONGEST_MESSAGE
    assert reply(409, b'{"result": "failed", "message": "removed"}').message == "HTTP 409: removed"


def test_no_redirect_is_followed_and_where_it_led_is_told() -> None:
    said = reply(308, location="http://169.254.169.254/")
    assert said.result is Result.FAILED
    assert "http://169.254.169.254/" in said.message


def test_retry_after_is_understood_as_seconds_and_as_a_date() -> None:
    assert reply(429, retry_after="7").retry_after_ms == 7_000
    assert retry_after_ms("Thu, 28 May 2026 20:27:50 GMT", 1_780_000_000_000) == 70_000
    assert retry_after_ms("Thu, 28 May 2020 20:27:50 GMT", 1_780_000_000_000) == 0, "it is over"
    assert reply(503, retry_after="soon").retry_after_ms is None
    assert reply(503, retry_after="-1").retry_after_ms is None
    assert reply(503, retry_after="9" * 50).retry_after_ms == 999_999_999_000, "bounded where it is used"


def test_each_wait_is_twice_the_last_up_to_a_bound_and_the_same_in_every_run() -> None:
    patient = platform(first_back_off_ms=1_000, longest_back_off_ms=60_000)
    waits = [wait_ms(patient, "c1.1.1", calls) for calls in range(1, 12)]
    for step, wait in zip([1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60], waits, strict=True):
        assert step * 500 <= wait <= step * 1_000
    assert waits == [wait_ms(patient, "c1.1.1", calls) for calls in range(1, 12)]
    assert waits != [wait_ms(patient, "c1.1.2", calls) for calls in range(1, 12)], "keys do not come back together"
    assert wait_ms(patient, "k", 1_000_000) <= 60_000


def test_a_pause_that_the_platform_asks_for_is_kept_within_bounds() -> None:
    patient = platform(first_back_off_ms=1_000, longest_retry_after_ms=90_000)
    assert wait_ms(patient, "k", 1, 30_000) == 30_000
    assert wait_ms(patient, "k", 1, 10**12) == 90_000
    assert wait_ms(patient, "k", 1, 0) >= 500

from __future__ import annotations

import json

from agents.inventory.campaigns.words import CommandKind
from agents.serve.delivery.requests import message_id_of, request_for, signatures
from tests.serve.parts import BEGUN_MS, NOW_MS, OTHER_SECRET, SECRET, command, platform


def test_the_published_example_of_standard_webhooks_has_our_signature() -> None:
    said = signatures([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_secret_signs_so_that_they_can_be_changed_without_a_gap() -> None:
    both = signatures([OTHER_SECRET, SECRET], "cmd_1", 1, b"{}").split(" ")
    assert both == [signatures([OTHER_SECRET], "cmd_1", 1, b"{}"), signatures([SECRET], "cmd_1", 1, b"{}")]


def test_every_attempt_has_the_id_of_its_key_whatever_characters_that_has() -> None:
    key = 'späti\r\nX-Evil: 1 "c".1.1'
    ids = {
        request_for(platform(), command(attempt=n, idempotency_key=key), NOW_MS + n, ask_only=False).headers[
            "webhook-id"
        ]
        for n in (1, 2, 3)
    }
    (message_id,) = ids
    assert message_id.removeprefix("cmd_").isalnum()
    assert message_id.isascii()
    assert message_id != message_id_of("another")


def test_the_body_is_the_whole_command_in_neutral_words() -> None:
    request = request_for(platform(), command(7, skus=("SHOE",)), NOW_MS, ask_only=False)
    said = json.loads(request.body)
    assert said["kind"] == "PAUSE"
    assert said["desired_status"] == "paused"
    assert (said["registered_at_ms"], said["sequence"]) == (BEGUN_MS, 7)
    assert said["ask_only"] is False
    assert said["skus"] == ["SHOE"]
    assert "amount_minor" not in said, "what is null is left out"
    assert request.headers["webhook-timestamp"] == str(NOW_MS // 1000), "in seconds"


def test_an_amount_is_said_even_when_it_is_nothing() -> None:
    shift = command(3, CommandKind.SHIFT_BUDGET, amount_minor=0, currency="EUR", entity="other")
    said = json.loads(request_for(platform(), shift, NOW_MS, ask_only=True).body)
    assert (said["amount_minor"], said["currency"], said["entity"], said["ask_only"]) == (0, "EUR", "other", True)


def test_headers_of_the_platform_are_sent_and_none_of_ours_is_lost() -> None:
    headers = request_for(platform(headers={"Authorization": "Bearer x"}), command(), NOW_MS, ask_only=False).headers
    assert headers["Authorization"] == "Bearer x"
    assert {"webhook-id", "webhook-timestamp", "webhook-signature", "content-type", "user-agent"} <= headers.keys()

"""What a platform is sent: the command as JSON, signed as Standard Webhooks describes it.

The signature is `v1,` and the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`, once for each secret,
separated by spaces. So a receiver that knows one of them can verify it while the secrets are being changed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from agents.inventory.campaigns.words import Command
from agents.runtime.topology_platforms import Platform

USER_AGENT = "onhand-deliver"
ID_PREFIX = "cmd_"
ID_LENGTH = 32
"""Hexadecimal digits of the key's hash: an id of Standard Webhooks holds no full stop, a key holds two."""


class Request(NamedTuple):
    """One call, ready to be made."""

    headers: Mapping[str, str]
    body: bytes


def request_for(platform: Platform, command: Command, now_ms: int, *, ask_only: bool) -> Request:
    """The call for a command. `ask_only`: it must not be done any more, only told whether it was."""
    body = body_of(command, ask_only=ask_only)
    message_id, timestamp = message_id_of(command.idempotency_key), now_ms // 1000
    headers = {
        **platform.headers,
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(platform.secrets, message_id, timestamp, body),
    }
    return Request(headers, body)


def body_of(command: Command, *, ask_only: bool) -> bytes:
    """The command as a JSON object; without what is null."""
    fields = {name: value for name, value in msgspec.structs.asdict(command).items() if value is not None}
    registered_at_ms, _ = order_of(command)
    return msgspec.json.encode({**fields, "registered_at_ms": registered_at_ms, "ask_only": ask_only})


def order_of(command: Command) -> tuple[int, int]:
    """`(registered_at_ms, sequence)`: a command with a lower one than was done for the same thing is history.

    The sequence begins again when a campaign is registered anew after it was forgotten.
    """
    parts = command.idempotency_key.rsplit(".", 2)
    registered_at_ms = int(parts[1]) if len(parts) == 3 and parts[1].isdecimal() else 0
    return registered_at_ms, command.sequence


def message_id_of(idempotency_key: str) -> str:
    """The id of the message: the same for every call under the same key, whatever characters the key has."""
    return ID_PREFIX + hashlib.sha256(idempotency_key.encode()).hexdigest()[:ID_LENGTH]


def signatures(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`; `timestamp` in seconds."""
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return " ".join(
        f"v1,{base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()}" for secret in secrets
    )

"""The section `platforms` of topology.yaml: where commands to ad platforms are delivered, and how patiently."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from agents.runtime.topology_file import Section, described

SECRET_PREFIX = "whsec_"  # noqa: S105 - how Standard Webhooks marks a secret, not one
SECRET_BYTES = (24, 64)
"""What Standard Webhooks allows of a symmetric secret, fewest and most."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
OURS = frozenset({"content-type", "content-length", "host", "user-agent", "transfer-encoding"})
"""Headers that a delivery sets itself, beside all that begin with `webhook-`."""


@dataclass(frozen=True)
class Platform:
    """One ad platform: the webhook that carries out its commands. Secrets and headers are not in its repr."""

    name: str
    url: str = ""
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """Each of them signs: the receiver may know any one, so that they can be changed without a gap."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with each call, such as the token that a gateway wants."""
    ca_file: Path | None = None
    """Who may have signed its certificate; None = whom this machine trusts."""
    timeout_ms: int = 10_000
    """Of one call, from connecting to the last byte of the reply."""
    concurrency: int = 4
    """Calls at a time."""
    most_attempts: int = 10
    """Calls for one command, repeats included, before it is buried."""
    give_up_ms: int = 10 * 60_000
    """So long after a command first came it is buried, however few calls were made."""
    first_back_off_ms: int = 1_000
    longest_back_off_ms: int = 60_000
    longest_retry_after_ms: int = 5 * 60_000
    """A platform that asks for a longer pause is asked again after this."""
    elsewhere: bool = False
    """Its commands are delivered by somebody else: they are passed over."""


DEFAULTS = Platform("")


def platforms(section: Section) -> Mapping[str, Platform]:
    """All platforms by name. None by default: then nothing is sent anywhere."""
    return MappingProxyType({name: _platform(name, inner) for name, inner in section.sections().items()})


def _platform(name: str, section: Section) -> Platform:
    if section.flag("elsewhere", False):
        section.finish()
        return Platform(name, elsewhere=True)
    platform = Platform(
        name=name,
        url=_url(section),
        secrets=_secrets(section),
        headers=_headers(section),
        ca_file=_ca_file(section),
        timeout_ms=section.duration_ms("timeout", DEFAULTS.timeout_ms),
        concurrency=section.whole("concurrency", DEFAULTS.concurrency, at_least=1),
        most_attempts=section.whole("most_attempts", DEFAULTS.most_attempts, at_least=1),
        give_up_ms=section.duration_ms("give_up", DEFAULTS.give_up_ms),
        first_back_off_ms=section.duration_ms("first_back_off", DEFAULTS.first_back_off_ms),
        longest_back_off_ms=section.duration_ms("longest_back_off", DEFAULTS.longest_back_off_ms),
        longest_retry_after_ms=section.duration_ms("longest_retry_after", DEFAULTS.longest_retry_after_ms),
    )
    if platform.longest_back_off_ms < platform.first_back_off_ms:
        section.wrong("longest_back_off", "must not be shorter than first_back_off")
    if not platform.timeout_ms:
        section.wrong("timeout", "must be longer than nothing")
    section.finish()
    return platform


def _url(section: Section) -> str:
    plain_http = section.flag("plain_http", False)

    def checked(value: object) -> str:
        parts = urlsplit(value) if isinstance(value, str) else None
        if parts is None or parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError(f"must be an address such as https://ads.example/onhand, not {described(value)}")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must not hold a password; give `headers`, with the secret from the environment")
        if parts.scheme == "http" and not plain_http and parts.hostname not in LOOPBACK:
            raise ValueError("must be https; where the way is safe by other means, say plain_http: true beside it")
        return str(value)

    return section.converted("url", checked, "")


def _secrets(section: Section) -> tuple[bytes, ...]:
    def decoded(value: object) -> tuple[bytes, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) or each is None for each in value):
            raise ValueError("must be a list of secrets, each `whsec_` and base64")
        found = tuple(secret_of(each) for each in value if each)  # an empty one is not in use at present
        if not found:
            raise ValueError("must hold at least one secret: without it nobody could tell our calls from a stranger's")
        return found

    return section.converted("secrets", decoded, ())


def secret_of(text: str) -> bytes:
    """The key in `whsec_<base64>`. Raises ValueError; its message never holds the text."""
    fewest, most = SECRET_BYTES
    try:
        key = base64.b64decode(text.strip().removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.strip().startswith(SECRET_PREFIX) or not fewest <= len(key) <= most:
        raise ValueError(f"must each be `{SECRET_PREFIX}` and the base64 of {fewest} to {most} random bytes")
    return key


def _headers(section: Section) -> Mapping[str, str]:
    headers = section.settings("headers")
    for name, value in headers.items():
        if name.lower() in OURS or name.lower().startswith("webhook-"):
            section.wrong(f"headers.{name}", "is set by the delivery itself")
        elif not (name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
            section.wrong(f"headers.{name}", "is no name of a header")
        elif not value.isascii() or not value.isprintable():
            section.wrong(f"headers.{name}", "must be printable ASCII in one line")
    return headers


def _ca_file(section: Section) -> Path | None:
    named = section.text("ca_file", "")
    if named and not Path(named).is_file():
        section.wrong("ca_file", f"names {named}, which is no file")
    return Path(named) if named else None

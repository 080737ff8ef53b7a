"""The schema registry, through Confluent's own client: register, look up, fetch.

Settings are those of `confluent_kafka.schema_registry.SchemaRegistryClient`, with `schema.registry.` allowed in front;
`auto.register.schemas` (default true) says whether our schemas are registered at start or only looked up. Subjects
follow the TopicNameStrategy: `<topic>-value`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

from confluent_kafka.schema_registry import Schema as ConfluentSchema
from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.common._httpx_compat import httpx  # the HTTP library that the client really uses
from confluent_kafka.schema_registry.error import OAuthTokenError

from agents.codec.malformed import RegistryUnreachable
from agents.codec.schema_set import CURRENT, Schema

URL = "schema.registry.url"

_DEFAULTS: dict[str, Any] = {"timeout": 5.0, "max.retries": 2, "retries.wait.ms": 100, "retries.max.wait.ms": 1_000}
"""Confluent's client waits for ever by default; a partition that cannot decode should say so within seconds."""

_NUMBERS = {*_DEFAULTS, "cache.capacity", "cache.latest.ttl.sec"}

UNKNOWN_FOR_SECONDS = 10.0
"""An id that the registry does not know is not asked for again for so long: noise must not become requests."""
UNKNOWN_KEPT = 10_000

T = TypeVar("T")


class Registry:
    """One schema registry. Every method may raise RegistryUnreachable."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        """Connects lazily. Raises ValueError for settings that Confluent's client refuses."""
        own, self._registers = _client_settings(settings)
        self.url: str = own["url"]
        self._client = SchemaRegistryClient.new_client(own)
        self._unknown: dict[int | UUID, float] = {}

    @staticmethod
    def of(settings: Mapping[str, str]) -> Registry | None:
        """The registry that the settings name in `schema.registry.url`; None where they name none."""
        return Registry(settings) if settings.get(URL) else None

    def id_for(self, topic: str, schema: Schema) -> int:
        """Id of our schema for the values of `topic`, registering it if the settings say so."""
        subject = f"{topic}-value"
        confluent = ConfluentSchema(schema.text, "AVRO")
        if self._registers:
            what = f"register {subject}"
            found = self._ask(lambda: self._client.register_schema_full_response(subject, confluent), what)
        else:
            what = f"look up {subject}"
            found = self._ask(lambda: self._client.lookup_schema(subject, confluent), what)
        if found.schema_id is None:
            raise self._nonsense(what)
        return found.schema_id

    def fetch(self, writer: int | UUID) -> Schema | None:
        """The schema with this id or GUID; None where the registry has none, or one that is not Avro."""
        now = monotonic()
        if now < self._unknown.get(writer, now):
            return None
        what = f"fetch schema {writer}"
        try:
            found = self._get(writer)
        except SchemaRegistryError as error:
            if not _says_not_found(error):
                raise self._unreachable(what, error) from error
            found = None
        if found is not None and found.schema_str is None:
            raise self._nonsense(what)
        # Schemas made of several others are not ours to read: publishers of transactions have one.
        if found is None or found.references or (found.schema_type or "AVRO") != "AVRO":
            self._remember_unknown(writer, now)
            return None
        return Schema("", CURRENT, found.schema_str or "")

    def close(self) -> None:
        """Ends the HTTP session."""
        self._client.close()

    def _remember_unknown(self, writer: int | UUID, now: float) -> None:
        if len(self._unknown) >= UNKNOWN_KEPT:
            self._unknown.clear()
        self._unknown[writer] = now + UNKNOWN_FOR_SECONDS

    def _get(self, writer: int | UUID) -> ConfluentSchema | None:
        what = f"fetch schema {writer}"
        if isinstance(writer, UUID):
            return self._ask(lambda: self._client.get_schema_by_guid(str(writer)), what, not_found=True)
        return self._ask(lambda: self._client.get_schema(writer), what, not_found=True)

    def _ask(self, request: Callable[[], T], what: str, *, not_found: bool = False) -> T:
        try:
            return request()
        except SchemaRegistryError as error:
            if not_found:
                raise
            raise self._unreachable(what, error) from error
        # The client lets through what its HTTP library, its JSON reader and its shapes raise for a wrong answer.
        except (httpx.HTTPError, OAuthTokenError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._unreachable(what, error) from error

    def _nonsense(self, what: str) -> RegistryUnreachable:
        """For an answer without content, which the client takes for one and would remember."""
        self._client.clear_caches()  # type: ignore[no-untyped-call]
        return self._unreachable(what, "it answered, but not with a schema")

    def _unreachable(self, what: str, error: BaseException | str) -> RegistryUnreachable:
        return RegistryUnreachable(
            f"The schema registry at {self.url} did not {what}: {error}. "
            "Check `schema.registry.url`, the credentials, and that the registry is running."
        )


def _says_not_found(error: SchemaRegistryError) -> bool:
    """Whether the registry itself says that it has no such schema.

    Any other 404 comes from a wrong address or a proxy: taking it for the registry's word would bury every record.
    """
    code: object = error.error_code  # None where the answer was JSON, but not the registry's
    return error.http_status_code == 404 and isinstance(code, int) and 40_400 <= code <= 40_499


def _client_settings(settings: Mapping[str, str]) -> tuple[dict[str, Any], bool]:
    own: dict[str, Any] = dict(_DEFAULTS)
    registers = True
    for key, value in settings.items():
        name = key.removeprefix("schema.registry.")
        if name == "auto.register.schemas":
            registers = str(value).lower() not in {"false", "0", "no"}
        else:
            own[name] = float(value) if name in _NUMBERS else value
    return own, registers

"""With a schema registry: Confluent's real client, against its in-process registry and against one over HTTP."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import fastavro
import pytest

from agents.codec import Codec, Malformed, Registry, RegistryUnreachable, SchemaSet
from agents.codec.framing import VALUE_SCHEMA_HEADER
from agents.codec.registry import UNKNOWN_FOR_SECONDS
from agents.inventory.transactions import Kind, Transaction

TOPIC = "inventory.transactions.v1"
SALE = Transaction(
    transaction_id="till-9", source="pos", kind=Kind.SALE, sku="SHOE-42", occurred_at_ms=1_767_225_600_123,
    location="LEEDS", quantity=2,
)  # fmt: skip


class SchemaRegistryServer(ThreadingHTTPServer):
    """A schema registry in memory that speaks the REST API of the real ones, as far as a serializer needs it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.schemas: list[dict[str, Any]] = []
        self.guids: list[str] = []
        self.subjects: dict[str, list[int]] = {}
        self.requests: list[str] = []
        self.password: str | None = None
        self.broken: tuple[int, bytes] | None = None
        self.incompatible = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def register(self, subject: str, schema: dict[str, Any]) -> int:
        if schema not in self.schemas:
            self.schemas.append(schema)
            self.guids.append(str(uuid.uuid4()))
        schema_id = self.schemas.index(schema) + 1
        versions = self.subjects.setdefault(subject, [])
        if schema_id not in versions:
            versions.append(schema_id)
        return schema_id


class _Requests(BaseHTTPRequestHandler):
    server: SchemaRegistryServer

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: Any) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        status, answer = self._decide(body)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _decide(self, body: Any) -> tuple[int, Any]:
        registry = self.server
        if registry.broken is not None:
            return registry.broken
        wanted = registry.password and "Basic " + base64.b64encode(registry.password.encode()).decode()
        if wanted and self.headers["Authorization"] != wanted:
            return 401, {"error_code": 401, "message": "Unauthorized"}
        match self.path.partition("?")[0].strip("/").split("/"):
            case ["subjects", subject, "versions"] if registry.incompatible:
                return 409, {"error_code": 409, "message": f"Schema is incompatible with an earlier one of {subject}"}
            case ["subjects", subject, "versions"]:
                return 200, {"id": registry.register(subject, self._schema(body))}
            case ["subjects", subject]:
                known = registry.subjects.get(subject, [])
                found = [one for one in known if registry.schemas[one - 1] == self._schema(body)]
                if found:
                    return 200, {"id": found[0], "subject": subject, "version": 1, **registry.schemas[found[0] - 1]}
                return 404, {"error_code": 40403, "message": "Schema not found"}
            case ["schemas", "ids", schema_id] if 0 < int(schema_id) <= len(registry.schemas):
                return 200, registry.schemas[int(schema_id) - 1]
            case ["schemas", "guids", guid] if guid in registry.guids:
                return 200, {"guid": guid, **registry.schemas[registry.guids.index(guid)]}
            case ["schemas", *_]:
                return 404, {"error_code": 40403, "message": "Schema not found"}
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    @staticmethod
    def _schema(body: dict[str, Any]) -> dict[str, Any]:
        return {key: body[key] for key in ("schema", "schemaType") if key in body}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        """Silent."""


@pytest.fixture
def server() -> Iterator[SchemaRegistryServer]:
    running = SchemaRegistryServer()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def connect() -> Iterator[Any]:
    """Settings -> registry; closed at the end."""
    made: list[Registry] = []

    def make(url: str, **settings: str) -> Registry:
        registry = Registry({"schema.registry.url": url, "max.retries": "0", **settings})
        made.append(registry)
        return registry

    yield make
    for registry in made:
        registry.close()


@pytest.fixture(params=["http", "mock"])
def registry(request: pytest.FixtureRequest, server: SchemaRegistryServer, connect: Any) -> Registry:
    made: Registry = connect(server.url if request.param == "http" else "mock://codec")
    return made


def foreign(schema: dict[str, Any], value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def test_without_a_url_there_is_no_registry() -> None:
    assert Registry.of({}) is None
    assert Registry.of({"schema.registry.url": ""}) is None


def test_records_are_framed_with_the_registered_id_and_read_again(schemas: SchemaSet, registry: Registry) -> None:
    codec = Codec(schemas, registry)
    written = codec.encoder(TOPIC, "transaction")(SALE)
    assert written[:5] == b"\0" + registry.id_for(TOPIC, schemas["transaction"]).to_bytes(4, "big")
    decode = Codec(schemas, registry).decoder(TOPIC, "transaction")
    assert decode(written, None) == SALE
    assert decode(written, [("traceparent", b"00-1")]) == SALE


def test_a_registry_does_not_hinder_single_objects(schemas: SchemaSet, registry: Registry) -> None:
    written = Codec(schemas).encoder(TOPIC, "transaction")(SALE)
    assert Codec(schemas, registry).decoder(TOPIC, "transaction")(written, None) == SALE


def test_an_unknown_id_is_malformed(schemas: SchemaSet, registry: Registry) -> None:
    decode = Codec(schemas, registry).decoder(TOPIC, "transaction")
    with pytest.raises(Malformed, match="no Avro schema with the id 999"):
        decode(b"\0\0\0\x03\xe7hello", None)
    with pytest.raises(Malformed, match="no Avro schema with the GUID"):
        decode(b"\1" + bytes(16) + b"hello", None)


def test_our_schemas_are_registered_as_values_of_their_topic(
    schemas: SchemaSet, server: SchemaRegistryServer, connect: Any
) -> None:
    codec = Codec(schemas, connect(server.url))
    for name in schemas.names:
        codec.encoder(f"{name}.v1", name)
    assert sorted(server.subjects) == sorted(f"{name}.v1-value" for name in schemas.names if name != "dead_letter")
    registered = json.loads(server.schemas[server.subjects["level.v1-value"][0] - 1]["schema"])
    assert registered == schemas["level"].json


def test_a_record_that_names_its_schema_by_guid_in_a_header_is_read(
    schemas: SchemaSet, server: SchemaRegistryServer, connect: Any
) -> None:
    codec = Codec(schemas, connect(server.url))
    written = codec.encoder(TOPIC, "transaction")(SALE)
    guid = b"\1" + uuid.UUID(server.guids[0]).bytes
    decode = codec.decoder(TOPIC, "transaction")
    assert decode(written[5:], [("other", b"x"), (VALUE_SCHEMA_HEADER, guid)]) == SALE
    assert decode(written[5:], {VALUE_SCHEMA_HEADER: written[:5]}) == SALE
    assert decode(guid + written[5:], None) == SALE
    assert codec.decode_any(TOPIC, None, written[5:], [(VALUE_SCHEMA_HEADER, guid)])["sku"] == "SHOE-42"
    with pytest.raises(Malformed, match="The header `__value_schema_id` is not framed Avro"):
        decode(written[5:], [(VALUE_SCHEMA_HEADER, b"\1short")])


def test_a_schema_is_fetched_once(schemas: SchemaSet, server: SchemaRegistryServer, connect: Any) -> None:
    written = Codec(schemas, connect(server.url)).encoder(TOPIC, "transaction")(SALE)
    server.requests.clear()
    decode = Codec(schemas, connect(server.url)).decoder(TOPIC, "transaction")
    for _ in range(10):
        decode(written, None)
    assert server.requests == ["GET /schemas/ids/1"]


def test_noise_does_not_become_requests(
    schemas: SchemaSet, server: SchemaRegistryServer, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = Codec(schemas, connect(server.url)).decoder(TOPIC, "transaction")
    for _ in range(10):
        with pytest.raises(Malformed):
            decode(b"\0\0\0\0\x09noise", None)
    assert server.requests == ["GET /schemas/ids/9"]
    # After a while the registry is asked again: the schema may be registered by then.
    later = time.monotonic() + UNKNOWN_FOR_SECONDS + 1
    monkeypatch.setattr("agents.codec.registry.monotonic", lambda: later)
    with pytest.raises(Malformed):
        decode(b"\0\0\0\0\x09noise", None)
    assert len(server.requests) == 2


def test_a_registry_that_is_away_is_a_fault(schemas: SchemaSet, server: SchemaRegistryServer, connect: Any) -> None:
    codec = Codec(schemas, connect("http://127.0.0.1:9"))
    with pytest.raises(RegistryUnreachable, match=r"did not fetch schema 1: .*Check `schema.registry.url`"):
        codec.decoder(TOPIC, "transaction")(b"\0\0\0\0\1hello", None)
    with pytest.raises(RegistryUnreachable, match="did not register"):
        codec.encoder(TOPIC, "transaction")


@pytest.mark.parametrize(
    "broken",
    [
        (500, b'{"error_code": 50001, "message": "Error in the backend"}'),
        (404, b"<html>Not here</html>"),
        (404, b'{"error_code": 404, "message": "HTTP 404 Not Found"}'),
        (404, b"{}"),
        (404, b"[]"),
        (200, b"<html>Log in</html>"),
        (200, b"{}"),
    ],
)
def test_an_answer_that_is_not_the_registrys_own_buries_nothing(
    schemas: SchemaSet, server: SchemaRegistryServer, connect: Any, broken: tuple[int, bytes]
) -> None:
    codec = Codec(schemas, connect(server.url))
    written = codec.encoder(TOPIC, "transaction")(SALE)
    server.broken = broken
    with pytest.raises(RegistryUnreachable):
        Codec(schemas, connect(server.url)).encoder(TOPIC, "transaction")
    decode = Codec(schemas, connect(server.url)).decoder(TOPIC, "transaction")
    with pytest.raises(RegistryUnreachable):
        decode(written, None)
    server.broken = None
    assert decode(written, None) == SALE


def test_dead_letters_can_be_written_while_the_registry_is_away(
    schemas: SchemaSet, connect: Any, usual_records: Any
) -> None:
    codec = Codec(schemas, connect("http://127.0.0.1:9"))
    letter = usual_records["dead_letter"][0]
    written = codec.encoder(f"{TOPIC}.dlq", "dead_letter")(letter)
    assert codec.decoder(f"{TOPIC}.dlq", "dead_letter")(written, None) == letter


def test_wrong_credentials_are_a_fault_and_right_ones_pass_through(
    schemas: SchemaSet, server: SchemaRegistryServer, connect: Any
) -> None:
    server.password = "onhand:secret"
    with pytest.raises(RegistryUnreachable, match="Unauthorized"):
        Codec(schemas, connect(server.url)).encoder(TOPIC, "transaction")
    known = connect(server.url, **{"basic.auth.user.info": "onhand:secret"})
    assert Codec(schemas, known).encoder(TOPIC, "transaction")(SALE)[:5] == b"\0\0\0\0\1"


def test_a_schema_that_the_registry_refuses_stops_the_start(
    schemas: SchemaSet, server: SchemaRegistryServer, connect: Any
) -> None:
    server.incompatible = True
    with pytest.raises(RegistryUnreachable, match="incompatible"):
        Codec(schemas, connect(server.url)).encoder(TOPIC, "transaction")


def test_without_auto_register_schemas_are_only_looked_up(
    schemas: SchemaSet, server: SchemaRegistryServer, connect: Any
) -> None:
    careful = connect(server.url, **{"auto.register.schemas": "false"})
    with pytest.raises(
        RegistryUnreachable, match=r"did not look up inventory\.transactions\.v1-value: Schema not found"
    ):
        Codec(schemas, careful).encoder(TOPIC, "transaction")
    assert server.subjects == {}
    server.register("other", {"schema": '"string"'})
    Codec(schemas, connect(server.url)).encoder(TOPIC, "transaction")
    assert Codec(schemas, careful).encoder(TOPIC, "transaction")(SALE)[:5] == b"\0\0\0\0\2"


def test_a_setting_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no\.such\.setting"):
        Registry({"schema.registry.url": "http://127.0.0.1:9", "no.such.setting": "1"})


STRANGER: dict[str, Any] = {
    "type": "record", "name": "Transaction", "namespace": "com.shop", "fields": [
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["SALE", "DONATE"]}},
        {"name": "till", "type": "int"},
        {"name": "source", "type": "string"},
        {"name": "transaction_id", "type": "string"},
        {"name": "sku", "type": "string"},
        {"name": "location", "type": "string"},
        {"name": "quantity", "type": "int"},
        {"name": "occurred_at_ms", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}  # fmt: skip
SAID = {
    "kind": "SALE", "till": 4, "source": "pos", "transaction_id": "till-9", "sku": "SHOE-42", "location": "LEEDS",
    "quantity": 2, "occurred_at_ms": 1_767_225_600_123,
}  # fmt: skip


@pytest.fixture
def from_stranger(schemas: SchemaSet, server: SchemaRegistryServer, connect: Any) -> Any:
    """(schema, value) -> the transaction, as a publisher with a schema of its own sends it."""

    def read(schema: dict[str, Any], value: dict[str, Any]) -> Any:
        schema_id = server.register("shop-value", {"schema": json.dumps(schema)})
        decode = Codec(schemas, connect(server.url)).decoder(TOPIC, "transaction")
        return decode(b"\0" + schema_id.to_bytes(4, "big") + foreign(schema, value), None)

    return read


def test_a_publishers_own_schema_is_resolved_to_ours(from_stranger: Any) -> None:
    assert from_stranger(STRANGER, SAID) == SALE


def test_a_symbol_that_we_do_not_know_is_malformed(from_stranger: Any) -> None:
    with pytest.raises(Malformed, match="Field `kind` has an unknown kind, newer than this program"):
        from_stranger(STRANGER, {**SAID, "kind": "DONATE"})


def test_names_from_a_publishers_own_schema_are_checked(from_stranger: Any) -> None:
    with pytest.raises(Malformed, match=r"`sku` holds the control character U\+0000"):
        from_stranger(STRANGER, {**SAID, "sku": "a\0"})


def test_a_schema_without_a_field_we_need_is_malformed(from_stranger: Any) -> None:
    lacking = {**STRANGER, "fields": [one for one in STRANGER["fields"] if one["name"] != "transaction_id"]}
    with pytest.raises(Malformed, match=r"cannot be read as transaction: .*transaction_id"):
        from_stranger(lacking, SAID)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"schema": '{"type": "record"}'}, "is not valid"),
        ({"schema": "nonsense"}, "is not valid"),
        ({"schema": '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "Gone"}]}'}, "is not valid"),
        ({"schema": '"string"'}, "cannot be read as transaction"),
        ({"schema": '{"type": "object"}', "schemaType": "JSON"}, "no Avro schema with the id"),
    ],
)
def test_a_registered_schema_that_leads_nowhere_is_malformed(
    schemas: SchemaSet, server: SchemaRegistryServer, connect: Any, schema: dict[str, Any], said: str
) -> None:
    schema_id = server.register("shop-value", schema)
    decode = Codec(schemas, connect(server.url)).decoder(TOPIC, "transaction")
    with pytest.raises(Malformed, match=said):
        decode(b"\0" + schema_id.to_bytes(4, "big") + b"\x02a", None)


def test_tools_see_what_a_stranger_wrote(schemas: SchemaSet, server: SchemaRegistryServer, connect: Any) -> None:
    schema_id = server.register("shop-value", {"schema": json.dumps(STRANGER)})
    value = b"\0" + schema_id.to_bytes(4, "big") + foreign(STRANGER, SAID)
    codec = Codec(schemas, connect(server.url))
    assert codec.decode_any(TOPIC, None, value) == SAID
    assert json.dumps(codec.decode_any(TOPIC, "transaction", value))
    assert codec.decode_any(TOPIC, "transaction", value)["line"] == 1
    assert codec.decode_any(TOPIC, None, b' {"sku": "A"}') == {"sku": "A"}

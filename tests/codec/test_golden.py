"""Bytes that were published once, and must be read and written so for ever. Never write these files anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.codec import Codec, SchemaSet, canonical_form, digest
from agents.codec.framing import confluent_prefix
from agents.codec.generate import Generated
from agents.codec.schema_set import CURRENT, Schema
from agents.codec.shapes import Shape

FILES = sorted(Path(__file__).with_name("golden").glob("*.json"))
EVERY_FILE = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


class OneSchema:
    """A registry that knows one schema, by the id in the golden files. The real client is in test_registry.py."""

    def __init__(self, schema_id: int, schema: Schema) -> None:
        self._known = {schema_id: schema}

    def fetch(self, writer: Any) -> Schema | None:
        return self._known.get(writer)


def plain(record: Any) -> Any:
    """A struct as a dict, also where it is an array in JSON."""
    if isinstance(record, msgspec.Struct):
        return {name: plain(getattr(record, name)) for name in record.__struct_fields__}
    return [plain(item) for item in record] if isinstance(record, tuple) else record


def written_as(schemas: SchemaSet, golden: dict[str, Any]) -> Schema:
    version: int = golden["version"]
    return schemas.history(golden["schema"])[version - 1]


def test_there_are_golden_bytes_for_every_version_of_every_schema(schemas: SchemaSet) -> None:
    published = {f"{name}.{old.version}.json" for name in schemas.names for old in schemas.history(name)}
    assert {file.name for file in FILES} == published


@EVERY_FILE
def test_golden_bytes_are_read_as_ever(file: Path, schemas: SchemaSet) -> None:
    golden = json.loads(file.read_text(encoding="utf-8"))
    name = golden["schema"]
    old = written_as(schemas, golden)
    assert old.fingerprint.hex() == golden["fingerprint"]
    codec = Codec(schemas, OneSchema(golden["confluent_id"], Schema("", CURRENT, old.text)))  # type: ignore[arg-type]
    for row in golden["records"]:
        for framing in ("single_object", "confluent"):
            said = codec.decode_any("t", name, bytes.fromhex(row[framing]))
            assert {field: said[field] for field in row["record"]} == row["record"]


@EVERY_FILE
def test_golden_records_are_written_as_ever(
    file: Path, schemas: SchemaSet, shapes: dict[str, Shape], generated: dict[str, Generated]
) -> None:
    golden = json.loads(file.read_text(encoding="utf-8"))
    name = golden["schema"]
    if golden["version"] != len(schemas.history(name)):
        pytest.skip("an older version is read, and no longer written")
    codec = Codec(schemas)
    encode = codec.encoder("t", name)
    for row in golden["records"]:
        record = shapes[name].build(row["record"])
        assert encode(record).hex() == row["single_object"]
        assert generated[name].encoder(confluent_prefix(golden["confluent_id"]))(record).hex() == row["confluent"]


@EVERY_FILE
def test_golden_bytes_become_structs(file: Path, schemas: SchemaSet, shapes: dict[str, Shape]) -> None:
    golden = json.loads(file.read_text(encoding="utf-8"))
    name = golden["schema"]
    shape = shapes[name]
    decode = Codec(schemas).decoder("t", name)
    for row in golden["records"]:
        record = shape.build({**{one.name: one.default for one in shape.fields}, **row["record"]})
        if name != "transaction" or row["record"]["kind"] in {"SALE", "RECEIPT", "COUNT", "RELEASE", "EXPIRE"}:
            assert decode(bytes.fromhex(row["single_object"]), None) == record


def test_a_digest_is_the_same_for_life(shapes: dict[str, Shape]) -> None:
    for file in FILES:
        golden = json.loads(file.read_text(encoding="utf-8"))
        if golden["schema"] != "transaction":
            continue
        for row in golden["records"]:
            shape = shapes["transaction"]
            transaction: Any = shape.build({**{one.name: one.default for one in shape.fields}, **row["record"]})
            assert canonical_form(transaction).decode() == row["canonical"]
            assert digest(transaction).hex() == row["digest"]

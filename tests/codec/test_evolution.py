"""The schemas are for life: every current one reads all that was ever written, and says what its fields mean."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import fastavro
import pytest
from fastavro.read import SchemaResolutionError
from fastavro.utils import generate_many

from agents.codec import Schema, SchemaSet
from agents.codec.schema_set import CURRENT
from agents.codec.shapes import ROLE, Mismatch, shape_of
from agents.codec.words import STRUCTS

EVERY_SCHEMA = pytest.mark.parametrize("name", sorted(STRUCTS))
COMPACTED = ("availability", "heartbeat", "level")
"""On compacted topics: read for years, by older programs too."""


def unreadable(writer: Schema, reader: Schema) -> str | None:
    """Why records of `writer` cannot be read as `reader`; None if they can. By doing it, fifty times."""
    for value in generate_many(writer.parsed, 50):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, writer.parsed, value)
        try:
            read = fastavro.schemaless_reader(io.BytesIO(out.getvalue()), writer.parsed, reader.parsed)
            fastavro.schemaless_writer(io.BytesIO(), reader.parsed, read)
        except (SchemaResolutionError, ValueError, TypeError, KeyError) as error:
            return str(error)
    return None


def definitions(schema: Any) -> Iterator[dict[str, Any]]:
    """Every record and enum within a schema."""
    if isinstance(schema, list):
        for part in schema:
            yield from definitions(part)
    elif isinstance(schema, dict):
        if schema.get("type") in {"record", "enum"}:
            yield schema
        for field in schema.get("fields", ()):
            yield from definitions(field["type"])
        if schema.get("type") == "array":
            yield from definitions(schema["items"])


def fields_of(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in definitions(schema):
        for field in one.get("fields", ()):
            yield f"{one['name']}.{field['name']}", field


@EVERY_SCHEMA
def test_the_last_published_version_is_the_current_one(name: str, schemas: SchemaSet) -> None:
    history = schemas.history(name)
    assert [old.version for old in history] == list(range(1, len(history) + 1))
    assert history[-1].text == schemas[name].text, "publish the change as schemas/history/<name>/<n + 1>.avsc"


@EVERY_SCHEMA
def test_all_that_was_ever_written_can_be_read(name: str, schemas: SchemaSet) -> None:
    for old in schemas.history(name):
        assert unreadable(old, schemas[name]) is None


@pytest.mark.parametrize("name", COMPACTED)
def test_older_programs_can_read_what_is_written_to_compacted_topics(name: str, schemas: SchemaSet) -> None:
    for old in schemas.history(name):
        assert unreadable(schemas[name], old) is None


def changed(schema: Schema, change: Any) -> Schema:
    value = copy.deepcopy(schema.json)
    change(value)
    return Schema(schema.name, CURRENT, json.dumps(value))


@pytest.mark.parametrize(
    "break_it",
    [
        lambda schema: schema["fields"].append({"name": "new", "type": "string"}),
        lambda schema: schema["fields"][0].update(name="renamed"),
        lambda schema: schema["fields"][0].update(type="long"),
        lambda schema: schema["fields"][4].update(type="long", default=0),
    ],
    ids=["a field without a default", "a field renamed", "another type", "no longer null"],
)
def test_a_change_that_breaks_readers_is_seen(schemas: SchemaSet, break_it: Any) -> None:
    old = schemas.history("transaction")[0]
    assert unreadable(old, changed(old, break_it)) is not None


def test_a_new_field_with_a_default_and_a_new_symbol_break_nobody(schemas: SchemaSet) -> None:
    def grow(schema: Any) -> None:
        schema["fields"].append({"name": "new", "type": ["null", "string"], "default": None})
        schema["fields"][2]["type"]["symbols"].append("DONATE")

    old = schemas.history("transaction")[0]
    new = changed(old, grow)
    assert unreadable(old, new) is None
    assert unreadable(new, old) is None


@EVERY_SCHEMA
def test_every_record_and_field_says_what_it_means(name: str, schemas: SchemaSet) -> None:
    for one in definitions(schemas[name].json):
        assert len(one["doc"]) > 10, one["name"]
    for path, field in fields_of(schemas[name].json):
        assert field.get("doc", "").endswith("."), path


@EVERY_SCHEMA
def test_the_rules_of_evolution_hold(name: str, schemas: SchemaSet) -> None:
    assert "logicalType" not in schemas[name].text
    for one in definitions(schemas[name].json):
        if one["type"] == "enum":
            assert one["default"] in one["symbols"], one["name"]
    for path, field in fields_of(schemas[name].json):
        if isinstance(field["type"], list):
            assert field["type"][0] == "null", path
            assert len(field["type"]) == 2, path
            assert field["default"] is None, path
        assert field.get(ROLE) in {None, "name", "id", "word", "time"}, path


def test_a_type_means_the_same_in_every_schema(schemas: SchemaSet) -> None:
    seen: dict[str, Any] = {}
    for name in schemas.names:
        assert schemas[name].json["namespace"] == "onhand.v1"
        for one in definitions(schemas[name].json):
            content = {key: value for key, value in one.items() if key != "namespace"}
            assert seen.setdefault(one["name"], content) == content, one["name"]


def test_schemas_are_found_as_package_data() -> None:
    assert resources.files("schemas").joinpath("transaction.avsc").is_file()


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda schema: schema["fields"].pop(), "same fields: why"),
        (lambda schema: schema["fields"][3].update(default="?"), "Transaction.sku: the schema's default"),
        (lambda schema: schema["fields"][3].pop("default"), "Transaction.sku: only one of schema and struct"),
        (lambda schema: schema["fields"][3].update(type="long"), "Transaction.sku: long in the schema"),
        (lambda schema: schema["fields"][5].update(type="string"), "Transaction.location: only one"),
        (lambda schema: schema["fields"][2]["type"]["symbols"].remove("SALE"), "lacks symbols of Kind"),
    ],
)
def test_a_schema_that_differs_from_its_struct_stops_the_start(schemas: SchemaSet, break_it: Any, said: str) -> None:
    with pytest.raises(Mismatch, match=said):
        shape_of(changed(schemas["transaction"], break_it).json, STRUCTS["transaction"])

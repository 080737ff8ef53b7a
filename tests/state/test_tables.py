from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.state.changelog import decode_meta, encode_meta, from_record, meta_record, tables_by_prefix
from agents.state.ledger import LEDGER_TABLES
from agents.state.store import Meta
from agents.state.tables import Array, Table, UndecodableRow
from tests.state.rows_for_tests import KEPT, NOTES, RULE, Note

GOLDEN = Path(__file__).parent / "golden"
BY_NAME = {table.name: table for table in LEDGER_TABLES}
META = Meta(123_456, 1_790_000_000_000, "Zm9vYmFyYmF6cXV4cXV1eA", 789, 1_790_000_000_500)


def golden(name: str) -> tuple[bytes, bytes]:
    key, value = (GOLDEN / f"{name}.v1.hex").read_text().split()
    return bytes.fromhex(key), bytes.fromhex(value)


def test_the_meta_row_is_written_and_read_as_it_always_was() -> None:
    key, value = golden("meta")
    assert meta_record(META) == (key, value)
    assert decode_meta(value) == msgspec.structs.replace(META, checkpoint=0, checkpoint_at_ms=0)


def test_a_local_meta_row_keeps_its_checkpoint() -> None:
    assert decode_meta(encode_meta(META)) == META


@pytest.mark.parametrize("value", [b"", b"\x02\x90", b"\x01\xff", b"\x01\x91\xa1a"])
def test_a_meta_row_that_is_none_is_refused(value: bytes) -> None:
    with pytest.raises(UndecodableRow):
        decode_meta(value)


def test_stored_answers_and_rules_are_arrays_without_field_names() -> None:
    for table, row in (("answers", KEPT), ("policy", RULE)):
        stored = BY_NAME[table].encode_row(row)
        assert b"event_id" not in stored
        assert b"safety_stock" not in stored


class Counted(msgspec.Struct, frozen=True, array_like=True):
    """What a note became in version 3: the text, then how often, then the bytes; a field was appended since."""

    text: str
    times: int
    mark: bytes
    later: int = 9


def _with_times(array: Array) -> Array:
    return [*array, 1]


def _with_mark(array: Array) -> Array:
    return [array[0], array[1], b"\xff\x00"]


UPGRADED = Table("notes", b"n", (str, str), Counted, version=3, upgrades={1: _with_times, 2: _with_mark})


def test_a_row_of_an_older_version_is_upgraded_step_by_step() -> None:
    assert UPGRADED.decode_row(NOTES.encode_row(Note("old"))) == Counted("old", 1, b"\xff\x00", 9)
    second = bytes((2,)) + msgspec.msgpack.encode(["second", 5])
    assert UPGRADED.decode_row(second) == Counted("second", 5, b"\xff\x00", 9)


def test_an_appended_field_needs_no_version_in_either_direction() -> None:
    shorter = bytes((3,)) + msgspec.msgpack.encode(["a", 1, b""])
    longer = bytes((3,)) + msgspec.msgpack.encode(["a", 1, b"", 4, "from a later program"])
    assert UPGRADED.decode_row(shorter).later == 9
    assert UPGRADED.decode_row(longer).later == 4


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b"", "empty"),
        (b"\x04\x90", "newer program"),
        (b"\x00\x90", "no upgrade from version 0"),
        (b"\x03\xc1", ""),
        (b"\x03\x91\xa1a", "Expected `array`"),
        (b"\x01\x91\x05", "Expected `str`"),
    ],
)
def test_bytes_that_are_no_row_are_refused_with_the_reason(value: bytes, words: str) -> None:
    with pytest.raises(UndecodableRow, match=f"table notes.*{words}"):
        UPGRADED.decode_row(value)


def test_a_changelog_key_of_no_table_is_refused() -> None:
    by_prefix = tables_by_prefix(LEDGER_TABLES)
    for key in (b"", b"\xfekey", b"\0position"):
        with pytest.raises(UndecodableRow):
            from_record(by_prefix, (key, b"\x01\x90"))


def test_two_tables_with_one_prefix_or_the_meta_prefix_are_refused() -> None:
    with pytest.raises(ValueError, match="same prefix"):
        tables_by_prefix([NOTES, UPGRADED])
    options: dict[str, Any] = {"shape": (str,), "row": Note}
    for prefix in (b"\0", b"", b"ab"):
        with pytest.raises(ValueError, match="prefix"):
            Table("bad", prefix, **options)


class CountedHead(msgspec.Struct, frozen=True, array_like=True):
    text: msgspec.Raw
    times: int


class OtherHead(msgspec.Struct, frozen=True, array_like=True):
    times: int


def test_the_first_fields_of_a_row_are_read_without_the_rest_and_only_in_the_present_version() -> None:
    head = UPGRADED.head_decoder(CountedHead)
    row = UPGRADED.encode_row(Counted("a", 7, b""))
    read = head(row)
    assert read is not None
    assert read.times == 7
    assert head(b"\x01" + row[1:]) is None
    assert head(row[:1] + b"no row") is None
    assert head(b"") is None


def test_a_head_that_is_not_how_the_rows_begin_is_refused() -> None:
    with pytest.raises(ValueError, match="does not begin"):
        UPGRADED.head_decoder(OtherHead)

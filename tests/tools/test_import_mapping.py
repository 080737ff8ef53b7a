"""Mappings: what may be declared, that all mistakes are told together, and what a row becomes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.inventory.transactions import Bucket, Kind, Transaction
from tools.importing.declaration import ImportMapping, check_columns, read_mapping
from tools.importing.files import OpenedFile
from tools.importing.problems import MappingInvalid
from tools.importing.reading import transactions_in
from tools.importing.tally import Tally

PLAIN = """
source: till
backfill: true
transaction_id: "{receipt}-{row_number}"
time: {column: when, format: "%d.%m.%Y %H:%M", zone: Europe/Berlin, precision: minute}
sku: {column: article, normalise: [trim, upper]}
location: {column: shop, lookup: shops, otherwise: ELSEWHERE}
lookups:
  shops: {"1": BERLIN, "2": BONN}
  why:
    - {matches: "(?i)broke", gives: damage}
    - {matches: "", gives: correction}
rules:
  - skip: deposit
    when: [{column: article, matches: "^DEP"}]
  - kind: RETURN
    when: [{column: units, below: 0}]
    unless: [{column: note, empty: false}]
    fields: {quantity: {column: units, negate: true}, bucket: quarantined}
  - kind: ADJUST
    when: [{column: note, empty: false}, {column: units, at_most: 0}]
    fields: {quantity: {column: units}, reason: {column: note, lookup: why}, why: {column: note, normalise: [squeeze]}}
  - kind: SALE
    when: [{column: article, in: [A1, a1, B2]}]
    fields: {quantity: {column: units, default: 1}, order_id: {template: "order {receipt}"}}
"""
HEADER = "receipt,when,shop,article,units,note\n"


def mapping_of(text: str, **changes: Any) -> ImportMapping:
    declared = yaml.safe_load(text) | changes
    return read_mapping({"plain": declared}, "plain", frozenset({"till"}))


def imported(
    tmp_path: Path, rows: str, mapping: ImportMapping | None = None, header: str = HEADER
) -> tuple[list[Transaction], Tally, list[tuple[int, bytes, str]]]:
    path = tmp_path / "file.csv"
    path.write_text(header + rows, encoding="utf-8")
    tally = Tally()
    bad: list[tuple[int, bytes, str]] = []
    with OpenedFile(str(path)) as file:
        pairs = transactions_in(
            file,
            mapping or mapping_of(PLAIN),
            tally,
            on_bad_row=lambda record, reason: bad.append((record.number, record.raw, reason)),
        )
        return [transaction for _, transaction in pairs], tally, bad


def mistakes_of(text: str, **changes: Any) -> tuple[str, ...]:
    with pytest.raises(MappingInvalid) as caught:
        mapping_of(text, **changes)
    return caught.value.mistakes


def test_a_row_becomes_the_transaction_that_its_rule_declares(tmp_path: Path) -> None:
    rows = "r7,31.12.2025 23:59,1, a1 ,3,\n"
    mapping = mapping_of(PLAIN, rules=[{"kind": "SALE", "fields": {"quantity": {"column": "units"}}}])
    (sale,), _, _ = imported(tmp_path, rows, mapping)
    last_second = dt.datetime(2025, 12, 31, 22, 59, 59, tzinfo=dt.UTC)
    assert sale == Transaction(
        transaction_id="r7-1",
        source="till",
        kind=Kind.SALE,
        sku="A1",
        occurred_at_ms=int(last_second.timestamp()) * 1000,
        location="BERLIN",
        quantity=3,
    )


def test_the_first_rule_that_takes_a_row_decides(tmp_path: Path) -> None:
    rows = (
        "r1,01.02.2026 10:00,1,DEP,1,\n"
        "r2,01.02.2026 10:00,2,A1,-2,\n"
        "r3,01.02.2026 10:00,3,A1,-2,  it   broke \n"
        "r4,01.02.2026 10:00,1,A1,-2,?\n"
        "r5,01.02.2026 10:00,1,B2,,\n"
    )
    rest = yaml.safe_load(PLAIN)["rules"]
    rest[1]["when"].insert(0, {"column": "units", "empty": False})
    transactions, tally, bad = imported(tmp_path, rows, mapping_of(PLAIN, rules=rest))
    came_back, broken, odd, sold = transactions
    assert (came_back.kind, came_back.quantity, came_back.bucket) == (Kind.RETURN, 2, Bucket.QUARANTINED)
    assert (broken.kind, broken.quantity, broken.reason) == (Kind.ADJUST, -2, "damage")
    assert (broken.why, broken.location) == ("it broke", "ELSEWHERE")
    assert odd.reason == "correction"
    assert (sold.kind, sold.quantity, sold.order_id) == (Kind.SALE, 1, "order r5")
    assert tally.skipped == {"deposit": 1}
    assert not bad
    assert tally.rows == tally.transactions.total() + tally.skipped.total() == 5


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("r,01.02.2026 10:00,1,A1,two,", "units is 'two', which is no number"),
        ("r,01.02.2026 10:00,1,A1,1.5,", "units is '1.5', which is no whole number of base units"),
        ("r,01.02.2026 10:00,1,A1,nan,", "units is 'nan', which is no number"),
        ("r,01.02.2026 10:00,1,A1,1e30,", "units is '1e30', which is beyond 64 bits"),
        ("r,01.02.2026 10:00,1,A1,0,", "the quantity would be 0; SALE needs one above zero"),
        ("r,2026-02-01,1,A1,1,", "when is '2026-02-01', which is no time like %d.%m.%Y %H:%M"),
        ("r,01.02.2026 10:00,1,Z9,1,", "no rule of the mapping takes it"),
        ("r,01.02.2026 10:00,1,A1,1", "it has 5 cells where 6 columns are named"),
        ('r,01.02.2026 10:00,1,"A"1,1,', "it is no CSV: ',' expected after '\"'"),
    ],
)
def test_a_bad_row_is_told_with_its_bytes_and_the_rows_around_it_go_on(tmp_path: Path, row: str, reason: str) -> None:
    good = "r,01.02.2026 10:00,1,A1,1,\n"
    transactions, tally, bad = imported(tmp_path, f"{good}{row}\r\n{good}")
    assert bad == [(2, f"{row}\r\n".encode(), reason)]
    assert [one.transaction_id for one in transactions] == ["r-1", "r-3"]
    assert tally.dead_letters == {reason: 1}


def test_a_lookup_without_entry_and_otherwise_makes_a_bad_row(tmp_path: Path) -> None:
    mapping = mapping_of(PLAIN, location={"column": "shop", "lookup": "shops"})
    _, _, bad = imported(tmp_path, "r,01.02.2026 10:00,3,A1,1,\n", mapping)
    assert [reason for _, _, reason in bad] == ["the lookup shops has nothing for '3'"]


def test_a_unit_factor_makes_base_units_and_never_rounds(tmp_path: Path) -> None:
    kilos = [{"kind": "RECEIPT", "fields": {"quantity": {"column": "units", "factor": 1000}}}]
    mapping = mapping_of(PLAIN, rules=kilos, file={"delimiter": ";", "decimal_mark": ","})
    rows = "r;01.02.2026 10:00;1;A1;1.250,5;\nr;01.02.2026 10:00;1;A1;0,0005;\n"
    (received,), _, bad = imported(tmp_path, rows, mapping, header=HEADER.replace(",", ";"))
    assert received.quantity == 1_250_500
    assert bad[0][2] == "units is '0,0005' times 1000, which is no whole number of base units"


def test_a_hash_chooses_the_same_place_for_ever(tmp_path: Path) -> None:
    location = {"hash_of": "article", "normalise": ["upper"], "over": ["EAST", "WEST"]}
    mapping = mapping_of(PLAIN, location=location)
    rows = "r,01.02.2026 10:00,1,A1,1,\nr,01.02.2026 10:00,1,a1,1,\nr,01.02.2026 10:00,1,B2,1,\n"
    transactions, _, _ = imported(tmp_path, rows, mapping)
    # CRC-32: A1 is 0xf9656c81, odd; B2 is 0x4b416ef8, even.
    assert [one.location for one in transactions] == ["WEST", "WEST", "EAST"]


def test_all_mistakes_of_a_mapping_are_told_together_with_their_path() -> None:
    wrong = {
        "source": "tills",
        "transaction_id": "always the same",
        "time": {"column": "when", "format": "yesterday", "zone": "Europe/Atlantis", "precison": "day"},
        "sku": {"column": "article", "normalise": ["uper"]},
        "location": {"column": "shop", "constant": "X"},
        "file": {"encoding": "utf-16", "delimiter": ";;"},
        "rules": [
            {"kind": "SALES", "fields": {"quantity": {"column": "units", "lookup": "shop"}}},
            {"kind": "SALE", "when": [{"column": "units"}], "fields": {"quantiy": {"column": "units"}, "sku": "A"}},
            {"skip": "x", "kind": "SALE", "when": [{"column": "units", "matches": "("}]},
        ],
    }
    said = "\n".join(mistakes_of(PLAIN, **wrong))
    for sentence in (
        "mappings.plain.transaction_id: must differ from row to row",
        "mappings.plain.backfill: the ledger must know it too: add `tills: {backfill: true}` to sources",
        "mappings.plain.time.format: must be iso8601",
        "mappings.plain.time.zone: must be a time zone",
        "mappings.plain.time.precison: is unknown; did you mean precision?",
        "mappings.plain.sku.normalise: uper is none of",
        "mappings.plain.location: must have exactly one of column, constant, template, hash_of",
        "mappings.plain.file.encoding: must be an encoding in which ASCII is ASCII",
        "mappings.plain.file.delimiter: must be one character",
        "mappings.plain.rules[0]: takes every row",
        "mappings.plain.rules[0].kind: must be a kind of transaction",
        "mappings.plain.rules[0].fields.quantity.lookup: there is no lookup shop; did you mean shops?",
        "mappings.plain.rules[1].when[0]: tests nothing",
        "mappings.plain.rules[1].fields.quantiy: is no field of a transaction that a mapping can set; did you mean quantity",
        "mappings.plain.rules[1].fields.sku: is not set by a rule",
        "mappings.plain.rules[2]: must have either kind or skip",
        "mappings.plain.rules[2].when[0].matches: is no regular expression",
    ):
        assert sentence in said, f"{sentence}\n\n{said}"


def test_every_column_that_the_file_has_not_is_told() -> None:
    with pytest.raises(MappingInvalid) as caught:
        check_columns(mapping_of(PLAIN), ["receipt", "when", "shop", "article", "units"])
    assert "mappings.plain.rules[1].unless[0].column: the file has no column note" in caught.value.mistakes[0]
    assert len(caught.value.mistakes) == 4  # unless, when, reason, why


def test_an_unknown_mapping_is_answered_with_the_known_ones() -> None:
    with pytest.raises(MappingInvalid, match=r"there are plain; did you mean plain\?"):
        read_mapping({"plain": {}}, "plane", frozenset())


def test_opening_stock_cannot_be_declared_where_counts_would_contradict_it() -> None:
    counts = [{"kind": "COUNT", "fields": {"quantity": {"column": "units"}}}]
    said = mistakes_of(PLAIN, rules=counts, opening="running_deficit")
    assert said == ("mappings.plain.opening: running_deficit cannot be followed through COUNT (rules[0])",)


KITS = {"BOX": {"A1": 2, "B2": 1}, "PALLET": {"BOX": 10, "A1": 5}}


def test_a_row_about_a_kit_becomes_a_transaction_for_each_component(tmp_path: Path) -> None:
    rules = [{"kind": "SALE", "fields": {"quantity": {"column": "units"}}}]
    mapping = mapping_of(PLAIN, rules=rules, kits=KITS)
    transactions, tally, bad = imported(tmp_path, "7,01.02.2024 10:00,1,box,3,\n8,01.02.2024 10:00,1,a1,1,\n", mapping)
    assert [(told.transaction_id, told.sku, told.quantity) for told in transactions] == [
        ("7-1/BOX", "A1", 6),
        ("7-1/BOX", "B2", 3),
        ("8-2", "A1", 1),
    ]
    assert (tally.rows, tally.transactions["SALE"], bad) == (2, 3, [])


def test_kits_within_kits_are_taken_apart_when_they_are_declared() -> None:
    assert {part.sku: part.quantity for part in mapping_of(PLAIN, kits=KITS).kits["PALLET"].kit} == {"A1": 25, "B2": 10}


@pytest.mark.parametrize(
    ("kits", "says"),
    [
        ({"BOX": {}}, "at least one component"),
        ({"BOX": {"A1": 0}}, "mappings.plain.kits.BOX.A1"),
        ({"BOX": {"BOX": 1}}, "contains itself"),
        ({"BOX": {"A\n1": 1}}, "mappings.plain.kits.BOX"),
    ],
)
def test_kits_that_cannot_be_taken_apart_are_mistakes(kits: dict[str, Any], says: str) -> None:
    assert says in " ".join(mistakes_of(PLAIN, kits=kits))

"""The mapping `uci-online-retail` against a fold of the same file by another tool (uci_fold.py)."""

from __future__ import annotations

import csv
import lzma
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from agents.inventory.transactions import Kind, Transaction
from agents.runtime.topology import load
from tests.tools import uci_fold
from tools.demo_data.month import BUNDLED
from tools.importing.declaration import ImportMapping, read_mapping
from tools.importing.files import OpenedFile
from tools.importing.reading import openings_of, transactions_in
from tools.importing.tally import Tally

NAME = "uci-online-retail"
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
PAIR = (
    HEADER + "581483,23843,PAPER CRAFT,80995,2011-12-09 09:15:00,2.08,16446,United Kingdom\n"
    "C581484,23843,PAPER CRAFT,-80995,2011-12-09 09:27:00,2.08,16446,United Kingdom\n"
)
SIGNS = {Kind.RECEIPT: 1, Kind.RETURN: 1, Kind.ADJUST: 1, Kind.SALE: -1}


@pytest.fixture(scope="module")
def mapping() -> ImportMapping:
    topology = load(uci_fold.PROJECT / "topology.yaml", {})
    return read_mapping(topology.mappings, NAME, topology.backfill_sources)


def imported(path: Path, mapping: ImportMapping) -> tuple[list[Transaction], Tally]:
    tally = Tally()
    with OpenedFile(str(path)) as file:
        return [transaction for _, transaction in transactions_in(file, mapping, tally)], tally


def folded(transactions: Iterable[Transaction]) -> dict[tuple[str, str], int]:
    """Four lines that know nothing of the ledger."""
    on_hand: Counter[tuple[str, str]] = Counter()
    for one in transactions:
        on_hand[one.sku, str(one.location)] += SIGNS[one.kind] * (one.quantity or 0)
    return dict(on_hand)


def agrees_with_sql(path: Path, mapping: ImportMapping, scratch: Path) -> Tally:
    transactions, tally = imported(path, mapping)
    openings = openings_of(str(path), mapping)
    assert folded(transactions) == uci_fold.final_on_hand(path, scratch, opening=False)
    assert folded([*openings, *transactions]) == uci_fold.final_on_hand(path, scratch, opening=True)
    assert tally.transactions == uci_fold.rows_by_kind(path, scratch)
    assert tally.rows == tally.transactions.total() + tally.skipped.total() + tally.dead_letters.total()
    return tally


def test_the_bundled_month_leaves_what_sql_says_it_leaves(mapping: ImportMapping, tmp_path: Path) -> None:
    tally = agrees_with_sql(BUNDLED, mapping, tmp_path)
    assert tally.rows == 84_711
    assert not tally.dead_letters


@pytest.mark.slow
def test_the_whole_file_leaves_what_sql_says_it_leaves(mapping: ImportMapping, tmp_path: Path) -> None:
    path = uci_fold.whole_file()
    if path is None:
        pytest.skip(f"the whole file is not here; {uci_fold.WHOLE_FILE_VARIABLE} may name it")
    tally = agrees_with_sql(path, mapping, tmp_path)
    assert tally.rows == 541_909
    assert tally.transactions == {"SALE": 528_173, "RETURN": 8_704, "ADJUST": 2_082}
    assert tally.skipped == {
        "bad debt": 3,
        "charges and commission": 87,
        "discount": 77,
        "gift voucher": 34,
        "manual entry": 572,
        "pads to match cushions": 4,
        "postage and carriage": 2_110,
        "samples": 63,
    }
    on_hand = uci_fold.final_on_hand(path, tmp_path, opening=True)
    assert min(on_hand.values()) == 0


def test_the_largest_order_and_its_cancellation_minutes_later_leave_nothing_moved(
    mapping: ImportMapping, tmp_path: Path
) -> None:
    path = tmp_path / "pair.csv"
    path.write_text(PAIR)
    (sale, back), _ = imported(path, mapping)
    (opening,) = openings_of(str(path), mapping)
    assert (sale.kind, sale.quantity) == (Kind.SALE, 80_995)
    assert (back.kind, back.quantity) == (Kind.RETURN, 80_995)
    assert folded([sale, back]) == {("23843", "LEEDS"): 0}
    # It can only have been sold if it was there.
    assert (opening.quantity, opening.transaction_id) == (80_995, "opening-23843-LEEDS")
    assert opening.occurred_at_ms is not None
    assert sale.occurred_at_ms is not None
    assert opening.occurred_at_ms < sale.occurred_at_ms
    assert uci_fold.final_on_hand(path, tmp_path, opening=True) == {("23843", "LEEDS"): 80_995}


def test_opening_stock_keeps_every_position_at_zero_or_more_and_is_no_unit_too_much(mapping: ImportMapping) -> None:
    transactions, _ = imported(BUNDLED, mapping)
    levels = folded(openings_of(str(BUNDLED), mapping))
    lowest = dict(levels)
    for one in transactions:
        key = (one.sku, str(one.location))
        levels[key] = levels.get(key, 0) + SIGNS[one.kind] * (one.quantity or 0)
        lowest[key] = min(lowest.get(key, 0), levels[key])
    assert set(lowest.values()) == {0}


@pytest.mark.parametrize(
    ("row", "kind", "quantity", "reason"),
    [
        ("1,85123a,HEART,6,2011-01-01 10:00:00,2.5,7,Norway", Kind.SALE, 6, None),
        ("C1,85123a,HEART,-6,2011-01-01 10:00:00,2.5,7,Norway", Kind.RETURN, 6, "cancellation"),
        ("1,85123a,wet rusty,-6,2011-01-01 10:00:00,0.0,,Norway", Kind.ADJUST, -6, "damage"),
        ("1,85123a,thrown away-rusty,-6,2011-01-01 10:00:00,0.0,,Norway", Kind.ADJUST, -6, "scrap"),
        ("1,85123a,?missing,-6,2011-01-01 10:00:00,0.0,,Norway", Kind.ADJUST, -6, "theft"),
        ("1,85123a,,-6,2011-01-01 10:00:00,0.0,,Norway", Kind.ADJUST, -6, "correction"),
        ("1,85123a,Found in w/hse,6,2011-01-01 10:00:00,0.0,,Norway", Kind.ADJUST, 6, "correction"),
        ("1,85123a,HEART,6,2011-01-01 10:00:00,0.0,,Norway", Kind.SALE, 6, None),
        ("1,85123a,HEART,6,2011-01-01 10:00:00,0.0,7,Norway", Kind.SALE, 6, None),
        ("1,DCGSSBOY,BOYS PARTY BAG,6,2011-01-01 10:00:00,3.3,7,Norway", Kind.SALE, 6, None),
    ],
)
def test_what_a_row_means(
    mapping: ImportMapping, tmp_path: Path, row: str, kind: Kind, quantity: int, reason: str | None
) -> None:
    path = tmp_path / "row.csv"
    path.write_text(f"{HEADER}{row}\n")
    (one,), _ = imported(path, mapping)
    assert (one.kind, one.quantity, one.reason, one.location) == (kind, quantity, reason, "VENLO")
    assert one.sku in {"85123A", "DCGSSBOY"}


@pytest.mark.parametrize("code", ["POST", "DOT", "C2", "M", "m", "D", "S", "BANK CHARGES", "PADS", "gift_0001_20"])
def test_what_is_no_stock_is_skipped_and_counted(mapping: ImportMapping, tmp_path: Path, code: str) -> None:
    path = tmp_path / "row.csv"
    path.write_text(f"{HEADER}1,{code},X,1,2011-01-01 10:00:00,2.5,7,Norway\n")
    transactions, tally = imported(path, mapping)
    assert not transactions
    assert tally.skipped.total() == 1


def test_the_bundled_month_names_no_customer() -> None:
    with lzma.open(BUNDLED, "rt", encoding="utf-8", newline="") as lines:
        assert {row["CustomerID"] for row in csv.DictReader(lines)} == {"known", ""}

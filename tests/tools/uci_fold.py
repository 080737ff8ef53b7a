"""What the UCI Online Retail file leaves on the shelves, by another tool: DuckDB, straight from the CSV.

It shares nothing with the import but the file: the rules of the mapping `uci-online-retail` are said again in SQL.
"""

from __future__ import annotations

import lzma
import os
import shutil
from pathlib import Path

import duckdb

PROJECT = Path(__file__).resolve().parents[2]
WHOLE_FILE = PROJECT.parent / "shared" / "data" / "uci_online_retail.csv.xz"
WHOLE_FILE_VARIABLE = "ONHAND_UCI_CSV"
END_OF_FILE = 2**62

RULES = r"""
create view stock as
select
    row_number,
    upper(trim(StockCode)) as sku,
    case
        when Country in ('United Kingdom', 'Channel Islands', 'Unspecified') then 'LEEDS'
        when Country = 'EIRE' then 'DUBLIN'
        when Country in ('Austria', 'Belgium', 'Cyprus', 'Czech Republic', 'Denmark', 'European Community', 'Finland',
                         'France', 'Germany', 'Greece', 'Iceland', 'Italy', 'Lithuania', 'Malta', 'Netherlands',
                         'Norway', 'Poland', 'Portugal', 'Spain', 'Sweden', 'Switzerland') then 'VENLO'
        else 'SINGAPORE'
    end as location,
    case
        when InvoiceNo like 'C%' then 'RETURN'
        when units < 0 then 'ADJUST'
        when price = 0 and CustomerID = ''
             and (Description = '' or regexp_matches(Description, '^([a-z?]|[A-Z][a-z]|AMAZON)')) then 'ADJUST'
        else 'SALE'
    end as kind,
    -- Whatever is sold leaves, whatever comes back or is found arrives: a credit note and a write-off are negative rows.
    case when kind = 'ADJUST' then units else -units end as change
from (
    select *, cast(Quantity as bigint) as units, cast(UnitPrice as double) as price
    from lines
)
where not InvoiceNo like 'A%'
  and StockCode not in ('POST', 'DOT', 'C2', 'M', 'm', 'D', 'S', 'BANK CHARGES', 'AMAZONFEE', 'CRUK', 'B', 'PADS')
  and not StockCode like 'gift\_0001\_%' escape '\'
  and units <> 0
"""

LEVELS = """
select sku, location, greatest(0, -min(running)) as opening,
       sum(change) filter (row_number <= $last_row) as moved
from (
    select row_number, sku, location, change,
           sum(change) over (partition by sku, location order by row_number rows unbounded preceding) as running
    from stock
)
group by sku, location
"""


def whole_file() -> Path | None:
    """The whole data set, where it is at hand."""
    path = Path(os.environ.get(WHOLE_FILE_VARIABLE) or WHOLE_FILE)
    return path if path.is_file() else None


def final_on_hand(
    file: Path, scratch: Path, *, opening: bool, last_row: int | None = None
) -> dict[tuple[str, str], int]:
    """(sku, location) -> on_hand after the whole file, or after `last_row`; with `opening` the stock derived from the
    whole file is there first."""
    with _stock(file, scratch) as connection:
        rows = connection.execute(LEVELS, {"last_row": last_row or END_OF_FILE}).fetchall()
    return {
        (sku, location): int((moved or 0) + (first if opening else 0))
        for sku, location, first, moved in rows
        if moved is not None or (opening and first)
    }


def transaction_ids(file: Path, scratch: Path, *, opening: bool, last_row: int | None = None) -> set[str]:
    """The ids that an import must have published, each once."""
    end = {"last_row": last_row or END_OF_FILE}
    with _stock(file, scratch) as connection:
        rows = connection.execute("select row_number from stock where row_number <= $last_row", end).fetchall()
        levels = connection.execute(LEVELS, end).fetchall()
    openings = {f"opening-{sku}-{location}" for sku, location, first, _ in levels if opening and first}
    return {str(row) for (row,) in rows} | openings


def rows_by_kind(file: Path, scratch: Path) -> dict[str, int]:
    """kind -> how many rows of the file are of it; what the rules leave out is not among them."""
    with _stock(file, scratch) as connection:
        return dict(connection.sql("select kind, count(*) from stock group by kind").fetchall())


def _stock(file: Path, scratch: Path) -> duckdb.DuckDBPyConnection:
    """A connection with the view `stock`. DuckDB reads no xz, so the file is unpacked first."""
    plain = file
    if file.suffix == ".xz":
        plain = scratch / file.stem
        with lzma.open(file, "rb") as packed, plain.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    connection = duckdb.connect()
    connection.execute(
        "create table lines as select row_number() over () as row_number, * "
        "from read_csv(?, header = true, all_varchar = true, nullstr = '\x01', parallel = false)",
        [str(plain)],
    )
    connection.execute(RULES)
    return connection

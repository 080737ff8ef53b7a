"""How the bundled month was made of the whole data set. Run once, kept so that anybody can do it again:

python -m tools.demo_data.reduce uci_online_retail.csv.xz
"""

from __future__ import annotations

import csv
import io
import lzma
import sys
from pathlib import Path

MONTH = "2011-11"
BUNDLED = Path(__file__).parent / "november_2011.csv.xz"
KNOWN_CUSTOMER = "known"


def reduce(whole: Path) -> bytes:
    """The rows of the month with all their columns; of a customer only whether there is one."""
    written = io.StringIO()
    with lzma.open(whole, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        writer = csv.DictWriter(written, rows.fieldnames or [], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            if row["InvoiceDate"].startswith(MONTH):
                writer.writerow({**row, "CustomerID": KNOWN_CUSTOMER if row["CustomerID"] else ""})
    return lzma.compress(written.getvalue().encode(), preset=9 | lzma.PRESET_EXTREME)


if __name__ == "__main__":
    BUNDLED.write_bytes(reduce(Path(sys.argv[1])))

"""Prints the backtest's table: python -m tools.backtest [FILE] [--train-until DATE] [--least-sale-days N]."""

from __future__ import annotations

from pathlib import Path

import click

from agents.inventory.units import date_of_day, day_of_date
from tools.backtest.series import read_series
from tools.backtest.table import Split, backtest, judged, markdown
from tools.demo_data.month import BUNDLED


@click.command(epilog="Example: python -m tools.backtest uci_online_retail.csv.xz --train-until 2011-09-30")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=BUNDLED)
@click.option("--train-until", default="2011-11-16", show_default=True, help="Last day that is only learned from.")
@click.option("--least-sale-days", default=8, show_default=True, help="Days with a sale that a SKU needs until then.")
@click.option("--service-level", default=950, show_default=True, help="In thousandths, for the pinball loss.")
def main(file: Path, train_until: str, least_sale_days: int, service_level: int) -> None:
    """Compare the replenisher's forecast with simpler ones on FILE (the bundled month if none is named)."""
    try:
        split = Split(day_of_date(train_until), least_sale_days, service_level)
    except ValueError as invalid:
        raise click.BadParameter(str(invalid)) from invalid
    all_series = read_series(file)
    with click.progressbar(length=len(judged(all_series, split)), file=click.get_text_stream("stderr")) as progress:
        result = backtest(all_series, split, lambda _done: progress.update(1))
    first, last = date_of_day(split.train_until + 1), date_of_day(split.train_until + result.days)
    click.echo(f"{result.series} series (SKU and place) with at least {least_sale_days} sale days until {train_until};")
    click.echo(f"judged on {result.days} days, {first} to {last}.\n")
    click.echo(markdown(result, service_level))


if __name__ == "__main__":
    main()

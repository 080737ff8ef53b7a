"""Prints the backtest's table: python -m tools.backtest [FILE] [--train-until DATE] [--least-sale-days N]."""

from __future__ import annotations

from pathlib import Path

import click

from agents.inventory.units import date_of_day, day_of_date
from tools.backtest.choosing import CANDIDATES, Trial, choose
from tools.backtest.methods import METHODS
from tools.backtest.page import page
from tools.backtest.series import Series, read_series
from tools.backtest.table import Split, backtest, judged, markdown
from tools.demo_data.month import BUNDLED

LONG = Split(day_of_date("2011-09-30"), 60, 950, day_of_date("2011-07-01"))
"""Of the whole file: the split of docs/reference/forecasting.md."""
SHORT = Split(day_of_date("2011-11-16"), 8)
"""Of the bundled month."""
CHOICE = Split(day_of_date("2011-07-31"), 40, 950, day_of_date("2011-05-01"), day_of_date("2011-09-30"))
"""The knobs are chosen on days before all that are judged."""


@click.command(epilog="Example: python -m tools.backtest uci_online_retail.csv.xz --page docs/reference/forecasting.md")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=BUNDLED)
@click.option("--train-until", help="Last day that is only learned from.")
@click.option("--least-sale-days", type=int, help="Days with a sale that a SKU needs until then.")
@click.option("--validate-from", help="From this day until then the safety is measured; empty: the normal one is used.")
@click.option("--service-level", default=950, show_default=True, help="In thousandths, for the pinball loss.")
@click.option(
    "--page", "page_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the page of the docs."
)
@click.option(
    "--choose", "only_choose", is_flag=True, help="Try other knobs of the velocity, on earlier days; some minutes."
)
def main(
    file: Path,
    train_until: str | None,
    least_sale_days: int | None,
    validate_from: str | None,
    service_level: int,
    page_file: Path | None,
    only_choose: bool,
) -> None:
    """Compare the replenisher's forecast with simpler ones on FILE (the bundled month if none is named)."""
    usual = SHORT if file == BUNDLED else LONG
    try:
        split = Split(
            usual.train_until if train_until is None else day_of_date(train_until),
            usual.least_sale_days if least_sale_days is None else least_sale_days,
            service_level,
            usual.validate_from if validate_from is None else day_of_date(validate_from) if validate_from else None,
        )
    except ValueError as invalid:
        raise click.BadParameter(str(invalid)) from invalid
    if page_file is not None and split.validate_from is None:
        raise click.UsageError("The page is about the whole file: the bundled month is too short for it.")
    all_series = read_series(file)
    if only_choose:
        show_choice(all_series)
        return
    with click.progressbar(
        length=len(METHODS) * len(judged(all_series, split)), file=click.get_text_stream("stderr")
    ) as progress:
        result = backtest(all_series, split, lambda _done: progress.update(1))
    if page_file is not None:
        page_file.write_text(page(result, split), encoding="utf-8")
        return
    first, last = date_of_day(split.train_until + 1), date_of_day(split.train_until + result.days)
    click.echo(f"{result.series} series (SKU and place) with at least {split.least_sale_days} sale days until "
               f"{date_of_day(split.train_until)};")  # fmt: skip
    click.echo(f"judged on {result.days} days, {first} to {last}.\n")
    click.echo(markdown(result, service_level))


def show_choice(all_series: list[Series]) -> None:
    """Try the candidates, one line each, and tell what did best."""

    def tell(trial: Trial) -> None:
        click.echo(f"{trial.knob} {trial.value}: {trial.loss:.4f}{' taken' if trial.taken else ''}")

    chosen = choose(all_series, CHOICE, tell)
    click.echo(", ".join(f"{knob} {getattr(chosen, knob)}" for knob in CANDIDATES))


if __name__ == "__main__":
    main()

"""docs/reference/forecasting.md: what was measured, on which days, and by which command."""

from __future__ import annotations

from agents.inventory.replenishment.levels import z_of
from agents.inventory.replenishment.rows import ReplenishmentPolicy
from agents.inventory.replenishment.velocity import SCALE
from agents.inventory.units import date_of_day
from tools.backtest.choosing import CANDIDATES
from tools.backtest.table import SAFETY_HORIZON, Result, Split, markdown

PAGE = """# How good the forecast is

Written by `{command}`: do not edit.

The replenisher's forecast against simpler ones, on real sales: UCI Online Retail, a year of a UK gift-ware web shop (Chen 2015,
doi:10.24432/C5BW33, CC BY 4.0), which [uci-online-retail.md](uci-online-retail.md) describes. Each SKU at each of the four places
of the import is a series of daily sales. Judged are the {series:,} series with a sale on at least {least} days until {train_until};
each forecast is made in the morning, from what was sold until the evening before.

{table}

* **WAPE**: the sum of absolute errors over the sum of what was sold.
* **Pinball loss** of the quantile that covers {level} of what is sold, over the same sum: what is missing weighs {level}, what lies idle
  the rest. It is what an order is judged by; lower is better.
* **Covered**: how often no more was sold than that quantile. It should be {level}.
* **Safety**: standard deviations that the quantile lies above the forecast.
* `naive`: as yesterday. `seasonal naive`: as on the same weekdays of the last week. Both, and the mean, have as their deviation
  the root mean square of their own errors of the last year, of the same horizon.

## The split

| days | used for |
|---|---|
| until {before_validation} | learned from only |
| {validate_from} to {train_until} | how many standard deviations each method needs, its **safety**: the {level} quantile of its errors of {horizon} days. The normal distribution would say {normal:.3f}; errors of real sales are no normal ones |
| {judge_from} to {judge_until} | judged: {days} days. Nothing was chosen by them |

The forecast goes on learning through all of it, day by day, as it does in a shop; no day is used before it is over.

The knobs of the velocity were chosen in the same way: `--choose` tries others, one knob after the other, on August and September 2011,
with the safety measured on the three months before, and takes what lowers the pinball loss of {horizon} days by at least a hundredth.
It left all of them as they were:

{knobs}.

While the program was written these judged days had been looked at once, before the split was made. Neither knobs nor
safeties come from them.

{verdict}

The safety of Onhand is what it ships with: `caution` in [topology.md](topology.md) is {safety:.2f} / {normal:.3f}. It is that of a gift shop
with wholesale orders among the small ones; where demand is steadier, less will do, and the same command on your own sales says how much.

What is not in these figures: stock-outs (the file has none that can be seen: every day counts as fully stocked), promotions, and lead times
that vary. The last weeks of a gift shop's year are its steepest: who is judged there is not flattered.

## Again, by yourself

The file is not part of this project; [uci-online-retail.md](uci-online-retail.md) says where it comes from. A month of it is,
and `python -m tools.backtest` without a file shows the same table for that (too short to measure a safety).

```
{command}
python -m tools.backtest FILE --choose
```
"""

COMMAND = "python -m tools.backtest FILE --page docs/reference/forecasting.md"


def page(result: Result, split: Split) -> str:
    """The page for a result."""
    assert split.validate_from is not None
    percent = f"{split.service_level / 10:g} %"
    return PAGE.format(
        command=COMMAND,
        series=result.series,
        least=split.least_sale_days,
        train_until=date_of_day(split.train_until),
        table=markdown(result, split.service_level),
        level=percent,
        before_validation=date_of_day(split.validate_from - 1),
        validate_from=date_of_day(split.validate_from),
        judge_from=date_of_day(split.train_until + 1),
        judge_until=date_of_day(split.train_until + result.days),
        days=result.days,
        horizon=SAFETY_HORIZON,
        normal=z_of(split.service_level) / SCALE,
        knobs=", ".join(f"`{knob}` {getattr(ReplenishmentPolicy(), knob)}" for knob in CANDIDATES),
        safety=result.safeties["Onhand"] / SCALE,
        verdict=verdict(result, split.service_level / SCALE),
    )


def verdict(result: Result, asked: float) -> str:
    """What the table says, in words; also what is not good."""
    ours = result.scores["Onhand", SAFETY_HORIZON]
    others = {name: score for (name, horizon), score in result.scores.items() if horizon == SAFETY_HORIZON}
    first = min(others, key=lambda name: others[name].wape)
    loss = min(others, key=lambda name: others[name].loss)
    fell_short = ours.coverage < asked - 0.0005
    return (
        f"Over {SAFETY_HORIZON} days the nearest forecast is that of {first} (WAPE {others[first].wape:.3f}), the least costly "
        f"quantile that of {loss} ({others[loss].loss:.3f}).\nOnhand covers {ours.coverage:.1%} where {asked:.1%} is asked: "
        + (
            "the level is **not met** on these days. They lie before Christmas, and demand grows faster than a smoothing follows."
            if fell_short
            else "the level is met."
        )
    )

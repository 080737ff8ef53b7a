"""The backtest: how far the replenisher's forecast is from what was sold, beside simpler ones, on the same days."""

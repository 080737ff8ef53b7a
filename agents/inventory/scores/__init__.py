"""Scores: counters of what happened, folded into windows, and the KPIs that follow from them. See README.md."""

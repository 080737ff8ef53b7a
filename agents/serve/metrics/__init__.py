"""Metrics for Prometheus: KPIs as they stand, and how far every worker is."""

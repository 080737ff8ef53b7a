"""Replenishment: how fast each SKU goes at each place, what to order or move because of it, and what to count."""

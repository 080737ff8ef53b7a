"""`onhand bench`: what the engine costs, as a ratio to the same work without it, measured in one run."""

"""Scenario text: the ledger's own language, one step a line, run through the core without a broker."""

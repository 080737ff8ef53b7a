"""The core of the ledger: pure decisions on plain rows. No clock, no random, no I/O. Begin with decide.py."""

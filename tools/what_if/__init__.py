"""What a file of transactions or orders would do to the ledger as it is, without doing it."""

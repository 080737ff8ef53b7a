"""Orders: a fold of its own. It asks the ledger for stock, line by line, and says where every unit comes from."""

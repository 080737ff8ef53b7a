"""Floor 6: the `onhand` command and what it is made of. May import every floor below; nothing imports it."""

"""Onhand: a real-time stock ledger on Kafka.

Stores, shops, marketplaces and warehouses publish what happens; one writer per SKU decides, in the order of the log, and
every step is one Kafka transaction. The log is the truth, the tables are caches of it.

The house has floors, and imports only go down (tests/house keeps it so):

    6  tools              the `onhand` command: demo, bench, import, dead letters ...
    5  agents/serve       what speaks to the world outside of Kafka: delivery of commands, metrics
    4  agents/*.py        the agents, a few lines of wiring each: stock_keeper
    3  agents/runtime     topology, transport, partition owner, transactions, faults
    2  agents/state       RocksDB tables, overlay, memory twin, changelog, restore
    1  agents/codec       bytes to words and back: Avro, JSON, schema registry
    0  agents/inventory   the core: pure decisions, standard library and msgspec.Struct only

The way of a transaction: topic -> transport (chunk) -> partition owner -> codec -> decide -> overlay -> codec -> one Kafka
transaction -> RocksDB. Begin to read in agents/inventory; go up when you want to know how it survives a crash.
"""

"""Floor 2: the rows of an agent, kept in RocksDB as a cache of its changelog partition, or in memory as its twin.

keys, tables     how a row is written, for life
store            what a store is; rocks and memory are the two of them
overlay          what a decision sees and changes, one chunk at a time
changelog        the same rows as Kafka records; restore brings them back
ledger           the stock keeper's tables, and the core's `Rows` over them
housekeeping     removes what no look-up will need again
lock             one worker per state directory
"""

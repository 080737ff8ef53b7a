"""Floor 3: everything that can fail outside. Topology, transport, owners of partitions, transactions.

The way of a record: `pump` (the consumer's thread) -> `custody` (whose partition, inbox) -> Faust agent -> `owner`
(decide on the loop, commit on the pool). What is decided here without I/O has modules of its own, so that it can be
simulated: `chunks`, `faults`, `fencing`, `opening`, `partitioner`.
"""

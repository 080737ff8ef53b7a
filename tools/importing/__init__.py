"""Import: any CSV file to transactions by a declared mapping (docs/reference/importing.md).

problems    what can go wrong, one sentence each
files       an open file of any packing, read record by record with the exact bytes of each
declaration the mapping as declared in topology.yaml, all its mistakes told together
expressions a cell, a constant, a template or a hash, turned into a value
conditions  when a rule takes a row
translation a row to a transaction, by the rules
opening     the stock there must have been before the first row
tally       what was counted
publishing  transactions and dead letters to the broker
"""

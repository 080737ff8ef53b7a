"""The audit: folds the input log again through the same core, and compares with everything that was written.

    logs.py           reading one partition of a topic, committed records only, up to an offset
    rows.py           the folded rows, in memory
    refold.py         the runtime's own decision over one record after the other, without a producer
    cut.py            the changelog up to a position: the moment at which everything is compared
    local.py          the RocksDB of a worker, looked at from beside it
    tidying.py        what housekeeping may have removed by then
    events.py         answers, journal, alerts, dead letters: each event once, in order, byte for byte
    levels.py         every level is the fold's at its revision, the last one of each row is there
    asking.py         transactions that an agent asks of the ledger: each one once
    books.py          the journal's postings, summed up without the core
    comparing.py      the rows, two parties at a time
    findings.py       differences, counted, the first ones explained
    partition.py      one partition from beginning to end
    auditor.py        an agent of a topology: what `onhand audit` and the chaos tests call

Nothing here writes anything, joins a group, or opens a database that a worker has open.
"""

"""The delivery of campaign commands: a webhook is called for each, and its answer goes back into the log.

Free of I/O:
  requests.py    what is sent: body, headers, signature
  replies.py     what a reply means
  back_off.py    how long to wait before the next call
  parcels.py     a command on its way, and what can become of it
  memory.py      what is known of commands that came before
  lanes.py       the commands of one platform: which is called when
  desk.py        all lanes: records in, calls and outcomes out
  progress.py    how far a partition is done, with gaps
  outgoing.py    outcomes as records: answers, alerts, dead letters
The rest:
  webhook.py     one call over HTTP
  exchange.py    answers and offsets in one Kafka transaction
  plan.py        which topics, group and settings
  session.py     from joining the group to leaving it
  adapter.py     the process: one session after another until it is stopped

docs/operating/delivering.md is the contract with whoever writes the platform's side.
"""

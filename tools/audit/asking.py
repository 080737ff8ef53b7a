"""What an agent asks of the ledger: transactions, which carry an id of their own and not the cause that they follow from.

They lie among everybody's. Ours are those of this agent about a key of this partition (an order, a campaign, a SKU). Each one
that the fold says must be there once, byte for byte, known by SKU and transaction id. One that the fold does not say is
too much if something behind it in the log was said by the fold; what comes after the last such one may follow from
input behind the cut, and is another audit's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from confluent_kafka import Message

from agents.inventory.campaigns.words import CAMPAIGN_GUARD
from agents.inventory.replenishment.words import REPLENISHER
from agents.inventory.transactions import ORDER_ROUTER, Transaction
from tools.audit.events import NOBODY_MENDS_IT, OTHER_VERSION, PATIENCE_S, decoded, differing, told
from tools.audit.findings import Difference, Findings, Kind, Party
from tools.audit.logs import Peekable

Identity = tuple[str, str]
"""(SKU, transaction id)."""
ASKED_FOR: Mapping[str, Callable[[Transaction], str | None]] = {
    ORDER_ROUTER: lambda transaction: transaction.order_id,
    CAMPAIGN_GUARD: lambda transaction: None if transaction.watcher is None else transaction.watcher.key,
    REPLENISHER: lambda transaction: transaction.sku,
}
"""Agent -> the key in its own topic that it asks for."""


class _Found(NamedTuple):
    word: Transaction
    message: Message


class Asked:
    """The transactions of one input partition in one partition of the ledger's topic."""

    def __init__(
        self,
        log: Peekable,
        partition: int,
        findings: Findings,
        decode: Callable[..., Transaction],
        is_ours: Callable[[Transaction], bool],
        mark: bytes,
    ) -> None:
        """`mark` is in the bytes of each of ours: the rest need not be decoded."""
        self.party = Party.TRANSACTIONS
        self.count = 0
        """Found as expected."""
        self.gone = 0
        self.ahead = 0
        """What was asked says not from which input it follows."""
        self._log = log
        self._partition = partition
        self._findings = findings
        self._decode = decode
        self._is_ours = is_ours
        self._mark = mark
        self._patience_s = PATIENCE_S
        self._waiting: dict[Identity, deque[_Found]] = {}
        self._matched: set[Identity] = set()
        self._last_matched = -1

    def expect(self, key: bytes | None, value: bytes | None) -> None:
        """The next one that the fold says."""
        expected = self._decode(value, None)
        found = self._look_for(identity_of(expected))
        if found is None:
            self._note(Kind.MISSING, expected, None, "is missing")
            return
        self._matched.add(identity_of(expected))
        self._last_matched = max(self._last_matched, found.message.offset() or 0)
        if found.message.key() == key and (found.message.value() == value or found.word == expected):
            self.count += 1
            return
        names = ", ".join(differing(expected, found.word))
        self._note(Kind.DIFFERS, expected, found.word, f"differs in {names}")

    def finish(self, input_position: int) -> None:  # noqa: ARG002 - as all that is found
        """The fold stands at the cut: what lies before something that it has said must have been said by it."""
        self._look_for(None)
        for identity, waiting in self._waiting.items():
            for found in waiting:
                if (found.message.offset() or 0) < self._last_matched:
                    doubled = identity in self._matched
                    what = "comes twice" if doubled else "does not follow from the input"
                    self._note(Kind.DOUBLED if doubled else Kind.SURPLUS, None, found.word, what)

    def close(self) -> None:
        """End reading."""
        self._log.close()

    def _look_for(self, identity: Identity | None) -> _Found | None:
        """The first one of that identity, read on until it comes; None: read to the end."""
        waiting = None if identity is None else self._waiting.get(identity)
        if waiting:
            return waiting.popleft()
        while True:
            message = self._log.peek(0.0 if identity is None else self._patience_s)
            if message is None:
                self._patience_s = 0.0  # it has been waited for once
                return None
            self._log.pop()
            word = self._ours(message)
            if word is None:
                continue
            found = _Found(word, message)
            if identity_of(word) == identity:
                return found
            self._waiting.setdefault(identity_of(word), deque()).append(found)

    def _ours(self, message: Message) -> Transaction | None:
        if self._mark not in (message.value() or b""):
            return None
        word: Transaction | None = decoded(self._decode, message)
        return word if word is not None and self._is_ours(word) else None

    def _note(self, kind: Kind, expected: Transaction | None, found: Transaction | None, what: str) -> None:
        word = expected or found
        assert word is not None
        record = f"transaction {word.transaction_id} of {word.sku}"
        self._findings.note(
            self.party,
            kind,
            lambda: Difference(
                self._partition,
                self.party,
                kind,
                record,
                told(expected),
                told(found),
                f"The {record}, asked by {word.source}, {what}: the ledger was asked otherwise than the fold says.",
                f"{OTHER_VERSION} {NOBODY_MENDS_IT}",
            ),
        )


def identity_of(transaction: Transaction) -> Identity:
    """What it is known by among those of its source."""
    return transaction.sku, transaction.transaction_id

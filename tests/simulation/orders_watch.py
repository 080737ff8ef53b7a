"""What must hold for orders, judged from what was asked, from the journal and from the rows: none of it with the router's code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from agents.inventory.capacity import is_capacity
from agents.inventory.orders.rows import OVER, Order
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord
from agents.inventory.postings import Account, JournalRecord
from agents.inventory.reservations import Claim
from agents.inventory.transactions import Kind, Transaction

LINES_APART = 10_000

ClaimKey = tuple[str, str, int]
"""(order, SKU, claim line)."""


class OrdersWatch:
    """Fails the world at the first thing that must not be."""

    def __init__(self, fail: Callable[[str], None]) -> None:
        self._fail = fail
        self._lines: dict[str, dict[int, OrderedLine]] = {}
        self._most: Counter[tuple[str, str]] = Counter()
        """Units of a SKU that an order ever wanted at most."""
        self._largest: Counter[tuple[str, int]] = Counter()
        """Units that a line of an order wanted at most; a line keeps its SKU."""
        self._held: set[ClaimKey] = set()
        """Claims that were asked to be held, and were not given back since."""
        self._confirmed: set[str] = set()
        self._ids: set[tuple[str, str]] = set()
        self._left: Counter[tuple[str, str]] = Counter()

    # -- told from outside -------------------------------------------------------------------------------------------

    def placed(self, order_id: str, lines: Sequence[OrderedLine]) -> None:
        """An order and what it wants."""
        self._lines[order_id] = {line.line: line for line in lines}
        self._note(order_id)

    def changed(self, order_id: str, few: int) -> tuple[OrderedLine, ...]:
        """A change of the first line to so many, and one line more or one fewer."""
        lines = self._lines[order_id]
        first = lines[min(lines)]
        wanted = {first.line: OrderedLine(first.line, first.sku, few)}
        wanted |= {9: OrderedLine(9, "SOCK", 1)} if few % 2 else {}
        self._lines[order_id] = lines | wanted
        self._note(order_id)
        return tuple(wanted.values())

    def _note(self, order_id: str) -> None:
        for line in self._lines[order_id].values():
            before = self._largest[order_id, line.line]
            self._largest[order_id, line.line] = max(before, line.quantity)
            self._most[order_id, line.sku] += max(0, line.quantity - before)

    # -- looked at -----------------------------------------------------------------------------------------------------

    def routed(self, record: OrderRecord, asked: Sequence[Transaction], *, over: bool) -> None:
        """One record of an order was decided and committed, and this was asked of the ledger; `over`: the order is."""
        order_id = record.order_id
        kinds = {transaction.kind for transaction in asked if not is_capacity(transaction.sku)}
        confirms = any(transaction.confirm for transaction in asked)
        if confirms and Kind.RELEASE in kinds:
            self._fail(f"{order_id} is confirmed and released in one step")
        if confirms:
            self._confirmed.add(order_id)
        for each in asked:
            if (each.transaction_id, each.sku) in self._ids:
                self._fail(f"{each.transaction_id} was sent twice")
            self._ids.add((each.transaction_id, each.sku))
            self._claim(record, each, over=over)

    def _claim(self, record: OrderRecord, asked: Transaction, *, over: bool) -> None:
        """A hold that was given back is never made firm; one that was confirmed is given back by people, or with its order."""
        if asked.holder is None or is_capacity(asked.sku):
            return
        for number in [line.line for line in asked.lines] or [asked.line]:
            claim = (record.order_id, asked.sku, number)
            if asked.kind is Kind.RESERVE:
                self._held.add(claim)
                if record.order_id in self._confirmed:
                    self._fail(f"{record.order_id} is confirmed and asks for a soft hold: only forward")
            elif asked.kind is Kind.ALLOCATE and asked.confirm and claim not in self._held:
                self._fail(f"{claim} is confirmed after it was released, or was never held")
            elif asked.kind is Kind.RELEASE and asked.quantity is None:
                self._held.discard(claim)
                if record.order_id in self._confirmed and record.kind is OrderKind.ANSWER and not over:
                    self._fail(f"{claim} is confirmed, and the router gives it back by itself")

    def posted(self, record: JournalRecord) -> None:
        """What has left for an order: never more than was ever wanted, but for what people say has left."""
        if record.kind is Kind.SHIP and record.order_id is not None and not is_capacity(record.sku):
            sent = sum(posting.quantity for posting in record.postings if posting.account is Account.CUSTOMER)
            self._left[record.order_id, record.sku] += sent
            if self._left[record.order_id, record.sku] > self._most[record.order_id, record.sku]:
                self._fail(f"{self._left[record.order_id, record.sku]} {record.sku} left for {record.order_id}")

    def orders(self, orders: Iterable[tuple[str, Order]]) -> None:
        """The rows of the router after a commit: never more is asked for than was ordered."""
        for order_id, order in orders:
            for line in order.lines:
                asked = sum(part.quantity for part in line.parts) + line.shipped + line.cancelled + line.unfillable
                if asked > line.quantity:
                    self._fail(f"{order_id} line {line.line} asks for {asked} of {line.quantity}")

    def ended(self, orders: Mapping[str, Order], claims: Mapping[str, Sequence[tuple[str, int, Claim]]]) -> None:
        """When all is said: what the ledger holds and has sent for a line is no more than was ordered, and the router knows it."""
        for order_id, order in orders.items():
            for line in order.lines:
                firm = sum(
                    leg.reserved + leg.allocated
                    for sku, number, claim in claims.get(order_id, ())
                    if sku == line.sku and number % LINES_APART == line.line
                    for leg in claim.legs
                )
                believed = sum(place.quantity for part in line.parts for place in (*part.reserved, *part.allocated))
                if order.stage not in OVER and firm != believed:
                    self._fail(f"{order_id} line {line.line}: the router believes {believed}, the ledger holds {firm}")
                if firm + line.shipped > line.quantity:
                    self._fail(f"{order_id} line {line.line} holds more than was ordered")

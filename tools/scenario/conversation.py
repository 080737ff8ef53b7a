"""Ledger and agents in memory, talking to each other until nobody has anything to say.

All cores are the real ones. Between them is what is between them in life: a log for each SKU, each order, each campaign
..., and each log keeps its order, nothing else does. Which log is heard next is somebody's choice: a scenario hears what
was said first, a test lets a seed decide.

Ledger and order router are always there. The others (`others.py`) are invited where somebody speaks of their matters:
what nobody folds is said to nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from agents.inventory.orders.rows import OrderPolicy
from agents.inventory.orders.words import OrderRecord, answer_record, references_told
from agents.inventory.reservations import Claim
from agents.inventory.rows import DUE, Decision
from agents.inventory.transactions import Transaction
from tools.scenario.agents import Agent, LogName
from tools.scenario.ledger import Ledger
from tools.scenario.router import DecidedOrder, OrderBook, Router

if TYPE_CHECKING:
    from agents.inventory.campaigns.rows import CampaignPolicy
    from tools.scenario.others import DecidedCampaign, DecidedDemand, Others

Choose = Callable[[Sequence[LogName]], LogName]
"""Of the logs in which somebody waits, that whose first record came first in front, the one to be heard next."""
MOST_STEPS = 10_000


class Since(NamedTuple):
    """What was decided since the last time, by each of those who are looked at."""

    ledger: list[Decision]
    orders: list[DecidedOrder]
    campaigns: Sequence[DecidedCampaign] = ()
    demand: Sequence[DecidedDemand] = ()


def first_come(waiting: Sequence[LogName]) -> LogName:
    """What was said first is heard first."""
    return waiting[0]


class Conversation:
    """One ledger, its agents, and the logs between them."""

    def __init__(
        self, ledger: Ledger | None = None, policy: OrderPolicy | None = None, choose: Choose = first_come
    ) -> None:
        self.ledger = Ledger() if ledger is None else ledger
        self.ledger.heard_by = self.hear
        self.router = Router(self.ledger, policy)
        self.others: Others | None = None
        """Campaign guard, replenisher and scorekeepers, where they are invited."""
        self._agents: list[Agent] = []
        self._folded_by: dict[type, Agent] = {}
        self._decisions: list[Decision] = []
        self._choose = choose
        self._logs: dict[LogName, deque[tuple[int, Any]]] = {}
        self._numbers = count(1)
        self._join(self.router)

    def _join(self, agent: Agent) -> None:
        self._agents.append(agent)
        self._folded_by |= dict.fromkeys(agent.hears, agent)

    def invite_others(self, policy: CampaignPolicy | None = None) -> Others:
        """Campaign guard, replenisher and scorekeepers listen from now on. `policy` as in `Others`."""
        if self.others is None:
            from tools.scenario.others import Others  # Codec and runtime come with them: who needs none waits for none.

            self.others = Others(policy)
            for agent in self.others.agents:
                self._join(agent)
        return self.others

    @property
    def book(self) -> OrderBook:
        """The rows of the router."""
        return self.router.book

    @property
    def now_ms(self) -> int:
        """The clock of all."""
        return self.ledger.now_ms

    @now_ms.setter
    def now_ms(self, time_ms: int) -> None:
        self.ledger.now_ms = time_ms

    # -- told ------------------------------------------------------------------------------------------------------

    def report(self, record: Any) -> None:
        """Into the log of the agent that folds such records; nowhere where none does."""
        if isinstance(record, Transaction):
            self._append(("sku", record.sku), record)
        elif (agent := self._folded_by.get(type(record))) is not None:
            self._append(agent.log_of(record), record)

    def publish(self, transaction: Transaction) -> None:
        """Into the ledger's log."""
        self.report(transaction)

    def hear(self, transaction: Transaction, decision: Decision) -> None:
        """What the ledger decided: the router hears of its claims and of references, the others of what concerns them."""
        self._decisions.append(decision)
        for record in references_told(transaction, decision):
            self.report(record)
        for answer in decision.answers:
            if answer.routed and answer.order_id is not None:
                self.report(answer_record(answer.order_id, answer))
        if self.others is not None:
            for said in self.others.said_by_ledger(transaction, decision):
                self.report(said)

    def taken(self) -> Since:
        """What was decided since the last time."""
        said = Since(self._decisions, self.router.decided)
        if self.others is not None:
            said = said._replace(campaigns=self.others.guard.decided, demand=self.others.replenisher.decided)
        self._decisions = []
        for agent in self._agents:
            agent.forget()
        return said

    def _append(self, name: LogName, record: Any) -> None:
        self._logs.setdefault(name, deque()).append((next(self._numbers), record))

    # -- going on --------------------------------------------------------------------------------------------------

    def run(self, most_steps: int = MOST_STEPS) -> None:
        """Until nobody has anything to say."""
        for _ in range(most_steps):
            if not self.step():
                return
        raise AssertionError(f"still talking after {most_steps} steps")

    def step(self) -> bool:
        """Let one log be heard. False when all are empty."""
        waiting = self.waiting()
        if not waiting:
            return self.think_again()
        name = self._choose(waiting)
        _, record = self._logs[name].popleft()
        self.listen(record)
        return True

    def waiting(self) -> list[LogName]:
        """The logs in which somebody waits, the one whose first record came first in front."""
        heads = {name: log[0][0] for name, log in self._logs.items() if log}
        return sorted(heads, key=lambda name: heads[name])

    def listen(self, record: Any) -> None:
        """One step of the ledger or of an agent; what it says goes to the others."""
        if isinstance(record, Transaction):
            self.ledger.send(record)
            return
        agent = self._folded_by[type(record)]
        for said in agent.decide(record, f"{agent.name}-0-{next(self._numbers)}", self.now_ms):
            self.report(said)

    def think_again(self) -> bool:
        """When all have been heard: the planner looks at the levels as they are. False when it has nothing to say."""
        return self.plan()

    def plan(self) -> bool:
        """A plan for each order that waits for one and has none on its way; whether there was any."""
        on_its_way = [record for log in self._logs.values() for _, record in log if isinstance(record, OrderRecord)]
        plans = list(self.router.plans(on_its_way))
        for record in plans:
            self.report(record)
        return bool(plans)

    # -- time ------------------------------------------------------------------------------------------------------

    @property
    def has_dates(self) -> bool:
        """Whether something may be due of others than the ledger: then dates are to be kept one by one."""
        return self.others is not None or bool(self.book.orders)

    def pass_time(self, milliseconds: int) -> None:
        """The clock goes on from one thing that is due to the next; everybody is woken and heard."""
        ends_ms = self.now_ms + milliseconds
        for _ in range(MOST_STEPS):
            due = min((date for date in self._dates() if date <= ends_ms), default=None)
            if due is None:
                self.now_ms = max(self.now_ms, ends_ms)
                return
            self.now_ms = max(self.now_ms, due)
            self.wake()
            self.run()
        raise AssertionError(f"still waking after {MOST_STEPS} dates")

    def _dates(self) -> Iterator[int]:
        for agent in self._agents:
            yield from agent.dates()
        yield from (int(key[0]) for key in self.ledger.rows.tables[DUE])

    def wake(self) -> None:
        """Say to everybody that something is due."""
        for agent in self._agents:
            for record in agent.wakes(self.now_ms):
                self.report(record)
        self.wake_ledger()

    def wake_ledger(self) -> None:
        """What is due on idle SKUs expires, and what a reference record concerns is visited."""
        self.ledger.wake()

    def crash(self) -> bool:
        """All lose all rows, and rebuild them from their changelogs; whether they are the same."""
        before = self.ledger.rows.tables
        self.ledger.crash()
        same = [agent.crash() for agent in self._agents]
        return all(same) and before == self.ledger.rows.tables

    # -- looked at -------------------------------------------------------------------------------------------------

    def claims_of(self, order_id: str) -> dict[tuple[str, int], Claim]:
        """Open claims of an order by (SKU, claim line)."""
        return self.router.claims_of(order_id)

    def faults(self) -> list[str]:
        """What must hold after every step and did not; and where all is said, how router and ledger disagree."""
        return self.broken() + ([] if self.waiting() else [*self.disagreements()])

    def broken(self) -> list[str]:
        """Since the last time: what must hold after every step of the router and did not, as sentences."""
        return self.router.broken()

    def disagreements(self) -> Iterator[str]:
        """When nobody has anything to say, the router knows exactly what the ledger holds for each order."""
        return self.router.disagreements()

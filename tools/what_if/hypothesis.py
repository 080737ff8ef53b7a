"""A file played on rows that are only in memory: scenario text, or one JSON object a line (transactions, orders)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from agents.codec import Codec, Malformed
from agents.inventory.campaigns.rows import Campaign, CampaignPolicy
from agents.inventory.orders.rows import Order, OrderPolicy
from agents.inventory.orders.validation import problem_of
from agents.inventory.orders.words import OrderRecord, Routing
from agents.inventory.positions import Position
from agents.inventory.rows import CHANNELS, LOCATIONS, POSITIONS
from agents.inventory.transactions import ORDER_ROUTER, Transaction
from agents.runtime.topology import Topology
from tools.scenario.campaign_text import CampaignText
from tools.scenario.comparing import describe_answer, describe_events
from tools.scenario.conversation import Conversation
from tools.scenario.ledger import Ledger
from tools.scenario.memory_rows import MemoryRows
from tools.scenario.order_comparing import describe_order, routings_of
from tools.scenario.parser import parse
from tools.scenario.report_comparing import describe_others
from tools.scenario.runner import NOTICES, Runner, speaks_of_others
from tools.scenario.steps import CheckCampaign, Report, Send, Step, Tell
from tools.scenario.words import Unreadable


class Said(NamedTuple):
    """What one line of the file would lead to."""

    line: int
    text: str
    said: str
    routings: tuple[Routing, ...] = ()


class Change(NamedTuple):
    """A position before and after all of it."""

    sku: str
    location: str
    before: Position | None
    after: Position | None


Told = Transaction | OrderRecord


class Script:
    """A file, read."""

    def __init__(self, text: str, topology: Topology, codec: Codec) -> None:
        """Raises Unreadable for a line that is neither."""
        self.steps: list[Step] = []
        self.told: list[tuple[int, str, Told]] = []
        if text.lstrip().startswith("{"):
            self.told = list(_json_lines(text, topology, codec))
        else:
            self.steps = parse(text)
            for step in self.steps:
                if step.at_ms is not None:
                    raise Unreadable(step.line, "a time of day: what-if begins now, so say `advance` instead")
                if speaks_of_others(step) and not speaks_of_campaigns(step):
                    raise Unreadable(step.line, "demand and KPIs follow from many days: `onhand play` tells them")

    @property
    def campaigns(self) -> tuple[str, ...]:
        """Every campaign that it names."""
        named = [campaign for step in self.steps if (campaign := campaign_of(step)) is not None]
        named += [command.entity for step in self.steps for command in step.expected.commands or ()]
        return tuple(dict.fromkeys(named))

    @property
    def orders(self) -> tuple[str, ...]:
        """Every order that it names."""
        named = [step.order.order_id for step in self.steps if isinstance(step, Tell)]
        named += [each.order_id for _, _, each in self.told if isinstance(each, OrderRecord)]
        return tuple(dict.fromkeys(named))

    @property
    def skus(self) -> tuple[str, ...]:
        """Every SKU that it names."""
        named: list[str] = []
        for step in self.steps:
            named += [step.sku] if isinstance(step, Send) else []
            named += [line.sku for line in step.order.fields["lines"]] if isinstance(step, Tell) else []
            if isinstance(step, Report) and isinstance(step.said, CampaignText):
                named += step.said.skus
        for _, _, each in self.told:
            named += [each.sku] if isinstance(each, Transaction) else [line.sku for line in each.lines]
        return tuple(dict.fromkeys(sku for sku in named if sku))


def campaign_of(step: Step) -> str | None:
    """The campaign that a step tells something of, or looks at."""
    if isinstance(step, CheckCampaign):
        return step.campaign_id
    if isinstance(step, Report) and isinstance(step.said, CampaignText):
        return step.said.campaign_id
    return None


def speaks_of_campaigns(step: Step) -> bool:
    """Whether all that a step says beyond stock and orders is about campaigns."""
    expected = step.expected
    declares_more = expected.proposals is not None or expected.insights is not None
    declares_more |= isinstance(step, Report) and campaign_of(step) is None
    return not declares_more and (campaign_of(step) is not None or expected.commands is not None)


def _json_lines(text: str, topology: Topology, codec: Codec) -> Iterator[tuple[int, str, Told]]:
    transaction = codec.decoder(topology.agents["stock_keeper"].folds, "transaction", "json")
    order = codec.decoder(topology.agents[ORDER_ROUTER].folds, "order", "json")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            said = orjson.loads(line)
            is_order = isinstance(said, dict) and "record_id" in said
            told: Told = (order if is_order else transaction)(line.encode(), None)
        except (orjson.JSONDecodeError, Malformed) as error:
            raise Unreadable(number, str(error)) from None
        problem = problem_of(told) if isinstance(told, OrderRecord) else None
        if problem is not None:
            raise Unreadable(number, problem)
        yield number, line.strip(), told


class Hypothesis:
    """The rows as they are, and what the script makes of them."""

    def __init__(
        self,
        rows: MemoryRows,
        at_ms: int,
        policy: OrderPolicy,
        orders: Mapping[str, Order] | None = None,
        campaigns: Mapping[str, Campaign] | None = None,
        campaign_policy: CampaignPolicy | None = None,
    ) -> None:
        """`orders`: those that the router knows already; `campaigns`: those that the guard knows, None where none is asked of."""
        self._before = dict(rows.tables[POSITIONS])
        self.ledger = Ledger()
        self.ledger.rows = rows
        self.ledger.now_ms = at_ms
        self._talk = Conversation(self.ledger, policy)
        self._talk.book.orders.update(orders or {})
        self._talk.book.apply(
            {(table, key): row for table in (LOCATIONS, CHANNELS) for key, row in rows.tables[table].items()}
        )

        if campaigns is not None:
            self._talk.invite_others(campaign_policy).guard.know(campaigns)

    def play(self, script: Script) -> Iterator[Said]:
        """Play it line by line."""
        runner = Runner(talk=self._talk)
        for step in script.steps:
            result = runner.play_step(step)
            yield Said(step.line, step.text, result.said)
        for number, text, told in script.told:
            yield self._said(number, text, told)

    def _said(self, number: int, text: str, told: Told) -> Said:
        """One record, and everything that follows at once."""
        talk = self._talk
        if isinstance(told, OrderRecord):
            talk.report(told)
            talk.run()
            since = talk.taken()
            said = describe_order(since.orders[0], talk.book.order(told.order_id))
        else:
            self.ledger.send(told)
            talk.run()
            since = talk.taken()
            answers = [answer for answer in since.ledger[0].answers if answer.status not in NOTICES]
            said = describe_answer(answers[0] if answers else None)
        events = [*describe_events(since.ledger), *describe_others(since)]
        return Said(number, text, " ".join([f"-> {said}", *events]), routings_of(since.orders))

    def changes(self) -> list[Change]:
        """The positions that would be others, by SKU and location."""
        after = self.ledger.rows.tables[POSITIONS]
        found: list[Change] = []
        for key in sorted(self._before.keys() | after.keys(), key=str):
            before, now = self._before.get(key), after.get(key)
            if before != now:
                assert before is None or isinstance(before, Position)
                assert now is None or isinstance(now, Position)
                found.append(Change(str(key[0]), str(key[1]), before, now))
        return found


def as_object(change: Change) -> dict[str, Any]:
    """A change for scripts."""
    return {
        "sku": change.sku,
        "location": change.location,
        **{
            name: [getattr(change.before, name, 0), getattr(change.after, name, 0)]
            for name in ("unpromised", "reserved", "allocated", "quarantined", "in_transit")
        },
    }

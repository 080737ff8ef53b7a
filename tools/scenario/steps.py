"""The steps of a scenario, as read from its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from agents.inventory.answers import Status
from agents.inventory.campaigns.words import CommandKind
from agents.inventory.orders.words import RoutingType
from agents.inventory.replenishment.words import InsightType
from agents.inventory.transactions import Kind
from tools.scenario.campaign_text import CampaignText
from tools.scenario.demand_text import DemandText
from tools.scenario.order_text import OrderText

Places = tuple[tuple[str, int], ...]
"""(location, units), by location."""


@dataclass(frozen=True)
class ExpectedAnswer:
    """What follows `->`. None is not looked at."""

    status: Status | None
    """None: no answer at all."""
    refusal: str | None = None
    malformed: bool = False
    quantity: int | None = None
    shortfall: int | None = None
    repeats: bool = False
    due_ms: int | None = None
    alternatives: tuple[tuple[str, int], ...] | None = None
    candidates: tuple[tuple[str, int], ...] | None = None
    """(location, cost)."""
    legs: Places | None = None
    lines: tuple[tuple[int, ...], ...] | None = None
    """(line, granted, backordered, shortfall) of each line; what is behind may be left out."""
    others: tuple[tuple[str, str], ...] = ()
    """(field of the answer, its value as text) for what has no word of its own."""


@dataclass(frozen=True)
class ExpectedNotice:
    """`.. moved r1 2 LEEDS->YORK`: a notice to a holder. None is not looked at."""

    status: Status
    holder: str
    line: int
    quantity: int | None = None
    location: str | None = None
    from_location: str | None = None
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ExpectedAlert:
    """`.. alert oversold 2 LEEDS severity=critical`. None is not looked at."""

    type: str
    quantity: int | None = None
    location: str | None = None
    others: tuple[tuple[str, str], ...] = ()
    """(field of the alert, its value as text)."""


@dataclass(frozen=True)
class ExpectedEdge:
    """`.. edge channel=web state=out`: (field of the edge, its value as text)."""

    fields: tuple[tuple[str, str], ...]
    watcher: str | None = None
    """`.. watched TOPIC:KEY ...`: who is told; none = everybody."""


@dataclass(frozen=True)
class ExpectedOrder:
    """What follows `->` behind a record of an order. None is not looked at."""

    stage: str | None = None
    reason: str | None = None
    ignored: bool = False
    """It has no effect."""
    malformed: bool = False
    too_late: bool = False


@dataclass(frozen=True)
class ExpectedRouting:
    """`.. routed rerouted o1/1 2 LEEDS->YORK reason=short_pick`. None is not looked at."""

    type: RoutingType
    order_id: str
    line: int
    quantity: int | None = None
    location: str | None = None
    from_location: str | None = None
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ExpectedReport:
    """What follows `->` behind a record about a campaign, or of the demand log. None is not looked at."""

    standing: str | None = None
    """How the campaign stands when all is said."""
    ignored: bool = False
    malformed: bool = False


@dataclass(frozen=True)
class ExpectedCommand:
    """`.. command shift_budget C2 6000 reason=shifted`. None is not looked at."""

    kind: CommandKind
    entity: str
    amount: int | None = None
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ExpectedProposal:
    """`.. reorder SHOE@LEEDS 72`, `.. transfer SHOE@YORK->LEEDS 12`, `.. count SHOE@LEEDS`. None is not looked at."""

    word: str
    sku: str
    location: str
    to_location: str | None = None
    quantity: int | None = None
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ExpectedInsight:
    """`.. insight low_while_demand_rises SHOE@LEEDS reorder=60`."""

    type: InsightType
    sku: str
    location: str
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Expected:
    """All `..` of a step. None: nothing was said of them, so nothing is looked at."""

    notices: tuple[ExpectedNotice, ...] | None = None
    alerts: tuple[ExpectedAlert, ...] | None = None
    edges: tuple[ExpectedEdge, ...] | None = None
    watched: tuple[ExpectedEdge, ...] | None = None
    dead_letter: bool | None = None
    routings: tuple[ExpectedRouting, ...] | None = None
    commands: tuple[ExpectedCommand, ...] | None = None
    proposals: tuple[ExpectedProposal, ...] | None = None
    insights: tuple[ExpectedInsight, ...] | None = None


@dataclass(frozen=True)
class Step:
    """One step. `line` is its line number, `text` the line as written."""

    line: int
    text: str
    expected: Expected = field(default_factory=Expected, kw_only=True)
    at_ms: int | None = field(default=None, kw_only=True)
    """Where `at TIME` sets the clock before the step."""


@dataclass(frozen=True)
class Send(Step):
    """A transaction. `fields` are those of Transaction, `occurred_at_ms` of a fact at the clock if not given."""

    kind: Kind
    sku: str
    fields: dict[str, Any]
    answer: ExpectedAnswer | None
    """None: it is expected to be accepted."""


@dataclass(frozen=True)
class Tell(Step):
    """A record about an order."""

    order: OrderText
    answer: ExpectedOrder | None
    """None: it is expected to have an effect."""


@dataclass(frozen=True)
class Report(Step):
    """A record about a campaign, or one of the demand log."""

    said: CampaignText | DemandText
    answer: ExpectedReport | None
    """None: it is expected to have an effect."""


@dataclass(frozen=True)
class Again(Step):
    """The last transaction, or the last record of another kind, once more, unchanged."""

    answer: ExpectedAnswer | ExpectedOrder | ExpectedReport | None


@dataclass(frozen=True)
class SetClock(Step):
    """`at TIME` alone; the ledger does not wake."""


@dataclass(frozen=True)
class Advance(Step):
    """The clock moves on; `wake`: the ledger wakes and expires what is due on idle SKUs."""

    by_ms: int
    wake: bool


@dataclass(frozen=True)
class Crash(Step):
    """All rows are lost and rebuilt from the changelog."""


@dataclass(frozen=True)
class Look(Step):
    """Looks at something and changes nothing. No figures: it must not be there."""

    figures: dict[str, str]


@dataclass(frozen=True)
class CheckLevel(Look):
    """`level SKU@LOCATION atp 5 ...`: a position."""

    sku: str
    location: str


@dataclass(frozen=True)
class CheckClaim(Look):
    """`claim r1 SKU reserved 5 ...`: an open claim; `claim r1 SKU@LOCATION ...`: its leg there."""

    sku: str
    location: str | None
    holder: str
    number: int


@dataclass(frozen=True)
class CheckOrder(Look):
    """`order o1 stage confirmed`: how the router has an order; `order o1/2 state allocated places LEEDS:2`: a line of it."""

    order_id: str
    number: int | None


@dataclass(frozen=True)
class CheckCampaign(Look):
    """`guarded C1 standing paused owned yes`: how the guard has a campaign."""

    campaign_id: str


@dataclass(frozen=True)
class CheckOutlook(Look):
    """`outlook SHOE@LEEDS level_thousandths 2000`: what the replenisher keeps of a SKU at a place."""

    sku: str
    location: str


@dataclass(frozen=True)
class CheckKpi(Look):
    """`kpi fill_rate all 1/2`: a KPI of a window, as it was said last."""

    name: str
    subject: str
    window: str
    within_ms: int | None
    """A moment of the window; None: now."""
    value: Fraction | None
    """None: nothing is said of it."""


@dataclass(frozen=True)
class CheckRow(Look):
    """`lots SKU@LOCATION/LOT quantity 5`: a row of one of the ledger's tables, by its name and key."""

    table: str
    key: tuple[str, ...]


@dataclass(frozen=True)
class CheckAvailability(Look):
    """`availability SKU channel=web method=shipping atp 5`: an entry of what was published last of the SKU."""

    sku: str
    which: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CheckProjection(Look):
    """`projected SKU[@LOCATION] TIME 5`: stock by date; `promisable ...`: what a promise for then may take."""

    sku: str
    location: str | None
    at_time_ms: int


@dataclass(frozen=True)
class CheckFence(Look):
    """`fenced web SKU@LOCATION 4`: units that are kept for a channel and not taken yet."""

    channel: str
    sku: str
    location: str


@dataclass(frozen=True)
class CheckAccount(Look):
    """`account SKU[@LOCATION] scrap 5`: what the journal has posted to an account."""

    sku: str
    location: str | None
    account: str


@dataclass(frozen=True)
class CheckJournal(Look):
    """`journal 2`: how many journal records the last transaction made."""

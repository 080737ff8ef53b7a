"""The words that only the codec floor and the runtime speak, and which struct each schema stands for."""

from __future__ import annotations

import msgspec

from agents.inventory.alerts import Alert
from agents.inventory.answers import Answer
from agents.inventory.campaigns.words import CampaignRecord, Command
from agents.inventory.offers import Availability, Edge
from agents.inventory.orders.words import OrderRecord, OrderStatus, Routing
from agents.inventory.positions import StockLevel
from agents.inventory.postings import JournalRecord
from agents.inventory.replenishment.words import DemandRecord, Insight, Proposal
from agents.inventory.scores.words import KpiRecord, Tally
from agents.inventory.transactions import Transaction


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Why a record could not be processed, and where it came from. Travels in a header beside the original bytes."""

    topic: str
    partition: int
    offset: int
    record_time_ms: int
    """Timestamp of the original record; -1 where it had none."""
    reason: str
    stage: str
    """`decode`, `decide` or `encode`; for files `read` or `map`."""
    error_class: str
    traceback: str = ""
    """Of a bug; empty for malformed bytes and refused facts."""
    at_ms: int
    """When it was buried."""
    value_sha256: str
    """Hexadecimal, of the whole original value."""
    value_bytes: int
    """Size of the whole original value; -1 where it was null."""
    truncated: bool = False
    """Only the head of the original value is kept."""
    attempts: int = 1


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """How far one partition has been processed; one a second."""

    topic: str
    partition: int
    input_position: int
    """Offset of the next input record."""
    record_time_ms: int
    """Of the last input record processed; 0 before the first."""
    at_ms: int
    """By the worker's clock."""
    instance: str


STRUCTS: dict[str, type[msgspec.Struct]] = {
    "transaction": Transaction,
    "journal": JournalRecord,
    "level": StockLevel,
    "answer": Answer,
    "alert": Alert,
    "dead_letter": DeadLetter,
    "heartbeat": Heartbeat,
    "availability": Availability,
    "edge": Edge,
    "order": OrderRecord,
    "order_routing": Routing,
    "order_status": OrderStatus,
    "campaign": CampaignRecord,
    "campaign_command": Command,
    "tally": Tally,
    "kpi": KpiRecord,
    "demand": DemandRecord,
    "replenishment_request": Proposal,
    "insight": Insight,
}
"""Schema name -> what it stands for."""

RARE: dict[str, frozenset[str]] = {
    "Transaction": frozenset(
        {
            "partial", "revive", "sold", "mode", "bucket", "priority", "max_splits", "locations", "avoid", "lines",
            "promise_by_ms", "destination", "fence", "lot", "expires_on", "inbound", "due_at_ms", "transfer",
            "to_location", "last", "measures", "watcher", "item", "policy", "location_reference",
            "channel_reference", "feed", "who", "why",
        }
    ),
    "JournalRecord": frozenset({"who", "why", "oversold", "item"}),
    "Answer": frozenset(
        {
            "refusal", "shortfall", "alternatives", "next_receipt_at_ms", "backordered", "from_location",
            "repeats", "reason", "lines", "routed", "candidates", "dispatch_days",
        }
    ),
    "Order": frozenset(
        {
            "line", "location", "quantity", "pickup_location", "destination", "promise_by_ms", "priority", "partial",
            "max_splits", "paid", "payment_window_ms", "plan", "attempt", "reason", "who", "why",
        }
    ),
    "Campaign": frozenset({"occurred_at_ms", "registration", "skus", "signal", "acknowledgement", "who", "why"}),
    "Demand": frozenset(
        {
            "location", "transfer", "signal", "quantity", "from_on", "until_on", "terms", "supplier", "place", "category",
            "campaign", "reason", "history",
        }
    ),
}  # fmt: skip
"""Record -> fields mostly at their default. Neighbours among them are written and recognised in one step."""

"""The working sheet of one decision about a campaign: the campaign as it becomes, what is sent, what is said."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.inventory.alerts import Alert, AlertType, Severity
from agents.inventory.campaigns.rows import (
    CAMPAIGNS,
    CAMPAIGNS_DUE,
    Campaign,
    CampaignArrival,
    CampaignDecision,
    CampaignDue,
    CampaignPolicy,
    CampaignRow,
    CampaignRows,
    Heard,
    Key,
)
from agents.inventory.campaigns.words import CAMPAIGN_GUARD, Command, Thresholds
from agents.inventory.transactions import Kind, Transaction, Watcher

DUE_ROW = CampaignDue()


class Desk:
    """What one decision reads and what it is about to do. Lives for one decision."""

    def __init__(self, rows: CampaignRows, arrival: CampaignArrival, policy: CampaignPolicy) -> None:
        self.record = arrival.record
        self.at_ms = arrival.at_ms
        self.cause = arrival.cause
        self.policy = policy
        self.campaign_id = arrival.record.campaign_id
        self.before = rows.campaign(self.campaign_id)
        self.campaign: Campaign | None = self.before
        self.commands: list[Command] = []
        self.transactions: list[Transaction] = []
        self.alerts: list[Alert] = []
        self._events = 0

    @property
    def standing(self) -> Campaign:
        """The campaign, where there is one."""
        assert self.campaign is not None
        return self.campaign

    @property
    def thresholds(self) -> Thresholds:
        """When the campaign is paused and resumed."""
        return self.standing.registration.thresholds

    def put(self, **fields: Any) -> None:
        """Change fields of the campaign."""
        self.campaign = msgspec.structs.replace(self.standing, **fields)

    def heard(self, sku: str) -> Heard | None:
        """What is known of a SKU; None where it is not watched."""
        return next((each for each in self.standing.heard if each.sku == sku), None)

    def put_heard(self, heard: Heard) -> None:
        """Set what is known of a watched SKU."""
        self.put(heard=tuple([heard if each.sku == heard.sku else each for each in self.standing.heard]))

    def ask_ledger(self, kind: Kind, sku: str) -> None:
        """Ask the ledger to say the edges of a SKU to this campaign, or to say them no more."""
        self.put(operations=self.standing.operations + 1)
        self.transactions.append(
            Transaction(
                transaction_id=f"{self.campaign_id}.{self.standing.begun_at_ms}.{self.standing.operations}",
                source=CAMPAIGN_GUARD,
                kind=kind,
                sku=sku,
                watcher=Watcher(self.policy.topic, self.campaign_id),
            )
        )

    def alert(self, severity: Severity, message: str, action: str, *, command: str | None = None) -> None:
        """Raise an alert about this campaign; or that this command of it (its key) is not done."""
        self.alerts.append(
            Alert(
                event_id=self.next_event_id(),
                type=AlertType.OTHER if command is None else AlertType.COMMAND_FAILED,
                severity=severity,
                subject=self.campaign_id,
                message=message,
                at_ms=self.at_ms,
                action=action,
                about=command,
            )
        )

    def resolve(self, command: str, message: str) -> None:
        """Say that it is over that this command is not done."""
        self.alerts.append(
            Alert(
                event_id=self.next_event_id(),
                type=AlertType.RESOLVED,
                resolves=AlertType.COMMAND_FAILED,
                severity=Severity.INFO,
                subject=self.campaign_id,
                message=message,
                at_ms=self.at_ms,
                about=command,
            )
        )

    def next_event_id(self) -> str:
        """`<cause>-<n>`."""
        number = self._events
        self._events += 1
        return f"{self.cause}-{number}"

    def finish(self, ignored: str | None = None) -> CampaignDecision:
        """Hand everything over."""
        changes: dict[tuple[str, Key], CampaignRow | None] = {}
        campaign = self.campaign
        if campaign != self.before:
            changes[CAMPAIGNS, (self.campaign_id,)] = campaign
        old_due = None if self.before is None else self.before.due_ms
        due = None if campaign is None else campaign.due_ms
        if old_due != due:
            if old_due is not None:
                changes[CAMPAIGNS_DUE, (old_due, self.campaign_id)] = None
            if due is not None:
                changes[CAMPAIGNS_DUE, (due, self.campaign_id)] = DUE_ROW
        return CampaignDecision(changes, tuple(self.commands), tuple(self.transactions), tuple(self.alerts), ignored)

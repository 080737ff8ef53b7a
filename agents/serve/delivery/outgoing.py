"""Outcomes as records: the answer for the campaign guard, the alert for people, the dead letter for later."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from agents.inventory.alerts import Alert, AlertType, Severity
from agents.inventory.campaigns.delivering import ACTIONS
from agents.inventory.campaigns.words import Acknowledgement, CampaignKind, CampaignRecord, CommandKind, Result
from agents.runtime.dead_letters import UNDELIVERED, DeadLetters, alert_of_burial
from agents.runtime.fold import InputRecord, Outgoing
from agents.serve.delivery.parcels import Fate, Outcome, Place
from agents.serve.delivery.plan import DeliveryPlan
from agents.serve.delivery.requests import message_id_of

SOURCE = "onhand_deliver"
_BY_DELIVERY = "-d"


class Undelivered(Exception):
    """No platform has carried out the command."""


class OutgoingRecords:
    """Makes what is written for one outcome."""

    def __init__(self, plan: DeliveryPlan) -> None:
        topics, codec = plan.topics, plan.codec
        self._topics = topics
        self._answer = codec.encoder(topics.campaigns, "campaign", plan.topology.all_topics[topics.campaigns].format)
        self._alert = codec.encoder(topics.alerts or topics.campaigns, "alert")
        self._dead_letter = codec.encoder(topics.dead_letters, "dead_letter")

    def of(self, outcome: Outcome, now_ms: int) -> Iterator[Outgoing]:
        """All records that an outcome makes; none where nothing is to be said."""
        if outcome.fate is Fate.ANSWERED:
            answer = answer_of(outcome, now_ms)
            yield Outgoing(self._topics.campaigns, answer.campaign_id.encode(), self._answer(answer))
        if outcome.fate is Fate.BURIED:
            parcel = outcome.parcel
            yield self._buried(parcel.place, parcel.record, now_ms, outcome.message, Undelivered(outcome.message))
        if outcome.raises or outcome.resolves:
            yield from self._said(alert_of(self._topics.commands, outcome, now_ms))

    def of_malformed(self, place: Place, record: InputRecord, now_ms: int, error: Exception) -> Iterator[Outgoing]:
        """A record that is no command."""
        reason = str(error)
        yield self._buried(place, record, now_ms, reason, error)
        alert = alert_of_burial(
            self._topics.commands, place.partition, place.offset, now_ms, reason=reason, stage="decode"
        )
        yield from self._said(msgspec.structs.replace(alert, event_id=event_id_of(self._topics.commands, place)))

    def _buried(self, place: Place, record: InputRecord, now_ms: int, reason: str, error: Exception) -> Outgoing:
        letters = DeadLetters(self._topics.commands, self._topics.dead_letters, place.partition, self._dead_letter)
        return letters.bury(record, now_ms, reason=reason, stage=UNDELIVERED, error=error)

    def _said(self, alert: Alert) -> Iterator[Outgoing]:
        if self._topics.alerts is not None:
            yield Outgoing(self._topics.alerts, alert.subject.encode(), self._alert(alert))


def event_id_of(topic: str, place: Place) -> str:
    """Of an alert: `d` for delivery, since agents that read the same topic count their events from the same place."""
    return f"{topic}-{place.partition}-{place.offset}{_BY_DELIVERY}"


def is_of_delivery(topic: str, event_id: str) -> bool:
    """Whether `event_id_of` a place in this topic has made it."""
    return event_id.startswith(f"{topic}-") and event_id.endswith(_BY_DELIVERY)


def answer_of(outcome: Outcome, now_ms: int) -> CampaignRecord:
    """What the platform said, as the campaign guard hears it."""
    command = outcome.parcel.command
    assert outcome.result is not None
    return CampaignRecord(
        record_id=f"{message_id_of(command.idempotency_key)}.{command.attempt}",
        source=SOURCE,
        kind=CampaignKind.ACKNOWLEDGED,
        campaign_id=command.campaign_id,
        occurred_at_ms=now_ms,
        acknowledgement=Acknowledgement(
            command.idempotency_key, outcome.result, command.attempt, outcome.message or None
        ),
    )


def alert_of(topic: str, outcome: Outcome, now_ms: int) -> Alert:
    """That a command was not done, or that it is done after all. `topic` is where the commands are."""
    parcel, command = outcome.parcel, outcome.parcel.command
    name = f"{command.kind} of {command.entity} on {command.platform} for campaign {command.campaign_id}"
    event_id = event_id_of(topic, parcel.place)
    if outcome.resolves:
        return Alert(
            event_id=event_id,
            type=AlertType.RESOLVED,
            resolves=AlertType.COMMAND_FAILED,
            severity=Severity.INFO,
            subject=command.campaign_id,
            about=command.idempotency_key,
            message=f"{name} is done.",
            at_ms=now_ms,
        )
    refused = outcome.result is Result.FAILED
    what = "was answered: failed" if refused else "could not be delivered"
    return Alert(
        event_id=event_id,
        type=AlertType.COMMAND_FAILED,
        severity=Severity.CRITICAL if command.kind is CommandKind.PAUSE else Severity.WARNING,
        subject=command.campaign_id,
        about=command.idempotency_key,
        message=f"{name} {what}: {outcome.message or 'no reason given'}",
        at_ms=now_ms,
        action=ACTIONS[command.kind],
    )

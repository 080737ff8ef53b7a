"""Records about campaigns as short text: `campaign NAME [WORD] {SETTING=VALUE}`.

    campaign C1 skus=SHOE,BOOT rule=any budget_minor=10000 alternatives=C2:HAT
    campaign C1 changed minimum_dwell_ms=5m
    campaign C1 done pause

The settings are those of `onhand campaigns register`. What the platform says to a command is about the last one of that
kind: `done pause`, `failed shift_budget C2`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from agents.inventory.campaigns.delivering import key_of
from agents.inventory.campaigns.words import (
    Acknowledgement,
    CampaignKind,
    CampaignRecord,
    CommandKind,
    Result,
)
from tools.campaigns import settings
from tools.scenario.words import Unreadable, Words

if TYPE_CHECKING:
    from tools.scenario.others import Others

REGISTERED = CampaignKind.REGISTERED.value.lower()
SETTING = (REGISTERED, "changed")
PLAIN = ("ended", "paused_by_others", "resumed_by_others")
RESULTS = tuple(Result)
ALL_WORDS = (*SETTING, "members", *PLAIN, *RESULTS)
UNSAID = {"platform": "google_ads", "account": "1", "budget_minor": "0", "currency": "EUR"}
"""What a campaign must have, where the text does not say it."""


class CampaignText(NamedTuple):
    """What a line says of a campaign."""

    line: int
    campaign_id: str
    word: str
    given: dict[str, object]
    """Settings; SKUs of members; kind and entity of the command that is answered."""

    @property
    def skus(self) -> tuple[str, ...]:
        """Every SKU that it names: those of the campaign, and those of its alternatives."""
        if self.word not in SETTING:
            return cast("tuple[str, ...]", self.given.get("skus", ()))
        told = settings.registration_of(None, UNSAID | self.given)
        return (*told.skus, *(sku for each in told.alternatives for sku in each.skus))

    def record(self, others: Others, now_ms: int, record_id: str, source: str) -> CampaignRecord:
        """The record, said now. Raises Unreadable where it speaks of what is not there."""
        fields: dict[str, Any] = {}
        kind = CampaignKind.ACKNOWLEDGED if self.word in RESULTS else CampaignKind(self.word.upper())
        if self.word in SETTING:
            fields["registration"] = self._registration(others)
        elif kind is CampaignKind.ACKNOWLEDGED:
            key, attempt = self._answered(others)
            fields["acknowledgement"] = Acknowledgement(key, Result(self.word), attempt)
        else:
            fields |= self.given
        return CampaignRecord(
            record_id=record_id,
            source=source,
            kind=kind,
            campaign_id=self.campaign_id,
            occurred_at_ms=now_ms,
            **fields,
        )

    def _registration(self, others: Others) -> Any:
        known = None if self.word == REGISTERED else others.guard.campaign(self.campaign_id)
        if self.word != REGISTERED and known is None:
            raise Unreadable(self.line, f"no campaign {self.campaign_id!r} is known that could be changed")
        given = UNSAID | self.given if known is None else self.given
        try:
            return settings.registration_of(None if known is None else known.registration, given)
        except settings.Unreadable as unreadable:
            raise Unreadable(self.line, str(unreadable)) from None

    def _answered(self, others: Others) -> tuple[str, int]:
        """Idempotency key and attempt of the last command like that: told here, or awaited since before."""
        kind, entity = self.given["kind"], self.given["entity"]
        for command in reversed(others.guard.commands):
            about = command.campaign_id, command.kind, entity or command.entity
            if about == (self.campaign_id, kind, command.entity):
                return command.idempotency_key, command.attempt
        campaign = others.guard.campaign(self.campaign_id)
        for pending in reversed(() if campaign is None else campaign.pending):
            if campaign is not None and pending.kind == kind and entity in {None, pending.entity}:
                return key_of(self.campaign_id, campaign, pending.sequence), pending.attempt
        raise Unreadable(self.line, "no such command was sent that could be answered")


def read_campaign(words: Words) -> CampaignText:
    """Read what stands behind `campaign`."""
    name = words.take("a campaign")
    word = REGISTERED if not words or "=" in words.peek() else words.take("a word")
    if word not in ALL_WORDS:
        raise words.wrong(f"{word!r} is nothing that is said of a campaign; there are {', '.join(ALL_WORDS)}")
    given: dict[str, object] = {}
    if word in SETTING:
        given = read_settings(words)
    elif word == "members":
        given = {"skus": tuple(words.take("SKU,...").split(","))}
    elif word in RESULTS:
        given = {"kind": read_kind(words), "entity": words.take("the campaign") if words else None}
    return CampaignText(words.line, name, word, given)


def read_settings(words: Words) -> dict[str, object]:
    """Read `SETTING=VALUE ...`; each is read once here, so that a wrong one is told before anything is played."""
    taken: list[str] = []
    while words:
        taken.append(words.take("SETTING=VALUE"))
    try:
        given = settings.pairs(tuple(taken))
        settings.registration_of(None, UNSAID | given)
    except settings.Unreadable as unreadable:
        raise words.wrong(str(unreadable)) from None
    return given


def read_kind(words: Words) -> CommandKind:
    """Read `pause`, `resume`, `shift_budget` or `boost`."""
    word = words.take("the kind of the command")
    if word.upper() not in CommandKind.__members__:
        raise words.wrong(f"{word!r} is no kind of a command; they are {', '.join(CommandKind).lower()}")
    return CommandKind(word.upper())

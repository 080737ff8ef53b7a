"""Commands on their way: numbered, sent, answered, and sent again until they are done.

For each thing that a platform can set (running or not; the budget of one alternative; the boost) the last command
counts: a newer one takes the place of what is still on its way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from agents.inventory.alerts import Severity
from agents.inventory.campaigns.desk import Desk
from agents.inventory.campaigns.rows import Campaign, Pending, Share
from agents.inventory.campaigns.words import Command, CommandKind, Result, Status

SWITCHES = (CommandKind.PAUSE, CommandKind.RESUME)
DESIRED: Mapping[CommandKind, Status] = MappingProxyType(
    {CommandKind.PAUSE: Status.PAUSED, CommandKind.RESUME: Status.ENABLED}
)
MOST_DOUBLINGS = 20
ACTIONS: Mapping[CommandKind, str] = MappingProxyType(
    {
        CommandKind.PAUSE: "Pause it by hand: it advertises what cannot be sold. Then look at the delivery of commands.",
        CommandKind.RESUME: "Resume it by hand: its goods are back. Then look at the delivery of commands.",
        CommandKind.SHIFT_BUDGET: "Set the budget by hand. Then look at the delivery of commands.",
        CommandKind.BOOST: "Set the budget by hand. Then look at the delivery of commands.",
    }
)


def key_of(campaign_id: str, campaign: Campaign, sequence: int) -> str:
    """The idempotency key of a command."""
    return f"{campaign_id}.{campaign.begun_at_ms}.{sequence}"


def entity_of(desk: Desk) -> str:
    """The id of the campaign on its platform."""
    return desk.standing.registration.entity or desk.campaign_id


def send(
    desk: Desk,
    kind: CommandKind,
    entity: str,
    reason: str,
    *,
    amount_minor: int | None = None,
    before_minor: int | None = None,
    skus: tuple[str, ...] = (),
    causes: tuple[str, ...] = (),
) -> None:
    """Send a new command in place of what is on its way for the same thing."""
    desk.put(sequence=desk.standing.sequence + 1)
    pending = Pending(
        sequence=desk.standing.sequence,
        kind=kind,
        entity=entity,
        attempt=1,
        due_ms=desk.at_ms + desk.policy.answer_patience_ms,
        expires_at_ms=desk.at_ms + desk.policy.command_ttl_ms,
        amount_minor=amount_minor,
        before_minor=before_minor,
        reason=reason,
        skus=skus,
        causes=causes,
    )
    give_up(desk, [each for each in desk.standing.pending if thing_of(each) == thing_of(pending)])
    desk.put(pending=(*desk.standing.pending, pending))
    emit(desk, pending)


def emit(desk: Desk, pending: Pending) -> None:
    """Put a command on the log."""
    campaign = desk.standing
    registration = campaign.registration
    desk.commands.append(
        Command(
            event_id=desk.next_event_id(),
            idempotency_key=key_of(desk.campaign_id, campaign, pending.sequence),
            sequence=pending.sequence,
            attempt=pending.attempt,
            kind=pending.kind,
            campaign_id=desk.campaign_id,
            platform=registration.platform,
            account=registration.account,
            entity=pending.entity,
            at_ms=desk.at_ms,
            expires_at_ms=pending.expires_at_ms,
            desired_status=DESIRED.get(pending.kind),
            amount_minor=pending.amount_minor,
            before_minor=pending.before_minor,
            currency=None if pending.amount_minor is None else registration.currency,
            reason=pending.reason,
            skus=pending.skus,
            causes=pending.causes,
        )
    )


def thing_of(pending: Pending) -> tuple[str, str]:
    """What of the platform it sets."""
    return ("switch", "") if pending.kind in SWITCHES else (pending.kind.value, pending.entity)


def switch_pending(campaign: Campaign) -> Pending | None:
    """The PAUSE or RESUME that is on its way."""
    return next((each for each in campaign.pending if each.kind in SWITCHES), None)


def drop_switch(desk: Desk) -> None:
    """Wait for no PAUSE or RESUME any more."""
    give_up(desk, [each for each in desk.standing.pending if each.kind in SWITCHES])


def give_up(desk: Desk, pending: Sequence[Pending]) -> None:
    """Wait for these no more; who was told that one of them failed is told that it is not wanted any more."""
    desk.put(pending=tuple([each for each in desk.standing.pending if each not in pending]))
    for each in pending:
        if each.failed or each.alerted:
            key = key_of(desk.campaign_id, desk.standing, each.sequence)
            desk.resolve(key, f"{each.kind} of {each.entity} for campaign {desk.campaign_id} is not wanted any more.")


def replace_pending(desk: Desk, pending: Pending) -> None:
    """Set a command that is on its way."""
    desk.put(pending=tuple([pending if each.sequence == pending.sequence else each for each in desk.standing.pending]))


# -- answers -----------------------------------------------------------------------------------------------------------


def hear_acknowledgement(desk: Desk) -> str | None:
    """The platform answered. Says why it has no effect, where it has none."""
    said, campaign = desk.record.acknowledgement, desk.standing
    assert said is not None
    pending = next(
        (
            each
            for each in campaign.pending
            if key_of(desk.campaign_id, campaign, each.sequence) == said.idempotency_key
        ),
        None,
    )
    if pending is None:
        return "no such command is waited for"
    if said.result is Result.FAILED:
        if said.attempt != pending.attempt or pending.failed:
            return "an earlier attempt is answered"
        back_off(desk, pending)
        return None
    desk.put(pending=tuple([each for each in campaign.pending if each is not pending]))
    if pending.alerted:
        told = f"{pending.kind} of {pending.entity} for campaign {desk.campaign_id} is done."
        desk.resolve(said.idempotency_key, told)
    take_effect(desk, pending, said.result)
    return None


def back_off(desk: Desk, pending: Pending) -> None:
    """It failed: wait before it is sent again, each time longer."""
    policy = desk.policy
    wait_ms = policy.first_back_off_ms << min(pending.attempt - 1, MOST_DOUBLINGS)
    due_ms = desk.at_ms + min(wait_ms, policy.longest_back_off_ms)
    failed = msgspec.structs.replace(pending, failed=True, due_ms=due_ms)
    replace_pending(desk, warn(desk, failed))


def take_effect(desk: Desk, pending: Pending, result: Result) -> None:
    """What the platform has done is so."""
    if pending.kind is CommandKind.PAUSE:
        if result is Result.DONE or desk.standing.owned:
            desk.put(owned=True)
        else:
            desk.put(others=True)
            desk.alert(
                Severity.WARNING,
                f"Campaign {desk.campaign_id} was paused before Onhand paused it: Onhand will not resume it.",
                "Resume it on the platform when it should run again, and report RESUMED_BY_OTHERS.",
            )
    elif pending.kind is CommandKind.RESUME:
        desk.put(owned=False)
    elif pending.kind is CommandKind.BOOST:
        desk.put(boost=done(desk.standing.boost, pending))
    else:
        settled = [done(each, pending) for each in desk.standing.shares]
        desk.put(shares=tuple([each for each in settled if each is not None and (each.told_minor or each.done_minor)]))


def done(share: Share | None, pending: Pending) -> Share | None:
    """The share as it is acknowledged, if it is the one that the command is about."""
    if share is None or share.entity != pending.entity:
        return share
    return msgspec.structs.replace(share, done_minor=pending.amount_minor or 0)


# -- again -------------------------------------------------------------------------------------------------------------


def repeat_due(desk: Desk, unwanted: CommandKind | None) -> None:
    """Send again what is due.

    What the rule does not want any more is sent as expired already: it must not be done, and that only asks whether it
    was. A PAUSE or RESUME that is sent again begins the dwell again.
    """
    for pending in desk.standing.pending:
        if pending.due_ms > desk.at_ms:
            continue
        asks_only = pending.kind is unwanted
        warned = pending if pending.failed else warn(desk, pending)
        expires_at_ms = min(pending.expires_at_ms, desk.at_ms) if asks_only else desk.at_ms + desk.policy.command_ttl_ms
        again = msgspec.structs.replace(
            warned,
            attempt=pending.attempt + 1,
            failed=False,
            due_ms=desk.at_ms + wait_for_answer_ms(desk, pending),
            expires_at_ms=expires_at_ms,
        )
        replace_pending(desk, again)
        emit(desk, again)
        if pending.kind in SWITCHES and not asks_only:
            desk.put(status_at_ms=desk.at_ms)


def wait_for_answer_ms(desk: Desk, pending: Pending) -> int:
    """How long the answer to the next attempt is waited for: the longer, the more were in vain."""
    policy = desk.policy
    wait_ms = policy.answer_patience_ms << min(pending.attempt, MOST_DOUBLINGS)
    return max(policy.answer_patience_ms, min(wait_ms, policy.longest_back_off_ms))


def warn(desk: Desk, pending: Pending) -> Pending:
    """Say once that a command is sent in vain."""
    if pending.alerted or pending.attempt < desk.policy.alert_after_attempts:
        return pending
    desk.alert(
        Severity.CRITICAL if pending.kind is CommandKind.PAUSE else Severity.WARNING,
        f"{pending.kind} of {pending.entity} for campaign {desk.campaign_id} was not done in {pending.attempt} attempts.",
        ACTIONS[pending.kind],
        command=key_of(desk.campaign_id, desk.standing, pending.sequence),
    )
    return msgspec.structs.replace(pending, alerted=True)

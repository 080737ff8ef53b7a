"""What followed from a step against what its text expects, and as scenario text.

Notices, alerts and the dead letter are judged apart. Where a step declares a notice (or `no notices`), its notices
must be exactly those, in their order; the same for alerts. Of what it does not declare nothing is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.inventory.alerts import Alert
from agents.inventory.answers import Answer, Status
from agents.inventory.rows import Decision
from tools.scenario.steps import Expected, ExpectedAlert, ExpectedAnswer, ExpectedNotice
from tools.scenario.words import clock_text

NOTICES = frozenset({Status.EXPIRED, Status.YIELDED, Status.MOVED, Status.COVERED})


def differences_of_answer(wanted: ExpectedAnswer, answer: Answer | None) -> Iterator[str]:
    """Sentences that say how the answer differs."""
    if wanted.malformed:
        yield "it was expected to be malformed"
        return
    if answer is None or wanted.status is None:
        if answer is not None or wanted.status is not None:
            yield f"the answer is {describe_answer(answer)}, expected {describe_wanted(wanted)}"
        return
    if answer.status is not wanted.status or answer.refusal != wanted.refusal:
        yield f"the answer is {describe_answer(answer)}, expected {describe_wanted(wanted)}"
    if wanted.quantity is not None and answer.quantity != wanted.quantity:
        yield f"the quantity is {answer.quantity}, expected {wanted.quantity}"
    if wanted.shortfall is not None and answer.shortfall != wanted.shortfall:
        yield f"the shortfall is {answer.shortfall}, expected {wanted.shortfall}"
    if wanted.repeats != (answer.repeats is not None):
        yield f"the answer {'is new' if wanted.repeats else f'repeats {answer.repeats}'}"
    if wanted.due_ms is not None and answer.due_ms != wanted.due_ms:
        due = "none" if answer.due_ms is None else clock_text(answer.due_ms)
        yield f"due is {due}, expected {clock_text(wanted.due_ms)}"
    alternatives = tuple((alternative.location, alternative.atp) for alternative in answer.alternatives)
    if wanted.alternatives is not None and alternatives != wanted.alternatives:
        yield f"the alternatives are {alternatives}, expected {wanted.alternatives}"


def differences_of_events(expected: Expected, decisions: list[Decision]) -> Iterator[str]:
    """Sentences that say how notices, alerts and dead letter differ from what was declared."""
    if expected.notices is not None:
        notices = notices_of(decisions)
        same = len(notices) == len(expected.notices) and all(map(is_notice, expected.notices, notices))
        if not same:
            yield f"the notices are {listed(map(describe_notice, notices))}, expected {listed_notices(expected.notices)}"
    if expected.alerts is not None:
        alerts = [alert for decision in decisions for alert in decision.alerts]
        same = len(alerts) == len(expected.alerts) and all(map(is_alert, expected.alerts, alerts))
        if not same:
            yield f"the alerts are {listed(map(describe_alert, alerts))}, expected {listed_alerts(expected.alerts)}"
    dead = any(decision.dead_letter is not None for decision in decisions)
    if expected.dead_letter is not None and dead != expected.dead_letter:
        yield "there is a dead letter" if dead else "there is no dead letter"


def notices_of(decisions: Iterable[Decision]) -> list[Answer]:
    """The notices among the answers."""
    return [answer for decision in decisions for answer in decision.answers if answer.status in NOTICES]


def is_notice(wanted: ExpectedNotice, notice: Answer) -> bool:
    """Whether the notice is the one declared."""
    named = (wanted.status, wanted.holder, wanted.line) == (notice.status, notice.holder, notice.line)
    return named and wanted.quantity in {None, notice.quantity}


def is_alert(wanted: ExpectedAlert, alert: Alert) -> bool:
    """Whether the alert is the one declared."""
    return wanted.type == alert.type and wanted.quantity in {None, alert.quantity}


def describe(answer: Answer | None, decision: Decision) -> str:
    """Everything that followed, as scenario text."""
    return " ".join([f"-> {describe_answer(answer)}", *describe_events([decision])])


def describe_events(decisions: list[Decision]) -> list[str]:
    """Notices, alerts and dead letter as scenario text."""
    said = [f".. {describe_notice(notice)}" for notice in notices_of(decisions)]
    said += [f".. {describe_alert(alert)}" for decision in decisions for alert in decision.alerts]
    said += [".. dead_letter" for decision in decisions if decision.dead_letter is not None]
    return said


def describe_answer(answer: Answer | None) -> str:
    """An answer as scenario text."""
    if answer is None:
        return "nothing"
    said = answer.status.value.lower()
    if answer.refusal is not None:
        said += f" {answer.refusal}"
    elif answer.status is Status.ACCEPTED and answer.quantity:
        said += f" {answer.quantity}"
    if answer.shortfall:
        said += f" short {answer.shortfall}"
    return said if answer.repeats is None else f"{said} repeats"


def describe_wanted(wanted: ExpectedAnswer) -> str:
    """An expected answer as scenario text."""
    if wanted.status is None:
        return "nothing"
    said = wanted.status.value.lower()
    return said if wanted.refusal is None else f"{said} {wanted.refusal}"


def describe_notice(notice: Answer) -> str:
    """A notice as scenario text."""
    return f"{notice.status.value.lower()} {holder_text(notice.holder or '', notice.line or 1)} {notice.quantity}"


def describe_alert(alert: Alert) -> str:
    """An alert as scenario text."""
    return f"alert {alert.type.value.lower()} {alert.quantity}"


def holder_text(holder: str, line: int) -> str:
    """`r1`, or `r1/2` for its second line."""
    return holder if line == 1 else f"{holder}/{line}"


def listed_notices(notices: Iterable[ExpectedNotice]) -> str:
    """Declared notices in one line."""
    return listed(
        f"{notice.status.value.lower()} {holder_text(notice.holder, notice.line)}{figure(notice.quantity)}"
        for notice in notices
    )


def listed_alerts(alerts: Iterable[ExpectedAlert]) -> str:
    """Declared alerts in one line."""
    return listed(f"alert {alert.type.lower()}{figure(alert.quantity)}" for alert in alerts)


def figure(quantity: int | None) -> str:
    """A quantity behind a name, if one was said."""
    return "" if quantity is None else f" {quantity}"


def listed(said: Iterable[str]) -> str:
    """Several in one line, or `none`."""
    return "; ".join(said) or "none"

"""What followed from a step against what its text expects, and as scenario text.

Notices, alerts, edges and the dead letter are judged apart. Where a step declares a notice (or `no notices`), its
notices must be exactly those, in their order; the same for alerts and edges. Of what it does not declare nothing is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agents.inventory.alerts import Alert
from agents.inventory.answers import Answer, Status
from agents.inventory.offers import Edge
from agents.inventory.rows import Decision
from agents.inventory.transactions import Watcher
from tools.scenario.steps import Expected, ExpectedAlert, ExpectedAnswer, ExpectedEdge, ExpectedNotice, Places
from tools.scenario.values import field_of, same, text_of
from tools.scenario.words import clock_text

EDGE_FIELDS = ("channel", "method", "region", "state", "quantity")
"""Of an edge, what is said of it."""

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
    candidates = tuple((candidate.location, candidate.cost) for candidate in answer.candidates)
    if wanted.candidates is not None and candidates != wanted.candidates:
        yield f"the candidates are {candidates}, expected {wanted.candidates}"
    if wanted.legs is not None and places_of(answer) != wanted.legs:
        yield f"the legs are {places_of(answer)}, expected {wanted.legs}"
    if wanted.lines is not None:
        lines = [(each.line, each.granted, each.backordered, each.shortfall) for each in answer.lines]
        if tuple(line[: len(want)] for line, want in zip(lines, wanted.lines, strict=False)) != wanted.lines or len(
            lines
        ) != len(wanted.lines):
            yield f"the lines are {lines}, expected {wanted.lines}"
    for name, value in wanted.others:
        if not same(name, value, getattr(answer, name)):
            yield f"{name} is {text_of(name, getattr(answer, name))}, expected {value}"


def places_of(answer: Answer) -> Places:
    """Units that the claim holds at each location, by location."""
    return tuple(sorted((leg.location, leg.reserved + leg.allocated) for leg in answer.legs))


def differences_of_events(
    expected: Expected, decisions: list[Decision], others: Iterable[Alert] = (), *, dead: bool = False
) -> Iterator[str]:
    """Sentences that say how notices, alerts and dead letter differ from what was declared.

    `others` are alerts of the order router, behind those of the ledger; `dead`: it buried a record.
    """
    if expected.notices is not None:
        notices = notices_of(decisions)
        same = len(notices) == len(expected.notices) and all(map(is_notice, expected.notices, notices))
        if not same:
            yield f"the notices are {listed(map(describe_notice, notices))}, expected {listed_notices(expected.notices)}"
    if expected.alerts is not None:
        alerts = [*(alert for decision in decisions for alert in decision.alerts), *others]
        same = len(alerts) == len(expected.alerts) and all(map(is_alert, expected.alerts, alerts))
        if not same:
            yield f"the alerts are {listed(map(describe_alert, alerts))}, expected {listed_alerts(expected.alerts)}"
    if expected.edges is not None:
        edges = [edge for decision in decisions for edge in decision.edges]
        if len(edges) != len(expected.edges) or not all(map(is_edge, expected.edges, edges)):
            yield f"the edges are {listed(map(describe_edge, edges))}, expected {listed_edges(expected.edges)}"
    if expected.watched is not None:
        watched = [told for decision in decisions for told in decision.watched]
        if len(watched) != len(expected.watched) or not all(map(is_watched, expected.watched, watched)):
            yield f"those told are {listed(map(describe_watched, watched))}, expected {listed_edges(expected.watched)}"
    dead = dead or any(decision.dead_letter is not None for decision in decisions)
    if expected.dead_letter is not None and dead != expected.dead_letter:
        yield "there is a dead letter" if dead else "there is no dead letter"


def notices_of(decisions: Iterable[Decision]) -> list[Answer]:
    """The notices among the answers."""
    return [answer for decision in decisions for answer in decision.answers if answer.status in NOTICES]


def is_notice(wanted: ExpectedNotice, notice: Answer) -> bool:
    """Whether the notice is the one declared."""
    return (
        (wanted.status, wanted.holder, wanted.line) == (notice.status, notice.holder, notice.line)
        and wanted.quantity in {None, notice.quantity}
        and wanted.location in {None, notice.location}
        and wanted.from_location in {None, notice.from_location}
        and has_fields(notice, wanted.others)
    )


def has_fields(record: Any, wanted: Iterable[tuple[str, str]]) -> bool:
    """Whether every field named has the value that the text says."""
    return all(
        (field := field_of(type(record), name)) is not None and same(field, value, getattr(record, field))
        for name, value in wanted
    )


def is_edge(wanted: ExpectedEdge, edge: Edge) -> bool:
    """Whether the edge is the one declared."""
    return has_fields(edge, wanted.fields)


def is_watched(wanted: ExpectedEdge, told: tuple[Watcher, Edge]) -> bool:
    """Whether the edge is the one declared, and told to whom it should be."""
    watcher, edge = told
    return wanted.watcher == f"{watcher.topic}:{watcher.key}" and has_fields(edge, wanted.fields)


def is_alert(wanted: ExpectedAlert, alert: Alert) -> bool:
    """Whether the alert is the one declared."""
    return (
        wanted.type == alert.type
        and wanted.quantity in {None, alert.quantity}
        and wanted.location in {None, alert.location}
        and has_fields(alert, wanted.others)
    )


def describe(answer: Answer | None, decisions: list[Decision]) -> str:
    """Everything that followed, as scenario text."""
    return " ".join([f"-> {describe_answer(answer)}", *describe_events(decisions)])


def describe_events(decisions: list[Decision]) -> list[str]:
    """Notices, alerts and dead letter as scenario text."""
    said = [f".. {describe_notice(notice)}" for notice in notices_of(decisions)]
    said += [f".. {describe_alert(alert)}" for decision in decisions for alert in decision.alerts]
    said += [f".. {describe_edge(edge)}" for decision in decisions for edge in decision.edges]
    said += [f".. {describe_watched(told)}" for decision in decisions for told in decision.watched]
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
    if len(answer.legs) > 1:
        said += " legs " + ",".join(f"{location}:{units}" for location, units in places_of(answer))
    if answer.lines:
        said += " lines " + ",".join(f"{line.line}:{line.granted}" for line in answer.lines)
    if answer.backordered:
        said += f" backordered {answer.backordered}"
    return said if answer.repeats is None else f"{said} repeats"


def describe_wanted(wanted: ExpectedAnswer) -> str:
    """An expected answer as scenario text."""
    if wanted.status is None:
        return "nothing"
    said = wanted.status.value.lower()
    return said if wanted.refusal is None else f"{said} {wanted.refusal}"


def describe_notice(notice: Answer) -> str:
    """A notice as scenario text."""
    said = f"{notice.status.value.lower()} {holder_text(notice.holder or '', notice.line or 1)} {notice.quantity}"
    if notice.from_location is not None:
        return f"{said} {notice.from_location}->{notice.location}"
    return said


def describe_alert(alert: Alert) -> str:
    """An alert as scenario text."""
    said = f"alert {alert.type.value.lower()} {alert.quantity}"
    said += "" if alert.location is None else f" {alert.location}"
    said += "" if alert.about is None else f" about={alert.about}"
    return said if alert.resolves is None else f"{said} resolves={alert.resolves.value.lower()}"


def describe_edge(edge: Edge) -> str:
    """An edge as scenario text."""
    return " ".join(["edge", *(f"{name}={text_of(name, getattr(edge, name))}" for name in EDGE_FIELDS)])


def describe_watched(told: tuple[Watcher, Edge]) -> str:
    """What a watcher was told, as scenario text."""
    watcher, edge = told
    return f"watched {watcher.topic}:{watcher.key}{describe_edge(edge).removeprefix('edge')}"


def holder_text(holder: str, line: int) -> str:
    """`r1`, or `r1/2` for its second line."""
    return holder if line == 1 else f"{holder}/{line}"


def listed_notices(notices: Iterable[ExpectedNotice]) -> str:
    """Declared notices in one line."""
    return listed(
        f"{notice.status.value.lower()} {holder_text(notice.holder, notice.line)}{figure(notice.quantity)}"
        f"{'' if notice.location is None else f' {notice.from_location or str()}->{notice.location}'}"
        for notice in notices
    )


def listed_alerts(alerts: Iterable[ExpectedAlert]) -> str:
    """Declared alerts in one line."""
    return listed(
        f"alert {alert.type.lower()}{figure(alert.quantity)}{'' if alert.location is None else f' {alert.location}'}"
        f"{''.join(f' {name}={value}' for name, value in alert.others)}"
        for alert in alerts
    )


def listed_edges(edges: Iterable[ExpectedEdge]) -> str:
    """Declared edges in one line."""
    return listed(
        " ".join(["edge" if edge.watcher is None else f"watched {edge.watcher}", *(f"{k}={v}" for k, v in edge.fields)])
        for edge in edges
    )


def figure(quantity: int | None) -> str:
    """A quantity behind a name, if one was said."""
    return "" if quantity is None else f" {quantity}"


def listed(said: Iterable[str]) -> str:
    """Several in one line, or `none`."""
    return "; ".join(said) or "none"

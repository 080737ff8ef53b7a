"""The reference of the core: every kind, refusal, alert, policy setting and topic, each with a scenario that shows it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from agents.inventory import claiming, confirming, expiry, hurrying, refreshing
from agents.inventory.alerts import STAYS_OPEN, AlertType
from agents.inventory.answers import Status
from agents.inventory.decide import RULES
from agents.inventory.policy import DEFAULT_POLICY, Policy
from agents.inventory.refusals import PRECEDENCE, Refusal
from agents.inventory.transactions import BROADCAST_KINDS, FACT_KINDS, INTENTION_KINDS, Kind, PolicySettings
from agents.inventory.validation import REQUESTABLE
from agents.runtime.topology import Topic, load
from agents.serve.delivery.plan import as_reader
from tools.pages.docstrings import docs_of, refusals_of, summary_of
from tools.pages.plays import ROOT, example_of, link_to

WRITTEN = "Written by `make docs` from the code and the scenarios: do not edit.\n"
SYSTEM_RULES: Mapping[Kind, Callable[..., Any]] = {Kind.EXPIRE: expiry.expire_due, Kind.REFRESH: refreshing.visit}
"""What the ledger writes to itself; it has no rule in the table of rules."""

ELSEWHERE = {
    ("alert", "DEAD_LETTER"): "tests/runtime/test_owner.py",
    ("alert", "WRONG_PARTITION"): "tests/integration/test_bad_input.py",
    ("alert", "PARTITION_PARKED"): "tests/runtime/test_owner.py",
    ("refusal", "unknown_topic"): "tests/inventory/test_edges.py",
}
"""What no scenario can show, because it is not decided by the ledger alone: the test that shows it."""

NEVER = {("refusal", "not_supported"): "nothing is refused so any more; old answers were"}
"""Members that only what is long in the log still shows."""

EVENTS = {
    "answer": ("event", "answers"),
    "journal": ("event", "journal"),
    "level": ("event", "levels"),
    "availability": ("event", "availability"),
    "edge": ("event", "edges"),
    "alert": ("event", "alerts"),
    "transaction": ("kind", "RESERVE"),
}
"""Schema of a topic -> what a scenario shows that is said into it."""

OTHER_TOPICS = {
    "orders.": "tests/integration/test_order_router.py",
    "demand.": "tests/integration/test_replenisher.py",
    "replenishment.": "tests/integration/test_replenisher.py",
    "insights.": "tests/integration/test_replenisher.py",
    "scores.v1": "tests/integration/test_scorekeepers.py",
    "kpis.": "tests/integration/test_scorekeepers.py",
    "campaigns.": "tests/integration/test_campaign_guard.py",
}
"""How the topics of other agents begin, and the test that shows them."""

DELIVER = "`onhand deliver`"

AT_THE_DOOR = frozenset({"id_reused", "too_late"})
"""Refusals of any kind."""

RULE_FIELDS = ("rule", "sku", "category", "location", "channel", "withdrawn")
"""Where a policy rule applies, not what it sets."""


ALSO_SAYS = {
    Kind.ALLOCATE: (
        ("With `confirm`", confirming.confirm),
        (f"With the reason `{hurrying.SLA_AT_RISK}`", hurrying.hurry),
    )
}
"""Kinds that say more than one thing, and the rules of the others."""


def kinds() -> str:
    """docs/reference/kinds.md."""
    rows = []
    for kind in Kind:
        rule = claiming.allocate if kind is Kind.ALLOCATE else RULES.get(kind) or SYSTEM_RULES[kind]
        what = summary_of(rule)
        refused = refusals_of(rule)
        for when, other in ALSO_SAYS.get(kind, ()):
            what += f" {when}: {summary_of(other)}"
            refused += [name for name in refusals_of(other) if name not in refused]
        rows.append(
            (f"`{kind}`", class_of(kind), what, listed(refused), source(rule), link_to(example_of("kind", kind)))
        )
    return page(
        "Kinds of transactions",
        "Beside the reasons named here every transaction may be refused `id_reused`, and one that says when it occurred `too_late`.\n"
        "What a record of each kind must carry is checked before it is decided "
        "([validation.py](../../agents/inventory/validation.py)); a record without it is malformed.",
        ("kind", "class", "what happens", "refused", "rule", "example"),
        rows,
    )


def class_of(kind: Kind) -> str:
    """Fact, intention, reference or system."""
    if kind in BROADCAST_KINDS:
        return "reference, for every partition"
    if kind in FACT_KINDS:
        return "fact, or request" if kind in REQUESTABLE else "fact"
    if kind in INTENTION_KINDS:
        return "intention"
    return "reference" if kind is Kind.ITEM else "system"


def refusals() -> str:
    """docs/reference/refusals.md."""
    said = docs_of(Refusal)
    rows = [
        (str(number), f"`{refusal}`", said.get(refusal.name, ""), example("refusal", refusal))
        for number, refusal in enumerate(PRECEDENCE, start=1)
    ]
    return page(
        "Refusals",
        "In order of precedence: where several apply, the first is the answer. A refusal is kept under its id and stands.",
        ("#", "refusal", "when", "example"),
        rows,
    )


def alerts() -> str:
    """docs/reference/alerts.md."""
    said = docs_of(AlertType)
    rows = [
        (f"`{alert}`", said.get(alert.name, ""), OPEN if alert in STAYS_OPEN else REPORT, example("alert", alert))
        for alert in AlertType
    ]
    notices = [(f"`{status}`", NOTICES.get(status, ""), link_to(example_of("status", status))) for status in Status]
    return page(
        "Alerts and notices",
        ALERTS_HEAD,
        ("alert", "when", "lasts", "example"),
        rows,
    ) + page("Answers and notices", NOTICES_HEAD, ("status", "when", "example"), notices, level=2)


ALERTS_HEAD = (
    "An alert is one sentence to the person who must act, with the figures behind it and what to do. One that is open lasts\n"
    "until a `RESOLVED` alert with the same `subject` and `about`, whose `resolves` is its type; a report says what happened.\n"
    "What each asks of you, and how severe it is: [Alerts](../operating/alerts.md)."
)
OPEN, REPORT = "open until resolved", "a report"
NOTICES_HEAD = (
    "The status of an answer; the last four are notices to the holder of a claim that another's record changed."
)
NOTICES = {
    Status.ACCEPTED: "It was done.",
    Status.REFUSED: "It was not done, for the reason named.",
    Status.ACCEPTED_EARLIER: "The id was decided before: accepted; of the answer only this is kept.",
    Status.REFUSED_EARLIER: "The id was decided before: refused; of the answer only this is kept.",
    Status.EXPIRED: "What was reserved is free again: its time is over.",
    Status.YIELDED: "Units were lost to a fact, or to a stronger claim.",
    Status.MOVED: "Units lie at another place now; none was lost.",
    Status.COVERED: "Units that were waited for are there now.",
}


def policy() -> str:
    """docs/reference/policy.md."""
    said = {**docs_of(PolicySettings), **docs_of(Policy)}
    rows = []
    for name in PolicySettings.__struct_fields__:
        if name in RULE_FIELDS:
            continue
        default = getattr(DEFAULT_POLICY, name, None)
        rows.append(
            (
                f"`{name}`",
                said.get(name, ""),
                "as many as there are" if default is None else f"{default:,}" if isinstance(default, int) else default,
                link_to(example_of("setting", name)),
            )
        )
    return page(
        "Policy",
        "A rule says where it applies and what it sets; for every setting on its own the most particular rule gives the value:\n"
        "sku + location, sku, category + location, category, location, everywhere, the default. A rule that also names a channel\n"
        "comes before one of the same rank that names none. `onhand policy show SKU@LOCATION --channel C` says which rule gave\n"
        "which value. Times are in milliseconds, quantities in base units.",
        ("setting", "meaning", "default", "example"),
        rows,
    )


def topics() -> str:
    """docs/reference/topics.md."""
    topology = load(ROOT / "topology.yaml", {})
    writers: dict[str, list[str]] = {}
    for agent in topology.agents.values():
        for name in (*agent.says, agent.dead_letters.name):
            writers.setdefault(name, []).append(agent.name)
    folded = {agent.folds: agent.name for agent in topology.agents.values()}
    readers = dict(folded)
    delivery = as_reader(topology)
    if delivery is not None:
        readers[delivery.folds] = DELIVER
        for name in (*delivery.says, delivery.dead_letters.name):
            writers.setdefault(name, []).append(DELIVER)
    rows = [
        (
            f"`{topic.name}`",
            topic.key,
            f"{topic.cleanup_policy}, {kept(topic)}",
            ", ".join([*(["upstream systems"] if topic.name in folded else []), *writers.get(topic.name, [])]),
            readers.get(topic.name, "whoever subscribes"),
            meaning_of(topic),
            topic_example(topic),
        )
        for topic in topology.topics.values()
    ]
    return page(
        "Topics",
        "As topology.yaml declares them; beside them each agent has a changelog, `<app>.<agent>-changelog`, of which its state is a cache.\n"
        "The fields are described in [schemas](../../schemas).",
        ("topic", "key", "kept", "written by", "read by", "what", "example"),
        rows,
    )


def kept(topic: Topic) -> str:
    """How long records are kept."""
    if topic.cleanup_policy == "compact":
        return "the last of each key"
    return "forever" if topic.retention_ms < 0 else f"{topic.retention_ms // 86_400_000} days"


def meaning_of(topic: Topic) -> str:
    """What its schema says of its records."""
    if topic.schema is None:
        return "What could not be decoded, decided or delivered, as it came, with the reason."
    schema = orjson.loads((ROOT / "schemas" / f"{topic.schema}.avsc").read_bytes())
    return str(schema["doc"]).partition(". Key")[0]


def topic_example(topic: Topic) -> str:
    """A scenario that says something into it, or the test of another agent's."""
    if topic.schema is None and topic.name.startswith("campaigns."):
        return test_link("tests/serve/test_delivering.py")
    if topic.schema is None:
        return link_to(example_of("event", "dead_letter"))
    if topic.schema == "heartbeat":
        return test_link("tests/tools/test_partitions.py")
    if "watched" in topic.name:
        return link_to(example_of("event", "watched"))
    if topic.schema in EVENTS:
        return link_to(example_of(*EVENTS[topic.schema]))
    tests = [path for part, path in OTHER_TOPICS.items() if topic.name.startswith(part)]
    return test_link(tests[0]) if tests else "-"


def example(what: str, name: str) -> str:
    """A scenario, or the test that shows what no scenario can."""
    found = example_of(what, name)
    if found is not None:
        return link_to(found)
    if (what, name) in ELSEWHERE:
        return test_link(ELSEWHERE[what, name])
    return NEVER.get((what, name), "-")


def test_link(path: str) -> str:
    """A link to a test."""
    return f"[{Path(path).stem}](../../{path})"


def source(function: Callable[..., Any]) -> str:
    """A link to the module that decides it."""
    path = Path(inspect.getsourcefile(function) or "").resolve().relative_to(ROOT)
    return f"[{path.name}](../../{path.as_posix()})"


def listed(refused: Iterable[str]) -> str:
    """Reasons in their order of precedence."""
    named = [refusal for refusal in PRECEDENCE if refusal.value in set(refused)]
    return ", ".join(named) or "never"


def page(title: str, head: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]], level: int = 1) -> str:
    """A title, a paragraph and a table."""
    lines = [f"{'#' * level} {title}\n"] if level == 1 else [f"\n{'#' * level} {title}\n"]
    lines += [WRITTEN] if level == 1 else []
    lines += [head + "\n", table_line(columns), table_line(("---",) * len(columns)), *map(table_line, rows)]
    return "\n".join(lines) + "\n"


def table_line(cells: Iterable[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"


PAGES: Mapping[str, Callable[[], str]] = {
    "kinds.md": kinds,
    "refusals.md": refusals,
    "alerts.md": alerts,
    "policy.md": policy,
    "topics.md": topics,
}
"""File in docs/reference -> what makes it."""

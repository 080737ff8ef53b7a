"""The section `scores` of topology.yaml: the windows of the KPIs, and what they are reckoned by."""

from __future__ import annotations

from agents.inventory.scores.rows import ScorePolicy, Window
from agents.inventory.scores.words import SLOT_MS
from agents.inventory.units import MILLISECONDS_PER_DAY
from agents.runtime import notation
from agents.runtime.topology_file import Section

DEFAULTS = ScorePolicy()
CLASSES = ("movement", "category")


def score_policy(section: Section) -> ScorePolicy:
    """The knobs of the scorekeepers."""
    policy = ScorePolicy(
        windows=_windows(section.section("windows")),
        say_every_ms=section.duration_ms("say_every", DEFAULTS.say_every_ms),
        grace_ms=section.duration_ms("grace", DEFAULTS.grace_ms),
        carrying_cost_thousandths=section.whole("carrying_cost_thousandths", DEFAULTS.carrying_cost_thousandths),
        count_tolerance_thousandths=section.whole("count_tolerance_thousandths", DEFAULTS.count_tolerance_thousandths),
        classes=section.choice("classes", CLASSES, DEFAULTS.classes),
        class_a_thousandths=section.whole("class_a_thousandths", DEFAULTS.class_a_thousandths),
        class_b_thousandths=section.whole("class_b_thousandths", DEFAULTS.class_b_thousandths),
        rate_smoothing=section.whole("rate_smoothing", DEFAULTS.rate_smoothing, at_least=1),
    )
    if policy.class_b_thousandths > policy.class_a_thousandths:
        section.wrong("class_b_thousandths", "must not be above class_a_thousandths")
    section.finish()
    return policy


def _windows(section: Section) -> tuple[Window, ...]:
    """Length to how long one is remembered; the shortest first."""
    windows: list[Window] = []
    for name in section.values:
        keep_ms = section.duration_ms(name)
        try:
            length_ms = notation.duration_ms(name)
        except ValueError as error:
            section.wrong(name, str(error))
            continue
        if length_ms < SLOT_MS or length_ms % SLOT_MS or MILLISECONDS_PER_DAY % length_ms:
            section.wrong(name, "must be whole hours of which a day has a whole number, such as 1h, 6h or 1d")
        elif keep_ms < length_ms:
            section.wrong(name, "must be remembered for at least its own length")
        else:
            windows.append(Window(name, length_ms, keep_ms))
    section.finish()
    return tuple(sorted(windows, key=lambda each: each.length_ms)) or DEFAULTS.windows

"""The short set of faults, on real processes and an Apache Kafka of its own. `make chaos` strikes all of them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.chaos import page
from tests.chaos.catalogue import FAULTS
from tests.chaos.faults import Fault
from tests.chaos.scene import Scene

SHORT = [each for each in FAULTS.values() if each.short]


@pytest.mark.kafka
@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", [pytest.param(each, id=each.name) for each in SHORT])
def test_nothing_is_lost_nothing_doubled_and_the_operator_is_told(
    scene: Scene, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    outcome = scene.run(fault)
    record_property("records", outcome.records)
    record_property("seconds to lag 0", outcome.lag_zero_s)
    assert outcome.red == ()
    assert outcome.records > 0


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_the_page_says_of_every_fault_what_the_operator_sees_and_does(fault: Fault) -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    (section,) = [part for part in text.split("\n### ")[1:] if f"`{fault.name}`" in part.partition("\n")[0]]
    seen = plain(section.partition("**Seen:**")[2].partition("**To do:**")[0])
    assert seen
    assert section.partition("**To do:**")[2].strip()
    # What a run has to find in logs and alerts is what the page quotes.
    assert [sentence.words for sentence in fault.sees if not re.search(plain(sentence.words), seen)] == []


def plain(text: str) -> str:
    """Without line ends and quotation marks."""
    return " ".join(text.split()).replace("`", "").replace('"', "")


def test_the_table_on_the_page_has_every_fault_and_all_are_green() -> None:
    table = page.PAGE.read_text(encoding="utf-8").partition(page.BEGINS)[2].partition(page.ENDS)[0]
    rows = {line.split("|")[1].strip(" `"): line for line in table.splitlines()[3:]}
    assert rows.keys() == FAULTS.keys()
    assert [name for name, line in rows.items() if not line.endswith("| green |")] == []

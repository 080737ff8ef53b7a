from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tools.cli import cli
from tools.scenario.parser import parse
from tools.scenario.runner import Runner
from tools.scenario.words import BEGINS_MS, Unreadable, Words, clock_text

SCENARIOS = Path(__file__).resolve().parents[2] / "docs/scenarios"
GOOD = "receipt SHOE@LEEDS 5\nreserve r1 SHOE@LEEDS 7 -> refused insufficient_atp short 2\n"


def play(tmp_path: Path, text: str, *options: str) -> Result:
    path = tmp_path / "story.txt"
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(cli, ["play", str(path), *options])


def differences(text: str) -> list[str]:
    return [difference for result in Runner().run(parse(text)) for difference in result.differences]


def test_a_story_that_goes_as_told_ends_well(tmp_path: Path) -> None:
    result = play(tmp_path, GOOD)
    assert result.exit_code == 0
    assert "-> accepted 5 .. alert unknown_sku 0" in result.output
    assert "-> refused insufficient_atp short 2" in result.output


def test_it_ends_at_the_first_difference_and_says_what_differs(tmp_path: Path) -> None:
    result = play(tmp_path, GOOD + "level SHOE@LEEDS atp 4 on_hand 5\nsale SHOE@LEEDS 1\n")
    assert result.exit_code == 1
    assert "atp of SHOE@LEEDS is 5, expected 4" in result.output
    assert "sale" not in result.output


def test_a_line_that_cannot_be_read_is_named_and_nothing_is_played(tmp_path: Path) -> None:
    result = play(tmp_path, GOOD + "\nrecieve SHOE@LEEDS 4\n")
    assert result.exit_code == 2
    assert "line 4" in result.output
    assert "'recieve' is no verb" in result.output
    assert "accepted" not in result.output


def test_json_is_one_object_a_step(tmp_path: Path) -> None:
    result = play(tmp_path, GOOD + "journal 3\n", "--json")
    steps = [json.loads(line) for line in result.output.splitlines()]
    assert result.exit_code == 1
    assert [(step["line"], step["ok"]) for step in steps] == [(1, True), (2, True), (3, False)]
    assert steps[2]["differences"] == ["records of journal is 0, expected 3"]


def test_several_files_are_played_each_on_a_ledger_of_its_own() -> None:
    paths = sorted(str(path) for path in SCENARIOS.glob("0*.txt"))
    result = CliRunner().invoke(cli, ["play", *paths])
    assert result.exit_code == 0
    assert all(path in result.output for path in paths)


def test_a_broker_is_named_only_for_live_play(tmp_path: Path) -> None:
    result = play(tmp_path, GOOD, "--bootstrap", "localhost:1")
    assert result.exit_code == 2
    assert "go with --live" in result.output


def test_live_play_reads_all_files_before_it_asks_a_broker(tmp_path: Path) -> None:
    result = play(tmp_path, GOOD + "recieve SHOE@LEEDS 4\n", "--live", "--bootstrap", "localhost:1")
    assert result.exit_code == 2
    assert "line 3" in result.output


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("reserve r2 SHOE@LEEDS 1 -> refused insufficient_atp", "the answer is accepted 1, expected refused"),
        ("reserve r2 SHOE@LEEDS 9", "the answer is refused insufficient_atp short 7, expected accepted"),
        ("reserve r2 SHOE@LEEDS 1 -> reserved 2", "the quantity is 1, expected 2"),
        ("reserve r2 SHOE@LEEDS 9 -> refused insufficient_atp short 1", "the shortfall is 7, expected 1"),
        ("reserve r2 SHOE@LEEDS 9 -> refused unknown_sku", "expected refused unknown_sku"),
        ("reserve r2 SHOE@LEEDS 1 -> reserved due 10:01", "due is 10:15:00.000, expected 10:01:00.000"),
        ("reserve r2 SHOE@LEEDS 1 -> reserved repeats", "the answer is new"),
        ("again", "the answer repeats scenario-0-1-1"),
        ("reserve r2 SHOE@LEEDS 9 -> refused insufficient_atp alternatives YORK 1", "the alternatives are ()"),
        ("sale SHOE@LEEDS 4 .. yielded r1 1", "the notices are yielded r1 2, expected yielded r1 1"),
        ("sale SHOE@LEEDS 4 .. yielded r1 2 .. yielded r2 1", "the notices are yielded r1 2, expected"),
        ("sale SHOE@LEEDS 4 .. no notices", "the notices are yielded r1 2, expected none"),
        ("sale SHOE@LEEDS 4 .. no alerts", "the alerts are alert oversold 2 LEEDS, expected none"),
        ("sale SHOE@LEEDS 4 .. alert oversold 3", "the alerts are alert oversold 2 LEEDS, expected alert oversold 3"),
        ("sale SHOE@LEEDS 0 -> refused quantity_not_positive .. no dead_letter", "there is a dead letter"),
        ("sale SHOE@LEEDS 1 .. dead_letter", "there is no dead letter"),
        ("sale SHOE@LEEDS 1 -> malformed", "it was expected to be malformed"),
        ("sale SHOE@LEEDS", "it is malformed: SALE names no quantity"),
        ("expire SHOE -> accepted", "the answer is nothing, expected accepted"),
        ("level SHOE@LEEDS none", "SHOE@LEEDS is there"),
        ("level SHOE@YORK atp 0", "SHOE@YORK is not there"),
        ("claim r1 SHOE reserved 2", "reserved of r1/1 is 3, expected 2"),
        ("claim r1 SHOE none", "r1/1 is there"),
        ("claim r1 SHOE due 10:14", "due of r1/1 is 10:15:00.000, expected 10:14:00.000"),
        ("account SHOE supplier 5", "supplier of SHOE is -5, expected 5"),
        ("journal 2", "records of journal is 1, expected 2"),
        ("advance 15m .. no notices", "the notices are expired r1 3, expected none"),
    ],
)
def test_a_difference_is_seen(step: str, says: str) -> None:
    found = differences(f"receipt SHOE@LEEDS 5\nreserve r1 SHOE@LEEDS 3\n{step}\n")
    assert len(found) == 1
    assert says in found[0]


@pytest.mark.parametrize("step", ["sale SHOE@LEEDS 4 .. yielded r1 2", "sale SHOE@LEEDS 4 .. alert oversold 2"])
def test_what_a_step_does_not_declare_is_not_asked(step: str) -> None:
    assert differences(f"receipt SHOE@LEEDS 5\nreserve r1 SHOE@LEEDS 3\n{step}\n") == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("level SHOE atp 5", "level needs SKU@LOCATION"),
        ("level SHOE@LEEDS", "a figure is missing"),
        ("level SHOE@LEEDS stock 5", "'stock' is no figure"),
        ("level SHOE@LEEDS atp many", "atp should be a whole number"),
        ("receipt", "SKU@LOCATION is missing"),
        ("receipt @LEEDS 4", "needs both names"),
        ("receipt SHOE@LEEDS 4 quickly", "'quickly' is no option"),
        ("receipt SHOE@LEEDS 4 occurred=yesterday", "no time such as"),
        ("receipt SHOE@LEEDS 4 mode=maybe", "is none of fact, request"),
        ("receipt SHOE@LEEDS 4 -> granted", "'granted' is no answer"),
        ("receipt SHOE@LEEDS 4 -> reserved", "receipt is not answered with reserved"),
        ("receipt SHOE@LEEDS 4 -> refused because", "'because' is no reason"),
        ("receipt SHOE@LEEDS 4 -> accepted 4 quickly", "'quickly' is no detail"),
        ("advance soon", "'soon' is no duration"),
        ("advance 1m -> accepted", "advance has no answer"),
        ("crash now", "'now' was not understood"),
        ("at 10:00", None),
        ("at 9:00", "cannot go back"),
        ("again", "nothing was sent"),
        (".. yielded r1", "there is none before it"),
        ("crash .. yielded r1", "makes no notices"),
        ("receipt SHOE@LEEDS 4 .. wept r1", "'wept' is no notice"),
        ("receipt SHOE@LEEDS 4 .. alert boredom", "'boredom' is no type"),
        ("receipt SHOE@LEEDS 4 .. no worries", "`no worries` is not known"),
        ("policy SHOE", "a policy sets something"),
        ("policy SHOE mood 4", "'mood' is no setting"),
        ("account SHOE pocket 4", "'pocket' is no account"),
    ],
)
def test_a_line_that_cannot_be_read_says_what_was_expected(line: str, says: str | None) -> None:
    if says is None:
        assert differences(line) == []
        return
    with pytest.raises(Unreadable) as unreadable:
        differences(line)
    assert says in str(unreadable.value)
    assert unreadable.value.line == 1


def test_times_and_durations_are_read_as_they_are_written() -> None:
    words = Words("", 1)
    assert words.duration_of("1h30m") == 5_400_000
    assert words.time_of("10:00") == BEGINS_MS
    assert clock_text(words.time_of("34:15:00.007")) == "34:15:00.007"


def test_comments_and_blanks_mean_nothing() -> None:
    assert differences("# a story\n\n   receipt   SHOE@LEEDS 5   # of shoes\nlevel SHOE@LEEDS atp 5\n") == []

"""Campaigns, demand and KPIs in scenario text: every expectation about them can fail, and each line is read as it stands."""

from __future__ import annotations

import pytest

from agents.inventory.campaigns.words import Alternative, CampaignKind, CampaignRecord, Rule
from agents.inventory.replenishment.words import DemandRecord, SignalKind, Supplier, Terms
from tools.scenario.others import Others
from tools.scenario.parser import parse
from tools.scenario.runner import Runner
from tools.scenario.steps import Report
from tools.scenario.words import BEGINS_MS, Unreadable

CAMPAIGN = """\
channel  web
receipt  SHOE@LEEDS 5
campaign C1 skus=SHOE budget_minor=1000 alternatives=C2:HAT
sale     SHOE@LEEDS 5
"""
COUNTED = "receipt SHOE@LEEDS 10\nsale SHOE@LEEDS 5\nadvance 1m\n"


def differences(text: str) -> list[str]:
    return [difference for result in Runner().run(parse(text)) for difference in result.differences]


def record_of(line: str) -> CampaignRecord | DemandRecord:
    """The record that a line says, at the beginning of the first day."""
    (step,) = parse(line)
    assert isinstance(step, Report)
    return step.said.record(Others(), BEGINS_MS, "r", "shop")


def needy(expectation: str) -> str:
    """Ten shoes a day for eight days, until few are left."""
    days = "".join(f"at {36 + 24 * day}:00 sale SHOE@LEEDS 10\n" for day in range(8))
    return f"terms SHOE pack_size=12\nat 24:00 receipt SHOE@LEEDS 82\n{days}sale SHOE@LEEDS 1 {expectation}\n"


def test_the_stories_go_as_they_are_told() -> None:
    assert differences(f"{CAMPAIGN}campaign C1 done pause -> paused\nguarded C1 standing paused owned yes") == []
    assert differences(f"{COUNTED}kpi shrinkage_rate all 0") == []
    assert differences(needy(".. no proposals")) == []


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("campaign C1 done pause -> pausing", "the campaign is paused, expected pausing"),
        ("campaign C1 done pause -> ignored", "it has an effect, expected to be ignored"),
        ("campaign C1 done pause -> malformed", "it was expected to be malformed"),
        ("campaign C9 ended", "it has no effect: no such campaign is known"),
        ("campaign C1 failed pause .. alert command_failed", "the alerts are none, expected alert command_failed"),
        ("campaign C1 skus=SHOE,SHOE", "it is malformed: a SKU is named twice"),
        (
            "advance 30s .. no commands",
            "the commands are command pause C1 reason=out_of_stock attempt=2, expected none",
        ),
        ("advance 30s .. command resume C1", "expected command resume C1"),
        ("advance 30s .. command pause C2", "expected command pause C2"),
        ("advance 30s .. command pause C1 7", "expected command pause C1 7"),
        ("advance 30s .. command pause C1 attempt=3", "expected command pause C1 attempt=3"),
        ("advance 30s .. command pause C1 mood=bad", "expected command pause C1 mood=bad"),
        ("advance 30s .. command pause C1 .. command pause C1", "expected command pause C1; command pause C1"),
        ("guarded C1 standing running", "standing of C1 is pausing, expected running"),
        ("guarded C1 none", "C1 is there"),
        ("guarded C9 standing running", "C9 is not there"),
    ],
)
def test_a_difference_about_a_campaign_is_seen(step: str, says: str) -> None:
    (difference,) = differences(f"{CAMPAIGN}{step}\n")
    assert says in difference


@pytest.mark.parametrize(
    ("expectation", "says"),
    [
        (".. reorder SHOE@LEEDS 48", "the proposals are none, expected reorder SHOE@LEEDS 48"),
        (".. transfer SHOE@YORK->LEEDS", "the proposals are none, expected transfer SHOE@YORK->LEEDS"),
        (".. count SHOE@LEEDS risk=1", "the proposals are none, expected count SHOE@LEEDS risk=1"),
        (".. insight request_overdue SHOE@LEEDS", "the insights are none, expected insight request_overdue SHOE@LEEDS"),
    ],
)
def test_what_is_not_proposed_is_missed(expectation: str, says: str) -> None:
    assert differences(needy(expectation)) == [says]


def test_what_is_proposed_is_judged_field_by_field() -> None:
    story = "signal SHOE@LEEDS competitor_price 1000\nsignal SHOE@LEEDS competitor_price 900 .. "
    begun = "receipt SHOE@LEEDS 5\n" + story
    assert differences(begun + "insight competitor_cheaper SHOE@LEEDS signal_today=900 available=5") == []
    for wrong in (
        "insight competitor_cheaper SHOE@YORK",
        "insight competitor_cheaper HAT@LEEDS",
        "insight request_overdue SHOE@LEEDS",
        "insight competitor_cheaper SHOE@LEEDS signal_today=901",
        "insight competitor_cheaper SHOE@LEEDS available=6",
        "no insights",
    ):
        (difference,) = differences(begun + wrong)
        assert "the insights are insight competitor_cheaper SHOE@LEEDS: A competitor" in difference


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("kpi shrinkage_rate all 1", "shrinkage_rate of all is 0, expected 1"),
        ("kpi shrinkage_rate all none", "shrinkage_rate of all is 0, expected none"),
        ("kpi shrinkage_rate location:YORK 0", "shrinkage_rate of location:YORK is none, expected 0"),
        ("kpi shrinkage_rate all 1h 0 at=9:59", "shrinkage_rate of all is none, expected 0"),
        ("kpi stock_accuracy all 1", "stock_accuracy of all is none, expected 1"),
        ("outlook SHOE@LEEDS unpromised 4", "unpromised of SHOE@LEEDS is 5, expected 4"),
        ("outlook SHOE@YORK unpromised 4", "SHOE@YORK is not there"),
    ],
)
def test_a_difference_about_figures_is_seen(step: str, says: str) -> None:
    assert differences(f"{COUNTED}{step}\n") == [says]


def test_a_line_says_the_fields_of_its_record() -> None:
    told = record_of("campaign C1 skus=SHOE,HAT rule=any cool_down_ms=1h alternatives=C2:A+B,C3:C platform=meta")
    assert isinstance(told, CampaignRecord)
    assert told.registration is not None
    assert (told.kind, told.registration.platform, told.registration.skus) == (
        CampaignKind.REGISTERED,
        "meta",
        ("SHOE", "HAT"),
    )
    assert (told.registration.thresholds.rule, told.registration.thresholds.cool_down_ms) == (Rule.ANY, 3_600_000)
    assert told.registration.alternatives == (Alternative("C2", ("A", "B")), Alternative("C3", ("C",)))
    members = record_of("campaign C1 members A,B")
    assert isinstance(members, CampaignRecord)
    assert members.skus == ("A", "B")
    supplier, terms, signal, promotion = map(
        record_of,
        (
            "supplier ACME lead_time_days=4",
            "terms SHOE@LEEDS supplier=ACME pack_size=12",
            "signal SHOE ad_click 30",
            "promotion SHOE@LEEDS from=2026-01-07 until=2026-01-08",
        ),
    )
    assert isinstance(supplier, DemandRecord)
    assert supplier.supplier == Supplier("ACME", lead_time_days=4)
    assert isinstance(terms, DemandRecord)
    assert (terms.sku, terms.terms) == ("SHOE", Terms("LEEDS", "ACME", pack_size=12))
    assert isinstance(signal, DemandRecord)
    assert (signal.signal, signal.quantity, signal.location) == (SignalKind.AD_CLICK, 30, None)
    assert isinstance(promotion, DemandRecord)
    assert (promotion.from_on, promotion.until_on, promotion.location) == ("2026-01-07", "2026-01-08", "LEEDS")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("campaign C1 exploded", "'exploded' is nothing that is said of a campaign"),
        ("campaign C1 skus=SHOE mood=bad", "'mood' is no setting of a campaign"),
        ("campaign C1 skus=SHOE -> done", "'done' is none of running, pausing"),
        ("campaign C1 done", "the kind of the command is missing"),
        ("campaign C1 done dance", "'dance' is no kind of a command"),
        ("campaign C1 done pause", "no such command was sent that could be answered"),
        ("campaign C1 changed rule=any", "no campaign 'C1' is known that could be changed"),
        ("guarded C1 mood bad", "'mood' is no figure"),
        ("terms SHOE colour=red", "'colour=red' is no FIELD=VALUE of it"),
        ("signal SHOE smell 3", "'smell' is none of search, view"),
        ("signal SHOE search", "how many, or the price is missing"),
        ("kpi happiness all 1", "'happiness' is no KPI"),
        ("kpi turnover planet:MARS 1", "'planet:MARS' is no subject"),
        ("kpi turnover all much", "'much' is no whole number"),
        ("kpi turnover all 1/0", "'1/0' is no whole number"),
        ("kpi turnover all 1/00", "'1/00' is no whole number"),
        ("supplier ACME supplier=X", "'supplier=X' is no FIELD=VALUE of it"),
        ("supplier ACME lead_time_days=4 -> running", "'running' is none of ignored"),
        ("terms SHOE location=LEEDS", "'location=LEEDS' is no FIELD=VALUE of it"),
        ("promotion SHOE source=erp from=2026-01-07 until=2026-01-08", "'source=erp' is no FIELD=VALUE of it"),
        ("outlook SHOE unpromised 4", "outlook needs SKU@LOCATION"),
        ("sale SHOE@LEEDS 1 .. transfer SHOE@LEEDS", "transfer needs SKU@LOCATION->LOCATION"),
        ("sale SHOE@LEEDS 1 .. reorder SHOE", "reorder needs SKU@LOCATION"),
        ("sale SHOE@LEEDS 1 .. insight gossip SHOE@LEEDS", "'gossip' is no type of an insight"),
        ("sale SHOE@LEEDS 1 .. command dance C1", "'dance' is no kind of a command"),
    ],
)
def test_a_line_that_cannot_be_read_says_what_was_expected(text: str, why: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        differences(text)
    assert why in str(unreadable.value)


def test_everybody_loses_all_rows_in_a_crash_and_has_them_again() -> None:
    runner = Runner()
    text = f"{CAMPAIGN}advance 1m\nkpi oversell_rate all 0\ncrash\nguarded C1 standing pausing\noutlook SHOE@LEEDS unpromised 0"
    assert [result.differences for result in runner.run(parse(text)) if result.differences] == []
    others = runner.talk.invite_others()
    before = dict(others.guard.tables.rows)
    assert others.guard.tables.crash()
    assert others.guard.tables.rows == before != {}
    others.guard.tables.rows[("campaigns", ("lost",))] = None  # A row that its changelog does not know.
    assert not others.guard.tables.crash()


def test_who_is_not_spoken_of_does_not_listen() -> None:
    runner = Runner()
    list(runner.run(parse("receipt SHOE@LEEDS 5\nplaced o1 SHOE:1 paid -> confirmed\n")))
    assert runner.talk.others is None

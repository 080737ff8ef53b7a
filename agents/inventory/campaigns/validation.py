"""What a record about a campaign must carry. What is missing here makes it malformed: unreadable, not refused."""

from __future__ import annotations

from agents.inventory.campaigns.watching import place_in_log
from agents.inventory.campaigns.words import CampaignKind, CampaignRecord, Registration, Rule, Thresholds
from agents.inventory.offers import State
from agents.inventory.validation import LARGEST_QUANTITY, LATEST_MS, LONGEST_NAME

MOST_SKUS = 500
"""Of one campaign with its alternatives: all of them stand in one row."""
MOST_ALTERNATIVES = 50
LONGEST_MS = 366 * 86_400_000
"""Of a dwell or a cool-down."""
CARRIES_REGISTRATION = frozenset({CampaignKind.REGISTERED, CampaignKind.CHANGED})


def problem_of(record: CampaignRecord) -> str | None:
    """Why it cannot be decided at all, as a sentence; None if it can."""
    return problem_of_ids(record) or problem_of_kind(record)


def problem_of_ids(record: CampaignRecord) -> str | None:
    """Ids must be there, and must fit into a key."""
    ids = [record.record_id, record.source, record.campaign_id]
    return problem_of_names(ids) or problem_of_skus(record.skus)


def problem_of_names(names: list[str]) -> str | None:
    """Names become keys."""
    for name in names:
        if not name or len(name) > LONGEST_NAME or "\0" in name:
            return f"a name is empty, longer than {LONGEST_NAME} characters or holds a zero character: {name!r:.60}"
    return None


def problem_of_skus(skus: tuple[str, ...]) -> str | None:
    """Each is named once, and not too many are."""
    if len(skus) > MOST_SKUS:
        return f"{len(skus)} SKUs are named; {MOST_SKUS} is the most"
    if len(skus) != len(dict.fromkeys(skus)):
        return "a SKU is named twice"
    return problem_of_names(list(skus))


def problem_of_kind(record: CampaignRecord) -> str | None:
    """What the kind needs."""
    kind = record.kind
    if kind in CARRIES_REGISTRATION:
        if record.registration is None:
            return f"{kind} carries no registration"
        return problem_of_registration(record.campaign_id, record.registration)
    if kind is CampaignKind.EDGE:
        return problem_of_edges(record)
    if kind is CampaignKind.SIGNAL:
        return problem_of_signal(record)
    if kind is CampaignKind.ACKNOWLEDGED:
        said = record.acknowledgement
        if said is None or not said.idempotency_key or said.attempt < 1:
            return "ACKNOWLEDGED needs the idempotency_key of a command, and the attempt, from 1"
    return None


def problem_of_edges(record: CampaignRecord) -> str | None:
    """They must say where in the log they stand."""
    if not record.edges:
        return "EDGE carries no edges"
    for edge in record.edges:
        try:
            place_in_log(edge.event_id)
        except ValueError:
            return f"{edge.event_id!r:.60} is no event id of an edge: `topic-partition-offset-number`"
    return None


def problem_of_signal(record: CampaignRecord) -> str | None:
    """Figures must be of a size that can be reckoned with."""
    signal = record.signal
    if signal is None or not signal.sku:
        return "SIGNAL needs a SKU and a figure"
    if not 0 <= signal.cover_days <= LARGEST_QUANTITY:
        return f"cover_days is {signal.cover_days}"
    for time_ms in (signal.as_of_ms, signal.until_ms):
        if time_ms is not None and not 0 <= time_ms <= LATEST_MS:
            return f"{time_ms} is no time in milliseconds since 1970"
    return None


def problem_of_registration(campaign_id: str, registration: Registration) -> str | None:
    """A campaign must be known on its platform, and advertise something."""
    if (registration.category is None) == (not registration.skus):
        return "a campaign names either its SKUs or a category"
    names = [registration.platform, registration.account, *registration.regions, *registration.channels]
    names += [name for name in (registration.entity, registration.category) if name is not None]
    if not 0 <= registration.budget_minor <= LARGEST_QUANTITY:
        return f"budget_minor is {registration.budget_minor}"
    if len(registration.currency) != 3 or not registration.currency.isupper():
        return f"{registration.currency!r:.60} is no code of a currency, such as EUR"
    return (
        problem_of_names(names)
        or problem_of_skus(registration.skus)
        or problem_of_alternatives(campaign_id, registration)
        or problem_of_thresholds(registration.thresholds)
    )


def problem_of_alternatives(campaign_id: str, registration: Registration) -> str | None:
    """Each is another campaign, named once, that sells something."""
    alternatives = registration.alternatives
    campaigns = [each.campaign for each in alternatives]
    if len(alternatives) > MOST_ALTERNATIVES or len(campaigns) != len(dict.fromkeys(campaigns)):
        return f"an alternative is named twice, or there are more than {MOST_ALTERNATIVES}"
    if campaign_id in campaigns or registration.entity in campaigns:
        return "a campaign is no alternative to itself"
    if sum([len(each.skus) for each in alternatives]) > MOST_SKUS:
        return f"the alternatives sell more than {MOST_SKUS} SKUs"
    for each in alternatives:
        if not each.skus:
            return f"the alternative {each.campaign!r:.60} sells nothing"
        problem = problem_of_skus(each.skus)
        if problem is not None:
            return problem
    return problem_of_names(campaigns)


def problem_of_thresholds(thresholds: Thresholds) -> str | None:
    """Percents are percents, and there is a band between pausing and resuming."""
    for name in ("pause_at", "resume_at", "boost_share"):
        if not 0 <= getattr(thresholds, name) <= 100:
            return f"{name} is {getattr(thresholds, name)}, which is no percentage"
    if thresholds.rule is Rule.SHARE and thresholds.resume_at <= thresholds.pause_at:
        return "resume_at must be above pause_at, or the campaign would flap between them"
    if thresholds.pause_on is State.IN_STOCK:
        return "pause_on is out or low"
    for name in ("minimum_dwell_ms", "cool_down_ms"):
        if not 0 <= getattr(thresholds, name) <= LONGEST_MS:
            return f"{name} is {getattr(thresholds, name)}"
    if not 0 <= thresholds.boost_percent <= 1_000:
        return f"boost_percent is {thresholds.boost_percent}"
    for weeks in (thresholds.boost_above_weeks or 0, thresholds.boost_until_weeks):
        if not 0 <= weeks <= 10_000:
            return f"a boost at {weeks} weeks"
    return None

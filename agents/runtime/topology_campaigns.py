"""The section `campaigns` of topology.yaml: how long commands to ad platforms hold, and when they are sent again."""

from __future__ import annotations

from agents.inventory.campaigns.rows import CampaignPolicy
from agents.runtime.topology_file import Section

DEFAULTS = CampaignPolicy()


def campaign_policy(section: Section) -> CampaignPolicy:
    """The knobs of the campaign guard. The topic of the edges is that of its agent, wherever that lies."""
    policy = CampaignPolicy(
        command_ttl_ms=section.duration_ms("command_ttl", DEFAULTS.command_ttl_ms),
        answer_patience_ms=section.duration_ms("answer_patience", DEFAULTS.answer_patience_ms),
        first_back_off_ms=section.duration_ms("first_back_off", DEFAULTS.first_back_off_ms),
        longest_back_off_ms=section.duration_ms("longest_back_off", DEFAULTS.longest_back_off_ms),
        alert_after_attempts=section.whole("alert_after_attempts", DEFAULTS.alert_after_attempts, at_least=1),
        keep_ms=section.duration_ms("keep", DEFAULTS.keep_ms),
    )
    if policy.longest_back_off_ms < policy.first_back_off_ms:
        section.wrong("longest_back_off", "must not be shorter than first_back_off")
    section.finish()
    return policy

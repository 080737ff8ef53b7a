"""The section `orders` of topology.yaml: how long the order router waits for what."""

from __future__ import annotations

from agents.inventory.orders.rows import OrderPolicy
from agents.runtime.topology_file import Section

DEFAULTS = OrderPolicy()


def order_policy(section: Section) -> OrderPolicy:
    """The knobs of the order router. What `cancel_within` says of a channel counts before what its CHANNEL record says."""
    cancelling = section.section("cancel_within")
    limits = {channel: cancelling.duration_ms(channel) for channel in cancelling.values}
    cancelling.finish()
    policy = OrderPolicy(
        reservation_ttl_ms=section.duration_ms("reservation_ttl", DEFAULTS.reservation_ttl_ms),
        confirm_margin_ms=section.duration_ms("confirm_margin", DEFAULTS.confirm_margin_ms),
        answer_patience_ms=section.duration_ms("answer_patience", DEFAULTS.answer_patience_ms),
        plan_patience_ms=section.duration_ms("plan_patience", DEFAULTS.plan_patience_ms),
        payment_window_ms=section.duration_ms("payment_window", DEFAULTS.payment_window_ms),
        pickup_window_ms=section.duration_ms("pickup_window", DEFAULTS.pickup_window_ms),
        promise_margin_ms=section.duration_ms("promise_margin", DEFAULTS.promise_margin_ms),
        most_attempts=section.whole("most_attempts", DEFAULTS.most_attempts, at_least=1),
        split_must_save=section.whole("split_must_save") if "split_must_save" in section.values else None,
        keep_ms=section.duration_ms("keep", DEFAULTS.keep_ms),
        cancel_limit_ms=limits,
        currency=section.text("currency", "") or None,
    )
    if policy.confirm_margin_ms >= policy.reservation_ttl_ms:
        section.wrong("confirm_margin", "must be shorter than reservation_ttl, or nothing could ever be confirmed")
    section.finish()
    return policy

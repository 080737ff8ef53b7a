"""What a seed gives a world: how many workers, how much trade, and which faults may happen how often."""

from __future__ import annotations

from random import Random

_ALWAYS = {"pause": 0.08, "sent early": 0.05, "sent in parts": 0.6, "seek too early": 0.2, "flushed": 0.3}
"""No faults: the ways in which things may go well."""
_SOMETIMES = {
    "crash": (0.004, 0.02),
    "long pause": (0.01, 0.05),
    "init times out": (0.05, 0.3),
    "queue full": (0.02, 0.1),
    "abortable": (0.002, 0.02),
    "abort times out": (0.2, 0.8),
    "commit unheard": (0.02, 0.15),
    "commit heard late": (0.02, 0.1),
    "answer lost": (0.02, 0.1),
    "redelivery": (0.02, 0.1),
    "disk full": (0.01, 0.05),
    "corrupt": (0.0003, 0.001),
    "corrupt at open": (0.05, 0.3),
    "broker away": (0.05, 0.3),
    "lost its place": (0.002, 0.02),
}
_EVENTS = (
    *("crash", "crash", "freeze", "deafen", "deafen", "rebalance", "rebalance", "leave", "fence", "compact"),
    *("turn the clock back", "abort upstream", "new rules", "holiday"),
)
MOST_EVENTS = 5


class Plan:
    """Drawn once at the beginning, so that a fault that is switched off changes nothing else of the draw."""

    def __init__(self, chance: Random) -> None:
        self.is_embedded = chance.random() < 0.06
        """A broker that hides what follows an abort: one worker, and each owner under an id of its own."""
        self.workers = 1 if self.is_embedded else chance.choice((1, 2, 2, 2, 3))
        self.names = [f"worker-{number}" for number in range(1, self.workers + 1)]
        self.records = chance.randint(20, 50)
        self.batch_rows = chance.choice((1, 2, 5, 1_000))
        self.delete_retention_ms = chance.choice((40_000, 60_000))
        self.skews_ms = {name: chance.choice((0, 0, -2_000, 400, 2_500)) for name in self.names}
        self.poison = chance.choice((0.0, 0.05))
        self.duplicates = chance.choice((0.05, 0.25))
        self.astray = chance.choice((0.0, 0.0, 0.1))
        self.upstream_transactions = chance.choice((0.0, 0.3))
        self.gaps_ms: tuple[int, ...] = chance.choice(((0, 0, 1), (0, 5, 40), (0, 0, 0, 1_500), (0, 100, 900)))
        self.odds: dict[str, float] = {}
        for fault, (least, most) in _SOMETIMES.items():
            drawn = least + (most - least) * chance.random()
            if chance.random() < 0.35:
                self.odds[fault] = drawn
        self.odds.update(_ALWAYS)
        self.events = [chance.choice(_EVENTS) for _ in range(chance.randint(0, MOST_EVENTS))]
        if self.is_embedded:
            self.events = [event for event in self.events if event not in {"freeze", "deafen", "fence"}]

    def heal(self) -> None:
        """From now on all goes well."""
        self.odds = dict(_ALWAYS)

    def __str__(self) -> str:
        faults = ", ".join(f"{name} {odds:.3f}" for name, odds in sorted(self.odds.items()) if name not in _ALWAYS)
        return (
            f"{self.workers} workers{' on a broker of one' if self.is_embedded else ''}, {self.records} records; "
            f"{', '.join(self.events) or 'no events'}; {faults or 'no faults'}"
        )

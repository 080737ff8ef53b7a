"""What shoppers buy, when and where they live: aggregate figures of a real shop (README.md says of which)."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

PROFILE = Path(__file__).parent / "profile.json"
T = TypeVar("T")


class Profile(msgspec.Struct, frozen=True):
    """Figures of all invoices of a shop. Keys of mappings are values, their values how often each came."""

    source: str
    licence: str
    invoices: int
    articles: int
    popularity: tuple[int, ...]
    """Of a million lines, those of the most popular (k / steps) squared of all articles."""
    lines: Mapping[int, int]
    """Articles on an invoice."""
    quantities: Mapping[int, int]
    """Units of an article on an invoice."""
    hours: Mapping[int, int]
    """Hours of the day."""
    countries: Mapping[str, int]


class Drawn(Generic[T]):
    """Values, each as likely as its weight says."""

    def __init__(self, weights: Mapping[T, int]) -> None:
        self.values: Sequence[T] = list(weights)
        self._sums = list(accumulate(weights.values()))

    def draw(self, rng: random.Random) -> T:
        """One of them."""
        return self.values[bisect_right(self._sums, rng.random() * self._sums[-1])]


def read_profile(path: Path = PROFILE) -> Profile:
    """The profile of the file."""
    return msgspec.json.decode(path.read_bytes(), type=Profile, strict=False)


def popularity(profile: Profile, articles: int) -> dict[int, int]:
    """Lines of each of so many articles, in a thousand million, the most popular first: the same curve over more or fewer."""
    steps = len(profile.popularity) - 1

    def lines_up_to(rank: int) -> float:
        at = steps * math.sqrt(rank / articles)
        step = min(int(at), steps - 1)
        here, there = profile.popularity[step], profile.popularity[step + 1]
        return 1_000 * (here + (at - step) * (there - here))

    return {rank: max(1, round(lines_up_to(rank + 1) - lines_up_to(rank))) for rank in range(articles)}

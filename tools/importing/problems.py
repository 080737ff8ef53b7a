"""What can go wrong in an import: the row, the mapping, or the world."""

from __future__ import annotations

from collections.abc import Sequence


class BadRow(Exception):
    """A row that cannot become a transaction; the message is the reason. It becomes a dead letter."""


class MappingInvalid(Exception):
    """The mapping cannot be used. `mistakes` are complete sentences, each with the path of what is wrong."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        count = "one mistake" if len(self.mistakes) == 1 else f"{len(self.mistakes)} mistakes"
        super().__init__("\n".join([f"the mapping has {count}:", *(f"  {mistake}" for mistake in self.mistakes)]))


class CannotImport(Exception):
    """The import cannot begin or go on: the message is one sentence, `what_to_do` the next step."""

    def __init__(self, sentence: str, what_to_do: str | None = None) -> None:
        self.what_to_do = what_to_do
        super().__init__(sentence)

"""Two parties row by row. What differs in bytes is decoded: an older layout of the same row is no difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from agents.state.changelog import tables_by_prefix
from agents.state.store import StoreCorrupt
from agents.state.tables import Table, UndecodableRow
from tools.audit.local import LocalRows
from tools.audit.rows import FoldedRows
from tools.audit.tidying import LedgerTidying, agree

LONGEST_TOLD = 600


class Suspect(NamedTuple):
    """A row that the two have differently."""

    key: bytes
    """As in the changelog."""
    expected: bytes | None
    found: bytes | None


class RowWords:
    """Rows and keys in words."""

    def __init__(self, tables: tuple[Table, ...]) -> None:
        self._by_prefix = tables_by_prefix(tables)

    def table(self, key: bytes) -> Table | None:
        """The table of a changelog key; None where this program knows none."""
        return self._by_prefix.get(key[0]) if key else None

    def name(self, key: bytes) -> str:
        """The row that a changelog key stands for."""
        table = self.table(key)
        if table is None:
            return f"row {key.hex()} of a table that this program does not know"
        try:
            parts = ", ".join(
                part.hex() if isinstance(part, bytes) else str(part) for part in table.decode_key(key[1:])
            )
        except (ValueError, IndexError):
            parts = key[1:].hex()
        return f"{table.name}[{parts}]"

    def row(self, key: bytes, value: bytes | None) -> str | None:
        """A row in words; its bytes where it cannot be read."""
        if value is None:
            return None
        table = self.table(key)
        try:
            said = value.hex() if table is None else repr(table.decode_row(value))
        except UndecodableRow as unreadable:
            said = f"{value.hex()} ({unreadable.why})"
        return said if len(said) <= LONGEST_TOLD else f"{said[:LONGEST_TOLD]}..."

    def same(self, key: bytes, expected: bytes | None, found: bytes | None) -> bool:
        """Whether both say the same, whatever the layout."""
        table = self.table(key)
        if expected == found or table is None or expected is None or found is None:
            return expected == found
        try:
            return bool(table.decode_row(expected) == table.decode_row(found))
        except UndecodableRow:
            return False


def fold_against_changelog(
    folded: FoldedRows, changelog: dict[bytes, bytes], words: RowWords, tidying: LedgerTidying | None, at_ms: int
) -> Iterator[Suspect]:
    """What the changelog has otherwise than the fold, when both stand at the cut with the record time `at_ms`."""
    both = 0
    for table, key, row in folded.all():
        changelog_key = table.prefix + key
        found = changelog.get(changelog_key)
        both += found is not None
        if found != row and not _may_be(words, tidying, table, changelog_key, row, found, at_ms):
            yield Suspect(changelog_key, row, found)
    if both == len(changelog):
        return
    for changelog_key, found in changelog.items():
        of_table = words.table(changelog_key)
        if of_table is not None and folded.get(of_table, changelog_key[1:]) is not None:
            continue
        if of_table is None or not _may_be(words, tidying, of_table, changelog_key, None, found, at_ms):
            yield Suspect(changelog_key, None, found)


def _may_be(
    words: RowWords,
    tidying: LedgerTidying | None,
    table: Table,
    key: bytes,
    folded: bytes | None,
    found: bytes | None,
    at_ms: int,
) -> bool:
    if words.same(key, folded, found):
        return True
    if tidying is None:
        return False
    try:
        rows = [None if row is None else table.decode_row(row) for row in (folded, found)]
        forms = [tidying.forms(table, key[1:], row, at_ms) for row in rows]
    except (UndecodableRow, ValueError, IndexError):
        return False
    return agree(*forms)


def state_against_changelog(
    local: LocalRows, changelog: dict[bytes, bytes], tables: tuple[Table, ...], words: RowWords
) -> Iterator[Suspect]:
    """What a local store has otherwise than the changelog up to the store's checkpoint. Raises StoreCorrupt."""
    both = 0
    for key, row in local.rows(tables):
        expected = changelog.get(key)
        both += expected is not None
        if not words.same(key, expected, row):
            yield Suspect(key, expected, row)
    if both == len(changelog):
        return
    for key, expected in changelog.items():
        table = words.table(key)
        if table is None or local.get(table, key[1:]) is None:
            yield Suspect(key, expected, None)


def readable(step: Callable[[], list[Suspect]]) -> list[Suspect] | StoreCorrupt:
    """What a comparison with a local store gave, or that the store cannot be read."""
    try:
        return step()
    except StoreCorrupt as corrupt:
        return corrupt

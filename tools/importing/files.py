"""An open file of any packing, read record by record together with the exact bytes of each record.

A CSV record may span lines, and a broken one must not swallow its neighbours. So the lines are read as bytes, the
parser takes as many as it needs, and when it refuses a record only the first of its lines is bad: the others are put
back and read again as records of their own.
"""

from __future__ import annotations

import csv
import gzip
import lzma
import sys
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, cast

from tools.importing.problems import CannotImport

STANDARD_INPUT = "-"
LONGEST_LINE_BYTES = 1024 * 1024
"""A longer line is cut into several records, each of them bad, so that noise never fills the memory."""
UNPACKING_ERRORS = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile)
"""What the standard library raises on a file that cannot be read or is not what its name says."""


class Record(NamedTuple):
    """One record of the file."""

    number: int
    """1 is the first record after the header."""
    cells: list[str]
    """Empty for a blank line and where there is a problem."""
    raw: bytes
    """The exact bytes, line ends included."""
    problem: str | None


@dataclass(frozen=True)
class Layout:
    """How the file is written."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    columns: tuple[str, ...] = ()
    """The names of the columns of a file without a header; none = the first record names them."""


class OpenedFile(AbstractContextManager["OpenedFile"]):
    """A file to import: its name, its unpacked bytes, and how far it is read.

    Raises CannotImport if it is not there, or not what the ending of its name says.
    """

    def __init__(self, path: str) -> None:
        self.name = name_of(path)
        self.size_bytes: int | None = None
        """On disk, packed; None where nobody knows."""
        self._closing = ExitStack()
        self._packed: BinaryIO | None = None
        try:
            self.stream = self._open(path)
        except UNPACKING_ERRORS as error:
            self._closing.close()
            raise CannotImport(f"{path} cannot be read: {_words_of(error)}.") from error
        except CannotImport:
            self._closing.close()
            raise

    def _open(self, path: str) -> BinaryIO:
        if path == STANDARD_INPUT:
            return sys.stdin.buffer
        packed = self._closing.enter_context(Path(path).open("rb"))  # noqa: SIM115 - the stack closes it
        self._packed = packed
        self.size_bytes = Path(path).stat().st_size
        match Path(path).suffix.lower():
            case ".gz":
                return cast("BinaryIO", self._closing.enter_context(gzip.GzipFile(fileobj=packed)))
            case ".xz":
                return cast("BinaryIO", self._closing.enter_context(lzma.LZMAFile(packed)))
            case ".zip":
                return self._open_member(path, self._closing.enter_context(zipfile.ZipFile(packed)))
            case _:
                return packed

    def _open_member(self, path: str, archive: zipfile.ZipFile) -> BinaryIO:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise CannotImport(f"{path} holds {len(members)} files; unpack it and import them one by one.")
        return cast("BinaryIO", self._closing.enter_context(archive.open(members[0])))

    def read_bytes(self) -> int:
        """How many of `size_bytes` are read."""
        return self._packed.tell() if self._packed is not None else 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()


class _Lines(Iterator[str]):
    """The lines of the stream for the CSV parser; remembers those of the record in hand."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self.taken: list[bytes] = []
        self.undecodable = False
        self._encoding = encoding
        self._read: Callable[[int], bytes] = stream.readline
        self._put_back: deque[bytes] = deque()

    def __next__(self) -> str:
        line = self._put_back.popleft() if self._put_back else self._read(LONGEST_LINE_BYTES)
        if not line:
            raise StopIteration
        self.taken.append(line)
        try:
            return line.decode(self._encoding)
        except UnicodeDecodeError:
            self.undecodable = True
            return line.decode(self._encoding, errors="replace")

    def keep_first(self) -> None:
        """Only the first line belongs to the record in hand; the others are read again."""
        self._put_back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def start_record(self) -> None:
        self.taken.clear()
        self.undecodable = False


class Records(Iterator[Record]):
    """The records of `file` under `layout`; `columns` names their cells.

    Raises CannotImport if there is no header where one must be, or if unpacking fails half way.
    """

    def __init__(self, file: OpenedFile, layout: Layout) -> None:
        self._file = file
        self._layout = layout
        self._lines = _Lines(file.stream, layout.encoding)
        # strict, because a lenient parser glues the next hundred lines to a stray quotation mark and calls it a cell.
        self._parser = csv.reader(
            self._lines,
            delimiter=layout.delimiter,
            quotechar=layout.quote or None,
            quoting=csv.QUOTE_MINIMAL if layout.quote else csv.QUOTE_NONE,
            strict=True,
        )
        self._number = 0
        self._first = True
        self.columns = layout.columns or self._header()

    def _header(self) -> tuple[str, ...]:
        header = self._next()
        if header is None:
            raise CannotImport(f"{self._file.name} is empty; a header line was expected.")
        if header.problem is not None:
            raise CannotImport(f"The header of {self._file.name} cannot be read: {header.problem}.")
        self._number = 0
        return tuple(cell.strip() for cell in header.cells)

    def __next__(self) -> Record:
        record = self._next()
        if record is None:
            raise StopIteration
        return record

    def _next(self) -> Record | None:
        lines = self._lines
        lines.start_record()
        problem = None
        try:
            cells = next(self._parser, None)
        except csv.Error as error:
            lines.keep_first()
            cells, problem = [], f"it is no CSV: {error}"
        except UNPACKING_ERRORS as error:
            raise CannotImport(
                f"{self._file.name} cannot be read beyond row {self._number}: {_words_of(error)}."
            ) from error
        if cells is None:
            return None
        if self._first:
            cells = _without_byte_order_mark(cells)
            self._first = False
        if lines.undecodable:
            cells, problem = [], f"it is not {self._layout.encoding}"
        self._number += 1
        raw = lines.taken[0] if len(lines.taken) == 1 else b"".join(lines.taken)
        return Record(self._number, cells, raw, problem)


def name_of(path: str) -> str:
    """What a file is called in reports and dead letters: never where it lies."""
    return "standard input" if path == STANDARD_INPUT else Path(path).name


def _without_byte_order_mark(cells: list[str]) -> list[str]:
    """Spreadsheets begin UTF-8 files with a mark that is no part of the first column's name."""
    return [cells[0].removeprefix("\ufeff"), *cells[1:]] if cells else cells


def _words_of(error: BaseException) -> str:
    """The sentence of an operating system error without its number, or what the library says."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__

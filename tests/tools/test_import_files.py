"""Files of any packing, and lines of any brokenness."""

from __future__ import annotations

import gzip
import io
import lzma
import sys
import zipfile
from pathlib import Path

import pytest

from tools.importing.files import LONGEST_LINE_BYTES, Layout, OpenedFile, Record, Records
from tools.importing.problems import CannotImport

CONTENT = b'a,b\n1,"two\nlines"\n\n3,4\n'


def records_of(content: bytes, tmp_path: Path, layout: Layout | None = None) -> list[Record]:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with OpenedFile(str(path)) as file:
        return list(Records(file, layout or Layout()))


@pytest.mark.parametrize("packing", ["csv", "csv.gz", "csv.xz", "zip"])
def test_every_packing_gives_the_same_records(tmp_path: Path, packing: str) -> None:
    path = tmp_path / f"file.{packing}"
    if packing == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("inner.csv", CONTENT)
    else:
        packed = {"csv": CONTENT, "csv.gz": gzip.compress(CONTENT), "csv.xz": lzma.compress(CONTENT)}
        path.write_bytes(packed[packing])
    with OpenedFile(str(path)) as file:
        records = Records(file, Layout())
        assert records.columns == ("a", "b")
        assert list(records) == [
            Record(1, ["1", "two\nlines"], b'1,"two\nlines"\n', None),
            Record(2, [], b"\n", None),
            Record(3, ["3", "4"], b"3,4\n", None),
        ]


def test_standard_input_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped:
        buffer = io.BytesIO(CONTENT)

    monkeypatch.setattr(sys, "stdin", Piped)
    with OpenedFile("-") as file:
        assert len(list(Records(file, Layout()))) == 3


def test_a_quotation_mark_that_never_ends_costs_one_row_not_the_rest_of_the_file(tmp_path: Path) -> None:
    content = b'a,b\n1,2\n3,"4\n5,6\n7,"8"\n9,10\n'
    records = records_of(content, tmp_path)
    assert [record.raw for record in records] == [b"1,2\n", b'3,"4\n', b"5,6\n", b'7,"8"\n', b"9,10\n"]
    assert [record.number for record in records if record.problem] == [2]


def test_bytes_that_are_no_text_are_told_and_kept(tmp_path: Path) -> None:
    first, second = records_of(b"a,b\n1,caf\xe9\n2,ok\n", tmp_path)
    assert (first.raw, first.problem) == (b"1,caf\xe9\n", "it is not utf-8")
    assert second.cells == ["2", "ok"]
    assert records_of(b"a,b\n1,caf\xe9\n", tmp_path, Layout(encoding="latin-1"))[0].cells == ["1", "café"]


def test_the_mark_of_spreadsheets_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n1,2\n")
    with OpenedFile(str(path)) as file:
        assert Records(file, Layout()).columns == ("a", "b")


def test_noise_without_line_ends_is_cut_and_never_fills_the_memory(tmp_path: Path) -> None:
    records = records_of(b"a,b\n" + b"x" * (2 * LONGEST_LINE_BYTES + 5) + b"\n1,2\n", tmp_path)
    assert all(len(record.raw) <= LONGEST_LINE_BYTES for record in records)
    assert [record.problem is not None for record in records] == [True, True, False, False]
    assert records[-1].cells == ["1", "2"]


def test_a_file_without_header_takes_the_declared_names(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b"1|2\n")
    with OpenedFile(str(path)) as file:
        records = Records(file, Layout(delimiter="|", columns=("x", "y")))
        assert (records.columns, next(records).cells) == (("x", "y"), ["1", "2"])


def test_a_file_that_is_not_there_or_not_what_it_says_ends_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CannotImport, match=r"no such file or directory\.$"):
        OpenedFile(str(tmp_path / "nothing.csv"))
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"no gzip at all")
    with OpenedFile(str(broken)) as file, pytest.raises(CannotImport, match="cannot be read beyond row 0"):
        Records(file, Layout())
    empty = tmp_path / "empty.csv"
    empty.touch()
    with OpenedFile(str(empty)) as file, pytest.raises(CannotImport, match="is empty; a header line was expected"):
        Records(file, Layout())


def test_a_file_cut_in_the_middle_says_how_far_it_came(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.xz"
    path.write_bytes(lzma.compress(b"a,b\n" + b"1,2\n" * 100_000)[:-40])
    with OpenedFile(str(path)) as file, pytest.raises(CannotImport, match=r"beyond row \d+: .*\.$"):
        list(Records(file, Layout()))


def test_an_archive_of_several_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.csv", "")
        archive.writestr("two.csv", "")
    with pytest.raises(CannotImport, match="holds 2 files"):
        OpenedFile(str(path))

from __future__ import annotations

import pytest

from agents.runtime import notation


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [("250ms", 250), ("90s", 90_000), ("15m", 900_000), ("1.5h", 5_400_000), ("7d", 604_800_000), (5, 5), ("5", 5)],
)
def test_a_duration_is_read_in_every_unit(written: object, milliseconds: int) -> None:
    assert notation.duration_ms(written) == milliseconds


@pytest.mark.parametrize("written", ["7", 7, "64MiB", "1GiB", "1kB", "3 KiB"])
def test_a_size_is_a_whole_number_of_bytes(written: object) -> None:
    expected = {"7": 7, 7: 7, "64MiB": 67_108_864, "1GiB": 1_073_741_824, "1kB": 1_000, "3 KiB": 3_072}
    assert notation.size_bytes(written) == expected[written]


@pytest.mark.parametrize("written", ["7 days", "d7", "-1s", -5, True, None, "", 1.5, "0.5ms", ["7d"]])
def test_what_is_no_duration_is_refused_with_an_example(written: object) -> None:
    with pytest.raises(ValueError, match="must be a duration such as 90s"):
        notation.duration_ms(written)


def test_units_differ_by_case_so_a_wrong_case_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a size such as"):
        notation.size_bytes("64mib")


@pytest.mark.parametrize("written", ["250ms", "90s", "15m", "2h", "3d", "2w", "forever"])
def test_words_for_a_duration_are_read_back_as_the_same(written: str) -> None:
    milliseconds = notation.FOREVER_MS if written == "forever" else notation.duration_ms(written)
    assert notation.in_words(milliseconds) == written


@pytest.mark.parametrize("size", [0, 1, 1_023, 1_024, 262_144, 67_108_864, 3 << 30])
def test_words_for_a_size_are_read_back_as_the_same(size: int) -> None:
    assert notation.size_bytes(notation.size_in_words(size)) == size

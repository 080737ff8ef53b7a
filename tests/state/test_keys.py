from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.state.keys import KeyShapeError, Shape, encode_prefix, end_of_prefix, key_codec

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.text("\0\1\2a", max_size=5)
NUMBER = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-3, 3)
SHAPES: tuple[Shape, ...] = (
    (str,),
    (str, str),
    (str, str, str),
    (str, int),
    (str, str, int),
    (str, str, str, int),
    (int, str, str),
    (int, str, int),
    (int, str, str, int),
)


def keys_of(shape: Shape) -> st.SearchStrategy[tuple[str | int, ...]]:
    return st.tuples(*(TEXT if kind is str else NUMBER for kind in shape))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_encoded_keys_sort_as_their_parts_and_decode_to_them(shape: Shape) -> None:
    encode, decode = key_codec(shape)

    @given(keys_of(shape), keys_of(shape))
    def check(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> None:
        assert decode(encode(one)) == one
        assert (encode(one) < encode(other)) == (one < other)

    check()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_prefix_covers_the_keys_with_these_first_parts_and_no_other(shape: Shape) -> None:
    encode, _ = key_codec(shape)

    @given(keys_of(shape), keys_of(shape), st.integers(0, len(shape)))
    def check(one: tuple[str | int, ...], other: tuple[str | int, ...], parts: int) -> None:
        prefix = encode_prefix(shape, one[:parts])
        assert encode(one).startswith(prefix)
        assert encode(other).startswith(prefix) == (other[:parts] == one[:parts])
        end = end_of_prefix(prefix)
        assert end is None or encode(one) < end

    check()


def test_a_prefix_of_the_wrong_type_or_length_is_refused() -> None:
    with pytest.raises(KeyShapeError):
        encode_prefix((str, str), (1,))
    with pytest.raises(KeyShapeError):
        encode_prefix((str,), ("a", "b"))


def test_a_shape_with_a_number_between_texts_is_refused() -> None:
    with pytest.raises(KeyShapeError):
        key_codec((str, int, str))


def test_nothing_is_greater_than_a_prefix_of_highest_bytes() -> None:
    assert end_of_prefix(b"\xff\xff") is None
    assert end_of_prefix(b"a\xff") == b"b"
    assert end_of_prefix(b"") is None

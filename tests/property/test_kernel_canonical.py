"""The fast way to canonical bytes is the specified one."""

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kernel.canonical import MAX_INTEGER, canonical_bytes, digest

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_LEAVES = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | _TEXT
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(_TEXT, inner), max_leaves=20
)


@given(_JSON)
def test_equals_the_reference_implementation_on_everything_without_floats(value: Any) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(st.dictionaries(st.text(st.sampled_from("a中\ue000\uffff\U00010000\U0010ffff"), max_size=3), st.booleans()))
def test_keys_are_sorted_by_utf16_unit(value: dict[str, bool]) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(st.characters(max_codepoint=0x2100))
def test_every_control_and_separator_is_escaped_as_specified(char: str) -> None:
    assert canonical_bytes([char]) == rfc8785.dumps([char])


@pytest.mark.parametrize("value", [1.0, [1.0], {"a": [{"b": 1.5}]}, {1: "a"}, {"\U00010000": 0.5}, b"bytes", {"a": {1, 2}}])
def test_floats_and_foreign_types_are_refused_at_any_depth(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical_bytes(value)


@pytest.mark.parametrize("value", [MAX_INTEGER + 1, [-MAX_INTEGER - 1], "\ud800", {"\udfff": 1}])
def test_what_no_reader_could_read_back_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):
        canonical_bytes(value)


def test_order_of_insertion_does_not_matter() -> None:
    assert digest({"b": 1, "a": [True, None]}) == digest({"a": [True, None], "b": 1})

"""The post-processing tree of random queries over small released tables gives what DuckDB gives for the same text."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.post import evaluate, totals, values, windows
from policies import tree
from policies.tree import Frame
from tests.released_queries import Row, compare


@settings(max_examples=400)
@given(seed=st.integers(0, 2**32))
def test_a_random_query_gives_what_the_engine_gives(seed: int) -> None:
    compare(seed)


def _without_peers(keys: Sequence[object]) -> list[int]:
    return list(range(1, len(keys) + 1))


def _one_row_more(frame: Frame, place: int, size: int) -> tuple[int, int]:
    low, high = BOUNDED(frame, place, size)
    return low, min(size, high + 1)


def _as_two_valued(arguments: Sequence[object]) -> bool:
    return not arguments[0]


def _once_each(relation: tree.Combined, left: list[Row], right: list[Row]) -> Iterator[Row]:
    yield from COMBINED(replace(relation, every=False), left, right)


def _last_of_all(_function: str, arguments: Sequence[Sequence[object]], size: int) -> list[object]:
    return [arguments[0][place - 1] if place else None for place in range(size)]


def _without_null(evaluator: evaluate.Evaluator, value: values.Value, relation: tree.Relation) -> bool:
    return any(next(iter(row.values())) == value for row in evaluator.rows(relation))


BOUNDED, COMBINED = windows._bounded, evaluate._combined


@pytest.mark.parametrize(
    ("form", "module", "name", "planted"),
    [
        ("windowed", windows, "_ends", _without_peers),
        ("windowed", windows, "_bounded", _one_row_more),
        ("windowed", windows, "_shifted", _last_of_all),
        ("combined", evaluate, "_combined", _once_each),
        ("plain", values, "_LENIENT", values._LENIENT | {"not": _as_two_valued}),
        ("plain", values, "_STRICT", values._STRICT | {"//": lambda left, right: left // right}),
        ("grouped", totals, "_OF_SOME", totals._OF_SOME | {"median": lambda known: sorted(known)[len(known) // 2]}),
        ("nested", evaluate.Evaluator, "_among", _without_null),
    ],
)
def test_a_planted_error_is_found(
    monkeypatch: pytest.MonkeyPatch, form: str, module: ModuleType | type, name: str, planted: object
) -> None:
    monkeypatch.setattr(module, name, planted)
    with pytest.raises(AssertionError, match="SELECT"):
        compare_many(form)


def compare_many(form: str) -> None:
    for seed in range(2_000):
        compare(seed, form)

"""Ranks and caps over a stream: the same whatever the batches, and equal to a plain reference."""

from collections import defaultdict

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.ranking import again, ranked
from policies.grant import RANK, UNIT

KEY = b"k" * 32
SCHEMA = pa.schema([("value", pa.int64()), (UNIT, pa.int64()), (RANK, pa.uint64())])

Row = tuple[int, int]


def reference(rows: list[Row], most: int) -> list[Row]:
    """Unit by unit, in plain Python."""
    seen: dict[Row, int] = defaultdict(int)
    found: dict[int, list[int]] = defaultdict(list)
    for unit, content in rows:
        seen[unit, content] += 1
        count = seen[unit, content]
        found[unit].append(content if count == 1 else again(KEY, content, count))
    return [(unit, rank) for unit in sorted(found) for rank in range(min(most, len(found[unit])))]


def batches(rows: list[Row], sizes: list[int]) -> list[pa.RecordBatch]:
    made, start = [], 0
    for size in [*sizes, len(rows)]:
        part = rows[start : start + size]
        start += size
        columns = [list(range(len(part))), [unit for unit, _ in part], [content for _, content in part]]
        made.append(pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], SCHEMA))
    return made


def result(rows: list[Row], sizes: list[int], most: int) -> list[Row]:
    made = list(ranked(batches(rows, sizes), most, KEY))
    assert all(batch.schema == SCHEMA for batch in made)
    return [(row[UNIT], row[RANK]) for batch in made for row in batch.to_pylist()]


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0, 1, 2**63, 2**64 - 1])), max_size=40).map(sorted),
    sizes=st.lists(st.integers(0, 7), max_size=8),
    most=st.integers(1, 5),
)
def test_any_batching_gives_the_reference(rows: list[Row], sizes: list[int], most: int) -> None:
    assert result(rows, sizes, most) == reference(rows, most)


def test_nothing_gives_nothing() -> None:
    assert result([], [], 3) == []


@pytest.mark.parametrize("size", [1, 3, 100])
def test_memory_holds_no_more_of_one_unit_than_its_cap(size: int) -> None:
    rows = [(0, number) for number in range(300)]
    parts = batches(rows, [size] * (300 // size))
    assert sum(batch.num_rows for batch in ranked(parts, 2, KEY)) == 2


def test_rows_come_in_the_order_of_their_hashes_and_stay_with_their_ranks() -> None:
    rows = [(0, 5), (0, 5), (0, 9), (1, 5)]
    found = {
        row[RANK]: row["value"] for batch in ranked(batches(rows, []), 9, KEY) for row in batch.to_pylist() if row[UNIT] == 0
    }
    hashes = {5: 0, again(KEY, 5, 2): 1, 9: 2}
    assert found == dict(enumerate(hashes[one] for one in sorted(hashes)))


def test_the_rank_of_a_repeated_row_needs_the_key() -> None:
    assert len({again(KEY, 5, 2), again(KEY, 5, 3), again(KEY, 6, 2), again(b"j" * 32, 5, 2)}) == 4

"""Row ranks and the cap per unit, over a stream that is sorted by unit and keyed content hash. Pure, in bounded memory.

Each unit is decided by its own rows and the key alone, so taking one unit away changes no other.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from policies.grant import RANK, UNIT

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Run:
    """The equal rows of one unit at the end of what was read: which, and how many so far."""

    unit: int = -1
    content: int = 0
    count: int = 0


def ranked(batches: Iterable[pa.RecordBatch], most: int, key: bytes) -> Iterator[pa.RecordBatch]:
    """Turn content hashes into ranks from 0 on and keep each unit's `most` lowest; sorted by unit and rank.

    Ranks follow the content hash; of a unit's equal rows the n-th counts with a keyed hash of it and n, so that equal
    rows are spread like others. Memory holds one batch and at most `most` rows of the unit at its end.

    Args:
        batches: rows sorted by unit and content hash; the hash stands in the rank's column.
        most: rows a unit may keep, at least 1.
        key: secret of the table's ranks.

    """
    held: list[pa.RecordBatch] = []
    run = _Run()
    for batch in batches:
        if not batch.num_rows:
            continue
        batch, run = _with_hashes(batch, run, key)  # noqa: PLW2901 - the same rows, ranked
        kept = _lowest(pa.concat_batches([*held, batch]), most)
        units = _units(kept)
        last = int(np.searchsorted(units, units[-1]))
        yield _numbered(kept.slice(0, last))
        held = [kept.slice(last)]
    yield from map(_numbered, held)


def _numbered(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Put each row's place within its unit where its hash stood; the rows are whole units, in order."""
    return _with_column(rows, _places(_units(rows)).astype(np.uint64))


def _places(values: Ints) -> Ints:
    """Return each value's place among its equals, from 0 on; equals stand together."""
    first = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    return np.arange(len(values)) - np.repeat(first, np.diff(np.append(first, len(values))))


def _with_hashes(batch: pa.RecordBatch, run: _Run, key: bytes) -> tuple[pa.RecordBatch, _Run]:
    units, contents = _units(batch), batch.column(RANK).to_numpy()
    changes = np.flatnonzero((units[1:] != units[:-1]) | (contents[1:] != contents[:-1])) + 1
    first = np.concatenate([[0], changes])
    occurrence = np.arange(len(units)) - np.repeat(first, np.diff(np.append(first, len(units)))) + 1
    if (int(units[0]), int(contents[0])) == (run.unit, run.content):
        occurrence[: changes[0] if len(changes) else len(units)] += run.count
    hashes = contents.copy()
    for place in np.flatnonzero(occurrence > 1):
        hashes[place] = again(key, int(contents[place]), int(occurrence[place]))
    last = _Run(int(units[-1]), int(contents[-1]), int(occurrence[-1]))
    return _with_column(batch, hashes), last


def _with_column(rows: pa.RecordBatch, values: npt.NDArray[np.uint64]) -> pa.RecordBatch:
    return rows.set_column(rows.schema.get_field_index(RANK), rows.schema.field(RANK), pa.array(values))


def again(key: bytes, content: int, occurrence: int) -> int:
    """Return the hash of the n-th of equal rows: the first 64 bits of SHA-256 over key, content hash and n."""
    message = key + content.to_bytes(8, "big") + occurrence.to_bytes(8, "big")
    return int.from_bytes(hashlib.sha256(message).digest()[:8], "big")


def _lowest(rows: pa.RecordBatch, most: int) -> pa.RecordBatch:
    """Keep each unit's `most` lowest, in order; the rows are in order already unless some were equal."""
    units, ranks = _units(rows), rows.column(RANK).to_numpy()
    if not bool(((units[1:] != units[:-1]) | (ranks[1:] >= ranks[:-1])).all()):
        rows = rows.take(pa.array(np.lexsort((ranks, units))))
    kept = _places(_units(rows)) < most
    return rows if bool(kept.all()) else rows.filter(pa.array(kept))


def _units(rows: pa.RecordBatch) -> Ints:
    units: Ints = rows.column(UNIT).to_numpy()
    return units

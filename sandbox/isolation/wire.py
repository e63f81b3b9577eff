"""What crosses the border of a sandbox: the order as typed JSON inwards, Arrow IPC with a fixed schema outwards."""

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyarrow import ipc

from sandbox.isolation.digests import FileIdentity
from sandbox.isolation.ipc_frames import refuse_compression
from sandbox.kernel.canonical import Json
from sandbox.kernel.run import Cell, ColumnSpec, ExactTable, Limits, Parameter, RunSpec

ProbeSetup = Mapping[str, Json]
"""What the hostile probes aim at."""

ProbeOutcome = Mapping[str, bool]
"""Probe → whether it was stopped."""


class AnswerRefused(Exception):  # noqa: N818 -- it is the outcome of a run, not a defect
    """The sandbox's answer is not what the run must return."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


_KINDS: Mapping[type, str] = {bool: "bool", int: "int", str: "str", date: "date", Decimal: "decimal", bytes: "bytes"}


def typed(value: Parameter) -> list[Json]:
    """Return `value` as (type name, exact text)."""
    kind = _KINDS[type(value)]
    if isinstance(value, bool):
        return [kind, "true" if value else "false"]
    if isinstance(value, bytes):
        return [kind, value.hex()]
    return [kind, value.isoformat() if isinstance(value, date) else str(value)]


def _framed(document: Mapping[str, Json]) -> bytes:
    """Return `document` as JSON behind its length in eight bytes."""
    body = json.dumps(document).encode()
    return struct.pack(">Q", len(body)) + body


@dataclass(frozen=True)
class Ground:
    """Where one sandbox stands: its layers, the uid its job takes on (root only), the directory it may make (level 1)."""

    layers: tuple[str, ...]
    identity: int | None
    place: str

    def as_json(self) -> dict[str, Json]:
        """Return the part of an order that every sandbox needs."""
        return {"layers": list(self.layers), "identity": self.identity, "place": self.place}


def order(spec: RunSpec, identities: tuple[FileIdentity, ...], ground: Ground) -> bytes:
    """Return the order for one run, as `child.order.read` takes it."""
    tables: list[Json] = [
        {"name": extract.table, "path": extract.path, **asdict(found)}
        for extract, found in zip(spec.extracts, identities, strict=True)
    ]
    return _framed(
        {
            **ground.as_json(),
            "tables": tables,
            "sql": spec.sql,
            "parameters": {name: typed(value) for name, value in spec.parameters.items()},
            "columns": [[column.name, column.role, column.type] for column in spec.columns],
            "limits": asdict(spec.limits),
        }
    )


def probe_order(setup: ProbeSetup, limits: Limits, ground: Ground) -> bytes:
    """Return the order for a throw-away sandbox that runs the hostile probes; an empty `setup` runs none."""
    nothing: dict[str, Json] = {"tables": [], "sql": "", "parameters": {}, "columns": []}
    return _framed({**ground.as_json(), **nothing, "limits": asdict(limits), "probe": dict(setup)})


def probe_outcome(answer: bytes) -> ProbeOutcome:
    """Return what the throw-away sandbox wrote: {probe: stopped}."""
    return {str(name): bool(stopped) for name, stopped in json.loads(answer).items()}


def table(answer: bytes, columns: tuple[ColumnSpec, ...], rows: int) -> ExactTable:
    """Return the exact table that `answer` spells; trust nothing about it.

    Raises:
        AnswerRefused: RUN_FAILED where schema, types or ranges are not those of `columns`; RUN_OUTPUT_CAP above `rows`.

    """
    try:
        refuse_compression(answer)
        with ipc.open_stream(pa.py_buffer(answer)) as reader:
            _check_schema(reader.schema, columns)
            batches = _batches(reader, rows)
        lists = [_cells(batches, index, column) for index, column in enumerate(columns)]
    except AnswerRefused:
        raise
    except Exception:  # noqa: BLE001 -- whatever a hostile answer provokes in Arrow, it is a failed run and has no text
        raise AnswerRefused("RUN_FAILED") from None
    return ExactTable(columns=columns, rows=tuple(zip(*lists, strict=True)))


def _batches(reader: Any, rows: int) -> list[Any]:
    batches, count = [], 0
    for batch in reader:
        count += batch.num_rows
        if count > rows:
            raise AnswerRefused("RUN_OUTPUT_CAP")
        batch.validate(full=True)
        batches.append(batch)
    return batches


def _check_schema(schema: Any, columns: tuple[ColumnSpec, ...]) -> None:
    if schema.names != [column.name for column in columns]:
        raise AnswerRefused("RUN_FAILED")
    for field, column in zip(schema, columns, strict=True):
        if not _type_fits(field.type, column):
            raise AnswerRefused("RUN_FAILED")


def _type_fits(found: Any, column: ColumnSpec) -> bool:
    kinds = pa.types
    whole = kinds.is_integer(found) or (kinds.is_decimal128(found) and found.scale == 0)
    fits = {
        "integer": whole,
        "text": kinds.is_string(found),
        "date": kinds.is_date32(found),
        "boolean": kinds.is_boolean(found),
        "decimal": kinds.is_decimal128(found),
    }
    return whole if column.role == "exact" else bool(fits[column.type])


def _cells(batches: list[Any], index: int, column: ColumnSpec) -> list[Cell]:
    arrays = [batch.column(index) for batch in batches]
    if column.role == "exact":
        return [cell for array in arrays for cell in _exact(array, column)]
    cells = [cell for array in arrays for cell in array.to_pylist()]
    return [None if cell is None else int(cell) for cell in cells] if column.type == "integer" else cells


def _exact(array: Any, column: ColumnSpec) -> list[int]:
    """Return exact cells as integers inside the column's public range; NULL is no integer."""
    if array.null_count or column.low is None or column.high is None:
        raise AnswerRefused("RUN_FAILED")
    small = column.low >= -(1 << 63) and column.high < 1 << 63
    # An out-of-range cell fails the checked cast; the cast is what makes a million rows affordable.
    cells = array.cast(pa.int64()).to_pylist() if small else [int(cell) for cell in array.to_pylist()]
    if cells and not (column.low <= min(cells) and max(cells) <= column.high):
        raise AnswerRefused("RUN_FAILED")
    return cells

"""How a noisy result is written before it is sealed, and read back exactly."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from egress.model import Primitives, ProtectedColumn, ProtectedResult
from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import Cell


def result_json(result: ProtectedResult) -> Json:
    """Write a protected result."""
    return {
        "columns": [[column.name, column.kind, column.type] for column in result.columns],
        "rows": [[_write(cell) for cell in line] for line in result.rows],
        "primitives": [
            [{"key": [_write(cell) for cell in key], "values": [str(value) for value in values]} for key, values in core]
            for core in result.primitives
        ],
    }


def result_of(stored: Mapping[str, list[Json]]) -> ProtectedResult:
    """Read what `result_json` wrote."""
    return ProtectedResult(
        tuple(ProtectedColumn(*column) for column in stored["columns"]),  # type: ignore[misc]
        tuple(_cells(line) for line in stored["rows"]),
        tuple(_primitives(core) for core in stored["primitives"]),
    )


def _primitives(core: Json) -> Primitives:
    if not isinstance(core, list):
        raise YuneiError("RUN_FAILED")
    return tuple(_primitive(found) for found in core)


def _primitive(found: Json) -> tuple[tuple[Cell, ...], tuple[int, ...]]:
    match found:
        case {"key": list(key), "values": list(values)}:
            return _cells(key), tuple(int(str(value)) for value in values)
        case _:
            raise YuneiError("RUN_FAILED")


def _cells(line: Json) -> tuple[Cell, ...]:
    if not isinstance(line, Sequence):
        raise YuneiError("RUN_FAILED")
    return tuple(_read(cell) for cell in line)


def _write(cell: Cell) -> Json:
    if cell is None or isinstance(cell, (bool, str)):
        return cell
    if isinstance(cell, date):
        return {"date": cell.isoformat()}
    return {"decimal" if isinstance(cell, Decimal) else "integer": str(cell)}


def _read(cell: Json) -> Cell:
    match cell:
        case None | bool() | str():
            return cell
        case {"date": str(text)}:
            return date.fromisoformat(text)
        case {"decimal": str(text)}:
            return Decimal(text)
        case {"integer": str(text)}:
            return int(text)
        case _:
            raise YuneiError("RUN_FAILED")

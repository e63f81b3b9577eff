"""The released table as files. Pure and byte-reproducible: equal tables give equal bytes, whoever writes them, whenever.

The canonical CSV is the signed master: UTF-8, LF, a header line, fixed decimals, rows as released. NULL is an empty field,
an empty text is `""`. Text that a spreadsheet would run as a formula begins with an apostrophe, and so that no two texts
look alike, text that begins with apostrophes before such a character gets one more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

from egress.model import ProtectedColumn, ProtectedResult
from sandbox.kernel.run import Cell

FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
"""Leading characters that spreadsheets take for a formula, with the full-width forms that some of them fold.

Source: OWASP, CSV Injection.
"""

_ARROW_TYPES: Mapping[str, pa.DataType] = {
    "integer": pa.int64(),
    "text": pa.string(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}


@dataclass(frozen=True)
class ReleasedTable:
    """What leaves: columns and rows, in released order, without anything behind them."""

    columns: tuple[ProtectedColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]


def released_table(result: ProtectedResult) -> ReleasedTable:
    """Drop the primitives of a protected result; they never leave."""
    return ReleasedTable(result.columns, result.rows)


def cell_text(cell: Cell) -> str:
    """Write one cell as plain text; NULL is the empty text."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def is_formula(text: str) -> bool:
    """Tell whether a spreadsheet may run `text`, apostrophes before it disregarded."""
    return text.lstrip("'")[:1] in FORMULA_STARTS and text.strip("'") != ""


def neutral(text: str) -> str:
    """Return `text` so that a spreadsheet shows it instead of running it."""
    return "'" + text if is_formula(text) else text


def csv_bytes(table: ReleasedTable) -> bytes:
    """Write the canonical CSV.

    Raises:
        UnicodeEncodeError: a text holds half a surrogate pair.

    """
    header = ",".join(_field(column.name) for column in table.columns)
    lines = [",".join(map(_field, row)) for row in table.rows]
    return "".join(f"{line}\n" for line in (header, *lines)).encode()


def json_bytes(table: ReleasedTable) -> bytes:
    """Write columns with their types and rows; decimals as text, so that no reader rounds them."""
    document = {
        "columns": [{"name": column.name, "kind": column.kind, "type": column.type} for column in table.columns],
        "rows": [[_json_cell(cell) for cell in row] for row in table.rows],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def arrow_table(table: ReleasedTable) -> pa.Table:
    """Return the table in Arrow's types, without metadata and without dictionaries."""
    fields = [pa.field(column.name, arrow_type(column.type)) for column in table.columns]
    arrays = [pa.array([row[place] for row in table.rows], field.type) for place, field in enumerate(fields)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def arrow_bytes(table: ReleasedTable) -> bytes:
    """Write an Arrow IPC file."""
    content = arrow_table(table)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, content.schema) as writer:
        writer.write_table(content)
    return bytes(sink.getvalue())


def parquet_bytes(table: ReleasedTable) -> bytes:
    """Write Parquet. Dictionaries and statistics are off: neither may name what is not in a cell."""
    sink = pa.BufferOutputStream()
    pq.write_table(arrow_table(table), sink, use_dictionary=False, write_statistics=False, compression="none", store_schema=False)
    return bytes(sink.getvalue())


def read_arrow(columns: tuple[ProtectedColumn, ...], data: bytes) -> ReleasedTable:
    """Read what `arrow_bytes` wrote."""
    with pa.ipc.open_file(pa.py_buffer(data)) as reader:
        content = reader.read_all()
    cells = [column.to_pylist() for column in content.columns]
    return ReleasedTable(columns, tuple(zip(*cells, strict=True)) if cells else ())


def arrow_type(name: str) -> pa.DataType:
    """Return Arrow's type for a released column's type.

    Raises:
        KeyError: no such type.

    """
    if name.startswith("decimal(38,") and name.endswith(")"):
        return pa.decimal128(38, int(name[11:-1]))
    return _ARROW_TYPES[name]


def _field(cell: Cell) -> str:
    if not isinstance(cell, str):
        return cell_text(cell)
    text = neutral(cell)
    plain = text and not set(text) & set('",\r\n') and text == text.strip()
    return text if plain else '"' + text.replace('"', '""') + '"'


def _json_cell(cell: Cell) -> object:
    return cell if cell is None or isinstance(cell, (bool, int, str)) else cell_text(cell)

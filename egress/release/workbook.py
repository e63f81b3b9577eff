"""The released table as an XLSX workbook with a method sheet, made on request. Text never becomes a formula."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from egress.release.files import ReleasedTable, cell_text, neutral
from egress.release.model import Predicate
from sandbox.kernel.run import Cell

_EXACT_IN_DOUBLE = 1 << 53
_CREATED = datetime(1980, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def xlsx_bytes(table: ReleasedTable, predicate: Predicate) -> bytes:
    """Write sheets `data` and `method`; equal input gives equal bytes.

    Numbers that a spreadsheet would round are written as text.
    """
    sink = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(sink, options) as book:
        book.set_properties({"created": _CREATED})
        dates = book.add_format({"num_format": "yyyy-mm-dd"})
        data = book.add_worksheet("data")
        for row, cells in enumerate([tuple(column.name for column in table.columns), *table.rows]):
            for place, cell in enumerate(cells):
                _write(data, row, place, cell, dates)
        method = book.add_worksheet("method")
        for row, (name, value) in enumerate(method_lines(predicate)):
            method.write_string(row, 0, name)
            method.write_string(row, 1, neutral(value))
    return sink.getvalue()


def method_lines(predicate: Predicate) -> Sequence[tuple[str, str]]:
    """Say what the table is, how it was protected and where to verify it."""
    lines = [
        ("release 编号", predicate.release),
        ("purpose 用途", predicate.purpose),
        ("recipient 接收方", predicate.recipient),
        ("expires 有效期至", predicate.validity.expires),
        ("status 状态查询", predicate.validity.status),
        ("epsilon", predicate.privacy.epsilon),
        ("delta", predicate.privacy.delta),
        ("SQL", predicate.query.canonical_sql),
    ]
    lines += [(f"column 列 {column.name}", f"{column.kind}, {column.type}") for column in predicate.columns]
    for notice in predicate.notices:
        lines += [("注意", notice.zh), ("notice", notice.en)]
    return lines


def _write(sheet: Worksheet, row: int, place: int, cell: Cell, dates: object) -> None:
    if cell is None:
        return
    if isinstance(cell, bool):
        sheet.write_boolean(row, place, cell)
    elif isinstance(cell, (int, Decimal)) and _survives(cell):
        sheet.write_number(row, place, cell)
    elif isinstance(cell, date):
        sheet.write_datetime(row, place, cell, dates)
    else:
        sheet.write_string(row, place, neutral(cell) if isinstance(cell, str) else cell_text(cell))


def _survives(cell: int | Decimal) -> bool:
    digits = len(cell.as_tuple().digits) if isinstance(cell, Decimal) else 0
    return -_EXACT_IN_DOUBLE <= cell <= _EXACT_IN_DOUBLE and digits <= 15

"""Files of a release: reproducible, without metadata, and safe to open in a spreadsheet."""

import csv
import io
import json
import zipfile
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.model import ProtectedColumn
from egress.release.bundle import pack, unpack
from egress.release.files import (
    ReleasedTable,
    arrow_bytes,
    arrow_table,
    csv_bytes,
    json_bytes,
    neutral,
    parquet_bytes,
    read_arrow,
    released_table,
)
from tests.fakes_release import result

COLUMNS = (
    ProtectedColumn("k", "key", "text"), ProtectedColumn("d", "key", "date"), ProtectedColumn("b", "key", "boolean"),
    ProtectedColumn("n", "count", "integer"), ProtectedColumn("m", "avg", "decimal(38,2)"),
)  # fmt: skip
TABLE = ReleasedTable(
    COLUMNS,
    (
        ('甲,"乙"', date(2026, 1, 2), True, -7, Decimal("-0.50")),
        ("", None, False, 0, Decimal("10.00")),
        (None, None, None, None, None),
    ),
)


def test_canonical_csv() -> None:
    assert csv_bytes(TABLE).decode() == 'k,d,b,n,m\n"甲,""乙""",2026-01-02,true,-7,-0.50\n"",,false,0,10.00\n,,,,\n'


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "＝1", "＋1", "－1", "＠x", '=HYPERLINK("http://x")', "'=1", "''=1"]
)
def test_formulas_are_neutralised_in_cells_and_headers(text: str) -> None:
    table = ReleasedTable((ProtectedColumn(text, "key", "text"),), ((text,),))
    for line in csv.reader(io.StringIO(csv_bytes(table).decode(), newline="")):
        assert line == ["'" + text]


@given(st.text(), st.text())
def test_no_two_texts_look_alike(one: str, other: str) -> None:
    assert (neutral(one) == neutral(other)) == (one == other)
    assert neutral(one)[:1] not in set("=+-@\t\r\n＝＋－＠")


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_a_csv_reader_finds_every_row(texts: list[str | None]) -> None:
    table = ReleasedTable(
        (ProtectedColumn("k", "key", "text"), ProtectedColumn("n", "count", "integer")), tuple((text, 1) for text in texts)
    )
    lines = list(csv.reader(io.StringIO(csv_bytes(table).decode(), newline="")))
    assert lines == [["k", "n"], *[[neutral(text or ""), "1"] for text in texts]]


def test_json_keeps_decimals_as_text() -> None:
    assert json.loads(json_bytes(TABLE))["rows"][0] == ['甲,"乙"', "2026-01-02", True, -7, "-0.50"]


def test_typed_formats_hold_the_same_table() -> None:
    assert read_arrow(COLUMNS, arrow_bytes(TABLE)) == TABLE
    assert pq.read_table(pa.py_buffer(parquet_bytes(TABLE))).equals(arrow_table(TABLE))
    assert read_arrow((), arrow_bytes(ReleasedTable((), ()))) == ReleasedTable((), ())
    empty = ReleasedTable(COLUMNS, ())
    assert read_arrow(COLUMNS, arrow_bytes(empty)) == empty


@pytest.mark.parametrize("write", [csv_bytes, json_bytes, parquet_bytes, arrow_bytes])
def test_equal_tables_are_equal_bytes(write: object) -> None:
    assert write(TABLE) == write(ReleasedTable(COLUMNS, TABLE.rows))  # type: ignore[operator]


def test_parquet_tells_nothing_beside_its_cells() -> None:
    found = pq.read_metadata(pa.py_buffer(parquet_bytes(TABLE)))
    assert found.metadata is None
    for place in range(found.num_columns):
        column = found.row_group(0).column(place)
        assert not column.has_dictionary_page
        assert column.statistics is None
    schema = pa.ipc.open_file(arrow_bytes(TABLE)).schema
    assert schema.metadata is None
    assert not any(pa.types.is_dictionary(field.type) for field in schema)


def test_primitives_never_enter_a_file() -> None:
    table = released_table(result())
    for data in (csv_bytes(table), json_bytes(table), arrow_bytes(table), parquet_bytes(table)):
        assert b"987654321" not in data
        assert (987_654_321).to_bytes(8, "little") not in data


def test_packages_are_canonical() -> None:
    data = pack({"b": b"2", "a": b"1"})
    assert data == pack({"a": b"1", "b": b"2"})
    assert unpack(data) == {"a": b"1", "b": b"2"}
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["a", "b"]


def test_every_flipped_bit_of_a_package_is_noticed() -> None:
    members = {"a": b"1", "b": b"22"}
    data = pack(members)
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            try:
                found = unpack(bytes(changed))
            except ValueError:
                continue
            assert found != members, "only another content may be another package"
    for other in (b"", b"PK", data + b"x", b"x" + data, data[:-1]):
        with pytest.raises(ValueError):
            unpack(other)


def test_a_workbook_keeps_every_kind_of_cell() -> None:
    from egress.release.model import Predicate
    from egress.release.workbook import xlsx_bytes

    exact = ReleasedTable(COLUMNS, (*TABLE.rows, ("甲", date(2026, 1, 2), True, 2**60, Decimal("1234567890123456.78"))))
    predicate = Predicate.model_construct(
        release="rel-1", purpose="p", recipient="r", validity=_Any(), privacy=_Any(), query=_Any(), columns=[], notices=[]
    )
    with zipfile.ZipFile(io.BytesIO(xlsx_bytes(exact, predicate))) as book:
        strings, sheet = book.read("xl/sharedStrings.xml").decode(), book.read("xl/worksheets/sheet1.xml").decode()
    assert str(2**60) in strings, "a number that a spreadsheet would round is text"
    assert "1234567890123456.78" in strings
    assert "<v>-7</v>" in sheet
    assert '<c r="C2" t="b"><v>1</v></c>' in sheet


class _Any:
    """Stands for the parts of the predicate that the method sheet prints."""

    expires = status = epsilon = delta = canonical_sql = "x"

"""Ingest: a file fits its declaration whole, or the refusal names the place and never the value."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import store
from connectors.model import Violations
from policies.catalog import CatalogItem
from sandbox.kernel.errors import YuneiError
from tests.supply_domain import GOOD, HEADER, HOSPITALS, RESIDENTS, VISITS, Domain, hospitals, resident, residents, visit, visits


def csv(domain: Domain, text: str | bytes, item: CatalogItem = VISITS) -> str:
    file = domain.root / "supplied.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return domain.ingest_file(item, file)


def raw(domain: Domain, snapshot: str) -> pa.Table:
    return pq.read_table(domain.data / "raw" / "visits" / snapshot / "rows.parquet")


def refusal(domain: Domain, text: str | bytes) -> dict[str, object]:
    with pytest.raises(YuneiError) as refused:
        csv(domain, text)
    assert refused.value.code == "DATA_INVALID"
    facts = dict(refused.value.facts)
    assert facts.pop("table") == "visits"
    if facts["rule"] == "BAD_ROWS":
        assert (facts["bad_rows"], facts["max_bad_rows"]) == (1, 0)
        facts = dict(facts["places"][0])
    assert facts.pop("file") == "supplied.csv"
    left = [path for path in (domain.data / "raw" / "visits").rglob("*") if path.is_file()]
    assert left == [], "a refused file leaves nothing"
    return facts


def test_csv_becomes_canonical_parquet_of_declared_types_in_order(domain: Domain) -> None:
    text = HEADER + GOOD + '2,"b, ""x""\ny",,2024-02-29,"",,-0.5\n3,,h2,,K,2,\n'
    table = raw(domain, csv(domain, text))
    assert [str(field.type) for field in table.schema] == [
        "int64",
        "string",
        "string",
        "date32[day]",
        "string",
        "int64",
        "decimal128(10, 2)",
    ]
    rows = table.to_pylist()
    assert [row["visit_id"] for row in rows] == [1, 2, 3]
    assert rows[1]["resident_id"] == 'b, "x"\ny'
    assert (rows[1]["hospital"], rows[1]["code"], rows[1]["ward"], rows[1]["cost"]) == (None, "", None, Decimal("-0.50"))
    assert rows[2]["visit_date"] is None


@pytest.mark.parametrize("text", [HEADER + GOOD.strip(), (HEADER + GOOD).replace("\n", "\r\n"), "\ufeff" + HEADER + GOOD])
def test_line_ends_and_byte_order_marks_do_not_matter(domain: Domain, text: str) -> None:
    assert raw(domain, csv(domain, text)).to_pylist()[0]["cost"] == Decimal("10.00")


def test_columns_may_stand_in_another_order(domain: Domain) -> None:
    text = "cost,visit_id,resident_id,hospital,visit_date,code,ward\n10.00,1,a,h1,2025-03-09,J06.9,1\n"
    assert raw(domain, csv(domain, text)).schema.names == list(VISITS.columns)


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("x,a,h1,2025-03-09,J06.9,1,10.00", "visit_id"),
        ("1.5,a,h1,2025-03-09,J06.9,1,10.00", "visit_id"),
        ("9223372036854775808,a,h1,2025-03-09,J06.9,1,10.00", "visit_id"),
        ("0x10,a,h1,2025-03-09,J06.9,1,10.00", "visit_id"),
        (" 1,a,h1,2025-03-09,J06.9,1,10.00", "visit_id"),
        ("1,a,h1,2025-02-30,J06.9,1,10.00", "visit_date"),
        ("1,a,h1,20250309,J06.9,1,10.00", "visit_date"),
        ("1,a,h1,infinity,J06.9,1,10.00", "visit_date"),
        ("1,a,h1,0000-01-01,J06.9,1,10.00", "visit_date"),
        ("1,a,h1,2025-03-09,J06.9,1,10.005", "cost"),
        ("1,a,h1,2025-03-09,J06.9,1,123456789.00", "cost"),
        ("1,a,h1,2025-03-09,J06.9,1,1e3", "cost"),
        ("1,a,h1,2025-03-09,J06.9,1,NaN", "cost"),
        ("1,a,h1,2025-03-09,J06.9,1,", None),
    ],
)
def test_a_misfit_is_named_by_line_and_column(domain: Domain, line: str, column: str | None) -> None:
    text = HEADER + GOOD * 3 + line + "\n" + GOOD
    if column is None:
        assert raw(domain, csv(domain, text)).num_rows == 5
        return
    assert refusal(domain, text) == {"rule": "TYPE", "line": 5, "columns": [column]}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (HEADER + GOOD + "1,a,h1\n" + GOOD, {"rule": "COLUMN_COUNT", "line": 3}),
        (HEADER + GOOD + "1,a,h1,2025-03-09,J06.9,1,10.00,more\n" + GOOD, {"rule": "COLUMN_COUNT", "line": 3}),
        (HEADER + "# a remark\n" + GOOD, {"rule": "COLUMN_COUNT", "line": 2}),
        (HEADER + GOOD + '1,"a,h1,2025-03-09,J06.9,1,10.00\n' + GOOD, {"rule": "QUOTING", "line": 3}),
        (HEADER + GOOD + '1,"a"x,h1,2025-03-09,J06.9,1,10.00\n' + GOOD, {"rule": "QUOTING", "line": 3}),
        (HEADER + GOOD + "1,a\rb,h1,2025-03-09,J06.9,1,10.00\n", {"rule": "STRUCTURE", "line": 3}),
        ((HEADER + GOOD).encode() + b"1,\xff\xfe,h1,2025-03-09,J06.9,1,10.00\n", {"rule": "ENCODING", "line": 3}),
        ((HEADER + GOOD).encode("utf-16"), {"rule": "HEADER", "line": 1}),
        (HEADER + GOOD + "1,a\0b,h1,2025-03-09,J06.9,1,10.00\n", {"rule": "TYPE", "line": 3, "columns": ["resident_id"]}),
    ],
)
def test_a_malformed_line_refuses_the_file(domain: Domain, text: str | bytes, place: dict[str, object]) -> None:
    assert refusal(domain, text) == place


def test_a_quote_inside_an_unquoted_field_is_text_and_an_empty_line_is_no_row(domain: Domain) -> None:
    rows = raw(domain, csv(domain, HEADER + '1,a"b"c,h1,2025-03-09,J06.9,1,10.00\n\n' + GOOD)).to_pylist()
    assert [row["resident_id"] for row in rows] == ['a"b"c', "a"]


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        ("visit_id,resident_id,hospital,visit_date,code,ward\n", "COLUMN_MISSING"),
        ("visit_id,resident_id,hospital,visit_date,code,ward,cost,secret name\n", "COLUMN_UNDECLARED"),
        ("visit_id,resident_id,hospital,visit_date,code,cost,cost\n", "COLUMN_MISSING"),
        ("visit_id,visit_id,resident_id,hospital,visit_date,code,ward,cost\n", "COLUMN_TWICE"),
        ("", "COLUMN_MISSING"),
        ('"visit_id\n', "HEADER"),
    ],
)
def test_the_header_is_exactly_the_declared_columns(domain: Domain, header: str, rule: str) -> None:
    facts = refusal(domain, header)
    assert facts["rule"] == rule
    assert "secret" not in str(facts)


def test_a_header_without_rows_is_an_empty_table(domain: Domain) -> None:
    assert raw(domain, csv(domain, HEADER)).num_rows == 0


def test_parquet_types_must_carry_the_declared_values_exactly(domain: Domain) -> None:
    good = visits([visit("a")])
    narrow = good.set_column(0, "visit_id", pa.array([1], pa.int16())).set_column(
        6, "cost", pa.array([Decimal("1.500")], pa.decimal128(12, 3))
    )
    assert raw(domain, domain.ingest(VISITS, narrow)).to_pylist()[0]["cost"] == Decimal("1.50")
    for place, name, array, rule in (
        (6, "cost", pa.array([1.5]), "COLUMN_TYPE"),
        (0, "visit_id", pa.array([1.0]), "COLUMN_TYPE"),
        (3, "visit_date", pa.array(["2025-01-01"]), "COLUMN_TYPE"),
        (3, "visit_date", pa.array([0], pa.timestamp("us")), "COLUMN_TYPE"),
        (1, "resident_id", pa.array([b"a"]), "COLUMN_TYPE"),
        (6, "cost", pa.array([Decimal("1.505")], pa.decimal128(12, 3)), "TYPE"),
        (0, "visit_id", pa.array([2**63], pa.uint64()), "TYPE"),
        (3, "visit_date", pa.array([2**31 - 1], pa.int32()).cast(pa.date32()), "TYPE"),
    ):
        with pytest.raises(YuneiError) as refused:
            domain.ingest(VISITS, good.set_column(place, name, array))
        facts = refused.value.facts
        if rule == "TYPE":
            assert facts["places"] == [{"file": "visits.parquet", "row": 1, "rule": "TYPE", "columns": [name]}]
        else:
            assert (facts["rule"], facts["column"]) == ("COLUMN_TYPE", name)


def test_what_is_no_parquet_file_is_refused(domain: Domain) -> None:
    file = domain.root / "visits.parquet"
    file.write_bytes(b"PAR1 secret PAR1")
    with pytest.raises(YuneiError) as refused:
        domain.ingest_file(VISITS, file)
    assert (refused.value.code, refused.value.facts["rule"]) == ("DATA_INVALID", "FORMAT")
    other = domain.root / "visits.xlsx"
    other.write_bytes(b"")
    with pytest.raises(YuneiError) as unknown:
        domain.ingest_file(VISITS, other)
    assert unknown.value.facts["rule"] == "FORMAT"


def test_a_parquet_file_with_spoilt_pages_is_refused_and_leaves_nothing(domain: Domain) -> None:
    file = domain.root / "visits.parquet"
    pq.write_table(visits([visit(f"r{number}", number) for number in range(5000)]), file, compression="snappy")
    whole = file.read_bytes()
    file.write_bytes(whole[:200] + b"\0" * 2000 + whole[2200:])
    assert pq.read_metadata(file).num_rows == 5000, "its footer is whole"
    with pytest.raises(YuneiError) as refused:
        domain.ingest_file(VISITS, file)
    assert (refused.value.code, refused.value.facts["rule"]) == ("DATA_INVALID", "FORMAT")
    assert list((domain.data / "raw" / "visits").iterdir()) == []


def test_the_same_bytes_again_are_the_same_snapshot(domain: Domain) -> None:
    first = csv(domain, HEADER + GOOD)
    events = len(domain.audit.events)
    assert csv(domain, HEADER + GOOD) == first
    assert len(domain.audit.events) == events
    second = csv(domain, HEADER + GOOD + GOOD)
    assert second != first
    assert csv(domain, HEADER + GOOD) not in {first, second}, "data that come back are the newest again"


def test_a_changed_declaration_reads_the_same_bytes_anew(domain: Domain) -> None:
    first = csv(domain, HEADER + GOOD)
    columns = {
        **VISITS.model_dump(mode="json")["columns"],
        "cost": {"type": "decimal(12,2)", "category": "measure", "level": "L3"},
    }
    wider = CatalogItem.model_validate({**VISITS.model_dump(mode="json"), "version": 2, "columns": columns})
    second = csv(domain, HEADER + GOOD, wider)
    assert second != first
    assert raw(domain, second).schema.field("cost").type == pa.decimal128(12, 2)


def test_outside_a_snapshot_is_an_identifier_and_a_commitment(domain: Domain) -> None:
    snapshot = domain.ingest(RESIDENTS, residents([resident("a")]))
    event = next(one for one in domain.audit.events if one.type == "snapshot.ingested")
    with domain.db.read() as tx:
        kept = store.newest_snapshot(tx, "residents")
    assert kept is not None
    assert (event.type, event.subject, event.tenants) == ("snapshot.ingested", snapshot, ("org-civil",))
    assert set(event.payload) == {"table", "commitment"}
    assert kept.digest not in str(event)
    assert kept.source_digest not in str(event)


def told(domain: Domain, table: str) -> object:
    """Return what the institution was told when rows of its table came in last."""
    event = [one for one in domain.audit.events if one.type == "snapshot.checked"][-1]
    assert (event.payload["table"], event.tenants) == (table, ("org-civil" if table == "residents" else "org-health",))
    return event.payload["violations"]


NOTHING = Violations().as_json()


def test_the_institution_is_told_what_breaks_the_declaration_when_its_rows_come_in(domain: Domain) -> None:
    born = [date(1929, 12, 31), date(1930, 1, 1), date(2020, 12, 31), date(2021, 1, 1), None]
    people = [(f"p{i}", "n", ("f", "x", None)[i % 3], day, "d", (-1, 0, 1000, 1001, None)[i]) for i, day in enumerate(born)]
    domain.ingest(RESIDENTS, residents([*people, (None, "n", "m", None, "d", 5), people[1]]))
    broken = {"null_unit": 1, "over_cap": 1, "domain": {"gender": 3}, "bounds": {"birth_date": 2, "income": 2}}
    assert told(domain, "residents") == {**NOTHING, **broken}
    domain.ingest(VISITS, visits([visit("a", i) for i in range(5)] + [visit("b", 9)]))
    assert told(domain, "visits") == {**NOTHING, "over_cap": 2}
    domain.ingest(HOSPITALS, hospitals([("h1", "A"), ("h1", "C"), ("h1", None), (None, "B"), (None, "B")]))
    assert told(domain, "hospitals") == {**NOTHING, "duplicate": 2, "domain": {"tier": 1}}


def test_what_keeps_the_declaration_is_told_as_well(domain: Domain) -> None:
    domain.ingest(RESIDENTS, residents([resident("a"), resident("b")]))
    assert told(domain, "residents") == NOTHING


@pytest.mark.parametrize(("declared", "outside"), [(["0.005", "10"], 1), (["-99999999999", "99999999999"], 0)])
def test_a_bound_that_its_type_cannot_hold_is_compared_with_all_the_same(
    domain: Domain, declared: list[str], outside: int
) -> None:
    cost = {"type": "decimal(10,2)", "category": "measure", "level": "L3", "bounds": declared}
    item = CatalogItem.model_validate(
        VISITS.model_dump(mode="json") | {"columns": {**VISITS.model_dump(mode="json")["columns"], "cost": cost}}
    )
    csv(domain, HEADER + "1,a,h1,,K,1,0.00\n2,b,h1,,K,2,10.00\n", item)
    assert told(domain, "visits") == {**NOTHING, "bounds": {"cost": outside} if outside else {}}


def test_a_column_without_null_counts_a_missing_value(domain: Domain) -> None:
    tier = {"type": "text", "category": "dimension", "level": "L1", "domain": ["A", "B"], "nullable": False}
    item = CatalogItem.model_validate(
        HOSPITALS.model_dump(mode="json") | {"columns": {**HOSPITALS.model_dump(mode="json")["columns"], "tier": tier}}
    )
    domain.ingest(item, hospitals([("h1", "A"), ("h2", None), ("h3", "C")]))
    assert told(domain, "hospitals") == {**NOTHING, "domain": {"tier": 2}}


def test_an_ingest_that_is_rolled_back_registers_nothing(domain: Domain) -> None:
    file = domain.root / "visits.parquet"
    pq.write_table(visits([visit("a")]), file)
    taken = domain.intake.take(VISITS, file)
    with pytest.raises(RuntimeError), domain.db.write() as tx:  # noqa: PT012 - the failure follows within one transaction
        domain.intake.register(tx, taken, VISITS, "per-test")
        raise RuntimeError
    with domain.db.read() as tx:
        assert store.newest_snapshot(tx, "visits") is None


def test_catalog_versions_only_grow(domain: Domain) -> None:
    again = RESIDENTS.model_copy(update={"title": "other"})
    with domain.db.write() as tx:
        assert domain.catalog.put(tx, RESIDENTS, "per-test") is False
        with pytest.raises(YuneiError) as refused:
            domain.catalog.put(tx, again, "per-test")
        assert refused.value.code == "CATALOG_VERSION_USED"
        assert domain.catalog.put(tx, again.model_copy(update={"version": 2}), "per-test") is True
        assert domain.catalog.items(tx).items["residents"].title == "other"
        assert domain.catalog.items(tx).items["visits"] == VISITS


def test_canaries_are_kept_once(domain: Domain) -> None:
    with domain.db.write() as tx:
        domain.supply.put_canaries(tx, ["b", "a", "b"])
        domain.supply.put_canaries(tx, ["c", "a"])
        assert domain.supply.canaries(tx) == ("a", "b", "c")


def test_nothing_of_an_ingest_stays_in_scratch(domain: Domain) -> None:
    csv(domain, HEADER + GOOD)
    assert list((domain.data / "raw" / ".scratch").iterdir()) == []
    (kept,) = (domain.data / "raw" / "visits").iterdir()
    assert sorted(path.name for path in kept.iterdir()) == ["manifest.json", "rows.parquet"]


FLAGS = CatalogItem.model_validate(
    {
        "table": "flags",
        "lineage": "test.flags",
        "institution": "org-health",
        "public": True,
        "columns": {"flag": {"type": "boolean", "category": "dimension", "level": "L1"}},
    }
)


def test_booleans_are_true_or_false(domain: Domain) -> None:
    snapshot = csv(domain, "flag\ntrue\nFALSE\n", FLAGS)
    assert pq.read_table(domain.data / "raw" / "flags" / snapshot / "rows.parquet")["flag"].to_pylist() == [True, False]
    assert domain.ingest(FLAGS, pa.table({"flag": [True, None]})) != snapshot
    for word in ("1", "yes", "t"):
        with pytest.raises(YuneiError) as refused:
            csv(domain, f"flag\n{word}\n", FLAGS)
        assert refused.value.facts["places"] == [{"file": "supplied.csv", "line": 2, "rule": "TYPE", "columns": ["flag"]}]


def _people(domain: Domain, keys: list[str]) -> Path:
    file = domain.root / "people.csv"
    lines = (f"{key},n,f,1990-01-01,d,5\n" for key in keys)
    file.write_text("resident_id,name,gender,birth_date,district,income\n" + "".join(lines), encoding="utf-8")
    return file


def test_more_units_than_the_size_band_are_refused_without_a_value_or_a_count(domain: Domain) -> None:
    narrow = RESIDENTS.model_copy(update={"unit": RESIDENTS.unit.model_copy(update={"size_band": 10})})
    ten = [f"id-{number}" for number in range(10)]
    assert domain.ingest_file(narrow, _people(domain, [*ten, "id-3", ""])), "a unit twice, or none, is no unit more"
    with pytest.raises(YuneiError) as refused:
        domain.ingest_file(narrow, _people(domain, [*ten, "id-10"]))
    assert refused.value.code == "DATA_INVALID"
    assert refused.value.facts == {"file": "people.csv", "table": "residents", "rule": "SIZE_BAND", "column": "resident_id"}

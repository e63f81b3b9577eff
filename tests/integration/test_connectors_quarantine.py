"""Rows that do not fit: all named, set aside as supplied where the catalog admits it, and never lost in silence."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import intake, quarantine, store
from connectors.quarantine import MOST_PLACES
from policies.catalog import CatalogItem
from sandbox.kernel.errors import YuneiError
from tests.supply_domain import GOOD, HEADER, RESIDENTS, VISITS, Domain, resident, residents, visit, visits


def admitting(most: int, item: CatalogItem = VISITS) -> CatalogItem:
    return item.model_copy(update={"max_bad_rows": most})


def supplied(domain: Domain, text: str) -> Path:
    file = domain.root / "supplied.csv"
    file.write_bytes(text.encode())
    return file


def refusal(domain: Domain, source: Path, item: CatalogItem) -> dict[str, Any]:
    with pytest.raises(YuneiError) as refused:
        domain.ingest_file(item, source)
    assert refused.value.code == "DATA_INVALID"
    return dict(refused.value.facts)


def place(line: int, rule: str = "TYPE", *columns: str, file: str = "supplied.csv") -> dict[str, Any]:
    return {"file": file, "line": line, "rule": rule, **({"columns": [*columns]} if columns else {})}


def kept(domain: Domain, snapshot: str, item: CatalogItem = VISITS) -> Path:
    return domain.data / "raw" / item.table / snapshot


def told(domain: Domain, snapshot: str) -> object:
    (event,) = [one for one in domain.audit.events if one.type == "snapshot.quarantined" and one.subject == snapshot]
    assert event.tenants == ("org-health",)
    return event.payload


BAD = (
    HEADER
    + 'x,a,h1,,"two\nlines",1,\n'  # lines 2 and 3
    + "\n"
    + "2,a,h1\n"  # line 5
    + GOOD
    + "3,a,h1,2025-13-01,K,y,\n"  # line 7, two columns
    + "4,a,h1,,K,1,,more\n"  # line 8
    + "5,b,h2,,K,2,1.00"
)
PLACES = [
    place(2, "TYPE", "visit_id"),
    place(5, "COLUMN_COUNT"),
    place(7, "TYPE", "visit_date", "ward"),
    place(8, "COLUMN_COUNT"),
]


def test_every_bad_row_is_named_by_its_line_and_nothing_is_taken_in(domain: Domain) -> None:
    facts = refusal(domain, supplied(domain, BAD), VISITS)
    assert facts == {"table": "visits", "rule": "BAD_ROWS", "bad_rows": 4, "max_bad_rows": 0, "places": PLACES}
    assert list((domain.data / "raw" / "visits").iterdir()) == []
    assert refusal(domain, supplied(domain, BAD), admitting(3))["bad_rows"] == 4


def test_bad_rows_are_set_aside_as_supplied_and_the_others_come_in(domain: Domain) -> None:
    snapshot = domain.ingest_file(admitting(4), supplied(domain, BAD))
    assert pq.read_table(kept(domain, snapshot) / "rows.parquet")["visit_id"].to_pylist() == [1, 5]
    aside = kept(domain, snapshot) / "quarantine"
    records = 'x,a,h1,,"two\nlines",1,\n2,a,h1\n3,a,h1,2025-13-01,K,y,\n4,a,h1,,K,1,,more\n'
    assert (aside / "supplied.csv").read_text() == HEADER + records
    assert json.loads((aside / "places.json").read_text()) == PLACES
    assert told(domain, snapshot) == {
        "table": "visits",
        "rows": 4,
        "rules": {"COLUMN_COUNT": 2, "TYPE": 2},
        "columns": {"visit_id": 1, "visit_date": 1, "ward": 1},
    }
    assert {path.stat().st_mode & 0o077 for path in [aside, *aside.iterdir()]} == {0}


def test_what_was_set_aside_can_be_mended_and_supplied(domain: Domain) -> None:
    text = HEADER + GOOD + "x,a,h1,,K,1,\n"
    snapshot = domain.ingest_file(admitting(1), supplied(domain, text))
    mended = (kept(domain, snapshot) / "quarantine" / "supplied.csv").read_text().replace("x,", "7,")
    again = domain.ingest_file(VISITS, supplied(domain, mended))
    assert pq.read_table(kept(domain, again) / "rows.parquet")["visit_id"].to_pylist() == [7]


def test_bad_rows_of_parquet_are_named_by_their_number(domain: Domain) -> None:
    file = domain.root / "visits.parquet"
    pq.write_table(visits([visit("a", 1), visit("b\0", 2), visit("c", 3), visit("d\0", 4)]), file)
    found = [{"file": "visits.parquet", "row": row, "rule": "TYPE", "columns": ["resident_id"]} for row in (2, 4)]
    assert refusal(domain, file, admitting(1))["places"] == found
    snapshot = domain.ingest_file(admitting(2), file)
    assert pq.read_table(kept(domain, snapshot) / "rows.parquet")["visit_id"].to_pylist() == [1, 3]
    aside = kept(domain, snapshot) / "quarantine"
    assert pq.read_table(aside / "visits.parquet")["visit_id"].to_pylist() == [2, 4]
    assert json.loads((aside / "places.json").read_text()) == found


def test_the_limit_is_of_the_whole_delivery(domain: Domain) -> None:
    folder = domain.root / "visits"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.csv").write_text(HEADER + GOOD + "x,a,h1,,K,1,\n")
    names = [f"visits/{name}.csv" for name in ("a", "b")]
    assert refusal(domain, folder, admitting(1))["places"] == [place(3, "TYPE", "visit_id", file=name) for name in names]
    snapshot = domain.ingest_file(admitting(2), folder)
    assert sorted(path.name for path in (kept(domain, snapshot) / "quarantine").iterdir()) == ["a.csv", "b.csv", "places.json"]


def test_a_refusal_names_a_hundred_places_and_counts_all(domain: Domain) -> None:
    facts = refusal(domain, supplied(domain, HEADER + "x,a,h1,,K,1,\n1,a\n" * 150), admitting(10))
    assert facts["bad_rows"] == 300
    assert [one["line"] for one in facts["places"]] == list(range(2, MOST_PLACES + 2))


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        (GOOD + "2,a\n" + '1,"a,h1\n' + GOOD, "QUOTING", 4),
        (GOOD + '1,"a\n2,a,h1,,K,1,"\n' + GOOD, "QUOTING", 3),
        (GOOD + "1,a\rb,h1,,K,1,\n", "STRUCTURE", 3),
        ("2,a\n" + "z" * 2_000_001 + "\n", "LINE_TOO_LONG", 3),
    ],
)
def test_what_may_have_swallowed_other_rows_refuses_the_file(domain: Domain, text: str, rule: str, line: int) -> None:
    facts = refusal(domain, supplied(domain, HEADER + text), admitting(1000))
    assert facts == {"file": "supplied.csv", "table": "visits", "rule": rule, "line": line}


def test_units_are_counted_over_rows_that_fit(domain: Domain) -> None:
    rows = [(f"r{i}", "n", "f", None, "d", 5) for i in range(1000)]
    file = domain.root / "residents.parquet"
    pq.write_table(residents([*rows, ("bad\0", "n", "f", None, "d", 5)]), file)
    domain.ingest_file(admitting(1, RESIDENTS), file)


@pytest.mark.parametrize("change", ["max_bad_rows", "bounds", "max_rows"])
def test_another_declaration_reads_the_same_bytes_anew(domain: Domain, change: str) -> None:
    document = VISITS.model_dump(mode="json")
    if change == "max_bad_rows":
        document["max_bad_rows"] = 5
    elif change == "bounds":
        document["columns"]["cost"]["bounds"] = ["0", "5"]
    else:
        document["unit"]["max_rows"] = 2
    source = supplied(domain, HEADER + GOOD)
    first = domain.ingest_file(VISITS, source)
    second = domain.ingest_file(CatalogItem.model_validate(document), source)
    assert first != second
    assert domain.ingest_file(CatalogItem.model_validate(document), source) == second


def test_no_value_of_a_bad_row_is_told(domain: Domain) -> None:
    text = HEADER + GOOD + "secret,a,h1,,K,1,\nsecret,b\n"
    domain.ingest_file(admitting(2), supplied(domain, text))
    assert "secret" not in str(domain.audit.events)
    assert "secret" not in str(refusal(domain, supplied(domain, text), admitting(1)))


# an act that died


def test_what_an_act_that_died_took_in_is_not_read_again(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    source = supplied(domain, BAD)
    left = domain.intake.take(admitting(4), source)

    def read_again(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(intake, "examine", read_again)
    assert domain.ingest_file(admitting(4), source) == left.id
    assert told(domain, left.id) == {"table": "visits", **(left.quarantined or {})}
    assert [path.name for path in (domain.data / "raw" / "visits").iterdir()] == [left.id]


@pytest.mark.parametrize("spoilt", ["rows.parquet", "manifest.json"])
def test_what_was_left_and_is_not_whole_is_read_again(domain: Domain, spoilt: str) -> None:
    source = supplied(domain, HEADER + GOOD)
    left = domain.intake.take(VISITS, source)
    (kept(domain, left.id) / spoilt).write_bytes(b"{}")
    snapshot = domain.ingest_file(VISITS, source)
    assert snapshot != left.id
    assert pq.read_table(kept(domain, snapshot) / "rows.parquet").num_rows == 1


def test_data_taken_in_are_not_registered_after_others_came_in_between(domain: Domain) -> None:
    first, second = (HEADER + GOOD * count for count in (1, 2))
    domain.ingest_file(VISITS, supplied(domain, first))
    taken = domain.intake.take(VISITS, supplied(domain, first))
    domain.ingest_file(VISITS, supplied(domain, second))
    with pytest.raises(YuneiError) as refused, domain.db.write() as tx:
        domain.intake.register(tx, taken, VISITS, "per-test")
    assert refused.value.facts["rule"] == "CHANGED_MEANWHILE"
    with domain.db.read() as tx:
        newest = store.newest_snapshot(tx, "visits")
    assert newest is not None
    assert newest.rows == 2


def test_a_snapshot_that_changed_on_disk_is_replaced_by_supplying_it_again(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    [raw] = (domain.data / "raw" / "visits").glob("snp-*/rows.parquet")
    raw.write_bytes(raw.read_bytes() + b" ")
    domain.load([resident("a")], [visit("a")])
    assert domain.build()["visits"].num_rows == 1
    assert len(list((domain.data / "raw" / "visits").glob("snp-*/rows.parquet"))) == 2, "history is kept"
    assert len(list((domain.data / "raw" / "residents").glob("snp-*/rows.parquet"))) == 1


# no row is lost

CELLS = st.sampled_from(["x", "", "1", "7", '"q""t"', '"n\nl"', '"c,c"', 'w"w', "é", '"1"', "#"])
LINES = st.lists(st.lists(CELLS, min_size=1, max_size=5).map(",".join), max_size=12)
NUMBER = {"type": "integer", "category": "dimension", "level": "L1"}
PAIRS = CatalogItem.model_validate(
    {
        "table": "pairs",
        "lineage": "test.pairs",
        "institution": "org-health",
        "public": True,
        "max_bad_rows": 100,
        "columns": {
            "number": {**NUMBER},
            "word": {"type": "text", "category": "dimension", "level": "L1"},
            "other": {"type": "text", "category": "dimension", "level": "L1"},
        },
    }
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, end=st.sampled_from(["\n", "\r\n"]))
def test_rows_and_quarantine_together_are_the_file(domain: Domain, lines: list[str], end: str) -> None:
    text = end.join(["number,word,other", *(line.replace("\n", end) for line in lines)]) + end
    records = [record for record in list(csv.reader(StringIO(text, newline="")))[1:] if record]
    if any(len(record) != 3 and "\n" in "".join(record) for record in records):  # it may have swallowed others
        assert refusal(domain, supplied(domain, text), PAIRS)["rule"] == "QUOTING"
        return
    snapshot = domain.ingest_file(PAIRS, supplied(domain, text))
    rows = pq.read_table(kept(domain, snapshot, PAIRS) / "rows.parquet").to_pylist()
    aside = kept(domain, snapshot, PAIRS) / "quarantine" / "supplied.csv"
    wrong = list(csv.reader(StringIO(aside.read_bytes().decode(), newline="")))[1:] if aside.exists() else []
    assert len(rows) + len(wrong) == len(records)
    fits = [one for one in records if (len(one) == 3 or not any(one[3:])) and len(one) >= 3 and (one[0] in {"", "1", "7"})]
    assert [[str(row["number"] or ""), row["word"] or "", row["other"] or ""] for row in rows] == [one[:3] for one in fits]
    assert wrong == [one for one in records if one not in fits]


NUMBERS = CatalogItem.model_validate({**PAIRS.model_dump(mode="json"), "table": "numbers", "columns": {"number": {**NUMBER}}})


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.sampled_from(["", "", "1", "x", '""', '"7"', "7,", "7,8", " "]), max_size=12))
def test_an_empty_line_of_one_column_is_a_row_and_shifts_no_other(domain: Domain, lines: list[str]) -> None:
    snapshot = domain.ingest_file(NUMBERS, supplied(domain, "\n".join(["number", *lines]) + "\n"))
    fits = {"": None, "1": 1, '"7"': 7, "7,": 7}
    found = pq.read_table(kept(domain, snapshot, NUMBERS) / "rows.parquet")["number"].to_pylist()
    assert found == [fits[line] for line in lines if line in fits]
    aside = kept(domain, snapshot, NUMBERS) / "quarantine" / "supplied.csv"
    wrong = aside.read_text().splitlines()[1:] if aside.exists() else []
    assert wrong == [line for line in lines if line not in fits]


def test_rows_that_the_two_readers_count_otherwise_are_not_set_aside(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    read = quarantine.records
    monkeypatch.setattr(quarantine, "records", lambda path: (one for one in read(path) if one.line != 3))
    facts = refusal(domain, supplied(domain, HEADER + GOOD * 2 + "x,a,h1,,K,1,\n"), admitting(5))
    assert facts["rule"] == "STRUCTURE"


def test_types_of_the_catalog_field() -> None:
    for wrong in (-1, 100_001, "3", True, 1.5):
        with pytest.raises(ValueError, match="max_bad_rows"):
            CatalogItem.model_validate({**VISITS.model_dump(mode="json"), "max_bad_rows": wrong})

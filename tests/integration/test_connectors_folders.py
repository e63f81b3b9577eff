"""Ingest of a folder: its files are one table, in the order of their names, or the one that does not fit is named."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import store
from connectors.model import Snapshot
from sandbox.kernel.errors import YuneiError
from tests.supply_domain import GOOD, HEADER, RESIDENTS, VISITS, Domain, resident, residents, visit, visits


def raw(domain: Domain, snapshot: str) -> pa.Table:
    return pq.read_table(domain.data / "raw" / "visits" / snapshot / "rows.parquet")


def newest(domain: Domain) -> Snapshot:
    with domain.db.read() as tx:
        found = store.newest_snapshot(tx, "visits")
    assert found is not None
    return found


def folder(domain: Domain, **texts: str) -> Path:
    made = domain.root / "visits"
    made.mkdir()
    for name, text in texts.items():
        (made / f"{name}.csv").write_text(text)
    return made


def test_a_folder_is_one_snapshot_in_the_order_of_its_names(domain: Domain) -> None:
    lines = [f"{number},a,h1,,K,1,1.00\n" for number in range(5)]
    made = folder(
        domain,
        b=HEADER + "".join(lines[2:]),
        a=HEADER + lines[0],
        a2="resident_id,visit_id,hospital,visit_date,code,ward,cost\na,1,h1,,K,1,1.00\n",
    )
    together = raw(domain, domain.ingest_file(VISITS, made))
    assert together["visit_id"].to_pylist() == [0, 1, 2, 3, 4]
    parts = newest(domain)
    file = domain.root / "supplied.csv"
    file.write_text(HEADER + "".join(lines))
    domain.ingest_file(VISITS, file)
    whole = newest(domain)
    assert (parts.digest, parts.rows) == (whole.digest, whole.rows), "equal rows are equal bytes, however they were supplied"
    assert parts.source_digest != whole.source_digest
    left = [path.name for path in (domain.data / "raw" / "visits").iterdir()]
    assert sorted(left) == sorted([parts.id, whole.id]), "no copy stays"


def test_the_same_folder_again_is_the_same_snapshot_and_a_renamed_file_is_not(domain: Domain) -> None:
    made = folder(domain, a=HEADER + GOOD, b=HEADER + "2,b,h1,,K,2,\n")
    first = domain.ingest_file(VISITS, made)
    assert domain.ingest_file(VISITS, made) == first
    (made / "b.csv").rename(made / "0.csv")
    second = domain.ingest_file(VISITS, made)
    assert second != first
    assert raw(domain, second)["visit_id"].to_pylist() == [2, 1]


def test_files_of_a_folder_may_have_types_of_their_own(domain: Domain) -> None:
    made = domain.root / "visits"
    made.mkdir()
    rows = visits([visit("a", 1), visit("b", 2)])
    pq.write_table(rows, made / "1.parquet")
    pq.write_table(rows.set_column(0, "visit_id", rows["visit_id"].cast(pa.int16())), made / "2.parquet")
    assert raw(domain, domain.ingest_file(VISITS, made))["visit_id"].type == pa.int64()


@pytest.mark.parametrize(
    ("second", "place"),
    [
        (HEADER + GOOD + "x,a,h1,,K,1,\n", {"line": 3, "rule": "TYPE", "columns": ["visit_id"]}),
        (HEADER + GOOD + "1,a\n", {"rule": "COLUMN_COUNT", "line": 3}),
        ("visit_id,hospital\n", {"rule": "COLUMN_MISSING", "column": "resident_id"}),
    ],
)
def test_a_file_that_does_not_fit_refuses_the_folder_and_is_named(domain: Domain, second: str, place: dict[str, object]) -> None:
    made = folder(domain, a=HEADER + GOOD * 3, b=second)
    with pytest.raises(YuneiError) as refused:
        domain.ingest_file(VISITS, made)
    facts = dict(refused.value.facts)
    if facts["rule"] == "BAD_ROWS":
        facts = {"table": "visits", **facts["places"][0]}
    assert facts == {"file": "visits/b.csv", "table": "visits", **place}
    assert list((domain.data / "raw" / "visits").iterdir()) == []


def test_units_are_counted_over_all_files(domain: Domain) -> None:
    made = domain.root / "residents"
    made.mkdir()
    for number in (0, 1):
        pq.write_table(residents([resident(f"{number} {i}") for i in range(600)]), made / f"{number}.parquet")
    with pytest.raises(YuneiError) as refused:
        domain.ingest_file(RESIDENTS, made)
    assert refused.value.facts["rule"] == "SIZE_BAND"


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda made: (made / "a.csv").unlink(), "FILES"),
        (lambda made: (made / "notes.txt").write_text("x"), "FORMAT"),
        (lambda made: pq.write_table(visits([]), made / "b.parquet"), "FORMAT"),
        (lambda made: (made / "deeper").mkdir(), "FILE_NOT_PLAIN"),
        (lambda made: (made / "b.csv").symlink_to(made / "a.csv"), "FILE_NOT_PLAIN"),
    ],
)
def test_a_folder_holds_files_of_one_format_and_nothing_else(domain: Domain, spoil, rule: str) -> None:
    made = folder(domain, a=HEADER + GOOD)
    spoil(made)
    with pytest.raises(YuneiError) as refused:
        domain.ingest_file(VISITS, made)
    assert dict(refused.value.facts) == {"file": "visits", "table": "visits", "rule": rule}

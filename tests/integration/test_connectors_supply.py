"""Extracts in final form: every declared constraint is enforced, whatever the data hold."""

import errno
import os
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from connectors import files
from connectors.model import Violations
from policies.grant import PSEUDONYM, RANK, UNIT
from sandbox.kernel.errors import YuneiError
from tests.supply_domain import (
    AGREEMENT,
    GRANTED_HOSPITALS,
    GRANTED_RESIDENTS,
    GRANTED_VISITS,
    HOSPITALS,
    KEY_SPACE,
    RESIDENTS,
    SEEN,
    VISITS,
    Domain,
    column,
    hospitals,
    make_grant,
    resident,
    residents,
    visit,
    visits,
    with_filter,
)


def counts(**found: object) -> dict[str, object]:
    return Violations().as_json() | found


def test_only_granted_columns_and_the_three_added_ones_are_supplied(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    tables = domain.build()
    assert tables["residents"].schema.names == ["resident_id", "gender", "birth_date", "income", UNIT, PSEUDONYM, RANK]
    assert tables["hospitals"].schema.names == ["hospital", "tier"]
    types = {field.name: field.type for field in tables["visits"].schema}
    assert types == {
        "resident_id": pa.uint64(),
        "hospital": pa.string(),
        "visit_date": pa.date32(),
        "code": pa.string(),
        "ward": pa.int64(),
        "cost": pa.decimal128(10, 2),
        UNIT: pa.int64(),
        PSEUDONYM: pa.uint64(),
        RANK: pa.uint64(),
    }


def test_pseudonyms_join_two_tables_and_differ_between_agreements(domain: Domain) -> None:
    domain.load([resident("a"), resident("b")], [visit("a"), visit("b"), visit("b", 2, "K29.5")])
    tables = domain.build()
    by_unit = dict(zip(tables["residents"]["resident_id"].to_pylist(), tables["residents"][UNIT].to_pylist(), strict=True))
    seen = tables["visits"].select(["resident_id", UNIT, PSEUDONYM]).to_pylist()
    assert {row["resident_id"] for row in seen} == set(by_unit)
    assert all(by_unit[row["resident_id"]] == row[UNIT] and row[PSEUDONYM] == row["resident_id"] for row in seen)
    domain.supply.build(make_grant(agreement="agr-other"), "prod", "per-test")
    with domain.db.read() as tx:
        other = domain.supply.workspace(tx, "agr-other", "prod")
    assert other is not None
    assert set(domain.read(other)["residents"]["resident_id"].to_pylist()).isdisjoint(by_unit)


def test_dense_unit_ids_follow_pseudonyms_and_rows_are_sorted_by_them(domain: Domain) -> None:
    domain.load([resident(f"p{i:03d}") for i in range(200)], [visit(f"p{i % 200:03d}", i, f"C{i:03d}") for i in range(400)])
    tables = domain.build()
    rows = tables["residents"]
    assert rows[UNIT].to_pylist() == list(range(200))
    assert rows[PSEUDONYM].to_pylist() == sorted(rows[PSEUDONYM].to_pylist())
    order = list(zip(tables["visits"][UNIT].to_pylist(), tables["visits"][RANK].to_pylist(), strict=True))
    assert order == sorted(order)


def test_rows_without_a_unit_are_dropped_and_counted_for_the_institution_only(domain: Domain) -> None:
    domain.load([resident("a"), resident(None)], [visit("a"), visit(None), visit("ghost"), visit("ghost", 2)])
    tables = domain.build()
    assert tables["residents"].num_rows == 1
    assert tables["visits"].num_rows == 1
    assert domain.audit.violations("visits") == counts(null_unit=1, orphan=2)
    assert domain.audit.violations("residents") == counts(null_unit=1)
    built = [event for event in domain.audit.events if event.type == "extract.built" and event.payload["table"] == "visits"]
    assert [event.tenants for event in built] == [("org-health",)]


def test_a_unit_keeps_its_lowest_ranks_up_to_the_cap(domain: Domain) -> None:
    seen = [visit("a", i, f"A{i:02d}") for i in range(10)] + [visit("b", 1)]
    domain.load([resident("a"), resident("b")], seen)
    capped = domain.build()["visits"]
    all_rows = domain.build(make_grant(GRANTED_RESIDENTS, replace(GRANTED_VISITS, max_rows=10), digest="sha256:" + "2" * 64))[
        "visits"
    ]
    per_unit = Counter(capped[PSEUDONYM].to_pylist())
    assert sorted(per_unit.values()) == [1, 3]
    heavy = max(per_unit, key=lambda pid: per_unit[pid])
    by_rank = {row[RANK]: row["code"] for row in all_rows.to_pylist() if row[PSEUDONYM] == heavy}
    assert sorted(by_rank) == list(range(10))
    assert {row[RANK]: row["code"] for row in capped.to_pylist() if row[PSEUDONYM] == heavy} == {
        rank: by_rank[rank] for rank in range(3)
    }
    assert domain.audit.events[-1].payload["table"] == "visits"
    assert counts(over_cap=7) in [event.payload.get("violations") for event in domain.audit.events]


def test_the_unit_table_has_one_row_per_unit(domain: Domain) -> None:
    domain.load([resident("a", income=1), resident("a", income=2), resident("b")], [visit("a")])
    rows = domain.build()["residents"]
    assert rows.num_rows == 2
    assert len(set(rows["resident_id"].to_pylist())) == 2
    assert domain.audit.violations("residents") == counts(over_cap=1)


def test_equal_rows_of_a_unit_have_different_ranks(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a"), visit("a"), visit("a")])
    rows = domain.build()["visits"]
    assert rows.num_rows == 3
    assert len(set(rows[RANK].to_pylist())) == 3


def test_values_outside_domain_and_bounds_become_what_the_catalog_says(domain: Domain) -> None:
    people = [resident("a", "x", income=-5), resident("b", "m", date(1900, 2, 2), income=5000), resident("c", "f", income=None)]
    domain.load(people, [visit("a", cost="20000.01", ward=7), visit("b", cost="-3.00", ward=None), visit("c", cost=None)])
    tables = domain.build()
    people_rows = sorted(
        (row["gender"], row["birth_date"], row["income"]) for row in tables["residents"].to_pylist() if row["income"] is not None
    )
    assert people_rows == [("__other", date(1980, 1, 1), 0), ("m", date(1930, 1, 1), 1000)]
    seen = Counter((row["ward"], row["cost"]) for row in tables["visits"].to_pylist())
    assert seen == Counter([(None, Decimal("20000.00")), (None, Decimal("0.00")), (1, None)])
    expected = counts(domain={"gender": 1}, bounds={"birth_date": 1, "income": 2})
    assert domain.audit.violations("residents") == expected
    assert domain.audit.violations("visits") == counts(domain={"ward": 1}, bounds={"cost": 2})


@pytest.mark.parametrize(
    ("coarsen", "expected"),
    [("year", date(2025, 1, 1)), ("quarter", date(2025, 7, 1)), ("month", date(2025, 8, 1)), (None, date(2025, 8, 20))],
)
def test_dates_are_coarsened_to_the_first_day(domain: Domain, coarsen: str | None, expected: date) -> None:
    domain.load([resident("a")], [])
    domain.ingest(VISITS, visits([(1, "a", "h1", date(2025, 8, 20), "J06.9", 1, None)]))
    columns = dict(GRANTED_VISITS.columns) | {"visit_date": column("visit_date", "date", coarsen=coarsen)}
    rows = domain.build(make_grant(replace(GRANTED_VISITS, columns=columns)))["visits"]
    assert rows["visit_date"].to_pylist() == [expected]


def test_text_is_cut_to_its_prefix_by_characters(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a", code="合成编码")])
    assert domain.build()["visits"]["code"].to_pylist() == ["合成编"]


def test_an_unknown_coarsening_supplies_nothing(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    columns = dict(GRANTED_VISITS.columns) | {"visit_date": column("visit_date", "date", coarsen="week")}
    with pytest.raises(YuneiError) as refused:
        domain.build(make_grant(replace(GRANTED_VISITS, columns=columns)))
    assert refused.value.facts["rule"] == "COARSEN_UNKNOWN"
    assert no_extracts(domain)


def test_a_row_filter_may_use_a_column_that_is_not_granted(domain: Domain) -> None:
    people = [resident("a", district="north"), resident("b", district="south"), resident("c", district="east")]
    domain.load(people, [visit("a"), visit("b"), visit("c")])
    tables = domain.build(make_grant(with_filter(GRANTED_RESIDENTS, "district IN ('north', 'south')"), GRANTED_VISITS))
    assert tables["residents"].num_rows == 2
    assert "district" not in tables["residents"].schema.names
    assert set(tables["visits"]["resident_id"].to_pylist()) == set(tables["residents"]["resident_id"].to_pylist())
    assert domain.audit.violations("visits") == counts(), "rows of units that are not granted break nothing"


def test_a_granted_table_alone_still_has_its_units_from_their_own_table(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a"), visit("ghost")])
    tables = domain.build(make_grant(GRANTED_VISITS))
    assert list(tables) == ["visits"]
    assert tables["visits"].num_rows == 1


def test_another_key_column_gets_pseudonyms_of_its_key_space(domain: Domain) -> None:
    domain.load([resident("a"), resident("b")], [visit("a", 7), visit("b", 8)])
    columns = dict(GRANTED_VISITS.columns) | {
        "visit_id": column("visit_id", "integer", key_of="visits.visit_id"),
        "hospital": column("hospital", "text", key_of=KEY_SPACE),
    }
    rows = domain.build(make_grant(GRANTED_RESIDENTS, replace(GRANTED_VISITS, columns=columns)))["visits"]
    assert rows["visit_id"].type == pa.uint64()
    assert len(set(rows["visit_id"].to_pylist())) == 2
    assert len(set(rows["hospital"].to_pylist())) == 1, "one value, one pseudonym"


def test_a_public_key_is_unique_whatever_the_data_hold(domain: Domain) -> None:
    domain.load([], [], [("h1", "A"), ("h1", "B"), ("h2", "Z"), (None, "A")])
    rows = domain.build(make_grant(GRANTED_HOSPITALS))["hospitals"]
    assert rows.to_pylist() == [{"hospital": "h1", "tier": "A"}, {"hospital": "h2", "tier": "__other"}]
    assert domain.audit.violations("hospitals") == counts(duplicate=2, domain={"tier": 1})


def test_a_key_column_in_a_public_table_is_refused(domain: Domain) -> None:
    domain.load([], [])
    table = replace(GRANTED_HOSPITALS, columns={"hospital": column("hospital", "text", key_of=KEY_SPACE)})
    with pytest.raises(YuneiError) as refused:
        domain.build(make_grant(table))
    assert refused.value.facts["rule"] == "KEY_IN_PUBLIC_TABLE"


def test_equal_snapshots_and_keys_give_equal_bytes(domain: Domain) -> None:
    people = [resident(f"p{i}", income=i) for i in range(500)]
    domain.load(people, [visit(f"p{i % 480}", i, f"C{i % 7}") for i in range(3000)])
    domain.build()
    first = domain.workspace()
    domain.build(make_grant(digest="sha256:" + "3" * 64))
    second = domain.workspace()
    assert first.id != second.id
    assert [ref.digest for ref in first.extracts] == [ref.digest for ref in second.extracts]
    assert first.commitments != second.commitments, "a commitment has its own nonce"
    domain.ingest(RESIDENTS, residents(list(reversed(people))))
    domain.build(make_grant(digest="sha256:" + "3" * 64))
    assert [ref.digest for ref in domain.workspace().extracts] == [ref.digest for ref in first.extracts], (
        "order of supply says nothing"
    )


def test_building_again_changes_nothing_until_grant_or_data_change(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    first = domain.workspace()
    assert first.grant_digest == make_grant().digest
    domain.build()
    assert domain.workspace().id == first.id
    domain.ingest(VISITS, visits([visit("a", 2)]))
    domain.build()
    assert domain.workspace().id != first.id
    assert not domain.supply.vault.changed(first.extracts), "earlier extracts stay readable for replay"


def test_damaged_extracts_are_named_and_made_again(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    refs = domain.workspace().extracts
    Path(refs[0].path).write_bytes(b"x")
    Path(refs[1].path).unlink()
    assert set(domain.supply.vault.changed(refs)) == {refs[0].table, refs[1].table}
    domain.build()
    assert domain.supply.vault.changed(domain.workspace().extracts) == ()


def test_a_changed_snapshot_is_not_supplied(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    [raw] = (domain.data / "raw" / "visits").glob("snp-*/rows.parquet")
    raw.write_bytes(raw.read_bytes() + b" ")
    with pytest.raises(YuneiError) as refused:
        domain.build()
    assert refused.value.facts == {"table": "visits", "rule": "SNAPSHOT_CHANGED"}


def test_a_missing_snapshot_is_named(domain: Domain) -> None:
    with pytest.raises(YuneiError) as refused:
        domain.build()
    assert refused.value.facts["rule"] == "NOT_SUPPLIED"


def test_tables_of_two_units_are_refused(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    lone = replace(GRANTED_VISITS, references=None)
    with pytest.raises(YuneiError) as refused:
        domain.build(make_grant(GRANTED_RESIDENTS, lone))
    assert refused.value.facts["rule"] == "UNIT_NOT_ONE"
    with pytest.raises(YuneiError) as undeclared:
        domain.build(make_grant(lone))
    assert undeclared.value.facts["rule"] == "UNIT_NOT_DECLARED"


def test_no_workspace_is_known_before_it_was_built(domain: Domain) -> None:
    with domain.db.read() as tx:
        assert domain.supply.workspace(tx, AGREEMENT, "prod") is None


def no_extracts(domain: Domain) -> bool:
    with domain.db.read() as tx:
        registered = domain.supply.workspace(tx, AGREEMENT, "prod")
    return registered is None and not [path for path in (domain.data / "extracts").rglob("*") if path.is_file()]


def test_a_full_disk_leaves_nothing_half_made(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    domain.load([resident("a")], [visit("a")])

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "a path that must not show")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(YuneiError) as refused:
        domain.build()
    assert (refused.value.code, refused.value.facts) == ("DISK_FULL", {})
    with pytest.raises(YuneiError) as refused:
        domain.ingest(HOSPITALS, hospitals([("h9", "A")]))
    assert refused.value.code == "DISK_FULL"
    monkeypatch.undo()
    assert no_extracts(domain)
    assert len(list((domain.data / "raw" / "hospitals").iterdir())) == 1
    domain.build()
    assert list((domain.data / "raw" / ".scratch").iterdir()) == []


def test_a_failed_registration_removes_the_files(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    domain.load([resident("a")], [visit("a")])

    def broken(tx: object, event: object) -> int:
        raise RuntimeError

    monkeypatch.setattr(domain.audit, "append", broken)
    with pytest.raises(RuntimeError):
        domain.build()
    assert no_extracts(domain)


def test_an_empty_table_is_supplied_as_an_empty_table(domain: Domain) -> None:
    domain.load([], [])
    tables = domain.build()
    assert {name: table.num_rows for name, table in tables.items()} == {"residents": 0, "visits": 0, "hospitals": 2}
    assert tables["visits"].schema.field(UNIT).type == pa.int64()


def test_a_private_table_without_granted_columns_of_its_own_is_supplied(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    rows = domain.build(make_grant(replace(GRANTED_VISITS, columns={})))["visits"]
    assert rows.schema.names == [UNIT, PSEUDONYM, RANK]
    assert rows.num_rows == 1
    assert SEEN.isoformat() not in str(rows.to_pylist())


def test_a_workspace_leads_to_its_snapshots_and_a_snapshot_to_its_workspaces(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    domain.build(environment="dev")
    prod, dev = domain.workspace(), domain.workspace("dev")
    with domain.db.read() as tx:
        sources = {one.table: one.snapshot for one in domain.supply.sources(tx, prod.id)}
        assert set(sources) == {"residents", "visits", "hospitals"}
        assert all(one.snapshot is None for one in domain.supply.sources(tx, dev.id))
        assert domain.supply.workspaces_of(tx, str(sources["visits"])) == (prod.id,)
        assert domain.supply.extracts_of(tx, prod.id) == prod.extracts


def test_strays_of_acts_that_died_are_removed_and_nothing_else(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    kept = domain.workspace()
    raw = domain.data / "raw" / "visits"
    parent = domain.data / "extracts" / "prod" / AGREEMENT
    strays = [raw / ".snp-dead.partial", raw / "snp-dead", parent / "ext-dead", parent / ".ext-dead.partial"]
    for stray in strays:
        stray.mkdir()
    young = raw / ".snp-under-way.partial"
    young.mkdir()
    for path in [*strays, *raw.glob("snp-*"), *parent.glob("ext-*")]:
        os.utime(path, (1, 1))
    domain.ingest(VISITS, visits([visit("a", 2)]))
    domain.build()
    assert not any(stray.exists() for stray in strays)
    assert young.exists()
    assert len(list(raw.glob("snp-*/rows.parquet"))) == 2
    assert domain.supply.vault.changed([*kept.extracts, *domain.workspace().extracts]) == ()


def test_a_catalog_that_narrows_its_size_band_below_the_data_builds_nothing(domain: Domain) -> None:
    domain.load([resident(f"id-{number}") for number in range(11)], [])
    narrow = replace(make_grant(), size_band=10)
    with pytest.raises(YuneiError) as refused:
        domain.build(narrow)
    assert (refused.value.code, refused.value.facts) == ("SUPPLY_FAILED", {"table": "residents", "rule": "SIZE_BAND"})
    assert domain.build(replace(narrow, size_band=11))["residents"].num_rows == 11


def test_null_in_a_column_declared_without_it_becomes_other_and_counts_as_a_violation(domain: Domain) -> None:
    gender = replace(GRANTED_RESIDENTS.columns["gender"], nullable=False)
    granted = replace(GRANTED_RESIDENTS, columns={**GRANTED_RESIDENTS.columns, "gender": gender})
    domain.load([("a", "n", None, date(1980, 1, 1), "north", 5), resident("b", "m")], [])
    rows = domain.build(make_grant(granted, GRANTED_VISITS, GRANTED_HOSPITALS))["residents"]
    assert sorted(rows["gender"].to_pylist()) == ["__other", "m"]
    assert domain.audit.violations("residents") == counts(domain={"gender": 1})

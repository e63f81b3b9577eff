"""The synthetic twin has the grant's shape and comes from its metadata alone."""

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from connectors.twin import POOL, ROWS_PER_UNIT, Twin, arrow_type, twin_table
from policies.catalog import ColumnType
from policies.grant import PSEUDONYM, RANK, UNIT
from tests.supply_domain import GRANTED_HOSPITALS, GRANTED_RESIDENTS, GRANTED_VISITS, column, make_grant

GRANT = make_grant()


def table(name: str) -> pa.Table:
    return twin_table(Twin.of(GRANT), GRANT.tables[name])


def test_equal_grants_give_equal_twins_and_others_do_not() -> None:
    assert table("visits").equals(table("visits"))
    other = make_grant(digest="sha256:" + "9" * 64)
    assert not twin_table(Twin.of(other), other.tables["visits"]).equals(table("visits"))


def test_units_are_plausible() -> None:
    people, seen = table("residents"), table("visits")
    assert people.num_rows == 1000, "the public size band"
    assert people[UNIT].to_pylist() == list(range(1000))
    assert people["resident_id"].equals(people[PSEUDONYM])
    per_unit = Counter(seen[PSEUDONYM].to_pylist())
    assert max(per_unit.values()) <= min(3, ROWS_PER_UNIT)
    assert set(per_unit) < set(people[PSEUDONYM].to_pylist())
    order = list(zip(seen[UNIT].to_pylist(), seen[RANK].to_pylist(), strict=True))
    assert order == sorted(order)


def test_values_lie_in_domains_bounds_and_coarsened_dates() -> None:
    people, seen = table("residents"), table("visits")
    assert set(people["gender"].to_pylist()) == {"f", "m", "__other"}
    assert 0 <= pc.min(people["income"]).as_py() <= pc.max(people["income"]).as_py() <= 1000
    born = set(people["birth_date"].to_pylist())
    assert all((day.month, day.day) == (1, 1) and date(1930, 1, 1) <= day <= date(2020, 1, 1) for day in born)
    assert set(seen["ward"].to_pylist()) == {1, 2}
    assert all(Decimal(0) <= cost <= Decimal(20000) for cost in seen["cost"].to_pylist())
    assert all(day.day == 1 for day in seen["visit_date"].to_pylist())
    assert max(len(code) for code in seen["code"].to_pylist()) == 3


def test_joined_columns_share_their_values() -> None:
    places = table("hospitals")["hospital"].to_pylist()
    assert len(set(places)) == len(places) == POOL
    assert set(table("visits")["hospital"].to_pylist()) == set(places)


def test_a_public_table_has_every_value_of_its_key_once() -> None:
    listed = replace(
        GRANTED_HOSPITALS, columns={**GRANTED_HOSPITALS.columns, "hospital": column("hospital", "text", domain=("x", "y", "z"))}
    )
    grant = make_grant(GRANTED_RESIDENTS, listed)
    assert twin_table(Twin.of(grant), listed)["hospital"].to_pylist() == ["x", "y", "z"]
    keyless = replace(GRANTED_HOSPITALS, unique=frozenset())
    assert twin_table(Twin.of(make_grant(keyless)), keyless).num_rows == POOL


def test_measures_have_some_empty_cells() -> None:
    cost = replace(GRANTED_VISITS.columns["cost"], use=frozenset({"aggregate"}))
    measured = replace(GRANTED_VISITS, columns={"cost": cost})
    nulls = twin_table(Twin.of(make_grant(measured)), measured)["cost"].null_count
    assert 0 < nulls < 200


@pytest.mark.parametrize("kind", ["integer", "text", "date", "boolean", "decimal(8,3)"])
def test_columns_without_any_declaration_still_have_their_type(kind: str) -> None:
    bare = replace(GRANTED_VISITS, columns={"c": column("c", kind), "k": column("k", kind, key_of="visits.k")})
    made = twin_table(Twin.of(make_grant(bare)), bare)
    assert made["c"].type == arrow_type(ColumnType.model_validate(ColumnType.parse(kind)))
    assert made["k"].type == pa.uint64()
    assert len(set(made["c"].to_pylist())) > 1


def test_the_largest_decimals_are_drawn_exactly() -> None:
    wide = column("c", "decimal(38,2)", low=-(10**37), high=10**37, step=Decimal("0.01"))
    bare = replace(GRANTED_VISITS, columns={"c": wide})
    drawn = twin_table(Twin.of(make_grant(bare)), bare)["c"].to_pylist()
    assert len(set(drawn)) > 100
    assert all(-(Decimal(10) ** 35) <= value <= Decimal(10) ** 35 for value in drawn)

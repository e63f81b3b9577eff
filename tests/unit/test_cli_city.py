"""The synthetic city: equal arguments give equal bytes, nobody in it can exist, and it declares what it holds."""

import hashlib
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from policies.catalog import Catalog, CatalogItem
from policies.policy import Policy
from sandbox.cli.city import CANARY_NAMES, MAX_VISITS, NAME_MARK, CitySize, identity_numbers, write_city
from sandbox.cli.city_documents import band
from sandbox.kernel.roles import EXCLUSIVE, Role

TODAY = date(2026, 11, 23)
SIZE = CitySize(2_000, 10_000)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("city")
    write_city(made, SIZE, today=TODAY)
    return made


def document(city: Path, name: str):
    return YAML(typ="safe", pure=True).load((city / name).read_text(encoding="utf-8"))


def data(city: Path, name: str) -> pa.Table:
    return pq.read_table(city / "data" / f"{name}.parquet")


def check_character(body: str) -> str:
    """GB 11643-1999 by its definition, apart from the generator's arithmetic: the weighted sum is 1 modulo 11."""
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(body))
    return next("0123456789X"[last] for last in range(11) if (total + last) % 11 == 1)


def test_equal_arguments_give_equal_bytes_and_data_do_not_depend_on_the_day(city: Path, tmp_path: Path) -> None:
    write_city(tmp_path / "again", SIZE, today=TODAY)
    write_city(tmp_path / "later", SIZE, today=date(2030, 1, 1))
    write_city(tmp_path / "other", SIZE, seed=1, today=TODAY)

    def digests(root: Path, part: str) -> dict[str, str]:
        return {
            str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in (root / part).rglob("*") if p.is_file()
        }

    assert digests(city, ".") == digests(tmp_path / "again", ".")
    assert digests(city, "data") == digests(tmp_path / "later", "data")
    assert digests(city, "data")["data/visits.parquet"] != digests(tmp_path / "other", "data")["data/visits.parquet"]


def test_sizes_are_as_asked_and_nobody_comes_more_often_than_declared(city: Path) -> None:
    assert data(city, "residents").num_rows == SIZE.residents
    assert data(city, "visits").num_rows == SIZE.visits
    assert data(city, "hospitals").num_rows == 60
    per_resident = Counter(data(city, "visits")["resident_id"].to_pylist())
    assert max(per_resident.values()) <= MAX_VISITS
    assert len(per_resident) < SIZE.residents, "some never come"
    assert set(per_resident) <= set(data(city, "residents")["resident_id"].to_pylist())


def test_identity_numbers_are_unique_valid_and_of_no_assigned_region(city: Path) -> None:
    rows = data(city, "residents").to_pylist()
    numbers = [row["resident_id"] for row in rows]
    assert len(set(numbers)) == len(numbers)
    for row, number in zip(rows, numbers, strict=True):
        assert len(number) == 18
        assert number.startswith("99")
        assert number[6:14] == row["birth_date"].strftime("%Y%m%d")
        assert int(number[16]) % 2 == (row["gender"] == "男")
        assert number[17] == check_character(number[:17])


def test_an_official_example_has_its_check_character() -> None:
    assert check_character("11010519491231002") == "X"
    made = identity_numbers(np.array([110105]), np.array(["1949-12-31"], "datetime64[D]"), np.array([True]))
    assert made.to_pylist() == ["11010519491231002X"]


def test_too_many_births_on_one_day_are_refused() -> None:
    many = 501
    with pytest.raises(ValueError, match="one day"):
        identity_numbers(np.full(many, 990101), np.full(many, "2000-01-01", "datetime64[D]"), np.zeros(many, bool))


@pytest.mark.parametrize(("residents", "visits"), [(10, 10), (1_000, 0), (1_000, 1_000 * MAX_VISITS)])
def test_impossible_sizes_are_refused(residents: int, visits: int) -> None:
    with pytest.raises(ValueError, match="at most"):
        CitySize(residents, visits)


def test_everything_is_marked_as_synthetic(city: Path) -> None:
    names = data(city, "residents")["name"].to_pylist()
    assert all(name.startswith(NAME_MARK) for name in names)
    assert all(row["name"].startswith("合成") for row in document(city, "organisations.yaml"))
    assert "none of them exists" in (city / "README.txt").read_text(encoding="utf-8")


def test_canaries_stand_in_the_data_once(city: Path) -> None:
    planted = document(city, "canaries.yaml")
    people, seen = data(city, "residents"), data(city, "visits")
    cells = Counter(
        people["name"].to_pylist() + people["resident_id"].to_pylist() + [str(cost) for cost in seen["cost"].to_pylist()]
    )
    assert len(planted) == 7
    assert all(cells[value] == 1 for value in planted)
    assert {f"{NAME_MARK}{name}" for name in CANARY_NAMES} < set(planted)


def test_values_are_within_what_the_catalog_declares(city: Path) -> None:
    for path in (city / "catalog").iterdir():
        item = CatalogItem.model_validate(document(city, f"catalog/{path.name}"))
        table = data(city, item.table)
        assert table.schema.names == list(item.columns)
        assert table.num_rows <= item.rows_band
        for name, column in item.columns.items():
            values = table[name].drop_null()
            if column.domain is not None:
                assert set(values.unique().to_pylist()) <= set(column.domain)
            if column.bounds is not None:
                assert column.bounds[0] <= pc.min(values).as_py() <= pc.max(values).as_py() <= column.bounds[1]
    costs = data(city, "visits")["cost"]
    assert costs.type == pa.decimal128(10, 2)
    assert 0 < costs.null_count < SIZE.visits // 20
    assert isinstance(costs.drop_null()[0].as_py(), Decimal)


def test_policies_fit_the_catalog_and_their_agreements(city: Path) -> None:
    items = [CatalogItem.model_validate(document(city, f"catalog/{path.name}")) for path in (city / "catalog").iterdir()]
    catalog = Catalog(items={item.table: item for item in items})
    agreements = {row["id"]: row for row in document(city, "agreements.yaml")}
    policies = [Policy.model_validate(document(city, f"policies/{path.name}")) for path in (city / "policies").iterdir()]
    assert {policy.agreement for policy in policies} == set(agreements)
    for policy in policies:
        assert set(policy.tables) <= set(catalog.items)
        assert all(set(terms.columns) <= set(catalog.items[name].columns) for name, terms in policy.tables.items())
        assert policy.cases
        assert policy.protection.delta <= 1 / Decimal(100 * band(SIZE.residents))
    running = {name for name, row in agreements.items() if row["from"] <= TODAY <= row["until"]}
    assert running == {"agr-clinic-usage", "agr-district-planning"}
    budgeted = {(row["unit_kind"], row["lineage"]) for row in document(city, "budgets.yaml")}
    assert budgeted == {(item.unit.kind, item.lineage) for item in items if item.unit is not None}


def test_every_role_is_held_and_administrators_hold_one(city: Path) -> None:
    people = document(city, "people.yaml")
    organisations = {row["id"] for row in document(city, "organisations.yaml")}
    assert {role for person in people for role in person["roles"]} == set(Role) - {Role.SYSTEM}
    assert all(person["organisation"] in organisations for person in people)
    assert all(len(person["roles"]) == 1 for person in people if EXCLUSIVE & set(person["roles"]))


@pytest.mark.parametrize(
    ("count", "expected"), [(1, 1), (2, 2), (3, 5), (11, 20), (21, 25), (200_000, 200_000), (200_001, 250_000), (999, 1_000)]
)
def test_size_bands(count: int, expected: int) -> None:
    assert band(count) == expected

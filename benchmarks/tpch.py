"""TPC-H at scale factor 1 as a city would hold it: the customer is the unit, every extract is made by supply.

A line belongs to an order and an order to a customer. Supply takes no such chain, so a line's customer is written into it
before it is ingested; the compiler then reads the chain, by which an order of a line is one.
"""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from supply import bring_in

from connectors.intake import Intake
from connectors.service import CatalogService, SupplyService
from policies.catalog import Catalog, CatalogItem
from policies.grant import Grant
from policies.policy import Policy
from policies.query import SubmittedQuery
from policies.resolve import resolve
from sandbox.kernel.audit.service import LOG_KEY, AuditLog
from sandbox.kernel.clock import SystemClock
from sandbox.kernel.db import Database, metadata
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.run import ExtractRef

FOLDER = Path(__file__).parents[1] / "var/tpch"
TABLES = ("customer", "orders", "lineitem")
CUSTOMERS = 150_000
FIRST, LAST = date(1992, 1, 1), date(1998, 8, 2)
PRIORITIES = ("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW")
CAPS: Mapping[str, Mapping[str, int]] = {"orders": {"max_rows": 40}, "lineitem": {"max_rows": 200}}
"""Rows of one customer; in the data the largest have 41 orders and 192 lines."""

QUERIES: Mapping[str, str] = {
    "a": "SELECT l_returnflag, l_linestatus, count(*) AS n, sum(l_quantity) AS s, avg(l_extendedprice) AS m "
    "FROM lineitem JOIN orders ON l_orderkey = o_orderkey GROUP BY l_returnflag, l_linestatus",
    "b": "SELECT o_orderpriority, count(*) AS n, sum(o_totalprice) AS s FROM orders GROUP BY o_orderpriority",
    "c": "SELECT o_orderdate, count(*) AS n FROM orders GROUP BY o_orderdate",
}
"""The same texts go to the compiler and, as they are, to plain DuckDB over the same extracts."""


def raw() -> Path:
    """Return the folder with the generated tables, of their columns those declared here; a line carries its customer."""
    target, generated = FOLDER / "raw", FOLDER / "generated"
    if target.exists():
        return target
    generated.mkdir(parents=True, exist_ok=True)
    tool = FOLDER.parent / "venv/tpch/bin/tpchgen-cli"
    subprocess.run([tool, "parquet", "-s", "1", "--output-dir", str(generated), "--tables", ",".join(TABLES)], check=True)
    sources = {name: f"'{generated}/{name}.parquet'" for name in TABLES}
    owners = f"(SELECT o_orderkey, o_custkey AS l_custkey FROM {sources['orders']})"
    sources["lineitem"] += f" JOIN {owners} ON l_orderkey = o_orderkey"
    made = FOLDER / "making"
    made.mkdir(exist_ok=True)
    with duckdb.connect() as connection:
        for name, source in sources.items():
            connection.execute(
                f"COPY (SELECT {', '.join(COLUMNS[name])} FROM {source}) TO '{made}/{name}.parquet' (FORMAT parquet)"
            )
    return made.rename(target)


def _column(kind: str, use: list[str], catalog: Mapping[str, Any], **terms: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    category = "direct_identifier" if "join" in use else "measure" if "aggregate" in use else "dimension"
    return {"type": kind, "category": category, "level": "L3", **catalog}, {"use": use, **terms}


def _key() -> tuple[dict[str, Any], dict[str, Any]]:
    return _column("integer", ["join", "count_distinct"], {})


def _money(high: str) -> tuple[dict[str, Any], dict[str, Any]]:
    bounds = {"bounds": ("0", high), "step": "0.01"}
    return _column("decimal(15,2)", ["aggregate"], bounds, functions=["sum", "avg", "quantile"])


def _label(*domain: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return _column("text", ["group", "compare"], {"domain": domain})


def _day() -> tuple[dict[str, Any], dict[str, Any]]:
    return _column("date", ["group", "compare"], {"bounds": (FIRST.isoformat(), LAST.isoformat())})


COLUMNS: Mapping[str, Mapping[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "customer": {"c_custkey": _key()},
    "orders": {
        "o_orderkey": _key(),
        "o_custkey": _key(),
        "o_totalprice": _money("600000"),
        "o_orderdate": _day(),
        "o_orderpriority": _label(*PRIORITIES),
    },
    "lineitem": {
        "l_orderkey": _key(),
        "l_custkey": _key(),
        "l_quantity": _money("50"),
        "l_extendedprice": _money("105000"),
        "l_returnflag": _label("A", "N", "R"),
        "l_linestatus": _label("F", "O"),
    },
}
_KEYS = {"customer": ("c_custkey", None), "orders": ("o_custkey", "customer.c_custkey")}
_LINE_OF = {"supply": ("l_custkey", "customer.c_custkey"), "compiler": ("l_orderkey", "orders.o_orderkey")}
"""By whom a line is led to its customer: written in it, or over its order."""


def grant(side: str, caps: Mapping[str, Mapping[str, int]]) -> tuple[Grant, Catalog]:
    """Return the grant as supply or as the compiler reads it, and the catalog."""
    units = {}
    for table, (key, references) in {**_KEYS, "lineitem": _LINE_OF[side]}.items():
        path = {"kind": "customer", "size_band": 200_000, "key": key, **({"references": references} if references else {})}
        units[table] = {**path, **caps.get(table, {})}
    catalog = Catalog(items={name: CatalogItem.model_validate(_item(name, units[name])) for name in TABLES})
    tables = {
        name: {
            "unit": {key: value for key, value in units[name].items() if key not in {"kind", "size_band"}},
            "columns": {column: terms for column, (_, terms) in COLUMNS[name].items()},
        }
        for name in TABLES
    }
    document = {
        "policy": "tpch",
        "version": 1,
        "agreement": "agr-tpch",
        "purpose": ["market_research"],
        "valid": {"from": "2026-01-01", "until": "2030-12-31", "max_jobs": 500},
        "environment": ["prod"],
        "protection": {"mode": "dp", "epsilon": "8", "delta": "0.00000005", "per_job_epsilon_max": "1"},
        "output": {"max_rows": 10_000, "max_cells": 100_000, "min_units": 10},
        "review": {"route": "two_person"},
        "tables": tables,
        "joins": [("lineitem.l_orderkey", "orders.o_orderkey")],
    }
    found = resolve(Policy.model_validate(document), catalog)
    if not isinstance(found, Grant):
        raise TypeError([(item.code, item.object) for item in found.findings])
    return found, catalog


def _item(name: str, unit: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "table": name,
        "lineage": f"tpch.{name}",
        "institution": "org-market",
        "public": False,
        "unit": unit,
        "unique": ("o_orderkey",) if name == "orders" else (),
        "rows_band": {"customer": 200_000, "orders": 2_000_000, "lineitem": 8_000_000}[name],
        "columns": {column: declared for column, (declared, _) in COLUMNS[name].items()},
    }


def submitted(sql: str) -> SubmittedQuery:
    """Return a text as an analyst of the agreement sends it."""
    return SubmittedQuery("agr-tpch", "market_research", "prod", sql, {})


@contextmanager
def supplied() -> Iterator[Mapping[str, ExtractRef]]:
    """Yield the extracts of all tables; they are made once and kept beside the generated data."""
    data, source = FOLDER / "supply", raw()
    data.mkdir(parents=True, exist_ok=True)
    keys = KeyRing(data / "keys")
    fresh = not (data / "bench.db").exists()
    db, clock = Database(f"sqlite:///{data}/bench.db"), SystemClock()
    try:
        if fresh:
            keys.create(LOG_KEY)
            metadata.create_all(db.engine)
        log = AuditLog(keys, clock, 1, "yunei/bench")
        service = SupplyService(db, clock, log, keys, data)
        view, catalog = grant("supply", CAPS)
        if fresh:
            catalogs, intake = CatalogService(clock, log), Intake(db, clock, log, data)
            for name, item in catalog.items.items():
                bring_in(db, catalogs, intake, item, source / f"{name}.parquet")
            service.build(view, "prod", "system")
        with db.read() as tx:
            workspace = service.workspace(tx, "agr-tpch", "prod")
        if workspace is None:
            raise LookupError("nothing was built; remove var/tpch/supply")
        with closing(service.vault.opening), service.vault.opened(workspace.extracts) as opened:
            yield {ref.table: ref for ref in opened}
    finally:
        db.close()

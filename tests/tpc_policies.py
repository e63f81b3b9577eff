"""Analytic policies over TPC-H and TPC-DS, and what becomes of every query of the two benchmarks under them.

Texts and schemas belong to others and stand beside the project, at `shared/data/queries`, or in the folder that the
variable `TPC_QUERIES` names. The verdicts are kept in `tests/sql/tpc_verdicts.json`; `python -m tests.tpc_policies` in the
project's folder writes them anew.
"""

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from egress.model import NotPlanned
from egress.plan import plan
from policies.catalog import Catalog, CatalogItem
from policies.decide import decide
from policies.grant import Grant
from policies.policy import Policy
from policies.query import Finding, Refused, SubmittedQuery
from policies.resolve import resolve
from tests import tpc_ds, tpc_h
from tests.tpc_terms import Suite

ROOT = Path(__file__).parents[1]
QUERIES = Path(os.environ.get("TPC_QUERIES") or ROOT.parent / "shared/data/queries")
VERDICTS = ROOT / "tests/sql/tpc_verdicts.json"
SUITES = ("tpch", "tpcds")
PURPOSE = "market_research"

Schema = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Outcome:
    """What became of one query: the findings that refuse it, or none, and the codes of the plan's refusal."""

    findings: tuple[Finding, ...]
    codes: tuple[str, ...]

    @property
    def verdict(self) -> str | list[str]:
        """The verdict as it is kept: `allowed`, or the codes, each once."""
        return list(dict.fromkeys(self.codes)) or "allowed"


def missing() -> str | None:
    """Say which file is not there, or None where all are."""
    names = [f"{name}{end}" for name in SUITES for end in (".jsonl", "_schema.json")]
    absent = [name for name in names if not (QUERIES / name).is_file()]
    return f"{', '.join(absent)}: not beside this project, and TPC_QUERIES names no folder with it" if absent else None


def schema(name: str) -> Schema:
    """Read the columns of each table of a benchmark."""
    found: Schema = json.loads((QUERIES / f"{name}_schema.json").read_text(encoding="utf-8"))
    return found


def texts(name: str) -> dict[str, str]:
    """Read the queries of a benchmark by their ids."""
    lines = (QUERIES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return {line["id"]: line["sql"] for line in map(json.loads, lines)}


@cache
def suite(name: str) -> Suite:
    """Return a benchmark under its terms."""
    return tpc_h.suite() if name == "tpch" else tpc_ds.suite(schema(name))


def catalog(whole: Suite) -> Catalog:
    """Return the catalog of a benchmark: every table and column, granted or not."""
    items = {
        name: CatalogItem.model_validate(
            {
                "table": name,
                "lineage": f"{whole.name}.{name}",
                "institution": "org-market",
                "public": table.unit is None,
                "unit": table.unit,
                "unique": tuple(table.unique),
                "rows_band": table.rows_band,
                "columns": {column: dict(declared.catalog) for column, declared in table.columns.items()},
            }
        )
        for name, table in whole.tables.items()
        if name not in whole.withheld
    }
    return Catalog(items=items)


def policy(whole: Suite) -> Policy:
    """Return the policy: what each column's terms say, and `join` on both sides of every declared join."""
    pairs = [pair for pair in whole.joins if not {side.split(".")[0] for side in pair} & whole.withheld]
    joined = {side for pair in pairs for side in pair}
    tables: dict[str, Any] = {}
    for name, table in whole.tables.items():
        columns = {column: dict(declared.terms) for column, declared in table.columns.items() if declared.terms is not None}
        for column, terms in columns.items():
            terms["use"] = sorted({*terms["use"], *(["join"] if f"{name}.{column}" in joined else [])})
        unit = {key: value for key, value in (table.unit or {}).items() if key in {"key", "references", "max_rows"}}
        tables[name] = {"columns": columns, **({"unit": unit} if unit else {"public": True})}
    document = {
        "policy": f"{whole.name}-market",
        "version": 1,
        "agreement": f"agr-{whole.name}",
        "purpose": [PURPOSE],
        "valid": {"from": "2026-01-01", "until": "2026-12-31", "max_jobs": 500},
        "environment": ["dev", "prod"],
        "protection": {"mode": "dp", "epsilon": "8", "delta": "0.000000001", "per_job_epsilon_max": "1"},
        "output": {"max_rows": 10000, "max_cells": 100000, "min_units": 10},
        "review": {"route": "two_person"},
        "tables": {name: terms for name, terms in tables.items() if name not in whole.withheld},
        "joins": pairs,
    }
    return Policy.model_validate(document)


@cache
def grant(name: str) -> Grant:
    """Resolve a benchmark's policy against its catalog."""
    whole = suite(name)
    found = resolve(policy(whole), catalog(whole))
    if isinstance(found, Refused):
        raise TypeError([(item.code, item.object) for item in found.findings])
    return found


def submitted(name: str, sql: str) -> SubmittedQuery:
    """Return a text as an analyst of the benchmark's agreement sends it."""
    return SubmittedQuery(f"agr-{name}", PURPOSE, "dev", sql, {})


def outcome(name: str, sql: str) -> Outcome:
    """Decide on one query and plan its protection, as a dry run does."""
    found = decide(submitted(name, sql), grant(name))
    if isinstance(found, Refused):
        return Outcome(found.findings, tuple(item.code for item in found.findings))
    planned = plan(found.governed, None)
    return Outcome((), (planned.code,) if isinstance(planned, NotPlanned) else ())


def verdicts() -> dict[str, str | list[str]]:
    """Return the verdict on every query of both benchmarks."""
    return {query: outcome(name, sql).verdict for name in SUITES for query, sql in texts(name).items()}


def summary(found: Mapping[str, str | list[str]]) -> dict[str, dict[str, int]]:
    """Count, for each benchmark, what is allowed and what is refused for what reason first."""
    counts: dict[str, dict[str, int]] = {}
    for name in SUITES:
        own = [verdict for query, verdict in found.items() if query.startswith(f"{name}-")]
        first = Counter(verdict[0] for verdict in own if isinstance(verdict, list))
        counts[name] = {"queries": len(own), "allowed": own.count("allowed"), **dict(sorted(first.items()))}
    return counts


def kept(found: Mapping[str, str | list[str]]) -> str:
    """Return the file of verdicts: the counts, then one line per query."""
    counts = ",\n".join(f'    "{name}": {json.dumps(count)}' for name, count in summary(found).items())
    lines = ",\n".join(f'    "{query}": {json.dumps(verdict)}' for query, verdict in found.items())
    return f'{{\n  "summary": {{\n{counts}\n  }},\n  "verdicts": {{\n{lines}\n  }}\n}}\n'


if __name__ == "__main__":
    VERDICTS.write_text(kept(verdicts()), encoding="utf-8")
    print(json.dumps(summary(verdicts())))  # noqa: T201 - a program

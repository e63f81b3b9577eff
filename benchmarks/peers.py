"""This project beside SmartNoise SQL and Qrlew: the same queries of TPC-H, at the same ε for the whole query, CPU and error.

Usage: `python benchmarks/peers.py`, by `make bench-peers`, which makes a virtual environment for each peer. All sides get the
rows that one customer may have; peers read tables that are in memory, this project reads its extracts from disk. SmartNoise
composes pure ε: one question with few columns has less noise so, and costs more of what a ledger in ρ can hold; its errors are
given at the ρ of this project's charge too. Exit code 1 where a bar was missed.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
from bar_dp import Case, errors, governed
from figures import Figure, cpu_seconds, machine, table
from tpch import FOLDER, QUERIES, raw, supplied

from egress.accounting import rho_of
from policies.query import Tuning

HERE = Path(__file__).parent
PEERS = ("smartnoise", "qrlew")
EPSILON, DELTA = "1", "0.00000005"
RHO = rho_of(Decimal(EPSILON), Fraction(DELTA) / 2)
"""What a query of that ε is charged here."""
CASES = (Case("a", "row_cap", 0), Case("b", "row_cap", 0), Case("c", "unit_group", 0, Tuning(max_rows=20, max_rows_per_group=1)))
ROUNDS = 7
LEAST = 6.0
"""How many times our CPU each peer must need at least."""


def main() -> int:
    """Measure all sides, print and keep the result."""
    where, folder = machine(), raw()
    found = {name: _peer(name, folder) for name in PEERS}
    with supplied() as extracts, duckdb.connect(config={"threads": "2"}) as connection:
        for name, ref in extracts.items():
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{ref.path}')")
        figures = [figure for case in CASES for figure in _compared(connection, case, found)]
    text = table(figures, where)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    details = [{"what": one.what, "value": one.value, "verdict": one.verdict, **one.detail} for one in figures]
    (results / "peers.json").write_text(json.dumps({"machine": where, "figures": details}, indent=1) + "\n", encoding="utf-8")
    print(text, *(f"{one.what}: {json.dumps(one.detail, ensure_ascii=False)}" for one in figures), sep="\n")
    return 1 if any(one.verdict == "missed" for one in figures) else 0


def _peer(name: str, folder: Path) -> Mapping[str, Any]:
    """Run a peer's script in its own environment."""
    python = FOLDER.parent / "venv" / name / "bin/python"
    print(f"measuring {name} …", file=sys.stderr, flush=True)
    command: list[str | Path] = [python, HERE / "peers" / f"{name}.py", folder, EPSILON, DELTA, str(float(RHO))]
    found: Mapping[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _compared(connection: duckdb.DuckDBPyConnection, case: Case, found: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    made, keys = governed(case), len(governed(case).query.cores[0].keys)
    ours = statistics.median(cpu_seconds(lambda: made.released(made.exact(connection)), ROUNDS))
    answers = [made.released(made.exact(connection)) for _ in range(ROUNDS)]
    own = {"cpu_s": round(ours, 3), **errors(connection.execute(QUERIES[case.query]).fetchall(), answers, keys)}
    figures = []
    for name in PEERS:
        peer = found[name][case.query]
        theirs = statistics.median(peer["cpu_s"])
        told = {"cpu_s": round(theirs, 3), **errors(_rows(peer["exact"]), [_rows(one) for one in peer["answers"]], keys)}
        told |= {key: peer[key] for key in ("epsilon", "rewrite_s") if key in peer}
        if "at_equal_rho" in peer:
            answers_then = [_rows(one) for one in peer["at_equal_rho"]]
            told["median_error_at_equal_rho"] = errors(_rows(peer["exact"]), answers_then, keys)["median_error"]
        detail = {"ours": own, name: told}
        figures.append(
            Figure(f"TPC-H ({case.query}), CPU of {name} over ours", theirs / ours, "×", LEAST, more=True, detail=detail)
        )
    return figures


def _rows(lines: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return [tuple(line) for line in lines if all(value is not None for value in line)]


if __name__ == "__main__":
    sys.exit(main())

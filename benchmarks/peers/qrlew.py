"""Qrlew on the three queries of TPC-H, in a virtual environment of its own: prints one JSON object.

Usage: python qrlew.py FOLDER EPSILON DELTA RHO (unused). It rewrites SQL for PostgreSQL; sqlglot makes DuckDB's of it. Its ε is
not that of the whole query: the noises of its own event are composed here, and the ε that it is given is lowered until they come
to the asked one. Time is that of the rewritten SQL alone; what it needs to rewrite stands beside it.
"""

import json
import math
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from statistics import NormalDist

import duckdb
import sqlglot
from pyqrlew import Dataset, Dialect
from pyqrlew.io import dataset_from_database
from sqlalchemy import create_engine

ROUNDS = 5
TABLES = {
    "customer": "SELECT c_custkey FROM '{0}/customer.parquet'",
    "orders": "SELECT o_orderkey, o_custkey, cast(o_totalprice AS double) AS o_totalprice, "
    "cast(o_orderdate AS varchar) AS o_orderdate, o_orderpriority FROM '{0}/orders.parquet'",
    "lineitem": "SELECT l_orderkey, cast(l_quantity AS double) AS l_quantity, "
    "cast(l_extendedprice AS double) AS l_extendedprice, l_returnflag, l_linestatus FROM '{0}/lineitem.parquet'",
}
QUERIES = {
    "a": "SELECT l_returnflag, l_linestatus, COUNT(*) AS n, SUM(l_quantity) AS s, AVG(l_extendedprice) AS m FROM lineitem "
    "JOIN orders ON lineitem.l_orderkey = orders.o_orderkey GROUP BY l_returnflag, l_linestatus",
    "b": "SELECT o_orderpriority, COUNT(*) AS n, SUM(o_totalprice) AS s FROM orders GROUP BY o_orderpriority",
    "c": "SELECT o_orderdate, COUNT(*) AS n FROM orders GROUP BY o_orderdate",
}
RANGES = {
    ("orders", "o_totalprice"): (0, 600_000),
    ("lineitem", "l_quantity"): (0, 50),
    ("lineitem", "l_extendedprice"): (0, 105_000),
}
VALUES = {
    ("orders", "o_orderpriority"): ["1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"],
    ("lineitem", "l_returnflag"): ["A", "N", "R"],
    ("lineitem", "l_linestatus"): ["F", "O"],
}
UNIT = [
    ("customer", [], "c_custkey"),
    ("orders", [("o_custkey", "customer", "c_custkey")], "c_custkey"),
    ("lineitem", [("l_orderkey", "orders", "o_orderkey"), ("o_custkey", "customer", "c_custkey")], "c_custkey"),
]


def dataset(connection):
    """Describe the tables by a SQLite twin of a few rows, with their true sizes and the public ranges."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "twin.db"
        with sqlite3.connect(file) as twin:
            for table in TABLES:
                connection.execute(f"SELECT * FROM {table} LIMIT 100").fetchdf().to_sql(table, twin, index=False)
        twin_made = dataset_from_database("tpch", create_engine(f"sqlite:///{file}"), None)
    size = json.loads(twin_made.size)
    for field in size["statistics"]["union"]["fields"]:
        rows = connection.execute(f"SELECT count(*) FROM {field['name']}").fetchone()[0]
        field["statistics"] = sized(field["statistics"], str(rows))
    described = {"uuid": size["dataset"], "name": "tpch", "spec": {"file": {"format": "csv", "uri": ""}}, "doc": ""}
    made = Dataset.from_str(json.dumps(described), twin_made.schema, json.dumps(size))
    for (table, column), (low, high) in RANGES.items():
        made = made.with_range(None, table, column, low, high)
    for (table, column), values in VALUES.items():
        made = made.with_possible_values(None, table, column, values)
    return made


def sized(node, rows):
    """Write another size wherever one stands."""
    if isinstance(node, dict):
        return {name: rows if name == "size" and isinstance(value, str) else sized(value, rows) for name, value in node.items()}
    return [sized(one, rows) for one in node] if isinstance(node, list) else node


def event_sigmas(event):
    """Return every noise multiplier of an event, however deep."""
    if isinstance(event, dict):
        own = [event["noise_multiplier"]] if "noise_multiplier" in event else []
        return own + [one for value in event.values() for one in event_sigmas(value)]
    return [one for value in event for one in event_sigmas(value)] if isinstance(event, list) else []


def true_epsilon(multipliers, delta):
    """Return ε of composed Gaussians. Source: Balle, Wang, "Improving the Gaussian Mechanism" (2018), Theorem 8."""
    mu = math.sqrt(sum(1 / one**2 for one in multipliers))
    cdf = NormalDist().cdf
    low, high = 0.0, 50.0
    for _ in range(100):
        middle = (low + high) / 2
        spent = cdf(mu / 2 - middle / mu) - math.exp(middle) * cdf(-mu / 2 - middle / mu)
        low, high = (middle, high) if spent > delta else (low, middle)
    return high


def rewritten(made, sql, epsilon, delta):
    """Return the rewritten SQL whose noises compose to at most ε, the seconds it took, and what they compose to."""
    given = epsilon
    for _ in range(12):
        begin = time.process_time()
        answer = made.relation(sql).rewrite_with_differential_privacy(made, UNIT, {"epsilon": given, "delta": delta})
        spent = true_epsilon(event_sigmas(answer.dp_event().to_dict()), delta)
        text = sqlglot.transpile(answer.relation().to_query(Dialect.PostgreSql), read="postgres", write="duckdb")[0]
        took = time.process_time() - begin
        if spent <= epsilon:
            return text, took, spent
        given *= epsilon / spent * 0.99
    raise ValueError("no ε found")


if __name__ == "__main__":
    folder, epsilon, delta = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    with duckdb.connect(config={"threads": "2"}) as connection:
        for name, sql in TABLES.items():
            connection.execute(f"CREATE TABLE {name} AS {sql.format(folder)}")
        made = dataset(connection)
        results = {}
        for name, sql in QUERIES.items():
            text, took, spent = rewritten(made, sql, epsilon, delta)
            exact = [list(row) for row in connection.execute(sql).fetchall()]
            times, answers = [], []
            for _ in range(ROUNDS):
                begin = time.process_time()
                answer = connection.execute(text).fetchall()
                times.append(time.process_time() - begin)
                answers.append([list(row) for row in answer])
            results[name] = {"cpu_s": sorted(times), "rewrite_s": took, "epsilon": spent, "exact": exact, "answers": answers}
    print(json.dumps(results, default=str))

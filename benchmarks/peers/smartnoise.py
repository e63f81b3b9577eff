"""SmartNoise SQL on the three queries of TPC-H, in a virtual environment of its own: prints one JSON object.

Usage: python smartnoise.py FOLDER EPSILON DELTA RHO. It has no reader for DuckDB, so its PostgreSQL reader is given a DuckDB
connection; it has no joins, so (a) runs on a table joined beforehand, which is not measured. It spends ε on every column of its
own: the ε that it is given is a share of the asked one. `at_equal_rho` are its answers where every column spends as much of RHO.
"""

import json
import math
import sys
import time
import warnings

import duckdb

warnings.filterwarnings("ignore")
from snsql import Privacy, from_connection  # noqa: E402

ROUNDS = 5
TABLES = {
    "a": "SELECT o_custkey, l_returnflag, l_linestatus, cast(l_quantity AS double) AS quantity, "
    "cast(l_extendedprice AS double) / 1000 AS price "
    "FROM '{0}/lineitem.parquet' JOIN '{0}/orders.parquet' ON l_orderkey = o_orderkey",
    "b": "SELECT o_custkey, o_orderpriority, cast(o_totalprice AS double) / 1000 AS price FROM '{0}/orders.parquet'",
    "c": "SELECT o_custkey, cast(o_orderdate AS varchar) AS day_text FROM '{0}/orders.parquet'",
}
QUERIES = {
    "a": "SELECT l_returnflag, l_linestatus, COUNT(*) AS n, SUM(quantity) AS s, AVG(price) AS m FROM main.a "
    "GROUP BY l_returnflag, l_linestatus",
    "b": "SELECT o_orderpriority, COUNT(*) AS n, SUM(price) AS s FROM main.b GROUP BY o_orderpriority",
    "c": "SELECT day_text, COUNT(*) AS n FROM main.c GROUP BY day_text",
}
SPENDS = {"a": 4, "b": 2, "c": 1}
"""Columns that each spend ε: an average is a sum and a count."""
ROWS = {"a": 200, "b": 40, "c": 20}
RANGES = {"quantity": (0, 50), "price": (0, 600)}


class Cursor:
    """A DuckDB cursor whose rows can be iterated."""

    def __init__(self, cursor):
        self.cursor = cursor

    @property
    def description(self):
        return self.cursor.description

    def execute(self, sql):
        self.cursor.execute(sql)

    def __iter__(self):
        return iter(self.cursor.fetchall())


class Shim:
    """A DuckDB connection as the reader expects one."""

    def __init__(self, connection):
        self.connection = connection

    def cursor(self):
        return Cursor(self.connection.cursor())

    def commit(self):
        pass

    def rollback(self):
        pass


def metadata(name, columns):
    described = {"max_ids": ROWS[name], "censor_dims": name == "c", "row_privacy": False}
    for column in columns:
        if column == "o_custkey":
            described[column] = {"type": "int", "private_id": True}
        elif column in RANGES:
            low, high = RANGES[column]
            described[column] = {"type": "float", "lower": low, "upper": 105 if name == "a" and column == "price" else high}
        else:
            described[column] = {"type": "string"}
    return {"": {"main": {name: described}}}


def ask(connection, name, columns, epsilon, delta):
    privacy = Privacy(epsilon=epsilon, delta=delta)
    reader = from_connection(Shim(connection), privacy=privacy, metadata=metadata(name, columns), engine="postgres")
    begin = time.process_time()
    answer = reader.execute(QUERIES[name])
    return time.process_time() - begin, [list(row) for row in answer[1:]]


def main(folder, epsilon, delta, rho):
    results = {}
    for name, sql in QUERIES.items():
        with duckdb.connect(config={"threads": "2"}) as connection:
            connection.execute(f"CREATE TABLE {name} AS {TABLES[name].format(folder)}")
            columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
            exact = connection.execute(sql).fetchall()
            asked = [ask(connection, name, columns, epsilon / SPENDS[name], delta) for _ in range(ROUNDS)]
            equal = math.sqrt(2 * rho / SPENDS[name])
            results[name] = {
                "cpu_s": sorted(seconds for seconds, _ in asked),
                "exact": [list(row) for row in exact],
                "answers": [answer for _, answer in asked],
                "at_equal_rho": [ask(connection, name, columns, equal, delta)[1] for _ in range(ROUNDS)],
            }
    print(json.dumps(results, default=str))


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:5]))

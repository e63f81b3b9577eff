"""The engine's own reading of generated SQL: one locked, empty DuckDB that serialises text and never runs any.

A program of its own: lines `{"sql": …}` in, lines `{"tree": …}` or `{"tree": null}` out.
"""

import json
import resource
import sys

import duckdb

MEMORY = 1 << 30
LOCKED = (
    "SET enable_external_access=false",
    "SET autoinstall_known_extensions=false",
    "SET autoload_known_extensions=false",
    "SET allow_community_extensions=false",
    "SET allow_persistent_secrets=false",
    "SET python_enable_replacements=false",
    "SET threads=1",
    "SET memory_limit='256MB'",
    "SET lock_configuration=true",
)


def main() -> None:
    """Answer until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    connection = duckdb.connect(":memory:")
    for statement in LOCKED:
        connection.execute(statement)
    for line in sys.stdin:
        sys.stdout.write(json.dumps({"tree": _tree(connection, json.loads(line)["sql"])}) + "\n")
        sys.stdout.flush()


def _tree(connection: duckdb.DuckDBPyConnection, sql: str) -> object:
    """Return the engine's tree, or None for text that it does not read as a query; its error text stays here."""
    try:
        row = connection.execute("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [sql]).fetchone()
    except duckdb.Error:
        return None
    return None if row is None or row[0] is None else json.loads(row[0])


if __name__ == "__main__":
    main()

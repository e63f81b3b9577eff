"""Opens the engine, locked down, after the fork; runs the one generated statement; streams the answer as Arrow IPC.

The engine's own lock-down is a courtesy inside the walls, not a wall: allowed directories also grant writing, and
timeouts do not reach every operator.
"""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import ipc

from .codes import FAILED, MEMORY, OUTPUT_CAP, SCRATCH_FULL, Refusal
from .order import Order
from .rootfs import View

_BATCH_ROWS = 65_536
_INTEGERS = frozenset({"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint"})
_KEY_TYPES: Mapping[str, frozenset[str]] = {
    "integer": _INTEGERS,
    "text": frozenset({"varchar"}),
    "date": frozenset({"date"}),
    "boolean": frozenset({"boolean"}),
    "decimal": frozenset({"decimal"}),
}
_LEAVES = frozenset({"READ_PARQUET", "EMPTY_RESULT", "DUMMY_SCAN", "COLUMN_DATA_SCAN", "CTE_SCAN", "DELIM_SCAN"})
"""Operators without a source below them that a plan may hold: extracts, nothing, and what the plan itself has made."""
DISABLED_OPTIMIZERS = "statistics_propagation"
"""It draws on the values of the rows, and in DuckDB 2.0 its rewriting of left joins fails on some rows and not on others."""
_ENGINE_SHARE = 0.75
"""Share of the memory cap that the engine's buffers may fill; the rest is for hash tables it does not count, Arrow and Python."""


def open_engine(order: Order, view: View) -> duckdb.DuckDBPyConnection:
    """Open an in-memory engine that reads the given files, writes only to scratch and cannot be reconfigured."""
    connection = duckdb.connect(
        config={
            "threads": str(order.limit("threads")),
            "async_threads": "2",
            "memory_limit": f"{int(order.limit('memory_bytes') * _ENGINE_SHARE)}B",
            "temp_directory": view.scratch,
            "max_temp_directory_size": f"{int(order.limit('scratch_bytes') * 0.9)}B",
            "max_execution_time": str(int(order.limits["wall_s"] * 1000)),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_unsigned_extensions": "false",
            "allow_extension_repositories": "forbidden",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",
            "disabled_optimizers": DISABLED_OPTIMIZERS,
        }
    )
    paths = ", ".join(_literal(path) for path in view.files)
    connection.execute(f"SET allowed_paths=[{paths}]")
    connection.execute("SET enable_external_access=false")
    connection.execute("SET lock_configuration=true")
    for table, path in zip(order.tables, view.files, strict=True):
        connection.execute(f"CREATE VIEW {_identifier(table.name)} AS SELECT * FROM read_parquet({_literal(path)})")
    return connection


def run(order: Order, view: View, result: int) -> None:
    """Run the ordered statement and write its answer to the descriptor `result`.

    Raises:
        Refusal: with the status that names what went wrong; the engine's text is dropped here.

    """
    try:
        connection = open_engine(order, view)
        _check_statement(connection, order.sql)
        _check_scans(connection, order)
        relation = connection.sql(order.sql, params=dict(order.parameters) or None)
        _check_columns(order, relation.columns, [kind.id for kind in relation.types])
        reader = relation.to_arrow_reader(_BATCH_ROWS)
        _send(order, reader, result)
    except (duckdb.OutOfMemoryException, MemoryError, pa.ArrowMemoryError) as reason:
        raise Refusal(SCRATCH_FULL if _scratch_is_full(str(reason)) else MEMORY) from None
    except (duckdb.Error, pa.ArrowException, RuntimeError, OSError) as reason:
        raise Refusal(_status_of(str(reason))) from None


def _check_statement(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
        raise Refusal(FAILED)


def _check_scans(connection: duckdb.DuckDBPyConnection, order: Order) -> None:
    """Hold the statement to the ordered tables as this very engine reads it, and its plan to the one way of reading them.

    The files that may be read at all are fixed by then; this looks for what reads none of them: a function that makes rows, the
    engine's own catalog, a table that a name led to by mistake. A run over no extract has none to be held to.
    """
    if not order.tables:
        return
    tree = connection.execute("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [order.sql]).fetchall()[0][0]
    named = {node["table_name"] for node in _nodes(json.loads(tree)) if node.get("type") == "BASE_TABLE"}
    if not named <= {table.name for table in order.tables}:
        raise Refusal(FAILED)
    plan = connection.execute(f"EXPLAIN (FORMAT json) {order.sql}", dict(order.parameters) or None).fetchall()
    operators = [node for line in plan for node in _nodes(json.loads(line[1])) if "children" in node]
    if any(not node["children"] and node["name"].strip() not in _LEAVES for node in operators):
        raise Refusal(FAILED)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a JSON document, without recursion."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _check_columns(order: Order, names: list[str], types: list[str]) -> None:
    if names != [name for name, _, _ in order.columns]:
        raise Refusal(FAILED)
    for (_, role, kind), found in zip(order.columns, types, strict=True):
        if found not in (_INTEGERS if role == "exact" else _KEY_TYPES[kind]):
            raise Refusal(FAILED)


def _send(order: Order, reader: pa.RecordBatchReader, result: int) -> None:
    with os.fdopen(result, "wb", closefd=False) as sink, ipc.new_stream(sink, reader.schema) as stream:
        for batch in _capped(order, reader):
            stream.write_batch(batch)


def _capped(order: Order, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    rows = size = 0
    for batch in reader:
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows > order.limit("rows") or size > order.limit("output_bytes"):
            raise Refusal(OUTPUT_CAP)
        yield batch


def _status_of(text: str) -> int:
    if _scratch_is_full(text):
        return SCRATCH_FULL
    lowered = text.lower()
    return MEMORY if "out of memory" in lowered or "bad_alloc" in lowered or "failed to allocate" in lowered else FAILED


def _scratch_is_full(text: str) -> bool:
    return "max_temp_directory_size" in text or "No space left on device" in text or "File too large" in text


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

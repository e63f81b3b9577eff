"""The second opinion: generated SQL is read once more by the engine's own parser, and its tree held to allow-lists.

What one parser took for a column another may take for a function. The engine's reading counts, since it is what runs.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from policies.engine.line_process import LineProcess
from policies.query import EngineSql
from sandbox.kernel.canonical import Json

DEADLINE_S = 5.0

FUNCTIONS = frozenset(
    {
        "count",
        "count_star",
        "sum",
        "min",
        "max",
        "least",
        "greatest",
        "abs",
        "upper",
        "lower",
        "trim",
        "left",
        "right",
        "replace",
        "starts_with",
        "contains",
        "substring",
        "date_trunc",
        "year",
        "quarter",
        "month",
        "day",
        "isodow",
        "date_diff",
        "length",
        "encode",
        "sha256",
        "row_number",
        "nullif",
        "list_value",
        "list_position",
        "<<",
        "&",
        "+",
        "-",
        "*",
        "//",
        "%",
        "||",
        "~~",
        "~~*",
        "!~~",
        "!~~*",
    }
)
"""Every function that generated SQL may call, by the engine's name for it."""

CLASSES = frozenset(
    {
        "COLUMN_REF",
        "CONSTANT",
        "PARAMETER",
        "CAST",
        "OPERATOR",
        "FUNCTION",
        "COMPARISON",
        "CONJUNCTION",
        "BETWEEN",
        "CASE",
        "STAR",
        "WINDOW",
        "TYPE",
    }
)
"""Every expression class of the engine's tree that may occur."""

NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "SUBQUERY", "BASE_TABLE", "JOIN", "EMPTY"})
"""Every relation type that may occur; EMPTY is refused where a table is due, since the tables are then missing."""

_RELATIONS = ("from_table", "left", "right")
_STAR_LISTS = ("exclude_list", "replace_list", "qualified_exclude_list", "rename_list")


class SecondOpinion(Protocol):
    """Whether the engine reads generated SQL as what we meant."""

    def check(self, engine_sql: EngineSql, tables: frozenset[str]) -> bool:
        """Return whether it is one SELECT over exactly `tables` with known functions only."""
        ...

    def close(self) -> None:
        """Give up whatever stands behind the port."""
        ...


class EngineOpinion:
    """Asks one long-lived process of `policies.engine.second_opinion_child`; a process that fails is replaced once."""

    def __init__(self) -> None:
        self._process = LineProcess(Path(__file__).with_name("second_opinion_child.py"), DEADLINE_S)

    def check(self, engine_sql: EngineSql, tables: frozenset[str]) -> bool:
        """Return whether the engine reads one SELECT over exactly `tables`; no answer in time is no."""
        message: Mapping[str, Json] = {"sql": engine_sql.sql}
        tree = self._process.ask(message) or self._process.ask(message)
        return tree is not None and admissible(tree, tables)

    def close(self) -> None:
        """Stop the process."""
        self._process.close()


def admissible(answer: object, tables: frozenset[str]) -> bool:
    """Return whether the engine's tree is one SELECT over exactly `tables`, with known nodes and functions only."""
    tree = answer.get("tree") if isinstance(answer, Mapping) else None
    statements = tree.get("statements") if isinstance(tree, Mapping) and tree.get("error") is False else None
    if not isinstance(statements, list) or len(statements) != 1:
        return False
    root = statements[0].get("node")
    if not isinstance(root, Mapping) or root.get("type") != "SELECT_NODE":
        return False
    nodes = list(_mappings(statements[0]))
    found = {node.get("table_name") for node in nodes if node.get("type") == "BASE_TABLE"}
    return found == tables and all(map(_known, nodes))


def _mappings(value: object) -> Iterator[Mapping[str, object]]:
    """Yield every object of the tree, without recursion."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _unites_all(node: Mapping[str, object]) -> bool:
    return (node["type"], node.get("setop_type"), node.get("setop_all")) == ("SET_OPERATION_NODE", "UNION", True)


def _known(node: Mapping[str, object]) -> bool:
    if "class" in node and node["class"] not in CLASSES:
        return False
    if "function_name" in node and node["function_name"] not in FUNCTIONS:
        return False
    if node.get("type") == "BASE_TABLE" and (node.get("schema_name") or node.get("catalog_name")):
        return False
    if str(node.get("type", "")).endswith("_NODE") and not (node["type"] == "SELECT_NODE" or _unites_all(node)):
        return False
    if node.get("class") == "STAR" and any(node.get(part) for part in ("columns", "expr", *_STAR_LISTS)):
        return False
    relations = [node[name] for name in _RELATIONS if name in node and "class" not in node]
    return all(relation is None or (isinstance(relation, Mapping) and relation.get("type") in NODES) for relation in relations)

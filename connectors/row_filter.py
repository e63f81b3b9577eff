"""The row filter of a granted table: parsed, decided against an allow-list and written anew; the text itself never runs. Pure."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import sqlglot
from sqlglot import exp

from policies.catalog import CatalogColumn
from policies.engine import engine_text as sql
from sandbox.kernel.errors import YuneiError

MAX_TEXT = 8_000
MAX_BRACKETS = 32
MAX_NODES = 2_000
_OPERATORS: Mapping[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
}
_MIRRORED = {"=": "=", "<>": "<>", ">": "<", ">=": "<=", "<": ">", "<=": ">="}


class _UnfitError(Exception):
    """Something outside the allow-list; carries the rule's name only."""


def compile_filter(table: str, text: str, columns: Mapping[str, CatalogColumn]) -> str:
    """Return SQL for `text` with columns quoted and literals typed, e.g. `("district" IN ('长安区', '裕华区'))`.

    Allowed: comparisons of one column with a literal, IN and BETWEEN over literals, AND, OR and brackets; nothing else.
    The columns are all that the catalog declares, granted or not.

    Raises:
        YuneiError: `SUPPLY_FAILED` with the rule that the filter breaks.

    """
    try:
        return _condition(_parse(text), columns)
    except _UnfitError as unfit:
        raise YuneiError("SUPPLY_FAILED", table=table, rule=str(unfit)) from None


def _parse(text: str) -> exp.Expr:
    """Parse within limits that keep the parser itself safe: deep brackets exhaust its stack."""
    if len(text) > MAX_TEXT or text.count("(") > MAX_BRACKETS:
        raise _UnfitError("ROW_FILTER_TOO_LONG")
    try:
        trees = sqlglot.parse(f"SELECT 1 WHERE {text}", read="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise _UnfitError("ROW_FILTER_SYNTAX") from None
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Select) or {key for key, value in tree.args.items() if value} != {"expressions", "where"}:
        raise _UnfitError("ROW_FILTER_SYNTAX")
    if sum(1 for _ in tree.walk()) > MAX_NODES:
        raise _UnfitError("ROW_FILTER_TOO_LONG")
    condition: exp.Expr = tree.args["where"].this
    return condition


def _condition(node: exp.Expr, columns: Mapping[str, CatalogColumn]) -> str:
    if isinstance(node, exp.Paren):
        return _condition(node.this, columns)
    if isinstance(node, exp.And | exp.Or):
        parts = [_condition(part, columns) for part in node.flatten()]
        return "(" + (" AND " if isinstance(node, exp.And) else " OR ").join(parts) + ")"
    if type(node) in _OPERATORS:
        return _comparison(node, columns)
    if isinstance(node, exp.In) and {key for key, value in node.args.items() if value} == {"this", "expressions"}:
        name, column = _column(node.this, columns)
        return f"({name} IN ({', '.join(_literal(one, column) for one in node.expressions)}))"
    if isinstance(node, exp.Between) and not node.args.get("symmetric"):
        name, column = _column(node.this, columns)
        low, high = (_literal(node.args[part], column) for part in ("low", "high"))
        return f"({name} BETWEEN {low} AND {high})"
    raise _UnfitError("ROW_FILTER_NOT_ALLOWED")


def _comparison(node: exp.Expr, columns: Mapping[str, CatalogColumn]) -> str:
    left, right, operator = node.this, node.expression, _OPERATORS[type(node)]
    if not isinstance(left, exp.Column):
        left, right, operator = right, left, _MIRRORED[operator]
    name, column = _column(left, columns)
    return f"({name} {operator} {_literal(right, column)})"


def _column(node: object, columns: Mapping[str, CatalogColumn]) -> tuple[str, CatalogColumn]:
    if not isinstance(node, exp.Column) or len(node.parts) != 1 or node.name not in columns:
        raise _UnfitError("ROW_FILTER_COLUMN")
    return sql.name(node.name), columns[node.name]


def _literal(node: object, column: CatalogColumn) -> str:
    """Write a literal in the column's own type, so that no cast of a stored value can fail."""
    kind = column.type.kind
    if isinstance(node, exp.Boolean) and kind == "boolean":
        return "TRUE" if node.this else "FALSE"
    negative = isinstance(node, exp.Neg)
    inner = node.this if isinstance(node, exp.Neg) else node
    if isinstance(inner, exp.Cast) and kind == "date" and inner.to.this == exp.DataType.Type.DATE and not negative:
        inner = inner.this
    if not isinstance(inner, exp.Literal):
        raise _UnfitError("ROW_FILTER_LITERAL")
    written = str(inner.this)
    if inner.is_string:
        return _quoted(written, kind, negative)
    return _number(("-" if negative else "") + written, kind)


def _quoted(written: str, kind: str, negative: bool) -> str:
    if kind == "text" and not negative:
        return sql.text(written)
    if kind == "date" and not negative and re.fullmatch(r"\d{4}-\d{2}-\d{2}", written, re.ASCII):
        try:
            return sql.day(date.fromisoformat(written))
        except ValueError:
            raise _UnfitError("ROW_FILTER_LITERAL") from None
    raise _UnfitError("ROW_FILTER_LITERAL")


def _number(written: str, kind: str) -> str:
    if not re.fullmatch(r"-?(\d+(\.\d*)?|\.\d+)", written, re.ASCII):
        raise _UnfitError("ROW_FILTER_LITERAL")
    value = Decimal(written)
    whole = value == value.to_integral_value()
    if kind not in {"integer", "decimal"} or abs(value) >= Decimal(10) ** 18 or (kind == "integer" and not whole):
        raise _UnfitError("ROW_FILTER_LITERAL")
    return str(int(value)) if whole else format(value, "f")

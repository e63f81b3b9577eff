"""Step 2 (second half) and step 3: parse to one tree and hold it against the allow-lists, by class and by argument.

A node class that is not listed is refused, and so is a listed class that carries an argument not listed for it: a
clause that nobody thought of can neither pass nor be dropped.
"""

import logging
from collections.abc import Mapping, Sequence

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import Token

from policies.findings import Refusal, finding
from policies.query import Span
from policies.text import span_at, span_of

# the parser's log would carry the operator's text out of the domain
logging.getLogger("sqlglot").disabled = True

_DIALECT = Dialect.get_or_raise("duckdb")

MAX_NODES = 2000
MAX_TREE_DEPTH = 100

_BINARY = frozenset({"this", "expression"})
_UNARY = frozenset({"this"})
_NONE: frozenset[str] = frozenset()

NODES: Mapping[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset({"expressions", "from_", "joins", "where", "group", "order", "limit", "with_"}),
    exp.Subquery: frozenset({"this", "alias"}),
    exp.With: frozenset({"expressions"}),
    exp.CTE: frozenset({"this", "alias"}),
    exp.TableAlias: frozenset({"this", "columns"}),
    exp.Table: frozenset({"this", "alias", "db", "catalog"}),
    exp.From: _UNARY,
    exp.Join: frozenset({"this", "on", "using", "kind"}),
    exp.Where: _UNARY,
    exp.Group: frozenset({"expressions", "all"}),
    exp.Order: frozenset({"expressions"}),
    exp.Ordered: frozenset({"this", "desc", "nulls_first"}),
    exp.Limit: frozenset({"expression"}),
    exp.Alias: frozenset({"this", "alias"}),
    exp.Column: frozenset({"this", "table", "db", "catalog"}),
    exp.Identifier: frozenset({"this", "quoted"}),
    exp.Star: _NONE,
    exp.Literal: frozenset({"this", "is_string"}),
    exp.Boolean: _UNARY,
    exp.Null: _NONE,
    exp.Placeholder: frozenset({"this"}),
    exp.Paren: _UNARY,
    exp.Distinct: frozenset({"expressions"}),
    exp.Count: frozenset({"this", "big_int"}),
    exp.Sum: _UNARY,
    exp.Avg: _UNARY,
    exp.And: _BINARY,
    exp.Or: _BINARY,
    exp.Not: _UNARY,
    exp.EQ: _BINARY,
    exp.NEQ: _BINARY,
    exp.LT: _BINARY,
    exp.LTE: _BINARY,
    exp.GT: _BINARY,
    exp.GTE: _BINARY,
    exp.NullSafeEQ: _BINARY,
    exp.NullSafeNEQ: _BINARY,
    exp.Is: _BINARY,
    exp.In: frozenset({"this", "expressions"}),
    exp.Between: frozenset({"this", "low", "high"}),
    exp.Like: _BINARY,
    exp.ILike: _BINARY,
    exp.Case: frozenset({"this", "ifs", "default"}),
    exp.If: frozenset({"this", "true", "false"}),
    exp.Add: _BINARY,
    exp.Sub: _BINARY,
    exp.Mul: _BINARY,
    exp.Div: frozenset({"this", "expression", "typed", "safe"}),
    exp.Neg: _UNARY,
    exp.Abs: _UNARY,
    exp.Coalesce: frozenset({"this", "expressions"}),
    exp.Nullif: _BINARY,
    exp.Least: frozenset({"this", "expressions", "ignore_nulls"}),
    exp.Greatest: frozenset({"this", "expressions", "ignore_nulls"}),
    exp.Upper: _UNARY,
    exp.Lower: _UNARY,
    exp.Substring: frozenset({"this", "start", "length"}),
    exp.Left: _BINARY,
    exp.TimestampTrunc: frozenset({"this", "unit"}),
    exp.DateTrunc: frozenset({"this", "unit"}),
    exp.Extract: _BINARY,
    exp.Year: _UNARY,
    exp.Quarter: _UNARY,
    exp.Month: _UNARY,
    exp.Day: _UNARY,
    exp.Var: _UNARY,
    exp.Cast: frozenset({"this", "to"}),
    exp.TryCast: frozenset({"this", "to", "safe"}),
    exp.DataType: frozenset({"this", "expressions", "nested"}),
    exp.DataTypeParam: _UNARY,
}
"""Every node class that may occur, with every argument it may carry."""

UNPROTECTED = frozenset(
    {
        exp.Having,
        exp.Window,
        exp.Qualify,
        exp.Rollup,
        exp.Cube,
        exp.GroupingSets,
        exp.Filter,
        exp.Union,
        exp.Intersect,
        exp.Except,
        exp.Exists,
        exp.Variance,
        exp.VariancePop,
        exp.Stddev,
        exp.StddevPop,
        exp.StddevSamp,
        exp.Median,
        exp.Quantile,
        exp.PercentileCont,
        exp.PercentileDisc,
        exp.Min,
        exp.Max,
        exp.Offset,
        exp.Round,
        exp.Floor,
        exp.Ceil,
        exp.Interval,
        exp.ApproxDistinct,
    }
)
"""Forms with a known meaning whose protection, or whose place after it, is not built yet."""

UNPROTECTED_ARGUMENTS = frozenset(
    {"having", "qualify", "windows", "rollup", "cube", "grouping_sets", "offset", "distinct", "side", "query", "totals"}
)


def parse(text: str, tokens: Sequence[Token]) -> exp.Select:
    """Return the one SELECT in `text`, whose tokens were admitted, comments dropped, held against the allow-lists.

    Raises:
        Refusal: SYNTAX, NOT_ONE_STATEMENT, NOT_A_QUERY, TREE_TOO_LARGE, CONSTRUCT_NOT_ALLOWED, FUNCTION_NOT_ALLOWED,
            PROTECTION_UNAVAILABLE.

    """
    root = _unwrapped(_one_statement(text, tokens), text)
    _check_size(root)
    for node in root.walk():
        node.comments = None
    check_nodes(text, root)
    if not isinstance(root, exp.Select):
        raise Refusal(finding("NOT_A_QUERY"))
    return root


def check_nodes(text: str, root: exp.Expr) -> None:
    """Hold every node of the tree against `NODES`.

    Raises:
        Refusal: one finding per offending node that has no offending ancestor.

    """
    refused: set[int] = set()
    findings = []
    for node in root.walk(bfs=True):
        code = None if id(node.parent) in refused else _offence(node)
        if code is not None:
            findings.append(finding(code, span_of(text, node), _spoken_name(node)))
        if code is not None or id(node.parent) in refused:
            refused.add(id(node))
    if findings:
        raise Refusal(*findings[:10])


def _one_statement(text: str, tokens: Sequence[Token]) -> exp.Expr:
    try:
        statements = _DIALECT.parser().parse(list(tokens), text)
    except ParseError as error:
        raise Refusal(finding("SYNTAX", _error_span(text, error))) from None
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        # the parser raises these on broken text; whatever it is, the text is refused
        raise Refusal(finding("SYNTAX")) from None
    found = [item for item in statements if item is not None]
    if len(found) != 1:
        raise Refusal(finding("NOT_ONE_STATEMENT"))
    return found[0]


def _error_span(text: str, error: ParseError) -> Span | None:
    place = error.errors[0] if error.errors else {}
    line, column = place.get("line"), place.get("col")
    if not isinstance(line, int) or not isinstance(column, int):
        return None
    lines = text.split("\n")
    start = sum(len(item) + 1 for item in lines[: line - 1]) + column - 1
    return span_at(text, max(start, 0), max(start, 0) + 1) if start < len(text) else None


def _unwrapped(root: exp.Expr, text: str) -> exp.Expr:
    """Take off the brackets around a whole statement; anything but a query is refused here."""
    while isinstance(root, (exp.Subquery, exp.Paren)) and not set(_present(root)) - {"this"}:
        root = root.this
    if not isinstance(root, exp.Query):
        raise Refusal(finding("NOT_A_QUERY", span_of(text, root)))
    root.parent = None
    return root


def _check_size(root: exp.Expr) -> None:
    """Count nodes and depth without recursion."""
    count, level = 0, [root]
    for _ in range(MAX_TREE_DEPTH):
        if not level:
            return
        count += len(level)
        if count > MAX_NODES:
            break
        level = [child for node in level for child in node.iter_expressions()]
    raise Refusal(finding("TREE_TOO_LARGE"))


def _present(node: exp.Expr) -> list[str]:
    return [name for name, value in node.args.items() if value is not None and value is not False and value != []]


def _offence(node: exp.Expr) -> str | None:
    allowed = NODES.get(type(node))
    if allowed is None:
        if type(node) in UNPROTECTED:
            return "PROTECTION_UNAVAILABLE"
        return "FUNCTION_NOT_ALLOWED" if isinstance(node, exp.Func) else "CONSTRUCT_NOT_ALLOWED"
    extra = set(_present(node)) - allowed
    if not extra or _described_by_child(node, extra):
        return None
    return "PROTECTION_UNAVAILABLE" if extra <= UNPROTECTED_ARGUMENTS else "CONSTRUCT_NOT_ALLOWED"


def _described_by_child(node: exp.Expr, extra: set[str]) -> bool:
    """Whether each extra argument is a node that is itself refused, with a better place and name."""
    return all(isinstance(node.args[name], exp.Expr) and type(node.args[name]) not in NODES for name in extra)


def _spoken_name(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Anonymous):
        return str(node.this)[:63]
    return node.sql_name().lower() if isinstance(node, exp.Func) else node.key.upper()

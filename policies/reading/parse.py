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
from policies.reading.fidelity import check_fidelity
from policies.reading.text import span_at, span_of

# the parser's log would carry the operator's text out of the domain
logging.getLogger("sqlglot").disabled = True

_DIALECT = Dialect.get_or_raise("duckdb")

MAX_NODES = 2000
MAX_TREE_DEPTH = 100

_BINARY = frozenset({"this", "expression"})
_UNARY = frozenset({"this"})
_NONE: frozenset[str] = frozenset()
_LIST = frozenset({"expressions"})
_SET = frozenset({"this", "expression", "distinct", "with_", "order", "limit", "offset"})

NODES: Mapping[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset(
        {
            *("expressions", "from_", "joins", "where", "group", "having", "qualify", "windows"),
            *("distinct", "order", "limit", "offset", "with_"),
        }
    ),
    exp.Union: _SET,
    exp.Intersect: _SET,
    exp.Except: _SET,
    exp.Subquery: frozenset({"this", "alias"}),
    exp.With: frozenset({"expressions"}),
    exp.CTE: frozenset({"this", "alias"}),
    exp.TableAlias: frozenset({"this", "columns"}),
    exp.Table: frozenset({"this", "alias", "db", "catalog"}),
    exp.From: _UNARY,
    exp.Join: frozenset({"this", "on", "using", "kind", "side"}),
    exp.Where: _UNARY,
    exp.Group: frozenset({"expressions", "all"}),
    exp.Rollup: _LIST,
    exp.Cube: _LIST,
    exp.GroupingSets: _LIST,
    exp.Tuple: _LIST,
    exp.Grouping: _LIST,
    exp.Having: _UNARY,
    exp.Qualify: _UNARY,
    exp.Window: frozenset({"this", "partition_by", "order", "spec", "over", "alias"}),
    exp.WindowSpec: frozenset({"kind", "start", "start_side", "end", "end_side"}),
    exp.Filter: _BINARY,
    exp.Exists: _UNARY,
    exp.Offset: frozenset({"expression"}),
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
    exp.CountIf: _UNARY,
    exp.Min: _UNARY,
    exp.Max: _UNARY,
    exp.Median: _UNARY,
    exp.Quantile: frozenset({"this", "quantile"}),
    exp.PercentileCont: _BINARY,
    exp.PercentileDisc: _BINARY,
    exp.Variance: _UNARY,
    exp.VariancePop: _UNARY,
    exp.Stddev: _UNARY,
    exp.StddevSamp: _UNARY,
    exp.StddevPop: _UNARY,
    exp.RowNumber: _NONE,
    exp.Rank: _NONE,
    exp.DenseRank: _NONE,
    exp.PercentRank: _NONE,
    exp.CumeDist: _NONE,
    exp.Ntile: _UNARY,
    exp.Lag: frozenset({"this", "offset", "default"}),
    exp.Lead: frozenset({"this", "offset", "default"}),
    exp.FirstValue: _UNARY,
    exp.LastValue: _UNARY,
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
    exp.In: frozenset({"this", "expressions", "query"}),
    exp.Between: frozenset({"this", "low", "high"}),
    exp.Like: frozenset({"this", "expression", "negate"}),
    exp.ILike: frozenset({"this", "expression", "negate"}),
    exp.Case: frozenset({"this", "ifs", "default"}),
    exp.If: frozenset({"this", "true", "false"}),
    exp.Add: _BINARY,
    exp.Sub: _BINARY,
    exp.Mul: _BINARY,
    exp.Div: frozenset({"this", "expression", "typed", "safe"}),
    exp.IntDiv: _BINARY,
    exp.Mod: _BINARY,
    exp.Neg: _UNARY,
    exp.Abs: _UNARY,
    exp.Sign: _UNARY,
    exp.Round: frozenset({"this", "decimals"}),
    exp.Floor: _UNARY,
    exp.Ceil: _UNARY,
    exp.Sqrt: _UNARY,
    exp.Coalesce: frozenset({"this", "expressions"}),
    exp.Nullif: _BINARY,
    exp.Least: frozenset({"this", "expressions", "ignore_nulls"}),
    exp.Greatest: frozenset({"this", "expressions", "ignore_nulls"}),
    exp.Upper: _UNARY,
    exp.Lower: _UNARY,
    exp.Substring: frozenset({"this", "start", "length"}),
    exp.Left: _BINARY,
    exp.Right: _BINARY,
    exp.Length: _UNARY,
    exp.Trim: _UNARY,
    exp.Replace: frozenset({"this", "expression", "replacement"}),
    exp.StartsWith: _BINARY,
    exp.Contains: _BINARY,
    exp.DPipe: frozenset({"this", "expression", "safe"}),
    exp.Concat: frozenset({"expressions", "safe", "coalesce"}),
    exp.TimestampTrunc: frozenset({"this", "unit"}),
    exp.DateTrunc: frozenset({"this", "unit"}),
    exp.Extract: _BINARY,
    exp.Year: _UNARY,
    exp.Quarter: _UNARY,
    exp.Month: _UNARY,
    exp.Day: _UNARY,
    exp.DayOfWeekIso: _UNARY,
    exp.DateDiff: frozenset({"this", "expression", "unit", "date_part_boundary"}),
    exp.Interval: frozenset({"this", "unit"}),
    exp.Var: _UNARY,
    exp.Cast: frozenset({"this", "to"}),
    exp.TryCast: frozenset({"this", "to", "safe"}),
    exp.DataType: frozenset({"this", "expressions", "nested"}),
    exp.DataTypeParam: _UNARY,
}
"""Every node class that may occur, with every argument it may carry."""

UNPROTECTED = frozenset({exp.WithinGroup, exp.ApproxQuantile, exp.ApproxDistinct, exp.Mode, exp.Corr})
"""Forms with a known meaning whose protection, or whose place after it, is not built yet."""

UNPROTECTED_ARGUMENTS = frozenset({"totals", "ignore_nulls"})


def parse(text: str, tokens: Sequence[Token]) -> exp.Query:
    """Return the one query in `text`, whose tokens were admitted, comments dropped, held against the allow-lists.

    Raises:
        Refusal: SYNTAX, NOT_ONE_STATEMENT, NOT_A_QUERY, TREE_TOO_LARGE, CONSTRUCT_NOT_ALLOWED, FUNCTION_NOT_ALLOWED,
            PROTECTION_UNAVAILABLE.

    """
    root = read_tree(text, tokens)
    check_fidelity(text, tokens, root)
    for node in list(root.walk()):
        node.comments = None
        if isinstance(node, exp.Anonymous):
            _spell_date_part(node)
    check_nodes(text, root)
    return root


def read_tree(text: str, tokens: Sequence[Token]) -> exp.Query:
    """Return the one query in `text`, of bearable size, not yet held against the allow-lists.

    Raises:
        Refusal: SYNTAX, NOT_ONE_STATEMENT, NOT_A_QUERY, TREE_TOO_LARGE.

    """
    root = _unwrapped(_one_statement(text, tokens), text)
    _check_size(root)
    return root


def _spell_date_part(node: exp.Anonymous) -> None:
    """Write `date_part('month', x)` as EXTRACT, which the parser does not do itself."""
    if str(node.this).lower() in {"date_part", "datepart"} and len(node.expressions) == 2:
        part, value = node.expressions
        if isinstance(part, exp.Literal) and part.is_string and str(part.this).isalpha():
            node.replace(exp.Extract(this=exp.Var(this=str(part.this).upper()), expression=value))


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


def _unwrapped(root: exp.Expr, text: str) -> exp.Query:
    """Take off the brackets around a whole statement; anything but a query is refused here."""
    while isinstance(root, (exp.Subquery, exp.Paren)) and not set(_present(root)) - {"this"}:
        root = root.this
    if not isinstance(root, (exp.Select, exp.SetOperation)):
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
    present = set(_present(node))
    if isinstance(node, exp.Func) and not {name for name, needed in node.arg_types.items() if needed} <= present:
        return "SYNTAX"
    extra = present - allowed
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

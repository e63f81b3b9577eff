"""Changes to a query's tree: what comes out is nearly always a query, so that most of them reach the later rules."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from tests.fuzz.corpus import ABSENT, COLUMNS, DENIED, TABLES, TYPES, tree_of

Change = Callable[[random.Random, exp.Expr, exp.Expr], None]
"""A change of the first tree in place; parts of the second are copied into it."""

_LINKS: Mapping[str, str] = {
    "residents": "resident_id",
    "visits": "resident_id",
    "payments": "resident_id",
    "hospitals": "hospital",
}
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Like, exp.ILike)
_CALCULATIONS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.IntDiv)
_CONNECTIVES = (exp.And, exp.Or)
_FAMILIES: Sequence[tuple[type[exp.Expr], ...]] = (_COMPARISONS, _CALCULATIONS, _CONNECTIVES)
_FORMS: Mapping[str, Sequence[str]] = {
    "number": (
        "-({0})", "abs({0})", "({0}) + ({1})", "({0}) - ({1})", "({0}) * ({1})", "({0}) / ({1})", "({0}) * -0.5", "({0}) * 1000000000", "({0}) % 3",
        "coalesce({0}, 0)", "nullif({0}, {1})", "least({0}, {1})", "greatest({0}, {1})", "least(greatest({0}, -7), 30)", "round({0})",
        "CASE WHEN ({0}) > 2 THEN {0} ELSE {1} END", "CASE {0} WHEN {1} THEN 1 WHEN 3 THEN {0} END", "CAST({0} AS DECIMAL(18, 3))",
    ),
    "text": (
        "upper({0})", "lower({0})", "substring({0}, 1, 2)", "substring({0}, 3)", "left({0}, 3)", "coalesce({0}, 'x')", "nullif({0}, 'F')",
        "CASE WHEN {0} = 'F' THEN {0} ELSE 'b' END", "CASE {0} WHEN 'F' THEN '女' WHEN 'M' THEN '男' END", "({0}) || 'x'", "TRY_CAST({0} AS BIGINT)",
        "CAST({0} AS DATE)", "least({0}, {1})",
    ),
    "date": (
        "year({0})", "month({0})", "quarter({0})", "day({0})", "extract(year FROM {0})", "date_trunc('year', {0})", "date_trunc('month', {0})",
        "least({0}, DATE '2024-07-01')", "greatest({0}, {1})", "coalesce({0}, DATE '2000-01-01')", "CAST({0} AS VARCHAR)", "({0}) + 1",
        "CASE WHEN {0} > '2024-07-01' THEN {0} ELSE '2024-01-01' END", "({0}) - INTERVAL '1' month",
    ),
    "truth": (
        "NOT ({0})", "({0}) AND ({1})", "({0}) OR ({1})", "({0}) IS TRUE", "({0}) IS NOT FALSE", "({0}) = TRUE", "CAST({0} AS INTEGER)",
        "coalesce({0}, FALSE)", "CASE WHEN {0} THEN TRUE ELSE {1} END", "if({0}, 1, 0)", "({0}) IS NULL", "({0}) IS DISTINCT FROM ({1})",
    ),
    "aggregate": ("{0} / count(*)", "({0}) + 1", "coalesce({0}, 0)", "{0} OVER ()", "{0} FILTER (WHERE TRUE)", "round({0}, 2)", "sum({0})"),
}  # fmt: skip
_FOR_ALL = (
    "({0}) = ({1})", "({0}) <> ({1})", "({0}) BETWEEN ({1}) AND ({0})", "({0}) IN ({0}, 2, NULL)", "({0}) IS NOT NULL", "({0}) IS NULL",
    "({0}) IS DISTINCT FROM ({1})", "({0}) LIKE 'a%'", "(SELECT max({0}))", "count({0})", "sum({0})", "avg({0})", "count(DISTINCT {0})",
    "min({0})", "coalesce({0}, {1})", "CASE WHEN {1} THEN {0} ELSE {0} END", "CAST({0} AS VARCHAR)", "sum({0}) OVER ()",
)  # fmt: skip
_AGGREGATES = ("sum({0})", "avg({0})", "count({0})", "count(*)", "count(DISTINCT {0})", "sum(({0}) * ({0}))", "avg(coalesce({0}, 1))",
               "sum({0}) FILTER (WHERE {1})", "median({0})", "max({0})", "stddev({0})", "sum({0}) / count(*)")  # fmt: skip
_LITERALS = ("0", "1", "-1", "3", "0.5", "1000000", "999999999999999999", "0.000000001", "'F'", "'内科'", "'zz'", "''", "NULL", "TRUE",
             "DATE '2024-07-01'", "DATE '1900-01-01'", "DATE '2200-12-31'", "'2024-02-30'", "$x", "1.5", "30000000", "9" * 5000)  # fmt: skip

_TYPES = ("VARCHAR", "BIGINT", "INTEGER", "DATE", "BOOLEAN", "DECIMAL", "DECIMAL(18, 3)", "DECIMAL(1, 0)", "DECIMAL(38, 38)", "DECIMAL(3)",
          "DECIMAL(18, 30000000)", "DECIMAL(1, 2, 3)", "DECIMAL(a, b)", "DECIMAL(18, 1.5)", "HUGEINT", "DOUBLE", "TIMESTAMP", "VARCHAR(3)",
          "INTEGER[]", "STRUCT(a INTEGER)", "residents", "BLOB", "TEXT", "INTERVAL", "ENUM('a', 'b')", "TIME", "UTINYINT")  # fmt: skip


def changed(draw: random.Random, text: str, other: str, times: int, *, adapt: bool = False) -> str:
    """Return `text` after `times` changes of its tree, or as it is where it has none or none can be written.

    `adapt` first gives the tables and columns of a foreign text names of the city.
    """
    found, donor = tree_of(text), tree_of(other)
    if found is None or donor is None:
        return text
    tree = found.copy()
    try:
        if adapt:
            _settle(draw, tree)
        for _ in range(times):
            (change,) = draw.choices(list(CHANGES), list(CHANGES.values()))
            change(draw, tree, donor)
        return tree.sql(dialect="duckdb")
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return text  # such a tree has no text; the changes know nothing of what belongs where


def _settle(draw: random.Random, tree: exp.Expr) -> None:
    """Let each foreign table be one of the city's, the same everywhere, and each foreign column one of that of some table."""
    homes: dict[str, str] = {}
    names: dict[str, str] = {}
    for table in tree.find_all(exp.Table):
        table.set("this", exp.to_identifier(homes.setdefault(table.name.lower(), draw.choice(TABLES))))
    offered = [name for home in dict.fromkeys(homes.values()) for name in COLUMNS[home]]
    for column in tree.find_all(exp.Column):
        if offered and isinstance(column.this, exp.Identifier):
            column.set("this", exp.to_identifier(names.setdefault(column.name.lower(), draw.choice(offered))))


def _expressions(tree: exp.Expr) -> list[exp.Expr]:
    return [node for node in tree.find_all(exp.Condition) if isinstance(node.parent, exp.Expr) and not isinstance(node, exp.Star)]


def _some(draw: random.Random, tree: exp.Expr, sort: str | None = None) -> exp.Expr | None:
    """Draw an expression, mostly one of the sort that is asked."""
    found = _expressions(tree)
    if sort is not None and draw.random() < 0.85:
        found = [node for node in found if _sort(node) == sort] or found
    return draw.choice(found) if found else None


def _sort(node: exp.Expr) -> str:
    """Guess what an expression yields."""
    if isinstance(node, (exp.Predicate, exp.Connector, exp.Not, exp.Boolean)):
        return "truth"
    if isinstance(node, exp.AggFunc):
        return "aggregate"
    column = node.find(exp.Column)
    kind = TYPES.get(column.name.lower(), "") if column is not None else ""
    if column is None:
        literal = node.find(exp.Literal)
        kind = "VARCHAR" if literal is not None and literal.is_string else "BIGINT"
    return {"VARCHAR": "text", "DATE": "date", "BOOLEAN": "truth"}.get(kind, "number")


def _form(draw: random.Random, node: exp.Expr | None) -> str:
    """Draw a form that an expression may be put into, mostly one that fits what it yields."""
    fitting = _FORMS[_sort(node)] if node is not None else _FOR_ALL
    return draw.choice(fitting if draw.random() < 0.8 else _FOR_ALL)


def _select(draw: random.Random, tree: exp.Expr) -> exp.Select | None:
    found = list(tree.find_all(exp.Select))
    return draw.choice([found[0], *found]) if found else None


def _made(draw: random.Random, tree: exp.Expr, form: str | None = None, sort: str | None = None) -> exp.Expr:
    """Return an expression of the tree in a form that is given, or in one that fits it."""
    first = _some(draw, tree, sort)
    second = _some(draw, tree, None if first is None else _sort(first))
    parts = [node.sql(dialect="duckdb") for node in (first, second) if node is not None]
    return parse_one((form or _form(draw, first)).format(*[*parts, "1", "1"][:2]), read="duckdb")


def _graft(draw: random.Random, tree: exp.Expr, donor: exp.Expr) -> None:
    here = _some(draw, tree)
    there = _some(draw, draw.choice([tree, donor]), None if here is None else _sort(here))
    if here is not None and there is not None:
        here.replace(there.copy())


def _wrap(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    here = _some(draw, tree)
    other = _some(draw, tree, None if here is None else _sort(here))
    if here is not None and other is not None:
        form = _form(draw, here).format(here.sql(dialect="duckdb"), other.sql(dialect="duckdb"))
        here.replace(parse_one(form, read="duckdb"))


def _column(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    columns = [node for node in tree.find_all(exp.Column) if isinstance(node.this, exp.Identifier)]
    if columns:
        table = draw.choice(TABLES)
        name = draw.choice([*COLUMNS[table], *COLUMNS[table], draw.choice(DENIED), draw.choice(ABSENT)])
        draw.choice(columns).set("this", exp.to_identifier(name, quoted=draw.random() < 0.2))


def _operator(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    found = [node for node in tree.find_all(exp.Binary) if any(isinstance(node, family) for family in _FAMILIES)]
    if found:
        node = draw.choice(found)
        family = next(family for family in _FAMILIES if isinstance(node, family))
        node.replace(draw.choice(family)(this=node.this.copy(), expression=node.expression.copy()))


def _literal(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    found = [node for node in tree.find_all(exp.Literal, exp.Boolean, exp.Null) if node.parent is not None]
    if found:
        draw.choice(found).replace(parse_one(draw.choice(_LITERALS), read="duckdb"))


def _type(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    """Cast an expression, or let a cast that is there lead elsewhere."""
    casts = list(tree.find_all(exp.Cast))
    here = draw.choice(casts).this if casts and draw.random() < 0.5 else _some(draw, tree)
    if here is not None:
        word = draw.choice(["CAST", "TRY_CAST"])
        here.replace(parse_one(f"{word}({here.sql(dialect='duckdb')} AS {draw.choice(_TYPES)})", read="duckdb"))


def _arity(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    """Give a call one argument more or less."""
    calls = list(tree.find_all(exp.Func))
    other = _some(draw, tree)
    if calls and other is not None:
        call = draw.choice(calls)
        if draw.random() < 0.5:
            call.set(draw.choice(list(call.args) or ["this"]), None)
        else:
            call.set(draw.choice(["expression", "expressions", *call.arg_types]), draw.choice([other.copy(), [other.copy()]]))


def _condition(draw: random.Random, tree: exp.Expr, donor: exp.Expr) -> None:
    select, other = _select(draw, tree), draw.choice([tree, donor]).find(exp.Where)
    if select is not None:
        condition = other.this.copy() if other is not None and draw.random() < 0.5 else _made(draw, tree, sort="truth")
        select.where(condition, copy=False, append=draw.random() < 0.8)


def _output(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    select = _select(draw, tree)
    if select is not None:
        made = _made(draw, tree, draw.choice([*_AGGREGATES, None]), draw.choice(["number", "number", None]))
        select.select(exp.alias_(made, draw.choice(["x1", "x2", "n", "性别", "gender", "x1_low"])), copy=False)


def _key(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    select = _select(draw, tree)
    if select is not None:
        key = _made(draw, tree, draw.choice(["{0}", None]), draw.choice(["text", "date", "truth", None]))
        select.group_by(key, copy=False)
        if draw.random() < 0.7:
            select.select(exp.alias_(key.copy(), draw.choice(["k1", "k2", "k3"])), copy=False)


def _source(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    """Let a table be read through a derived table."""
    found = [node for node in tree.find_all(exp.Table) if isinstance(node.parent, (exp.From, exp.Join))]
    if found:
        table = draw.choice(found)
        name, alias = table.name, table.alias_or_name
        body = draw.choice(["*", "DISTINCT *", f"{name}.*", ", ".join(COLUMNS.get(name, ("1 AS a",)))])
        tail = draw.choice(["", "", " WHERE TRUE", " LIMIT 3", " ORDER BY 1", " GROUP BY ALL"])
        alias = f"{alias}_q" if alias in TABLES else alias
        table.replace(parse_one(f"SELECT 1 FROM (SELECT {body} FROM {name}{tail}) AS {alias}", read="duckdb").args["from_"].this)
        for column in tree.find_all(exp.Column):
            if column.table == name and alias != name:
                column.set("table", exp.to_identifier(alias))


def _cte(draw: random.Random, tree: exp.Expr, donor: exp.Expr) -> None:
    select, inner = _select(draw, tree), draw.choice([tree, donor]).find(exp.Select)
    if select is not None and inner is not None:
        name = draw.choice(["c0", "c1", *TABLES])
        select.with_(name, as_=inner.copy(), copy=False)
        if draw.random() < 0.6 and "from_" in select.args:
            select.from_(name, copy=False)


def _join(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    select = _select(draw, tree)
    source = select.args.get("from_") if select is not None else None
    if select is None or source is None:
        return
    table = draw.choice(TABLES)
    left, right = source.this.alias_or_name, f"j{draw.randint(0, 3)}"
    key = _LINKS[table] if draw.random() < 0.8 else draw.choice(COLUMNS[table])
    kind = draw.choice(["", "", "", "left", "right", "full", "cross", "semi", "anti"])
    on = draw.choice([f"{left}.{key} = {right}.{key}"] * 4 + [f"{left}.{key} < {right}.{key}", "TRUE"])
    select.join(f"{table} AS {right}", on=None if kind == "cross" else on, join_type=kind, dialect="duckdb", copy=False)


def _set_operation(draw: random.Random, tree: exp.Expr, donor: exp.Expr) -> None:
    select, other = _select(draw, tree), draw.choice([tree, donor])
    if select is not None and select.parent is not None and isinstance(other, exp.Query):
        kind = draw.choice([exp.Union, exp.Except, exp.Intersect])
        select.replace(kind(this=select.copy(), expression=other.copy(), distinct=draw.random() < 0.5))


def _drop(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    select = _select(draw, tree)
    if select is not None:
        select.set(draw.choice(["where", "group", "order", "limit", "joins", "with_", "having"]), None)


def _tail(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    select = _select(draw, tree)
    if select is not None:
        acts: Sequence[Callable[[], object]] = (
            lambda: select.order_by(_made(draw, tree, draw.choice(["{0}", "{0} DESC", "1", "2 DESC NULLS FIRST"])), copy=False),
            lambda: select.limit(draw.choice([0, 1, 1_000_000, 1_000_001]), copy=False),
            lambda: select.offset(1, copy=False),
            lambda: select.having(_made(draw, tree, draw.choice(["count(*) > 1", "{0}", "sum({0}) > 1"])), copy=False),
            lambda: select.distinct(copy=False),
        )
        draw.choice(acts)()


def _scramble(draw: random.Random, tree: exp.Expr, _donor: exp.Expr) -> None:
    """Take away, repeat or move one output or key."""
    for node in _lists(tree):
        if draw.random() < 0.5:
            items = [item.copy() for item in node.expressions]
            draw.shuffle(items)
            node.set("expressions", items[1:] if len(items) > 1 and draw.random() < 0.5 else [*items, *items[:1]])
            return


def _lists(tree: exp.Expr) -> Iterator[exp.Expr]:
    yield from (node for node in tree.find_all(exp.Select, exp.Group, exp.Order) if node.expressions)


CHANGES: Mapping[Change, int] = {
    _graft: 5,
    _wrap: 8,
    _column: 3,
    _operator: 3,
    _literal: 3,
    _type: 1,
    _arity: 2,
    _condition: 4,
    _output: 4,
    _key: 3,
    _source: 2,
    _cte: 1,
    _join: 2,
    _set_operation: 1,
    _drop: 1,
    _tail: 2,
    _scramble: 1,
}
"""Every change with its weight."""

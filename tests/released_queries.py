"""Queries over released values drawn at random, answered by the post-processing tree and by DuckDB.

A query is drawn as SQL over `t` and `u`, which are CTEs with a protected core each for the compiler and plain tables for the
engine. The tree that the compiler makes of it is evaluated over the same rows.
"""

import random
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import duckdb

from egress.post.evaluate import Evaluator
from egress.post.size import most_rows
from egress.table import _cell, _columns_of, columns_of
from policies.query import Allowed, Core, GovernedQuery
from tests.factories_policies import verdict

CTES = {
    "t": "SELECT hospital AS a, department AS b, visit_date AS d, count(*) AS n, sum(cost) AS x FROM visits GROUP BY 1, 2, 3",
    "u": "SELECT gender AS b, insured AS f, count(*) AS n, sum(balance) AS y FROM residents GROUP BY 1, 2",
}
"""`x` has two decimals; `b` meets `b` in joins."""
CORES = {
    "t": {"k0": "a", "k1": "b", "k2": "d", "a0": "n", "a1": "x"},
    "u": {"k0": "b", "k1": "f", "a0": "n", "a1": "y"},
}
DECLARED = {
    "t": "a VARCHAR, b VARCHAR, d DATE, n BIGINT, x DECIMAL(18,2)",
    "u": "b VARCHAR, f BOOLEAN, n BIGINT, y DECIMAL(18,0)",
}
TEXTS = ["", "a", "ab", "Ba", "张三", "a%", " a ", None]
VALUES: Mapping[str, Sequence[Any]] = {
    "a": TEXTS,
    "b": ["F", "M", "内科", None],
    "d": [date(2024, 2, 29), date(2024, 3, 1), date(2025, 12, 31), None],
    "f": [True, False, None],
    "n": [-7, -1, 0, 1, 2, 2, 3, 8, None],
    "x": [Decimal(text) for text in ("-2.50", "-0.01", "0.00", "0.05", "1.25", "1.25", "9.99")] + [None],
    "y": [Decimal(text) for text in ("-15", "0", "5", "5", "40")] + [None],
}
FORMS = ("plain", "grouped", "windowed", "combined", "joined", "nested", "whole")
Row = dict[str, Any]
Tables = dict[str, list[Row]]


class Draw:
    """One random source for rows and queries. Everything drawn is defined: no zero divisor, no text that is no number."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.sources: dict[str, str] = {}
        self.ordered = False
        """Whether the query puts all its rows in an order in which only equal rows tie."""

    def pick(self, items: Sequence[Any]) -> Any:
        return self.random.choice(items)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def tables(self) -> Tables:
        """Draw up to twelve rows of each table; equal rows, ties and NULLs are frequent."""
        return {
            name: [{part.split()[0]: self.pick(VALUES[part.split()[0]]) for part in declared.split(", ")} for _ in range(size)]
            for name, declared in DECLARED.items()
            for size in [self.pick([0, 1, 5, 12])]
        }

    def query(self, form: str | None = None) -> str:
        """Draw a whole query of a form, or of any."""
        return getattr(self, form or self.pick(FORMS))()

    # expressions by type

    def columns(self, *names: str) -> list[str]:
        return [
            f"{alias}.{name}" for alias, table in self.sources.items() for name in names if f" {name} " in f" {DECLARED[table]}"
        ]

    def integer(self, depth: int = 2) -> str:
        found = [*self.columns("n"), "3", "-2"]
        if not depth:
            return self.pick(found)
        one, other = self.integer(depth - 1), self.integer(depth - 1)
        forms = [f"{one} + {other}", f"{one} - ({other})", f"{one} * {self.pick(['2', '-3'])}", f"-({one})", f"abs({one})"]
        forms += [f"sign({one})", f"({one}) // {self.pick(['2', '-3'])}", f"({one}) % {self.pick(['2', '-3'])}"]
        forms += [f"coalesce({one}, {other})", f"nullif({one}, {other})", f"least({one}, {other})", f"greatest({one}, {other})"]
        forms += [f"CASE WHEN {self.condition(0)} THEN {one} WHEN {self.condition(0)} THEN {other} END"]
        forms += [f"if({self.condition(0)}, {one}, {other})", f"CAST({self.condition(0)} AS INTEGER)"]
        forms += [f"CAST({name}({self.number(0)}) AS BIGINT)" for name in ("floor", "ceil", "round")]
        forms += [f"{name}({item})" for item in self.columns("d") for name in ("year", "quarter", "month", "day")]
        forms += [f"length({item})" for item in self.columns("a")]
        return self.pick(forms)

    def number(self, depth: int = 1) -> str:
        """Draw an exact decimal."""
        found = [*self.columns("x", "y"), "1.5"]
        if not depth:
            return self.pick(found)
        one, other = self.number(depth - 1), self.pick([self.number(depth - 1), self.integer(depth - 1)])
        forms = [f"{one} + {other}", f"{one} - ({other})", f"({one}) * 2", f"abs({one})", f"round({one}, 1)", f"-({one})"]
        return self.pick([*forms, f"coalesce({one}, {other})", f"greatest({one}, {other})", f"({one}) % 2"])

    def text(self, depth: int = 1) -> str:
        found = [*self.columns("a", "b"), "'a'", "'F'"]
        if not depth:
            return self.pick(found)
        one, other = self.text(depth - 1), self.text(depth - 1)
        forms = [f"upper({one})", f"lower({one})", f"trim({one})", f"left({one}, {self.pick(['1', '-1'])})", f"{one} || {other}"]
        forms += [f"right({one}, {self.pick(['1', '-1', '0'])})", f"concat({one}, {other})", f"coalesce({one}, {other})"]
        forms += [f"substring({one}, {self.pick(['1', '2'])}, 2)", f"substring({one}, 2)", f"nullif({one}, {other})"]
        forms += [f"CASE WHEN {self.condition(0)} THEN {one} ELSE {other} END", f"CAST({self.integer(0)} AS VARCHAR)"]
        return self.pick(forms)

    def condition(self, depth: int = 2) -> str:
        if depth and self.chance(0.5):
            one, other = self.condition(depth - 1), self.condition(depth - 1)
            return self.pick([f"NOT ({one})", f"({one}) AND ({other})", f"({one}) OR ({other})", f"({one}) IS TRUE"])
        sides = self.pick([(self.integer(0), self.integer(0)), (self.number(0), self.integer(0)), (self.text(0), self.text(0))])
        sign = self.pick(["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"])
        forms = [
            f"{sides[0]} {sign} {sides[1]}",
            f"{sides[0]} IS NULL",
            f"{sides[0]} IS NOT NULL",
            f"{sides[0]} IN ({sides[1]}, NULL)",
        ]
        forms += [f"{self.integer(0)} BETWEEN -1 AND 2", f"{self.integer(0)} NOT IN (1, 2)", *self.columns("f")]
        forms += [
            f"{item} {self.pick(['LIKE', 'ILIKE', 'NOT LIKE'])} '{self.pick(['a%', '%A%', '_', 'b_', '%'])}'"
            for item in self.columns("a")
        ]
        forms += [f"{item} >= DATE '2024-03-01'" for item in self.columns("d")]
        return self.pick(forms)

    def value(self) -> str:
        return self.pick(
            [self.integer, self.number, self.text, lambda: f"({self.condition()})", lambda: self.pick([*self.columns("d"), "3"])]
        )()

    # clauses

    def source(self) -> str:
        name = self.pick(["t", "t", "u"])
        self.sources = {name: name}
        return name

    def where(self, share: float = 0.4) -> str:
        return f" WHERE {self.condition()}" if self.chance(share) else ""

    def direction(self) -> str:
        return self.pick(["", " DESC"]) + self.pick(["", " NULLS FIRST", " NULLS LAST"])

    def everything(self) -> str:
        """Order by all columns, so that only equal rows tie."""
        names = self.columns("a", "b", "d", "f", "n", "x", "y")
        self.random.shuffle(names)
        return ", ".join(f"{name}{self.direction()}" for name in names)

    def page(self) -> str:
        return self.pick(["", "", f" LIMIT {self.pick([0, 1, 4])}", f" LIMIT 3 OFFSET {self.pick([0, 2, 9])}"])

    # whole queries

    def plain(self) -> str:
        source = self.source()
        distinct = self.chance(0.3)
        values = [f"{self.value()} AS v{place}" for place in range(self.pick([1, 2, 4]))]
        self.ordered = not distinct
        end = "" if distinct else f" ORDER BY {self.everything()}{self.page()}"
        if not distinct and self.chance(0.3):
            values.append(f"{self.integer()} / nullif({self.integer(0)}, 0) AS q")
        return f"SELECT {'DISTINCT ' if distinct else ''}{', '.join(values)} FROM {source}{self.where()}{end}"

    def total(self) -> str:
        made = [
            "count(*)",
            f"count({self.value()})",
            f"count(DISTINCT {self.pick([self.integer, self.text])()})",
            f"sum({self.integer()})",
        ]
        made += [
            f"sum({self.number()})",
            f"avg({self.integer(1)})",
            f"min({self.text()})",
            f"max({self.number()})",
            f"median({self.integer(0)})",
            f"median({self.integer(1)})",
        ]
        made += [f"sum(DISTINCT {self.integer(1)})", *(f"min({item})" for item in self.columns("d"))]
        return self.pick(made) + (f" FILTER (WHERE {self.condition(1)})" if self.chance(0.3) else "")

    def grouped(self) -> str:
        source = self.source()
        keys = [self.pick([self.integer, self.text, lambda: f"({self.condition(1)})"])() for _ in range(self.pick([0, 1, 1, 2]))]
        shown = [f"{key} AS k{place}" for place, key in enumerate(keys)] + [f"{self.total()} AS v{place}" for place in range(2)]
        group = f" GROUP BY {', '.join(str(place + 1) for place in range(len(keys)))}" if keys else ""
        having = (
            f" HAVING {self.pick(['count(*) > 1', f'sum({self.integer(0)}) >= 0', 'NOT (count(*) = 2)'])}"
            if self.chance(0.4)
            else ""
        )
        return f"SELECT {', '.join(shown)} FROM {source}{self.where()}{group}{having}"

    def over(self, *, total: bool) -> str:
        parts = [name for name in self.columns("b", "f", "n") if self.chance(0.3)]
        part = f"PARTITION BY {', '.join(parts)} " if parts else ""
        return f"{part}ORDER BY {self.everything() if total else f'{self.integer(1)}{self.direction()}'}"

    def frame(self) -> str:
        start, end = self.pick([
            ("UNBOUNDED PRECEDING", "CURRENT ROW"), ("UNBOUNDED PRECEDING", "UNBOUNDED FOLLOWING"), ("2 PRECEDING", "1 PRECEDING"),
            ("1 PRECEDING", "1 FOLLOWING"), ("CURRENT ROW", "UNBOUNDED FOLLOWING"), ("1 FOLLOWING", "3 FOLLOWING"),
            ("0 PRECEDING", "0 FOLLOWING"), ("UNBOUNDED PRECEDING", "2 PRECEDING"), ("CURRENT ROW", "CURRENT ROW"),
        ])  # fmt: skip
        return f" ROWS BETWEEN {start} AND {end}"

    def window(self) -> str:
        ranking = f"{self.pick(['rank', 'dense_rank', 'percent_rank', 'cume_dist'])}() OVER ({self.over(total=False)})"
        placed = [
            f"row_number() OVER ({self.over(total=True)})",
            f"ntile({self.pick([1, 2, 3, 20])}) OVER ({self.over(total=True)})",
        ]
        for name in ("lag", "lead"):
            more = self.pick(["", ", 1", ", 2", f", 1, {self.integer(0)}", ", 0"])
            placed.append(f"{name}({self.integer(1)}{more}) OVER ({self.over(total=True)})")
        value = f"{self.pick(['first_value', 'last_value'])}({self.value()})"
        added = self.pick(
            ["count(*)", f"count({self.text()})", f"sum({self.integer(1)})", f"avg({self.integer(1)})", f"sum({self.number()})"]
        )
        least = self.pick([f"min({self.integer()})", f"max({self.text()})", f"min({self.number()})"])
        framed = [f"{one} OVER ({self.over(total=True)}{self.frame()})" for one in (value, added, least)]
        peers = f"{self.pick([added, least])} OVER ({self.over(total=False)})"
        return self.pick([ranking, *placed, *framed, peers, f"{self.pick([added, least])} OVER ()"])

    def windowed(self) -> str:
        source = self.source()
        shown = ", ".join([f"{name} AS c{place}" for place, name in enumerate(self.columns("a", "b", "d", "f", "n", "x", "y"))])
        found = [f"{self.window()} AS w{place}" for place in range(self.pick([1, 2]))]
        qualify = f" QUALIFY row_number() OVER ({self.over(total=True)}) <= 3" if self.chance(0.2) else ""
        return f"SELECT {shown}, {', '.join(found)} FROM {source}{self.where(0.2)}{qualify}"

    def side(self) -> str:
        source = self.source()
        shown = f"{self.integer()} AS i, {self.text()} AS s"
        return f"SELECT {shown} FROM {source}{self.where()}"

    def combined(self) -> str:
        operations = ["UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"]
        whole = f"({self.side()}) {self.pick(operations)} ({self.side()})"
        if self.chance(0.4):
            whole = f"({whole}) {self.pick(operations)} ({self.side()})"
        self.ordered = self.chance(0.6)
        return whole + (f" ORDER BY i{self.direction()}, s{self.direction()}{self.page()}" if self.ordered else "")

    def joined(self) -> str:
        self.sources = dict(self.pick([{"p": "t", "q": "u"}, {"p": "u", "q": "t"}, {"p": "t", "q": "t"}, {"p": "u", "q": "u"}]))
        (one, left), (other, right) = self.sources.items()
        kind = self.pick(["JOIN", "LEFT JOIN"])
        equal = self.pick([f"{one}.b = {other}.b", f"{other}.n = {one}.n AND {one}.b = {other}.b", f"{one}.n = {other}.n"])
        more = f" AND ({self.condition(1)})" if self.chance(0.4) else ""
        values = ", ".join(f"{self.value()} AS v{place}" for place in range(3))
        sides = f"{left} AS {one} {kind} {right} AS {other} ON {equal}{more}"
        single = f"(SELECT count(*) AS k, max(n) AS m FROM {right}{self.pick(['', ' WHERE n > 1'])}) AS o"
        if self.chance(0.2):
            return f"SELECT {values}, o.k, o.m FROM {sides} CROSS JOIN {single}{self.where(0.3)}"
        if self.chance(0.2):
            return f"SELECT {values} FROM {left} AS {one}, {right} AS {other} WHERE {equal}{more}"
        if self.chance(0.2):
            return f"SELECT {values} FROM {left} AS {one} {kind} {right} AS {other} USING ({self.pick(['b', 'n', 'b, n'])})"
        return f"SELECT {values} FROM {sides}{self.where(0.3)}"

    def nested(self) -> str:
        inner = self.source()
        shown = "a" if inner == "t" else "b"
        listed = f"SELECT {self.pick([shown, 'b'])} FROM {inner}{self.where()}"
        scalar = f"(SELECT {self.pick(['sum', 'max', 'count'])}(n) FROM {inner}{self.where()})"
        exists = f"EXISTS (SELECT 1 FROM {inner}{self.where(1)})"
        outer = self.source()
        test = self.pick([f"b IN ({listed})", f"b NOT IN ({listed})", f"n > {scalar}", exists, f"NOT {exists}"])
        return f"SELECT b, n, {scalar} AS m, ({test}) AS i FROM {outer}{self.pick(['', f' WHERE {test}'])}"

    def whole(self) -> str:
        """Aggregate what was aggregated, joined with a row of its own."""
        inner = self.pick([self.grouped, self.windowed])()
        found = "v1" if " AS v1" in inner else "w0"
        return f"SELECT count(*) AS c, max({found}) AS m, count({found}) AS l, count(DISTINCT {found}) AS k FROM ({inner}) AS g"


def needed(sql: str) -> str:
    """Put the CTEs that a query reads before it."""
    read = [name for name in CTES if re.search(rf"(FROM|JOIN|,) {name}\b", sql)]
    return f"WITH {', '.join(f'{name} AS ({CTES[name]})' for name in read)} {sql}"


def compiled(sql: str) -> GovernedQuery:
    found = verdict(needed(sql))
    assert isinstance(found, Allowed), (sql, [item.as_json() for item in found.findings])
    return found.governed


def ours(query: GovernedQuery, tables: Tables) -> list[tuple[Any, ...]]:
    """Evaluate the tree over the tables, and write each cell as the released table has it."""
    cores = {}
    for core in query.cores:
        cores[core.name] = [_core_row(row, CORES[_table(core)]) for row in tables[_table(core)]]
    names = [_columns_of(output)[0] for output in query.outputs]
    kinds = [column.type for column in columns_of(query) if column.kind not in {"low", "high"}]
    rows = Evaluator(cores).rows(query.post)
    return [tuple(_cell(row[name], kind) for name, kind in zip(names, kinds, strict=True)) for row in rows]


def _table(core: Core) -> str:
    return "t" if "visits" in core.tables else "u"


def _core_row(row: Row, columns: Mapping[str, str]) -> Row:
    found = {name: Fraction(row[column]) if isinstance(row[column], Decimal) else row[column] for name, column in columns.items()}
    return found | {f"{name}{end}": None for name in columns for end in (".low", ".high")}


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """One engine for the whole run: opening one takes longer than a query."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET threads = 1")
    return connection


def theirs(sql: str, tables: Tables) -> list[tuple[Any, ...]]:
    """Return the engine's answer over the tables."""
    connection = _connection()
    for name, declared in DECLARED.items():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({declared})")
        cells = [cell for row in tables[name] for cell in row.values()]
        if cells:
            line = f"({', '.join('?' * (declared.count(', ') + 1))})"
            connection.execute(f"INSERT INTO {name} VALUES {', '.join([line] * len(tables[name]))}", cells)
    return connection.execute(sql).fetchall()


def same(one: Any, other: Any) -> bool:
    """Compare cells; the engine's quotients and averages are floating, so they are held to the six decimals that we show."""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None or isinstance(one, (str, date)):
        return type(one) is type(other) and one == other
    return abs(float(one) - float(other)) <= 1e-6 if isinstance(other, float) else Fraction(one) == Fraction(other)


def agree(found: list[tuple[Any, ...]], wanted: list[tuple[Any, ...]], *, ordered: bool) -> bool:
    """Tell whether the rows are the same, in order or as often."""
    if len(found) != len(wanted):
        return False
    left = list(wanted)
    for row in found:
        place = next((at for at, other in enumerate(left[: 1 if ordered else None]) if all(map(same, row, other))), None)
        if place is None:
            return False
        del left[place]
    return True


def compare(seed: int, form: str | None = None) -> None:
    """Draw a query of a form, or of any, and tables; the rows must be the same, and where the query orders all of it, in the same order.

    Raises:
        AssertionError: they are not, or the query is refused.

    """
    draw = Draw(seed)
    sql, tables = draw.query(form), draw.tables()
    query = compiled(sql)
    found, wanted = ours(query, tables), theirs(sql, tables)
    most = most_rows(query.post, {core.name: len(tables[_table(core)]) for core in query.cores})
    assert most is not None
    assert len(found) <= most, sql
    assert agree(found, wanted, ordered=False), (sql, tables, found, wanted)
    if draw.ordered:
        assert agree(found, wanted, ordered=True), (sql, tables, found, wanted)

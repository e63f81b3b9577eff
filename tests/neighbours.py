"""Queries and neighbouring data drawn at random, compared through resolve, decide, plan and emit as the service does it."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb

from egress.exact import Exact, Groups, groups_of
from egress.model import CorePlan, Part, ProtectionPlan
from egress.plan import plan
from egress.quantiles import scores_of
from policies.decide import decide
from policies.engine.emit import emit
from policies.grant import Grant
from policies.policy import Policy
from policies.query import Allowed, EngineSql, GovernedQuery, Tuning
from policies.resolve import resolve
from policies.tuning import tuned
from sandbox.isolation.child.engine import DISABLED_OPTIMIZERS
from sandbox.kernel.run import ExactTable
from tests.factories_policies import catalog, policy_document, submitted

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row]]

_SUPPLIED = "__unit BIGINT, __pid UBIGINT, __rank UBIGINT, resident_id UBIGINT"
SCHEMAS = {
    "residents": f"{_SUPPLIED}, gender VARCHAR, birth_date DATE, district VARCHAR, street VARCHAR, income DECIMAL(10,2), "
    "balance BIGINT, insured BOOLEAN",
    "visits": f"{_SUPPLIED}, hospital VARCHAR, visit_date DATE, department VARCHAR, diagnosis_code VARCHAR, cost DECIMAL(8,2), "
    "days BIGINT",
    "payments": f"{_SUPPLIED}, amount BIGINT, channel BIGINT, paid_on DATE",
    "hospitals": "hospital VARCHAR, district VARCHAR, tier BIGINT, beds BIGINT",
}
DAYS = [date(2024, 1, 1), date(2024, 2, 1), date(2024, 11, 1), date(2025, 12, 1)]
VALUES: Mapping[str, Sequence[Any]] = {
    "gender": ["F", "M", "__other", None],
    "birth_date": [date(1920, 1, 1), date(1960, 1, 1), date(2026, 1, 1), None],
    "district": ["长安区", "裕华区", "__other"],
    "street": ["东路", "西路", "独", None],
    "income": ["0", "500000", "12.5", None],
    "balance": [-1000, 5000, 3, -998, None],
    "insured": [True, False, None],
    "hospital": ["一院", "二院", "nowhere", None],
    "visit_date": [*DAYS, None],
    "department": ["内科", "外科", "__other", None],
    "diagnosis_code": ["I10", "E11", "独", None],
    "cost": ["0", "20000", "0.01", "9999.99", None],
    "days": [-(2**63), 2**63 - 1, 0, 7, None],
    "amount": [-500, 900, 0, None],
    "channel": [1, 2, 3, None],
    "paid_on": [date(1899, 1, 1), date(2025, 5, 5), date(2300, 1, 1), None],
}
CAPS: Sequence[Mapping[str, Any]] = (
    {"max_rows": 3},
    {"max_rows": 4, "max_groups": 2},
    {"max_rows": 5, "max_groups": 2, "max_rows_per_group": 2},
    {"max_rows": 40, "max_groups": 12},
    {"max_rows": 1},
)
"""Caps on visits; the fourth is that of the example on published flights."""


def grants() -> tuple[Grant, ...]:
    """Return the city's grant under each of `CAPS`."""
    made = []
    for caps in CAPS:
        document = policy_document()
        document["tables"]["visits"]["unit"] |= caps
        found = resolve(Policy.model_validate(document), catalog())
        assert isinstance(found, Grant)
        made.append(found)
    return tuple(made)


@dataclass
class Draw:
    """One random source for queries and data."""

    random: random.Random
    grant: Grant
    sources: dict[str, str] = field(default_factory=dict)
    wide: bool = False
    """Whether left joins, per-unit queries, grouping sets and subqueries are drawn too."""

    def pick(self, items: Sequence[Any]) -> Any:
        return self.random.choice(items)

    def tables(self) -> dict[str, list[Row]]:
        """Draw a few units, one of them with as many extreme rows as supply lets through."""
        found: dict[str, list[Row]] = {name: [] for name in SCHEMAS}
        for unit in range(self.random.randint(2, 7)):
            base = {"__unit": unit, "__pid": 2**63 + 7919 * unit, "__rank": 0, "resident_id": 2**63 + 7919 * unit}
            found["residents"].append({**base, **self._cells("residents")})
            for name in ("visits", "payments"):
                most = min(self.grant.tables[name].max_rows or 1, 40)
                rows = most if unit == 0 else self.random.randint(0, min(most, 4))
                same = self._cells(name)
                free = self.random.random() < 0.5
                found[name] += [{**base, "__rank": rank, **(self._cells(name) if free else same)} for rank in range(rows)]
        for name in ("一院", "二院"):
            found["hospitals"].append({**self._cells("hospitals"), "hospital": name, "tier": self.pick([1, 2, 3, None])})
        return found

    def _cells(self, table: str) -> Row:
        names = [part.split()[0] for part in SCHEMAS[table].split(", ") if "(" not in part.split()[0]]
        return {name: self.pick(VALUES[name]) for name in names if name in VALUES}

    def query(self) -> str:
        """Draw a query of up to three sources, with derived tables, several aggregates and, at times, several cores."""
        self.sources = dict(self.pick((*SOURCES, *WIDE_SOURCES, *WIDE_SOURCES) if self.wide else SOURCES))
        origin = self.sources.pop("")
        keys = [self.pick(self._keys()) for _ in range(self.pick([0, 0, 1, 1, 2, 3]))]
        shown = [f"{key} AS k{i}" for i, key in enumerate(keys) if self.random.random() < 0.9]
        asked = [f"{self._aggregate()} AS x{i}" for i in range(self.random.randint(1, 4))]
        if self.wide and self.random.random() < 0.2:
            asked.append("(SELECT sum(cost) FROM visits) AS y")
        where = f" WHERE {self.condition(2)}" if self.random.random() < 0.6 else ""
        form = self.pick(["{}", "{}", "ROLLUP ({})", "GROUPING SETS (({}), ())"] if self.wide else ["{}"])
        group = f" GROUP BY {form.format(', '.join(keys))}" if keys else ""
        return f"SELECT {', '.join(shown + asked)} FROM {origin}{where}{group}"

    def _of(self, *names: str) -> list[str]:
        return [
            f"{alias}.{name}" for alias, table in self.sources.items() for name in names if f" {name} " in f" {SHAPES[table]}"
        ]

    def _keys(self) -> list[str]:
        plain = self._of("gender", "birth_date", "insured", "department", "visit_date", "diagnosis_code", "hospital", "channel")
        dates, texts = self._of("visit_date", "birth_date"), self._of("gender", "department", "diagnosis_code")
        made = [f"year({item})" for item in dates] + [f"date_trunc('year', {item})" for item in dates]
        made += [f"COALESCE({item}, 'x')" for item in texts] + [f"UPPER(SUBSTRING({item}, 1, 2))" for item in texts]
        made += [f"NULLIF({item}, 'F')" for item in texts] + [f"CAST({item} AS VARCHAR)" for item in dates]
        made += [f"CASE WHEN {self.condition(1)} THEN 'a' WHEN {self.condition(1)} THEN NULL ELSE 'b' END"]
        made += self._of("tier", "district", "street", "kind")
        made += [f"CASE WHEN {item} > 1 THEN 'a' ELSE 'b' END" for item in self._of("times") * 3]
        return plain + made

    def condition(self, depth: int) -> str:
        """Draw a condition over columns that are granted for comparison."""
        if depth and self.random.random() < 0.5:
            left, right = self.condition(depth - 1), self.condition(depth - 1)
            return self.pick([f"NOT ({left})", f"({left}) AND ({right})", f"({left}) OR ({right})"])
        made = [f"{item} > {self.pick([-1000, 3, 4999, '2.5'])}" for item in self._of("balance", "days", "tier", "times")]
        made += [f"{item} = '{self.pick(['F', '内科', '长安区', 'zz'])}'" for item in self._of("gender", "department")]
        made += [f"{item} IN ('F', '外科', NULL)" for item in self._of("gender", "department")]
        made += [f"{item} IS {self.pick(['NULL', 'NOT NULL'])}" for item in self._of("gender", "visit_date", "channel", "days")]
        made += [f"{item} >= DATE '2024-02-01'" for item in self._of("visit_date", "birth_date")]
        made += self._of("insured")
        return self.pick(made or ["1 = 1"])

    def number(self, depth: int = 2) -> str:
        """Draw a numeric expression, often with negative bounds."""
        found = self._of("income", "balance", "cost", "amount", "beds")
        found += [f"LEAST(GREATEST({item}, {self.pick([-7, 0, 3])}), 30)" for item in self._of("days")]
        if not depth or not found:
            return self.pick(found or ["1"])
        one, two = self.number(depth - 1), self.number(depth - 1)
        forms = [f"{one} + {two}", f"{one} - 3 * ({two})", f"-({one})", f"ABS({one})", f"({one}) / ({two})", f"({one}) * -0.5"]
        forms += [f"COALESCE({one}, -9)", f"CASE WHEN {self.condition(1)} THEN {one} ELSE {self.pick(['0', '-8', 'NULL'])} END"]
        forms += [f"GREATEST({one}, {two})", f"CASE WHEN {self.condition(0)} THEN 2000000000 * 2 END", one, one]
        return self.pick(forms)

    def tuning(self, query: GovernedQuery) -> Tuning:
        """Draw stricter caps that the query can have, or none."""
        if self.random.random() < 0.6:
            return Tuning()
        most = max(core.unit.max_rows for core in query.cores)
        rows = most if all(core.ranked for core in query.cores) else None
        caps = {"max_rows": rows, "max_groups": min(most, 2), "max_rows_per_group": min(most, 2)}
        return Tuning(
            **{name: self.random.randint(1, least) for name, least in caps.items() if least and self.random.random() < 0.5}
        )

    def _aggregate(self) -> str:
        units = [f"count(DISTINCT {item})" for item in self._of("resident_id")]
        if self.wide and self.random.random() < 0.4:
            return self.wide_aggregate()
        if self.random.random() < 0.3:
            return self.pick(
                [*units, "count(*)", f"count({self.pick(self._of('gender', 'department', 'cost', 'amount') or ['1'])})"]
            )
        return f"{self.pick(['sum', 'sum', 'avg'])}({self.number()})"

    def wide_aggregate(self) -> str:
        """Draw an aggregate of the forms that are put together from others, or count some rows only."""
        made = [f"count(*) FILTER (WHERE {self.condition(1)})", f"count_if({self.condition(1)})"]
        made += [f"sum({self.number(0)}) FILTER (WHERE {self.condition(1)})", f"avg({self.number(0)}) FILTER (WHERE TRUE)"]
        made += [f"quantile_cont({item}, {self.pick(['0.5', '0.9', '0.05'])})" for item in self._of("balance", "cost", "amount")]
        made += [f"median({self.number(0)})", f"median({self.number(0)}) FILTER (WHERE {self.condition(1)})"]
        values = self._of("department", "visit_date", "hospital", "birth_date", "channel", "insured")
        made += [f"count(DISTINCT {item})" for item in values * 2]
        made += [f"count(DISTINCT {item}) FILTER (WHERE {self.condition(1)})" for item in values]
        made += [f"{name}({item})" for name in ("stddev", "var_pop") for item in self._of("balance", "cost", "amount")]
        return self.pick(made)


_RV = "residents r JOIN visits v ON r.resident_id = v.resident_id"
_RPV = f"{_RV} JOIN payments p ON p.resident_id = r.resident_id"
SOURCES: Sequence[Mapping[str, str]] = (
    {"": "residents r", "r": "residents"},
    {"": "visits v", "v": "visits"},
    {"": "visits v JOIN hospitals h USING (hospital)", "v": "visits", "h": "hospitals"},
    {"": _RV, "r": "residents", "v": "visits"},
    {"": f"{_RV} JOIN hospitals h ON h.hospital = v.hospital", "r": "residents", "v": "visits", "h": "hospitals"},
    {"": "visits v JOIN visits w ON v.resident_id = w.resident_id", "v": "visits", "w": "visits"},
    {"": "payments p JOIN visits v USING (resident_id)", "p": "payments", "v": "visits"},
    {"": _RPV, "r": "residents", "v": "visits", "p": "payments"},
    {"": "(SELECT * FROM visits WHERE department <> '外科' OR days > 2) AS v", "v": "visits"},
    {"": "(SELECT x.* FROM residents x JOIN payments y USING (resident_id)) AS r", "r": "residents"},
    {"": "payments p", "p": "payments"},
)


_L = "residents r LEFT JOIN"
_WHOLE = "SELECT resident_id, sum(cost) AS cost, count(*) AS amount FROM visits GROUP BY resident_id"
_PARTS = (
    "SELECT resident_id, department, avg(cost) AS cost, count(*) FILTER (WHERE days > 2) AS amount, min(visit_date) AS visit_date "
    "FROM visits GROUP BY resident_id, department"
)
_SOME = "SELECT v.resident_id, avg(v.cost) AS cost, sum(h.beds) AS amount FROM visits v LEFT JOIN hospitals h USING (hospital)"
WIDE_SOURCES: tuple[Mapping[str, str], ...] = (
    {"": f"{_L} visits v ON v.resident_id = r.resident_id", "r": "residents", "v": "visits"},
    {"": f"{_L} visits v ON v.resident_id = r.resident_id AND v.department = '内科'", "r": "residents", "v": "visits"},
    {
        "": f"{_L} visits v USING (resident_id) LEFT JOIN payments p USING (resident_id)",
        "r": "residents",
        "v": "visits",
        "p": "payments",
    },
    {"": "visits v LEFT JOIN hospitals h ON h.hospital = v.hospital AND h.tier > 1", "v": "visits", "h": "hospitals"},
    {"": f"({_WHOLE}) AS b", "b": "whole"},
    {"": f"({_PARTS}) AS b", "b": "parts"},
    {
        "": f"({_PARTS} HAVING count(*) > 1) AS b JOIN residents r ON b.resident_id = r.resident_id",
        "b": "parts",
        "r": "residents",
    },
    {"": f"{_L} ({_WHOLE} HAVING count(*) > 2) AS b ON b.resident_id = r.resident_id", "b": "whole", "r": "residents"},
    {"": f"{_L} ({_PARTS}) AS b ON b.resident_id = r.resident_id AND b.amount > 1", "b": "parts", "r": "residents"},
    {
        "": f"({_SOME} GROUP BY v.resident_id) AS b JOIN payments p ON p.resident_id = b.resident_id",
        "b": "whole",
        "p": "payments",
    },
    {
        "": f"(SELECT resident_id, sum(amount) AS amount, avg(cost) AS cost FROM ({_PARTS}) AS c GROUP BY resident_id) AS b",
        "b": "whole",
    },
)
_TIMES = "SELECT resident_id, department AS d, count(*) AS times, 'k' AS kind FROM visits GROUP BY resident_id, department"
_ONCE = "SELECT resident_id, 'k' AS kind, count(*) AS times FROM payments GROUP BY resident_id"
_MEET = "ON {0}.resident_id = {1}.resident_id"
WIDE_SOURCES += (
    {"": f"({_TIMES}) AS b", "b": "times"},
    {
        "": f"({_TIMES}) AS b LEFT JOIN residents r {_MEET.format('r', 'b')} AND b.times > 1",
        "b": "times",
        "r": "residents",
    },
    {
        "": f"visits v LEFT JOIN residents r {_MEET.format('r', 'v')} AND v.department = '内科' "
        f"LEFT JOIN ({_ONCE}) AS b {_MEET.format('b', 'r')}",
        "v": "visits",
        "r": "residents",
        "b": "times",
    },
)
"""Here whether a side is there, or a number of rows, differs among the rows of a unit."""
_MADE = "resident_id UBIGINT, cost DECIMAL(8,2), amount BIGINT"
SHAPES = {**SCHEMAS, "whole": _MADE, "parts": f"{_MADE}, department VARCHAR, visit_date DATE"}
SHAPES["times"] = "resident_id UBIGINT, times BIGINT, kind VARCHAR"


def open_engine() -> duckdb.DuckDBPyConnection:
    """Open an engine with one thread and, as in the sandbox, without the optimizer whose failures hang on rows."""
    return duckdb.connect(config={"threads": "1", "disabled_optimizers": DISABLED_OPTIMIZERS})


def run(tables: Tables, engine: EngineSql, connection: duckdb.DuckDBPyConnection, used: frozenset[str]) -> ExactTable:
    """Run generated SQL over rows held in memory."""
    for name in used:
        columns = [part.split()[0] for part in SCHEMAS[name].replace("(10,2)", "").replace("(8,2)", "").split(", ")]
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({SCHEMAS[name]})")
        lines = ", ".join(f"({', '.join(_cell(row.get(column)) for column in columns)})" for row in tables[name])
        if lines:
            connection.execute(f"INSERT INTO {name} VALUES {lines}")
    bound = {**engine.parameters, **({"sample_key": b"k" * 32} if engine.keyed else {})}
    return ExactTable(engine.columns, tuple(connection.execute(engine.sql, bound or None).fetchall()))


def _cell(value: object) -> str:
    return "NULL" if value is None else str(value) if isinstance(value, (int, bool)) else f"'{value}'"


def without(tables: Tables, unit: int) -> dict[str, list[Row]]:
    """Remove one unit with all its rows; the dense ids of the others close up, as they do at supply."""
    return {
        name: [
            {**row, "__unit": row.get("__unit", 0) - (row.get("__unit", 0) > unit)} for row in rows if row.get("__unit") != unit
        ]
        for name, rows in tables.items()
    }


@dataclass
class Seen:
    """What a comparison looked at."""

    pairs: int = 0
    queries: int = 0
    cores: int = 0
    refused: int = 0
    tuned: int = 0
    tight: float = 0.0


def compare(seed: int, queries: int, *, wide: bool = False) -> Seen:
    """Compare `queries` drawn queries on all neighbours of one drawn city each; `wide` as `Draw.wide`.

    Raises:
        AssertionError: a vector moved beyond its sensitivity. The wall's and the engine's refusals pass through.

    """
    seen, connection, views = Seen(), open_engine(), grants()
    for number in range(queries):
        draw = Draw(random.Random(f"{seed} {number}"), views[number % len(views)], wide=wide)
        sql = draw.query()
        verdict = decide(submitted(sql), draw.grant)
        asked = tuned(verdict.governed, draw.tuning(verdict.governed)) if isinstance(verdict, Allowed) else ()
        planned = plan(asked, None) if isinstance(asked, GovernedQuery) else None
        if not isinstance(asked, GovernedQuery) or not isinstance(planned, ProtectionPlan):
            seen.refused += 1
            continue
        seen.queries += 1
        seen.cores += len(asked.cores)
        seen.tuned += [core.unit for core in asked.cores] != [core.unit for core in verdict.governed.cores]
        for share in _moves(draw, asked, planned, connection, sql):
            seen.pairs += 1
            seen.tight = max(seen.tight, share)
    return seen


def _moves(
    draw: Draw, query: GovernedQuery, planned: ProtectionPlan, connection: duckdb.DuckDBPyConnection, sql: str
) -> Iterator[float]:
    engines = [emit(core, found.bounding) for core, found in zip(query.cores, planned.cores, strict=True)]

    def groups(rows: Tables) -> list[Groups]:
        cores = zip(query.cores, planned.cores, engines, strict=True)
        return [groups_of(found, core, run(rows, engine, connection, core.tables)) for core, found, engine in cores]

    tables = draw.tables()
    whole = groups(tables)
    for unit in range(len(tables["residents"])):
        cores = zip(planned.cores, whole, groups(without(tables, unit)), strict=True)
        yield max(_share(found, before, after, sql) for found, before, after in cores)


def _share(planned: CorePlan, whole: Groups, fewer: Groups, sql: str) -> float:
    """Hold how far the vectors of one core moved against its plan; return the largest share of a bound that was used."""
    shares = [0.0]
    for place, part in enumerate(planned.parts):
        moved = _moved(part, whole, fewer, place, len(planned.parts))
        assert sum(map(abs, moved)) <= part.l1, (sql, part.column, moved, part.l1)
        assert sum(change * change for change in moved) <= part.l2_squared, (sql, part.column, moved, part.l2_squared)
        shares.append(sum(map(abs, moved)) / part.l1)
    if planned.threshold is not None:
        assert len(whole.keys() ^ fewer.keys()) <= planned.bounding.groups, sql
    return max(shares)


def _moved(part: Part, whole: Groups, fewer: Groups, place: int, width: int) -> list[int]:
    """Return by how much every group's number moved; of a quantile, the score of it that moved most."""
    nothing = (0,) * width
    moved = []
    for key in whole.keys() | fewer.keys():
        one, other = (groups.get(key, nothing)[place] for groups in (whole, fewer))
        if part.role == "quantile":
            scores = [scores_of(part, () if isinstance(bins, int) else bins) for bins in (one, other)]
            moved.append(max(abs(a - b) for a, b in zip(*scores, strict=True)))
        else:
            moved.append(_number(one) - _number(other))
    return moved


def _number(value: Exact) -> int:
    assert isinstance(value, int)
    return value

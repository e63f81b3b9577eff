"""What was found by trying to break the compiler, each as a case of its own."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from egress.model import ProtectionPlan
from egress.plan import plan
from egress.protect import protect
from policies.decide import decide
from policies.engine.emit import emit
from policies.grant import Grant
from policies.query import Allowed, GovernedQuery, Refused, SubmittedQuery, Verdict
from policies.reference import entries
from policies.resolve import resolve
from sandbox.kernel.run import ExactTable
from tests import tpc_h, tpc_policies
from tests.factories_policies import codes, governed, verdict
from tests.neighbours import open_engine, run
from tests.reference_policies import benign

SQL = Path(__file__).parents[1] / "sql"
PROTECTED = [line for path in sorted((SQL / "attacks_protected").glob("*.sql")) for line in path.read_text().splitlines() if line]


def on_nothing(query: GovernedQuery) -> int:
    """Protect and post-process the answer over empty extracts; return the number of rows."""
    planned = plan(query, None)
    assert isinstance(planned, ProtectionPlan)
    pairs = zip(query.cores, planned.cores, strict=True)
    empty = [ExactTable(emit(core, found.bounding).columns, ()) for core, found in pairs]
    return len(protect(planned, query, empty).rows)


@pytest.mark.parametrize("sql", [*(item.example for item in entries()), *PROTECTED])
def test_what_is_allowed_comes_to_its_end_on_no_data(sql: str) -> None:
    assert on_nothing(governed(sql, {"x": "1"} if "$x" in sql else None)) >= 0


@pytest.mark.parametrize(("sql", "parameters"), benign())
def test_ordinary_queries_come_to_their_end_on_no_data(sql: str, parameters) -> None:
    assert on_nothing(governed(sql, parameters)) >= 0


def test_constants_of_one_text_and_two_steps_are_two_constants() -> None:
    """`0.1` in tenths and `1` in ones are both generated as 1: a fact about one said something of the other."""
    query = governed(
        "SELECT CASE WHEN gender = 'F' THEN 2 ELSE 1 END AS k, count(*) AS n FROM residents "
        "WHERE CASE WHEN gender = 'F' THEN 0.2 ELSE 0.1 END IN (0.1, 0.2, 1) GROUP BY 1"
    )
    assert set(query.cores[0].keys[0].domain or ()) == {1, 2}
    sums = governed("SELECT sum(balance * 0.1) AS a, sum(balance * 0.01) AS b FROM residents")
    assert len(sums.cores[0].aggregates) == 2
    inner = "SELECT resident_id, sum(cost * 0.1) AS a, sum(cost * 0.001) AS b FROM visits GROUP BY resident_id"
    per_unit = governed(f"SELECT sum(a) AS x, sum(b) AS y FROM ({inner}) t")
    assert len(per_unit.cores[0].aggregates) == 2


def test_blanks_that_libraries_trim_differently_leave_no_public_domain() -> None:
    query = governed(
        "SELECT trim(CASE WHEN gender = 'F' THEN '\u3000x' ELSE 'y' END) AS k, count(*) AS n FROM residents GROUP BY 1"
    )
    assert query.cores[0].keys[0].domain is None
    plain = governed("SELECT trim(CASE WHEN gender = 'F' THEN ' x' ELSE 'y' END) AS k, count(*) AS n FROM residents GROUP BY 1")
    assert plain.cores[0].keys[0].domain == ("x", "y")


def test_a_group_outside_of_the_public_keys_is_left_out_and_fails_nothing() -> None:
    """A run that failed only where a row falls into an unexpected group would tell that there is such a row."""
    query = governed("SELECT gender, count(*) AS n FROM residents GROUP BY gender")
    planned = plan(query, None)
    assert isinstance(planned, ProtectionPlan)
    columns = emit(query.cores[0], planned.cores[0].bounding).columns
    result = protect(planned, query, [ExactTable(columns, (("F", 3), ("elsewhere", 5)))])
    assert {row[0] for row in result.rows} == {"F", "M", "__other", None}


def test_a_date_moved_within_its_period_is_truncated_anew() -> None:
    moved = governed("SELECT date_trunc('year', birth_date + INTERVAL 5 DAY) AS y, count(*) AS n FROM residents GROUP BY 1")
    assert "date_trunc('year'" in moved.cores[0].relation
    moved = governed("SELECT date_trunc('year', birth_date + INTERVAL 3 MONTH) AS y, count(*) AS n FROM residents GROUP BY 1")
    assert "date_trunc('year'" in moved.cores[0].relation


def test_a_coarse_optional_side_is_not_the_units_own() -> None:
    """Which rows find their resident differs within a unit, so its gender is no longer a function of the unit."""
    join = "SELECT r.gender, count(*) AS n FROM visits v LEFT JOIN residents r ON r.resident_id = v.resident_id{} GROUP BY 1"
    assert governed(join.format("")).cores[0].unit.one_group
    assert not governed(join.format(" AND v.department = '内科'")).cores[0].unit.one_group


RELEASED = "(SELECT gender AS g, count(*) AS n FROM residents GROUP BY gender) t"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (f"SELECT sum(CASE WHEN gender IN (SELECT g FROM {RELEASED}) THEN 1 ELSE 0 END) FROM residents", "SUBQUERY_OVER_ROWS"),
        (f"SELECT count(*) FILTER (WHERE gender IN (SELECT g FROM {RELEASED})) FROM residents", "SUBQUERY_OVER_ROWS"),
        (f"SELECT sum(g) FROM {RELEASED}", "TYPE_MISMATCH"),
        (f"SELECT sum(n > 3) FROM {RELEASED}", "TYPE_MISMATCH"),
        (f"SELECT sum(g) OVER () FROM {RELEASED}", "TYPE_MISMATCH"),
        (f"SELECT min() FROM {RELEASED}", "SYNTAX"),
        (f"SELECT n FROM {RELEASED} WHERE row_number() OVER (ORDER BY n) = 1", "WINDOW_MISPLACED"),
        (f"SELECT sum(row_number() OVER ()) FROM {RELEASED}", "WINDOW_MISPLACED"),
        (f"SELECT sum(rank() OVER (ORDER BY n)) OVER () FROM {RELEASED}", "WINDOW_MISPLACED"),
        ("SELECT count(*) AS n FROM residents ORDER BY sum(n)", "COLUMN_NOT_GRANTED"),
        ("SELECT count(*) AS n FROM residents HAVING sum(n) > 1", "COLUMN_NOT_GRANTED"),
        ('SELECT count(*) AS "1" FROM residents', "NAME_INVALID"),
        ("SELECT count(*) AS 'соunt' FROM residents", "NAME_INVALID"),
        (f"SELECT count(*) AS {'a' * 60} FROM residents", "NAME_INVALID"),
        (f"SELECT sum(balance * {' * '.join(['0.000000001'] * 3)}) FROM residents", "RANGE_TOO_WIDE"),
    ],
)
def test_a_form_that_broke_later_is_refused_at_once(sql: str, code: str) -> None:
    assert code in codes(sql)


PER_GROUP = "SELECT resident_id, department AS d, count(*) AS n, sum(1) AS s FROM visits GROUP BY resident_id, department"
PAYERS = "SELECT resident_id, 'k' AS k, count(*) AS n FROM payments GROUP BY resident_id"
SOMETIMES = "LEFT JOIN residents r ON r.resident_id = v.resident_id AND v.department = '内科'"


def tpc_grant() -> Grant:
    """Return a grant whose lines lead to their customer over orders."""
    whole = tpc_h.suite()
    grant = resolve(tpc_policies.policy(whole), tpc_policies.catalog(whole))
    assert isinstance(grant, Grant)
    return grant


def decided(sql: str, grant: Grant) -> Verdict:
    return decide(SubmittedQuery(grant.policy.agreement, tpc_policies.PURPOSE, "dev", sql, {}), grant)


@pytest.mark.parametrize(
    ("keys", "rows"),
    [
        ("CASE WHEN b.n > 1 THEN 'm' ELSE 'o' END", f"({PER_GROUP}) b"),
        ("CASE WHEN b.s > 1 THEN 'm' ELSE 'o' END", f"residents r JOIN ({PER_GROUP}) b ON b.resident_id = r.resident_id"),
        ("r.gender", f"({PER_GROUP}) b LEFT JOIN residents r ON r.resident_id = b.resident_id AND b.n > 1"),
        ("b.k", f"visits v {SOMETIMES} LEFT JOIN ({PAYERS}) b ON b.resident_id = r.resident_id"),
    ],
)
def test_what_differs_among_the_rows_of_a_unit_makes_several_groups(keys: str, rows: str) -> None:
    """A number of rows had no origin, and a side joined to an absent side counted as present."""
    assert not governed(f"SELECT {keys} AS k, count(*) AS n FROM {rows} GROUP BY 1").cores[0].unit.one_group


def test_a_key_that_leads_to_the_unit_over_another_table_finds_some_rows_of_the_unit_only() -> None:
    """One order per customer may be left, and of the lines of a customer only its own find it."""
    grant = tpc_grant()
    single = replace(grant, tables={**grant.tables, "orders": replace(grant.tables["orders"], max_rows=1)})
    sql = "SELECT o_orderdate, count(*) AS n FROM lineitem {}JOIN orders ON o_orderkey = l_orderkey GROUP BY 1"

    def one_group(join: str) -> bool:
        found = decided(sql.format(join), single)
        assert isinstance(found, Allowed)
        return found.governed.cores[0].unit.one_group

    assert one_group("")
    assert not one_group("LEFT ")


@pytest.mark.parametrize("counts", ["{0} AS a, {1} AS b", "{1} AS b, {0} AS a", "{1} AS b"])
def test_a_count_of_keys_that_are_no_units_is_none_of_units(counts: str) -> None:
    """Beside one, the number of lines' orders was answered with the number of customers."""
    shown = counts.format("count(DISTINCT o_custkey)", "count(DISTINCT l_orderkey)")
    sql = f"SELECT {shown} FROM lineitem JOIN orders ON l_orderkey = o_orderkey"
    found = decided(sql, tpc_grant())
    assert isinstance(found, Allowed)
    aggregates = {output.name: output.sources[0][1] for output in found.governed.outputs}
    kinds = {aggregate.name: (aggregate.kind, aggregate.lineage) for aggregate in found.governed.cores[0].aggregates}
    assert kinds[aggregates["b"]] == ("count_value", ("lineitem.l_orderkey",))
    assert "a" not in aggregates or kinds[aggregates["a"]] == ("count_unit", ("orders.o_custkey",))


def test_a_number_of_rows_of_the_whole_unit_makes_one_group() -> None:
    block = "SELECT resident_id, count(*) AS n FROM visits GROUP BY resident_id"
    query = governed(f"SELECT CASE WHEN n > 1 THEN 'm' ELSE 'o' END AS k, count(*) AS n FROM ({block}) b GROUP BY 1")
    assert query.cores[0].unit.one_group


def test_whether_the_engine_answers_does_not_hang_on_the_rows() -> None:
    """With its statistics on, DuckDB 2.0 fails on this join where no row has the value that ON asks for."""
    query = governed(
        "SELECT r.district, count(*) AS n FROM payments p JOIN residents r ON r.resident_id = p.resident_id "
        "LEFT JOIN visits v ON v.resident_id = r.resident_id AND r.gender = 'F' GROUP BY 1"
    )
    planned = plan(query, None)
    assert isinstance(planned, ProtectionPlan)
    core = query.cores[0]
    engine_sql, counted = emit(core, planned.cores[0].bounding), []
    for gender in ("F", "__other"):
        first, second = ({"__unit": unit, "__pid": unit, "__rank": 0, "resident_id": unit} for unit in (1, 2))
        tables = {
            "residents": [{**unit, "gender": gender, "district": "长安区"} for unit in (first, second)],
            "visits": [{**first, "days": days} for days in (1, 2, 3)],
            "payments": [{**first, "channel": channel} for channel in (1, 2, 3, 4)],
            "hospitals": [],
        }
        with open_engine() as engine:
            counted.append(run(tables, engine_sql, engine, core.tables).rows[0][-1])
    assert counted == [12, 4]


def test_the_least_integer_has_a_rest() -> None:
    query = governed("SELECT count(*) FILTER (WHERE days % -1 = 0) AS n FROM visits")
    planned = plan(query, None)
    assert isinstance(planned, ProtectionPlan)
    unit = {"__unit": 0, "__pid": 7, "__rank": 0, "resident_id": 7}
    with open_engine() as engine:
        tables = {"visits": [{**unit, "days": days} for days in (-(2**63), 5)]}
        found = run(tables, emit(query.cores[0], planned.cores[0].bounding), engine, query.cores[0].tables)
    assert found.rows[0][-1] == 2


@pytest.mark.parametrize(
    "sql", ["SELECT floor() AS s, count(*) AS n FROM residents", "SELECT count(*) FROM residents WHERE ceil() > 1"]
)
def test_a_function_without_its_argument_is_refused(sql: str) -> None:
    assert set(codes(sql)) == {"SYNTAX"}


@pytest.mark.parametrize("second", ["upper('x')", "CAST(gender AS VARCHAR)"])
def test_keys_of_several_sets_that_the_tree_could_not_tell_apart_are_refused(second: str) -> None:
    sql = f"SELECT gender AS a, {second} AS b, count(*) AS n FROM residents GROUP BY {{}}"
    assert set(codes(sql.format(f"ROLLUP (gender, {second})"))) == {"CONSTRUCT_NOT_ALLOWED"}
    assert isinstance(verdict(sql.format(f"gender, {second}")), Allowed)


def _chain(first: str, step: str, last: str, length: int) -> str:
    middle = "".join(f", a{i} AS ({step.format(f'a{i - 1}')})" for i in range(1, length))
    return f"WITH a0 AS ({first}){middle} {last.format(f'a{length - 1}')}"


@pytest.mark.parametrize(
    "sql",
    [
        _chain(
            "SELECT gender, count(*) AS n FROM residents GROUP BY 1",
            "SELECT DISTINCT n FROM {} WHERE n > 0",
            "SELECT n FROM {}",
            150,
        ),
        _chain("SELECT gender, count(*) AS n FROM residents GROUP BY 1", "FROM {}", "SELECT n FROM {}", 180),
        _chain(
            "SELECT balance AS b FROM residents",
            "SELECT b + b AS b FROM {}",
            "SELECT count(*) FROM {} WHERE b <> 1 AND b <> 2",
            12,
        ),
        f"WITH a({', '.join(f'c{i}' for i in range(400))}) AS (SELECT {', '.join(['1'] * 400)}) SELECT c0 FROM a",
    ],
    ids=["distinct", "from", "doubling", "wide"],
)
def test_what_would_grow_without_end_is_refused(sql: str) -> None:
    assert set(codes(sql)) & {"TREE_TOO_LARGE", "NESTING_TOO_DEEP", "UNIT_MISSING", "RANGE_TOO_WIDE"}


def test_a_long_chain_of_one_expression_is_read_once() -> None:
    chain = "year(birth_date)" + " + 1" * 80
    found = verdict(f"SELECT {', '.join(f'{chain} AS k{i}' for i in range(8))}, count(*) AS n FROM residents GROUP BY 1")
    assert isinstance(found, Allowed | Refused)
    assert len(json.dumps([item.as_json() for item in getattr(found, "findings", ())])) < 20_000

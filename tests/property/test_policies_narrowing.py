"""Groups that the conditions exclude are not shown, and no group that can occur is ever missing from the public keys."""

import random

import pytest

from egress.exact import groups_of
from egress.model import ProtectionPlan
from egress.plan import plan
from policies.decide import decide
from policies.engine.emit import emit
from policies.query import Allowed
from tests.factories_policies import codes, governed, submitted
from tests.neighbours import Draw, grants, open_engine, run

OTHER = "__other"


def _domain(sql: str, **parameters: object) -> tuple[tuple[object, ...] | None, bool]:
    (core,) = governed(sql, parameters).cores
    (key,) = core.keys
    return key.domain, key.nullable


@pytest.mark.parametrize(
    ("where", "domain", "nullable"),
    [
        ("department = '内科'", ("内科",), False),
        ("'内科' = department", ("内科",), False),
        ("department IN ('外科', '内科')", ("内科", "外科"), False),
        ("department IN ('外科', NULL)", ("外科",), False),
        ("department = $ward", ("内科",), False),
        ("department IS NOT NULL", ("内科", "外科", "儿科", OTHER), False),
        ("NOT department IS NULL", ("内科", "外科", "儿科", OTHER), False),
        ("(days > 3 AND (department IN ('外科', '内科'))) AND department <> 'x' AND department = '外科'", ("外科",), False),
        ("department = '无'", ("内科", "外科", "儿科", OTHER), False),
        ("department = '内科' OR days > 3", ("内科", "外科", "儿科", OTHER), True),
        ("NOT department = '内科'", ("内科", "外科", "儿科", OTHER), True),
        ("NOT department IN ('内科')", ("内科", "外科", "儿科", OTHER), True),
        ("department IS NULL", ("内科", "外科", "儿科", OTHER), True),
        ("UPPER(department) = '内科'", ("内科", "外科", "儿科", OTHER), True),
        ("COALESCE(department, '内科') = '内科'", ("内科", "外科", "儿科", OTHER), True),
    ],
)
def test_a_conjunct_on_the_key_itself_narrows_its_public_values(where: str, domain: tuple[str, ...], *, nullable: bool) -> None:
    parameters = {"ward": "内科"} if "$ward" in where else {}
    sql = f"SELECT department, count(*) AS n FROM visits WHERE {where} GROUP BY department"
    assert _domain(sql, **parameters) == (domain, nullable)


def test_conditions_of_joins_and_derived_tables_narrow_too_but_only_their_own_occurrence() -> None:
    derived = "(SELECT department AS d FROM visits WHERE department = '内科') AS x"
    assert _domain(f"SELECT d, count(*) AS n FROM {derived} GROUP BY d") == (("内科",), False)
    joined = "visits v JOIN visits w ON v.resident_id = w.resident_id AND v.department = '内科'"
    assert _domain(f"SELECT v.department, count(*) AS n FROM {joined} GROUP BY 1") == (("内科",), False)
    assert _domain(f"SELECT w.department, count(*) AS n FROM {joined} GROUP BY 1")[1] is True


def test_expressions_dates_and_stepped_numbers_narrow_by_value() -> None:
    assert _domain("SELECT year(visit_date) AS y, count(*) AS n FROM visits WHERE year(visit_date) = 2025 GROUP BY 1") == (
        (2025,),
        False,
    )
    dated = "SELECT visit_date, count(*) AS n FROM visits WHERE visit_date IN ('2024-03-01') GROUP BY 1"
    assert len(_domain(dated)[0] or ()) == 1
    assert _domain("SELECT channel, count(*) AS n FROM payments WHERE channel IN (2.0, 2.5) GROUP BY 1") == ((2,), False)
    assert _domain("SELECT channel, count(*) AS n FROM payments WHERE channel = 2.5 GROUP BY 1") == ((1, 2, 3), False)
    assert _domain("SELECT insured, count(*) AS n FROM residents WHERE insured = TRUE GROUP BY 1") == ((True,), False)


def test_a_private_key_stays_private_whatever_the_condition_names() -> None:
    grouped = "SELECT substring(hospital, 1, 2) AS h, count(*) AS n FROM visits WHERE visit_date IS NOT NULL GROUP BY 1"
    assert _domain(grouped) == (None, True)
    assert codes("SELECT hospital, count(*) AS n FROM visits WHERE hospital = '一院' GROUP BY 1") == ("COLUMN_NOT_COMPARABLE",)


CONJUNCTS = (
    "{k} IS NOT NULL",
    "{k} IN ({v}, {w})",
    "{v} = {k}",
    "({k} = {v} OR {k} = {w})",
    "NOT ({k} = {v})",
    "{k} IN (NULL, {w})",
)
KEYS = {
    "v.department": ("'内科'", "'外科'", "'__other'", "'zz'"),
    "r.gender": ("'F'", "'M'", "NULLIF('F', 'F')"),
    "year(v.visit_date)": ("2024", "2025", "1.5", "2024.0"),
    "v.visit_date": ("DATE '2024-02-01'", "DATE '2025-12-01'", "DATE '1999-01-01'"),
    "r.insured": ("TRUE", "FALSE"),
    "COALESCE(r.gender, 'x')": ("'x'", "'F'"),
    "CASE WHEN v.days > 3 THEN r.gender WHEN v.days < 0 THEN NULL ELSE 'M' END": ("'M'", "'F'"),
}


def test_exact_groups_lie_within_narrowed_domains_on_generated_queries_and_data() -> None:
    connection, views, narrowed = open_engine(), grants(), 0
    for number in range(250):
        draw = Draw(random.Random(f"narrowing {number}"), views[number % len(views)])
        keys = draw.random.sample(sorted(KEYS), draw.random.randint(1, 2))
        parts = [
            draw.pick(CONJUNCTS).format(k=key, v=draw.pick(KEYS[key]), w=draw.pick(KEYS[key])) for key in [*keys, draw.pick(keys)]
        ]
        sources = "residents r JOIN visits v ON r.resident_id = v.resident_id"
        sql = f"SELECT {', '.join(keys)}, count(*) AS n FROM {sources} WHERE {' AND '.join(parts)} GROUP BY {', '.join(keys)}"
        verdict = decide(submitted(sql), draw.grant)
        if not isinstance(verdict, Allowed):
            assert "NULLIF('F'" in sql, sql
            continue
        planned = plan(verdict.governed, None)
        assert isinstance(planned, ProtectionPlan)
        (core,), (bounded,) = verdict.governed.cores, planned.cores
        plain = [None if key.domain is None else len(key.domain) + key.nullable for key in core.keys]
        narrowed += any(size is not None and size <= 2 for size in plain)
        for _ in range(4):
            table = run(draw.tables(), emit(core, bounded.bounding), connection, frozenset({"residents", "visits"}))
            groups = groups_of(bounded, core, table)  # raises where a group lies outside
            assert {row[: len(keys)] for row in table.rows} <= groups.keys()
    assert narrowed > 50

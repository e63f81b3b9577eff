"""What emit() makes, run by the engine, equals "bound, then aggregate" in plain Python; and no unit moves it by more than stated."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.engine import engine_text
from policies.engine.emit import emit
from policies.query import Bounding, Core
from tests.factories_policies import governed
from tests.reference_policies import Asked, City, Expression, Question, Row, expected, held, run

KEY = b"k" * 32
PLENTY = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

_DAYS = st.dates(date(2024, 1, 1), date(2025, 12, 20)).map(lambda day: day.replace(day=1))
_MONEY = st.integers(-50_000, 2_500_000).map(lambda cents: Decimal(cents).scaleb(-2))


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


@st.composite
def cities(draw: st.DrawFn) -> City:
    """Up to six residents, each with up to five visits; any value may be missing or beyond its declared bounds."""
    residents, visits = [], []
    for unit in range(draw(st.integers(0, 6))):
        pseudonym = 2**63 + unit * 7919 + 11
        base = {"__unit": unit, "__pid": pseudonym, "__rank": unit, "resident_id": pseudonym}
        person = {
            "gender": draw(_maybe(st.sampled_from(["F", "M"]))),
            "birth_date": draw(_maybe(st.sampled_from([date(1950, 1, 1), date(1960, 1, 1), date(2001, 1, 1)]))),
            "insured": draw(_maybe(st.booleans())),
            "balance": draw(_maybe(st.integers(-3000, 9000))),
            "income": draw(_maybe(_MONEY)),
        }
        residents.append({**base, **person})
        for index in range(draw(st.integers(0, 5))):
            visit = {
                "hospital": draw(_maybe(st.sampled_from(["一院", "二院", "nowhere"]))),
                "visit_date": draw(_maybe(_DAYS)),
                "department": draw(_maybe(st.sampled_from(["内科", "外科", "儿科"]))),
                "cost": draw(_maybe(_MONEY)),
                "days": draw(_maybe(st.integers(-(2**62), 2**62) | st.integers(-3, 40))),
            }
            visits.append({**base, "__rank": index, **visit})
    hospitals = (
        {"hospital": "一院", "tier": draw(_maybe(st.sampled_from([1, 2, 3]))), "beds": draw(_maybe(st.integers(-5, 6000)))},
        {"hospital": "二院", "tier": 3, "beds": 0},
    )
    return City(tuple(residents), tuple(visits), hospitals)


def _column(source: str, name: str) -> Expression:
    return Expression(f"{source}.{name}", lambda row: row[f"{source}.{name}"])


def _stepped(source: str, name: str, low: int, high: int, step: Fraction) -> Expression:
    def value(row: Row) -> Fraction | None:
        clamped = held(row[f"{source}.{name}"], low, high)
        return None if clamped is None else Fraction((clamped / step + Fraction(1, 2)).__floor__()) * step

    return Expression(f"{source}.{name}", value)


def _numbers(sources: str) -> list[Expression]:
    found = []
    if "r" in sources:
        found += [_stepped("r", "balance", -1000, 5000, Fraction(5)), _stepped("r", "income", 0, 500_000, Fraction(1))]
    if "v" in sources:
        days = Expression("LEAST(GREATEST(v.days, -2), 30)", lambda row: _least(_greatest(row["v.days"], -2), 30))
        found += [_stepped("v", "cost", 0, 20_000, Fraction(1, 100)), days]
    if "h" in sources:
        found.append(_stepped("h", "beds", 0, 5000, Fraction(1)))
    return found


def _greatest(a: Any, b: Any) -> Any:
    known = [value for value in (a, b) if value is not None]
    return max(known) if known else None


def _least(a: Any, b: Any) -> Any:
    known = [value for value in (a, b) if value is not None]
    return min(known) if known else None


def _strict(function: Any) -> Any:
    def applied(*values: Any) -> Any:
        return None if any(value is None for value in values) else function(*values)

    return applied


def _both(left: Any, right: Any) -> Any:
    return False if left is False or right is False else None if left is None or right is None else True


def _either(left: Any, right: Any) -> Any:
    return True if left is True or right is True else None if left is None or right is None else False


@st.composite
def conditions(draw: st.DrawFn, sources: str, depth: int = 2) -> Expression:
    """A condition over compare-granted columns, with NULL in three-valued logic."""
    if depth and draw(st.booleans()):
        left = draw(conditions(sources, depth - 1))
        form = draw(st.sampled_from(["not", "and", "or"]))
        if form == "not":
            return Expression(f"NOT ({left.sql})", lambda row: _strict(lambda a: not a)(left.value(row)))
        right = draw(conditions(sources, depth - 1))
        rule = _both if form == "and" else _either
        return Expression(f"({left.sql}) {form.upper()} ({right.sql})", lambda row: rule(left.value(row), right.value(row)))
    choices: list[Expression] = []
    if "r" in sources:
        limit = draw(st.decimals(-1200, 5200, places=1))
        balance = _stepped("r", "balance", -1000, 5000, Fraction(5))
        choices += [
            Expression("r.gender = 'F'", lambda row: _strict(lambda a: a == "F")(row["r.gender"])),
            Expression("r.gender LIKE 'M%'", lambda row: _strict(lambda a: a.startswith("M"))(row["r.gender"])),
            Expression("r.insured", lambda row: row["r.insured"]),
            Expression(f"r.balance > {limit}", lambda row: _strict(lambda a: a > Fraction(limit))(balance.value(row))),
            Expression("r.birth_date IS NULL", lambda row: row["r.birth_date"] is None),
            Expression(
                "year(r.birth_date) IN (1950, 2001)", lambda row: _strict(lambda a: a.year in {1950, 2001})(row["r.birth_date"])
            ),
        ]
    if "v" in sources:
        day = draw(_DAYS)
        choices += [
            Expression(f"v.visit_date >= DATE '{day}'", lambda row: _strict(lambda a: a >= day)(row["v.visit_date"])),
            Expression(
                "v.visit_date BETWEEN '2024-02-01' AND '2025-06-15'",
                lambda row: _strict(lambda a: date(2024, 2, 1) <= a <= date(2025, 6, 15))(row["v.visit_date"]),
            ),
            Expression(
                "v.department IN ('内科', '外科')", lambda row: _strict(lambda a: a in {"内科", "外科"})(row["v.department"])
            ),
            Expression("v.days <> 3", lambda row: _strict(lambda a: a != 3)(row["v.days"])),
            Expression("v.department IS NOT DISTINCT FROM '儿科'", lambda row: row["v.department"] == "儿科"),
            Expression("COALESCE(v.department, '无') = '无'", lambda row: row["v.department"] is None),
        ]
    if "h" in sources:
        choices.append(Expression("h.tier >= 2", lambda row: _strict(lambda a: a >= 2)(row["h.tier"])))
    return draw(st.sampled_from(choices))


@st.composite
def arguments(draw: st.DrawFn, sources: str) -> Expression:
    """A numeric expression with derivable bounds."""
    one, two = draw(st.sampled_from(_numbers(sources))), draw(st.sampled_from(_numbers(sources)))
    condition = draw(conditions(sources, 1))
    tenths = draw(st.integers(-30, 30))
    factor = Decimal(tenths).scaleb(-1)

    def chosen(row: Row) -> Any:
        return one.value(row) if condition.value(row) is True else Fraction(0)

    forms = [
        one,
        Expression(f"{one.sql} * {factor}", lambda row: _strict(lambda a: a * Fraction(factor))(one.value(row))),
        Expression(f"{one.sql} + {two.sql}", lambda row: _strict(lambda a, b: a + b)(one.value(row), two.value(row))),
        Expression(f"{one.sql} - 2 * {two.sql}", lambda row: _strict(lambda a, b: a - 2 * b)(one.value(row), two.value(row))),
        Expression(f"-{one.sql}", lambda row: _strict(lambda a: -a)(one.value(row))),
        Expression(f"ABS({one.sql} - {two.sql})", lambda row: _strict(lambda a, b: abs(a - b))(one.value(row), two.value(row))),
        Expression(f"CASE WHEN {condition.sql} THEN {one.sql} ELSE 0 END", chosen),
        Expression(f"COALESCE({one.sql}, {factor})", lambda row: Fraction(factor) if one.value(row) is None else one.value(row)),
        Expression(f"{one.sql} / ({two.sql})", lambda row: _strict(_quotient)(one.value(row), two.value(row))),
        Expression(f"NULLIF({one.sql}, 0)", lambda row: None if one.value(row) == 0 else one.value(row)),
    ]
    allowed = forms if condition.sql and "balance" in one.sql else [item for item in forms if "NULLIF" not in item.sql]
    return draw(st.sampled_from(allowed))


def _quotient(a: Fraction, b: Fraction) -> Fraction | None:
    return None if b == 0 else Fraction(int(Fraction(a) / b * 1_000_000), 1_000_000)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """A query of the accepted kind, with what it means."""
    sources = draw(st.sampled_from(["r", "v", "rv", "vh", "rvh", "vw", "r>v", "v>h"]))
    keys: list[Expression] = []
    if "r" in sources:
        keys += [_column("r", "gender"), _column("r", "birth_date"), _column("r", "insured")]
        band = Expression(
            "CASE WHEN r.balance >= 1000 THEN 'high' WHEN r.balance IS NULL THEN NULL ELSE 'low' END",
            lambda row: None if row["r.balance"] is None else "high" if _band(row) >= 1000 else "low",
        )
        keys.append(band)
    if "v" in sources:
        quarter = Expression(
            "date_trunc('quarter', v.visit_date)",
            lambda row: _strict(lambda d: d.replace(month=3 * ((d.month - 1) // 3) + 1))(_seen(row["v.visit_date"])),
        )
        keys += [_column("v", "department"), quarter, _column("v", "hospital")]
        keys.append(Expression("month(v.visit_date)", lambda row: _strict(lambda d: d.month)(_seen(row["v.visit_date"]))))
        keys.append(
            Expression("UPPER(SUBSTRING(v.hospital, 1, 2))", lambda row: _strict(lambda a: a[:2].upper())(row["v.hospital"]))
        )
    if "h" in sources:
        keys.append(_column("h", "tier"))
    picked = draw(st.lists(st.sampled_from(range(len(keys))), max_size=3, unique=True))
    asked: list[Asked] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["count", "count_value", "count_unit", "sum", "avg", "some", "sum_some"]))
        if kind == "count":
            asked.append(Asked("count", "count(*)"))
        elif kind == "some":
            asked.append(_filtered("count", "count(*)", Expression("", lambda _: 1), draw(conditions(sources))))
        elif kind == "sum_some":
            argument = draw(arguments(sources))
            asked.append(_filtered("sum", f"sum({argument.sql})", argument, draw(conditions(sources))))
        elif kind == "count_unit":
            asked.append(Asked("count_unit", f"count(DISTINCT {next(s for s in sources if s != 'h')}.resident_id)"))
        else:
            argument = draw(arguments(sources).filter(partial(_granted, kind)))
            function = "count" if kind == "count_value" else kind
            asked.append(Asked(function, f"{function}({argument.sql})", argument))
    unique = list({item.sql: item for item in asked}.values())
    where = draw(st.none() | conditions(sources))
    return Question(sources, tuple(keys[index] for index in picked), where, tuple(unique))


def _filtered(kind: str, text: str, argument: Expression, condition: Expression) -> Asked:
    """Return an aggregate of the rows for which a condition is true."""

    def value(row: Row) -> Any:
        return argument.value(row) if condition.value(row) is True else None

    return Asked(kind, f"{text} FILTER (WHERE {condition.sql})", Expression(argument.sql, value))


def _granted(kind: str, argument: Expression) -> bool:
    """The policy grants only sums on days and beds, and neither counts nor averages of them."""
    return kind == "sum" or not ("days" in argument.sql or "beds" in argument.sql)


def _band(row: Row) -> Fraction:
    value = _stepped("r", "balance", -1000, 5000, Fraction(5)).value(row)
    assert value is not None
    return value


def _seen(day: date | None) -> date | None:
    return day if day is not None and date(2024, 1, 1) <= day <= date(2025, 12, 1) else None


PLENTY_OF_ROWS = 10**6
"""More than any drawn unit has: a plain scan, and the reference for it, cut nothing."""


def _core(sql: str) -> Core:
    (core,) = governed(sql).cores
    return core


def _bounding(draw: st.DrawFn, query: Core) -> Bounding:
    centres = tuple(
        draw(st.integers(item.low, item.high)) if item.kind == "avg" and item.low < item.high else 0 for item in query.aggregates
    )
    units = any(item.kind == "count_unit" for item in query.aggregates)
    if not units and draw(st.booleans()):
        return Bounding("row_cap", PLENTY_OF_ROWS, 1, PLENTY_OF_ROWS, False, centres, False)
    return Bounding(
        "unit_group", 12, draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.booleans()), centres, draw(st.booleans())
    )


def _answers(question: Question, query: Core, bounding: Bounding, city: City) -> dict[tuple[Any, ...], list[int]]:
    engine = emit(query, bounding)
    bound = {**engine.parameters, **({"sample_key": KEY} if engine.keyed else {})}
    rows = run(engine, city, bound)
    width = len(question.keys)
    assert all(spec.role == ("key" if i < width else "exact") for i, spec in enumerate(engine.columns))
    for row in rows:
        for spec, cell in zip(engine.columns[width:], row[width:], strict=True):
            assert isinstance(cell, int)
            assert spec.low is not None
            assert spec.high is not None
            assert spec.low <= cell <= spec.high
    found = {tuple(row[:width]): list(row[width:]) for row in rows}
    assert len(found) == len(rows)
    return found


@PLENTY
@given(st.data())
def test_the_engine_agrees_with_plain_python(data: st.DataObject) -> None:
    question, city = data.draw(questions()), data.draw(cities())
    query = _core(question.sql)
    bounding = data.draw(st.composite(lambda draw: _bounding(draw, query))())
    steps = [Fraction(item.step) for item in query.aggregates]
    assert query.ranked == question.ranked
    assert _answers(question, query, bounding, city) == expected(question, city, bounding, steps, KEY)


@PLENTY
@given(st.data())
def test_every_grouping_set_is_a_core_of_its_own_over_the_same_rows(data: st.DataObject) -> None:
    question, city = data.draw(questions().filter(lambda item: bool(item.keys))), data.draw(cities())
    cores = governed(replace(question, rolled=True).sql).cores
    assert [len(core.keys) for core in cores] == list(range(len(question.keys), -1, -1))
    for core in cores:
        bounding = data.draw(st.composite(lambda draw, core=core: _bounding(draw, core))())
        steps = [Fraction(item.step) for item in core.aggregates]
        asked = replace(question, keys=question.keys[: len(core.keys)])
        assert _answers(asked, core, bounding, city) == expected(asked, city, bounding, steps, KEY)


@PLENTY
@given(st.data())
def test_removing_one_unit_moves_no_vector_beyond_its_sensitivity(data: st.DataObject) -> None:
    question = data.draw(questions())
    city = data.draw(cities().filter(lambda item: len(item.residents) > 0))
    query = _core(question.sql)
    drawn = data.draw(st.composite(lambda draw: _bounding(draw, query))())
    bounding = Bounding("unit_group", 99, drawn.groups, drawn.rows_per_group, True, drawn.centres, True)
    whole = _answers(question, query, bounding, city)
    fewer = _answers(question, query, bounding, city.without(data.draw(st.integers(0, len(city.residents) - 1))))
    groups = bounding.groups if question.keys else 1
    for column, (l1, l2) in enumerate(_sensitivities(query, bounding, groups)):
        width = len(next(iter({**whole, **fewer}.values()), []))
        changes = [whole.get(g, [0] * width)[column] - fewer.get(g, [0] * width)[column] for g in {**whole, **fewer}]
        assert sum(map(abs, changes)) <= l1
        assert sum(change**2 for change in changes) <= l2


def _sensitivities(query: Core, bounding: Bounding, groups: int) -> list[tuple[int, int]]:
    """L1 and squared L2 of each exact column, as the protection assumes them: L0·c and L0·c²."""
    found = []
    rows = bounding.rows_per_group
    for item, centre in zip(query.aggregates, bounding.centres, strict=True):
        count = 1 if item.kind == "count_unit" else rows
        found.append((groups * count, groups * count**2))
        if item.kind in {"sum", "avg"}:
            most = rows * max(abs(item.low - centre), abs(item.high - centre))
            found.append((groups * most, groups * most**2))
    return [*found, (groups, groups)]


def test_null_as_a_bound_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """`least(greatest(NULL, 5), 10)` is 5: a clamp so written would count a person for a value that nobody has."""
    base = {"__unit": 0, "__pid": 7, "__rank": 0, "resident_id": 7, "gender": "F", "balance": None}
    city = City((base,), (), ())
    bounding = Bounding("one_row", 1, 1, 1, False, (0,), False)
    sound = run(emit(_core("SELECT sum(balance) AS s FROM residents"), bounding), city, {})
    monkeypatch.setattr(engine_text, "clamp", lambda value, low, high: f"least(greatest({value}, {low}), {high})")
    planted = run(emit(_core("SELECT sum(balance) AS s FROM residents"), bounding), city, {})
    assert sound == [(0, 0)]
    assert planted != sound

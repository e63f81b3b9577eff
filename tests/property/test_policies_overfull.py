"""The totals of all rows, corrected for the units over the cap, are the sums of what every unit contributes."""

import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from policies.engine import emit as emitting
from policies.engine.emit import emit
from policies.engine.overfull import overfull, tells_overfull
from policies.query import Bounding, Core, EngineSql
from tests.factories_policies import governed
from tests.reference_policies import City, run

DEPARTMENTS = ("内科", "外科", "儿科", "somewhere", None)
SQL = "SELECT department, count(*) AS n, sum(cost) AS s, avg(cost) AS a FROM visits GROUP BY department"


def core(sql: str = SQL) -> Core:
    (found,) = governed(sql).cores
    return found


def bounding(cap: int, rows: int = 12, **changes: object) -> Bounding:
    return replace(Bounding("unit_group", rows, 1, cap, False, (0, 0, 700), False), **changes)


def city(seed: int, most: int = 12) -> City:
    draw = random.Random(seed)
    visits = [
        {
            "__unit": unit,
            "__pid": 2**63 + unit,
            "__rank": rank,
            "resident_id": 2**63 + unit,
            "department": draw.choice(DEPARTMENTS[: draw.choice((1, 2, 5))]),
            "cost": draw.choice((None, Decimal(draw.randint(-9, 999)))),
        }
        for unit in range(30)
        for rank in range(draw.randint(0, most))
    ]
    return City((), tuple(visits), ())


def by_unit(query: Core, bounds: Bounding, monkeypatch: pytest.MonkeyPatch) -> EngineSql:
    """Return the form that brings the rows of every unit together by group."""
    with monkeypatch.context() as patched:
        patched.setattr(emitting, "_corrects", lambda _core, _bounding: False)
        return emit(query, bounds)


@pytest.mark.parametrize("cap", [1, 2, 3, 4, 7, 11, 12])
@pytest.mark.parametrize("seed", range(6))
def test_both_forms_give_one_answer(seed: int, cap: int, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, bounds = city(seed), bounding(cap)
    corrected, plain = emit(core(), bounds), by_unit(core(), bounds, monkeypatch)
    assert corrected.sql != plain.sql
    assert corrected.columns == plain.columns
    assert sorted(run(corrected, drawn, {}), key=str) == sorted(run(plain, drawn, {}), key=str)


def test_a_unit_that_breaks_its_declared_number_of_rows_is_held_to_the_cap_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its digits overflow into those beside them, so they are not what names it."""
    drawn, bounds = city(7, most=60), bounding(3)
    assert any(rows > 15 for rows in Counter((row["__unit"], row["department"]) for row in drawn.visits).values())
    expected = sorted(run(by_unit(core(), bounds, monkeypatch), drawn, {}), key=str)
    assert sorted(run(emit(core(), bounds), drawn, {}), key=str) == expected


@pytest.mark.parametrize("cap", [1, 2, 3, 7, 11])
def test_only_units_over_the_cap_are_named_and_all_of_them(cap: int) -> None:
    """Each group has a digit of its own but those that are not public, which share NULL's."""
    drawn = city(3)
    groups = Counter((row["__unit"], row["department"] if row["department"] in DEPARTMENTS[:3] else None) for row in drawn.visits)
    named = run(EngineSql(overfull(core(), bounding(cap)), (), {}, "", keyed=False), drawn, {})
    assert {unit for (unit,) in named} == {unit for (unit, _), rows in groups.items() if rows > cap}


@pytest.mark.parametrize(("old", "new"), [("> 3", "> 4"), (" - count(*) AS", " + count(*) AS"), ("* 5)) +", "* 4)) +")])
def test_a_wrong_correction_would_be_seen(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, bounds = city(3), bounding(3)
    engine = emit(core(), bounds)
    planted = replace(engine, sql=engine.sql.replace(old, new))
    assert planted.sql != engine.sql
    assert sorted(run(planted, drawn, {}), key=str) != sorted(run(by_unit(core(), bounds, monkeypatch), drawn, {}), key=str)


@pytest.mark.parametrize(
    ("sql", "changes"),
    [
        ("SELECT visit_date, count(*) AS n FROM visits GROUP BY visit_date", {"centres": (0,)}),
        ("SELECT department, count(DISTINCT resident_id) AS n FROM visits GROUP BY department", {"centres": (0,)}),
        (SQL, {"units": True}),
        (SQL, {"rows": 1 << 40}),
        ("SELECT h.tier, count(*) AS n FROM visits v JOIN hospitals h USING (hospital) GROUP BY h.tier", {"centres": (0,)}),
    ],
    ids=["too many groups", "units counted", "units for a threshold", "digits too wide", "several tables"],
)
def test_where_no_number_tells_all_groups_rows_are_brought_together(
    sql: str, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    query, bounds = core(sql), bounding(3, **changes)  # type: ignore[arg-type]
    assert emit(query, bounds).sql == by_unit(query, bounds, monkeypatch).sql


def test_room_is_counted_for_each_public_value_and_null() -> None:
    query = core()
    values = len(query.keys[0].domain or ())
    assert tells_overfull(query, bounding(1, rows=2 ** (62 // (values + 1) - 1)))
    assert not tells_overfull(query, bounding(1, rows=2 ** (62 // (values + 1)) + 2))

"""Which groups a unit keeps hangs on its own rows and a key, never on who else is there."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from policies.engine.emit import emit
from policies.query import Bounding, Core
from tests.factories_policies import governed
from tests.reference_policies import City, run

KEY = b"k" * 32


def _core(sql: str) -> Core:
    (core,) = governed(sql).cores
    return core


@pytest.mark.parametrize("ranked", [True, False])
@pytest.mark.parametrize("unit", range(6))
def test_removing_a_unit_changes_no_other_units_sample(unit: int, ranked: bool) -> None:
    day = date(2024, 1, 1)
    residents = tuple({"__unit": u, "__pid": 2**63 + u, "__rank": u, "resident_id": 2**63 + u, "gender": "F"} for u in range(6))
    visits = tuple(
        {
            **row,
            "__rank": (5 * month + row["__unit"]) % 12,
            "visit_date": (day + timedelta(days=31 * month)).replace(day=1),
            "department": "内科",
        }
        for row in residents
        for month in range(12)
    )
    city = City(residents, visits, ())
    query = replace(_core("SELECT visit_date, count(*) AS n FROM visits GROUP BY visit_date"), ranked=ranked)
    engine = emit(query, Bounding("unit_group", 3, 3, 1, True, (0,), False))
    assert engine.keyed != ranked
    bound = {} if ranked else {"sample_key": KEY}
    whole = dict(run(engine, city, bound))
    fewer = dict(run(engine, city.without(unit), bound))
    alone = dict(run(engine, City((residents[unit],), tuple(v for v in visits if v["__unit"] == unit), ()), bound))
    assert sum(alone.values()) == 3
    assert {group: count for group in whole if (count := whole[group] - alone.get(group, 0))} == fewer


def test_a_sample_by_dense_id_is_caught() -> None:
    """The mistake that the rule is about: the ids of all who come after the removed unit close up, and with them their samples."""
    day = date(2024, 1, 1)
    residents = tuple({"__unit": u, "__pid": 2**63 + u, "__rank": 0, "resident_id": 2**63 + u, "gender": "F"} for u in range(6))
    months = [(day + timedelta(days=31 * month)).replace(day=1) for month in range(12)]
    city = City(residents, tuple({**row, "visit_date": month, "department": "内科"} for row in residents for month in months), ())
    query = replace(_core("SELECT visit_date, count(*) AS n FROM visits GROUP BY visit_date"), ranked=False)
    engine = emit(query, Bounding("unit_group", 3, 3, 1, True, (0,), False))
    planted = replace(engine, sql=engine.sql.replace('CAST("p" AS VARCHAR)', 'CAST("u" AS VARCHAR)'))
    assert planted.sql != engine.sql
    only = City((residents[0],), city.visits[:12], ())
    for made, moved in ((engine, False), (planted, True)):
        whole, fewer, alone = (dict(run(made, one, {"sample_key": KEY})) for one in (city, city.without(0), only))
        left = {group: count for group in whole if (count := whole[group] - alone.get(group, 0))}
        assert (left != fewer) == moved

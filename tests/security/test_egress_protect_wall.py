"""Attack: a taken-over engine answers what the query cannot give. Nothing is released and nothing is told."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from egress.exact import groups_of
from egress.model import ProtectionPlan
from egress.plan import plan
from egress.protect import protect
from policies.query import GroupKey
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import ColumnSpec, ExactTable
from tests.fakes_egress import GENDER, SUM, TOWN, exact, governed, rollup

DAY = GroupKey("k1", "date", None, nullable=False, lineage=())
QUERY = governed(SUM, keys=(GENDER, DAY))
K0, K1 = ColumnSpec("k0", "key", "text"), ColumnSpec("k1", "key", "date")
N, S = ColumnSpec("a0_n", "exact", "integer", 0, 100), ColumnSpec("a0_s", "exact", "integer", -100, 100)
U = ColumnSpec("units", "exact", "integer", 0, 100)
SPECS = (K0, K1, N, S, U)
TODAY = date(2026, 1, 1)
SOUND = ("F", TODAY, 5, 50, 5)


def attempt(table: ExactTable) -> None:
    planned = plan(QUERY, Decimal(1))
    assert isinstance(planned, ProtectionPlan)
    protect(planned, QUERY, [table])


def test_the_sound_answer_passes() -> None:
    attempt(ExactTable(SPECS, (SOUND,)))


@pytest.mark.parametrize(
    "row",
    [
        (1, TODAY, 5, 50, 5),
        ("F", "2026-01-01", 5, 50, 5),
        ("F", datetime(2026, 1, 1), 5, 50, 5),  # noqa: DTZ001
        ("F", TODAY, 5, 50.0, 5),
        ("F", TODAY, 5, Decimal(50), 5),
        ("F", TODAY, 5, "50", 5),
        ("F", TODAY, 5, None, 5),
        ("F", TODAY, 5, True, 5),
        ("F", TODAY, 5, 101, 5),
        ("F", TODAY, 5, -101, 5),
        ("F", TODAY, 101, 50, 5),
        ("F", TODAY, -1, 50, 5),
        ("F", TODAY, 5, 50, -1),
        ("F", TODAY, 5, float("nan"), 5),
        ("F", TODAY, 5, 50),
        ("F", TODAY, 5, 50, 5, "张三"),
    ],
)
def test_a_cell_that_the_query_cannot_give_is_refused_with_one_silent_code(row: tuple) -> None:
    with pytest.raises(YuneiError) as caught:
        attempt(ExactTable(SPECS, (row,)))
    assert caught.value.code == "RUN_FAILED"
    assert caught.value.facts == {}
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("row", [("X", TODAY, 99, 100, 99), (None, TODAY, 99, 100, 99), ("F", None, 99, 100, 99)])
def test_a_group_that_no_row_should_fall_into_is_left_out_and_tells_nothing(row: tuple) -> None:
    """Were it refused, whether the run fails would tell whether such a row exists; were it shown, its key would be."""
    planned = plan(QUERY, Decimal(1))
    assert isinstance(planned, ProtectionPlan)
    assert groups_of(planned.cores[0], QUERY.cores[0], ExactTable(SPECS, (SOUND, row))) == groups_of(
        planned.cores[0], QUERY.cores[0], ExactTable(SPECS, (SOUND,))
    )


@pytest.mark.parametrize(
    "specs",
    [
        (K0, K1, N, S),
        (K0, K1, N, U),
        (K0, N, S, U, ColumnSpec("k2", "key", "date")),
        (K0, K1, N, S, U, ColumnSpec("name", "key", "text")),
        (K0, K1, N, S, U, ColumnSpec("a1_n", "exact", "integer")),
        (K0, K1, N, S, S),
        (K0, ColumnSpec("k1", "key", "text"), N, S, U),
        (K0, ColumnSpec("k1", "exact", "date"), N, S, U),
        (K0, K1, N, ColumnSpec("a0_s", "key", "integer"), U),
        (K0, K1, N, ColumnSpec("a0_s", "exact", "decimal"), U),
    ],
)
def test_other_columns_than_the_querys_are_refused(specs: tuple[ColumnSpec, ...]) -> None:
    known = {"k0": "F", "k1": TODAY, "k2": TODAY, "name": "张三", "a0_n": 5, "a0_s": 50, "a1_n": 5, "units": 5}
    row = tuple(known[spec.name] for spec in specs)
    with pytest.raises(YuneiError) as caught:
        attempt(ExactTable(specs, (row,)))
    assert caught.value.code == "RUN_FAILED"


def test_a_group_that_comes_twice_is_refused() -> None:
    with pytest.raises(YuneiError) as caught:
        attempt(ExactTable(SPECS, (SOUND, ("F", TODAY, 6, 60, 6))))
    assert caught.value.code == "RUN_FAILED"


def test_true_does_not_pass_for_one_nor_one_for_true() -> None:
    flag = GroupKey("k0", "boolean", (True,), nullable=False, lineage=())
    number = GroupKey("k0", "integer", (1,), nullable=False, lineage=())
    for key, wrong in ((flag, 1), (number, True)):
        query = governed(SUM, keys=(key,))
        planned = plan(query, Decimal(1))
        assert isinstance(planned, ProtectionPlan)
        with pytest.raises(YuneiError):
            protect(planned, query, [exact(query, (wrong, 1, 1))])


def test_nothing_of_a_suppressed_group_survives_in_what_is_sealed() -> None:
    query = governed(SUM, keys=(TOWN,))
    planned = plan(query, Decimal(1))
    assert isinstance(planned, ProtectionPlan)
    result = protect(planned, query, [exact(query, ("canary-town", 3, 3, 3), units=True)])
    assert "canary-town" not in repr(result)


@pytest.mark.parametrize(
    ("fine", "whole"),
    [
        ((1, 5, 50), (9, 90)),
        (("F", 5, 50.0), (9, 90)),
        (("F", 5, 50), (9, None)),
        (("F", 5, 50), (9, True)),
        (("F", 5, 50), (9, 90, "张三")),
    ],
)
def test_the_wall_stands_before_every_core(fine: tuple, whole: tuple) -> None:
    query = rollup(SUM)
    planned = plan(query, Decimal(1))
    assert isinstance(planned, ProtectionPlan)
    protect(planned, query, [exact(query, ("F", 5, 50)), exact(query, (9, 90), core=1)])
    with pytest.raises(YuneiError) as caught:
        protect(planned, query, [exact(query, fine), exact(query, whole, core=1)])
    assert caught.value.code == "RUN_FAILED"
    assert caught.value.facts == {}


def test_nothing_is_noised_before_every_answer_has_passed_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    monkeypatch.setattr("egress.protect.noise", lambda values, part: drawn.append(part) or tuple(values))
    query = rollup(SUM)
    planned = plan(query, Decimal(1))
    assert isinstance(planned, ProtectionPlan)
    with pytest.raises(YuneiError):
        protect(planned, query, [exact(query, ("F", 5, 50)), exact(query, (9, None), core=1)])
    assert drawn == []

"""Protection end to end on hand-made queries: zero-filling, thresholds, intervals, order, replay, composition."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from egress.accuracy import PAIR
from egress.mechanisms import SLACK, check_composition, mapped_rho
from egress.model import Part, ProtectionPlan
from egress.plan import plan
from egress.protect import bound_check, protect, replay_post
from egress.table import table_of
from egress.tails import half_width
from policies.query import Aggregate, GovernedQuery, GroupKey
from sandbox.kernel.errors import YuneiError
from tests.fakes_egress import AVG, COUNT, GENDER, SUM, TOWN, UNITS, beside, exact, governed, order, rollup, unit, with_core

DAY = GroupKey("k0", "date", None, nullable=False, lineage=("visits.day",))


def planned(query: GovernedQuery, epsilon: str = "4") -> ProtectionPlan:
    found = plan(query, Decimal(epsilon))
    assert isinstance(found, ProtectionPlan)
    return found


def part_of(found: ProtectionPlan, column: str) -> Part:
    return next(part for part in found.parts if part.column == column)


def test_every_public_group_appears_and_absent_ones_are_zero_filled() -> None:
    query = governed(COUNT, SUM, AVG)
    result = protect(planned(query), query, [exact(query, ("M", 5_000, 5_000, 900_000, 4_000, 1_000))])
    assert [row[0] for row in result.rows] == ["F", "M"]
    assert [column.name for column in result.columns][:4] == ["c_k0", "c_a0", "c_a0_low", "c_a0_high"]
    assert [column.type for column in result.columns] == [
        "text",
        *["integer"] * 3,
        *["decimal(38,2)"] * 3,
        *["decimal(38,3)"] * 3,
    ]
    assert [column.kind for column in result.columns] == [
        "key",
        "count",
        "low",
        "high",
        "sum",
        "low",
        "high",
        "avg",
        "low",
        "high",
    ]
    empty, full = result.rows
    assert abs(empty[1]) < 200
    assert abs(full[1] - 5_000) < 200
    assert abs(full[4] - 9_000) < 1_000
    assert full[2] < full[1] < full[3]
    assert any(value != 0 for value in dict(result.primitives[0])[("F",)])


def test_the_whole_key_product_is_filled_with_null_where_a_key_may_be_null() -> None:
    keys = (replace(GENDER, nullable=True), GroupKey("k1", "boolean", (False, True), nullable=False, lineage=()))
    query = governed(COUNT, keys=keys)
    result = protect(planned(query), query, [exact(query, (None, True, 9))])
    assert [row[:2] for row in result.rows] == [
        ("F", False), ("F", True), ("M", False), ("M", True), (None, False), (None, True),
    ]  # fmt: skip


def test_without_keys_there_is_one_row_even_over_no_data() -> None:
    query = governed(UNITS, keys=())
    assert len(protect(planned(query), query, [exact(query)]).rows) == 1


def test_a_private_key_under_tau_leaves_no_trace() -> None:
    query = governed(COUNT, keys=(TOWN,))
    found = planned(query)
    table = exact(query, ("big", 90_000, 90_000), ("lonely", 1, 1), (None, 80_000, 80_000), units=True)
    result = protect(found, query, [table])
    assert [row[0] for row in result.rows] == ["big", None]
    assert "lonely" not in repr(result)


def test_a_group_shows_from_tau_on_and_not_one_below(monkeypatch) -> None:
    query = governed(COUNT, keys=(TOWN,))
    found = planned(query)
    tau = found.tau or 0
    monkeypatch.setattr("egress.protect.noise", lambda values, _: tuple(values))
    result = protect(found, query, [exact(query, ("at", 9, tau), ("below", 9, tau - 1), units=True)])
    assert [row[0] for row in result.rows] == ["at"]


def test_no_private_groups_at_all_is_an_empty_table() -> None:
    query = governed(COUNT, keys=(TOWN,))
    found = planned(query)
    result = protect(found, query, [exact(query, units=True)])
    assert result.rows == ()
    assert result.primitives == ((),)
    assert bound_check(result.primitives, [exact(query, units=True)], found)


def test_exact_integers_are_clamped_to_the_public_range_before_noise() -> None:
    query = governed(COUNT)
    found = planned(query)
    result = protect(found, query, [exact(query, ("F", 10**30), ("M", -(10**30)))])
    (primitives,) = result.primitives
    female, male = dict(primitives)[("F",)][0], dict(primitives)[("M",)][0]
    assert abs(female - 100_000) < 1_000
    assert abs(male) < 1_000


def test_noise_is_drawn_anew_for_every_cell_and_every_call() -> None:
    wide = GroupKey("k0", "integer", tuple(range(500)), nullable=False, lineage=())
    query = governed(COUNT, keys=(wide,))
    found = planned(query, "0.1")
    first, second = (protect(found, query, [exact(query)]).rows for _ in range(2))
    assert len({row[1] for row in first}) > 50
    assert first != second


def shown(aggregate: Aggregate, *values: int) -> tuple[ProtectionPlan, GovernedQuery, tuple]:
    query = governed(aggregate, keys=())
    found = planned(query)
    return found, query, table_of(found, query, ((((), values),),)).rows[0]


def test_counts_and_sums_are_shown_with_their_half_width_in_output_units() -> None:
    found, _, row = shown(COUNT, 100)
    half = found.parts[0].half_width
    assert row == (100, 100 - half, 100 + half)
    found, _, row = shown(SUM, -12_345)
    half = found.parts[0].half_width
    assert row == (Decimal("-123.45"), Decimal(-12_345 - half).scaleb(-2), Decimal(-12_345 + half).scaleb(-2))
    assert [cell.as_tuple().exponent for cell in row] == [-2, -2, -2]


def test_an_average_is_quotient_plus_centre_in_steps_rounded_half_to_even() -> None:
    _, query, row = shown(AVG, 4_000, 1_000)
    assert row[0] == Decimal("30.125")  # (1000/4000 + 60) · 0.5
    assert query.cores[0].aggregates[0].step == Decimal("0.5")
    fine = replace(AVG, step=Decimal(1))
    assert shown(fine, 8_000, 1_000)[2][0] == Decimal("60.12")  # 60.125
    assert shown(fine, 8_000, 3_000)[2][0] == Decimal("60.38")  # 60.375


def test_an_average_over_no_positive_noisy_count_is_null_and_so_is_its_interval() -> None:
    assert shown(AVG, 0, 50)[2] == shown(AVG, -3, 50)[2] == (None, None, None)
    assert shown(AVG, 1, 0)[2][0] == Decimal("30.000")


def test_an_average_and_its_interval_stay_within_the_public_range() -> None:
    assert shown(AVG, 1, 10**6)[2][0] == Decimal("60.000")
    assert shown(AVG, 1, 0)[2] == (Decimal("30.000"), Decimal("0.000"), Decimal("60.000"))


def test_an_interval_of_an_average_is_the_range_of_the_quotient_over_both_half_widths() -> None:
    found, _, row = shown(replace(AVG, step=Decimal(1)), 10_000, 200_000)
    wide = {part.role: half_width(part.mechanism, part.scale, PAIR) for part in found.parts}
    low = Fraction(200_000 - wide["sum"], 10_000 + wide["rows"]) + 60
    high = Fraction(200_000 + wide["sum"], 10_000 - wide["rows"]) + 60
    assert row[1] <= low < row[1] + Decimal("0.01")
    assert row[2] - Decimal("0.01") < high <= row[2]


def test_output_columns_keep_their_order_and_hidden_keys_still_order_the_rows() -> None:
    query = governed(COUNT, keys=(DAY,), shown=("a0", "k0"))
    days = (date(2026, 3, 1), date(2025, 1, 1))
    primitives = (tuple(((day,), (place, 100)) for place, day in enumerate(days)),)
    result = table_of(planned(query), query, primitives)
    assert [column.name for column in result.columns] == ["c_a0", "c_a0_low", "c_a0_high", "c_k0"]
    assert [row[3] for row in result.rows] == sorted(days)
    hidden = governed(COUNT, keys=(DAY,), shown=("a0",))
    assert [row[0] for row in table_of(planned(hidden), hidden, primitives).rows] == [1, 0]


def test_order_and_limit_see_released_values_and_ties_fall_back_to_keys() -> None:
    keys = (GroupKey("k0", "text", ("a", "b", "c", "d"), nullable=False, lineage=()),)
    primitives = (((("d",), (1,)), (("a",), (5,)), (("c",), (5,)), (("b",), (7,))),)
    query = governed(COUNT, keys=keys, ordered=(order("a0", descending=True),), limit=3)
    assert [row[0] for row in table_of(planned(query), query, primitives).rows] == ["b", "a", "c"]


def test_rows_may_be_ordered_by_what_is_not_shown() -> None:
    query = governed(COUNT, SUM, keys=(DAY,), ordered=(order("a1", descending=True),), shown=("k0",))
    primitives = tuple(((date(2026, 1, day),), (day, day * day, 100)) for day in (1, 2, 3))
    rows = table_of(planned(query), query, (primitives,)).rows
    assert rows == ((date(2026, 1, 3),), (date(2026, 1, 2),), (date(2026, 1, 1),))


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("nulls_first", [True, False])
def test_nulls_stand_where_the_query_says_in_either_direction(descending: bool, nulls_first: bool) -> None:
    query = governed(AVG, keys=(TOWN,), ordered=(order("a0", descending=descending, nulls_first=nulls_first),))
    primitives = (((("x",), (-5, 3, 900)), (("y",), (10, 0, 900)), (("z",), (10, 90, 900))),)
    rows = [row[0] for row in table_of(planned(query), query, primitives).rows]
    known = ["z", "y"] if descending else ["y", "z"]
    assert rows == (["x", *known] if nulls_first else [*known, "x"])


def test_replay_recomputes_the_table_bit_by_bit_and_accepts_the_noise() -> None:
    ordered = (order("a2", descending=True, nulls_first=True),)
    query = governed(COUNT, SUM, AVG, keys=(TOWN,), ordered=ordered, limit=40)
    found = planned(query)
    table = exact(query, *((f"t{n}", 900 + n, 900, n * 5, 800, -n, 900) for n in range(60)), units=True)
    result = protect(found, query, [table])
    assert len(result.primitives[0]) == 60
    assert len(result.rows) == 40
    assert replay_post(found, query, result.primitives) == result
    assert bound_check(result.primitives, [table], found)


def test_replay_refuses_noise_that_the_mechanism_cannot_give() -> None:
    query = governed(COUNT, keys=(TOWN,))
    found = planned(query)
    tau = found.tau or 0
    table = [exact(query, ("a", 500, 500), ("b", 600, 600), ("small", 2, 2), units=True)]
    (good,) = protect(found, query, table).primitives
    sigma = float(found.parts[0].scale)
    far = int(20 * sigma) + 2
    assert bound_check([good], table, found)
    assert not bound_check([((("a",), (500 + far, 500)), good[1])], table, found)
    assert not bound_check([(*good, (("c",), (5, tau)))], table, found), "a group that is not in the data"
    assert not bound_check([good[:1]], table, found), "a group that must have passed is missing"
    assert not bound_check([(good[0], good[0], good[1])], table, found), "a group twice"
    assert not bound_check([(*good, (("small",), (2, tau - 1)))], table, found), "a group under τ was shown"


def test_replay_of_public_keys_wants_every_group_once() -> None:
    query = governed(COUNT)
    found = planned(query)
    table = [exact(query, ("F", 9))]
    (good,) = protect(found, query, table).primitives
    assert bound_check([good], table, found)
    assert not bound_check([good[:1]], table, found)


@pytest.mark.parametrize(
    "broken",
    [
        lambda found, first: replace(found, rho=found.rho - Fraction(1, 10**30)),
        lambda found, first: with_core(found, parts=(replace(first, scale=first.scale * Fraction(15, 16)),)),
        lambda found, first: with_core(found, parts=(replace(first, l2_squared=first.l2_squared + 1),)),
        lambda found, first: with_core(found, parts=(replace(first, scale=Fraction(100, 3)),)),
        lambda found, first: with_core(found, parts=()),
        lambda found, first: with_core(found, parts=(first, first)),
        lambda found, first: with_core(found, parts=(replace(first, high=2**62 + 1),)),
        lambda found, first: with_core(found, public_groups=3),
    ],
)
def test_a_plan_that_charges_less_than_its_mechanisms_cost_releases_nothing(broken) -> None:
    query = governed(COUNT, bounds=unit(max_rows=3))
    found = planned(query)
    with pytest.raises(YuneiError) as caught:
        protect(broken(found, found.parts[0]), query, [exact(query, ("F", 9))])
    assert caught.value.code == "DEFECT"
    assert caught.value.facts == {}


# several cores


def test_every_core_is_noised_on_its_own_and_the_tree_brings_them_together() -> None:
    query = rollup(COUNT, SUM)
    found = planned(query)
    tables = [exact(query, ("F", 40, 40, 100), ("M", 50, 50, 200)), exact(query, (90, 90, 300), core=1)]
    result = protect(found, query, tables)
    assert [row[0] for row in result.rows] == ["F", "M", None]
    fine, whole = result.primitives
    assert [key for key, _ in fine] == [("F",), ("M",)]
    assert [key for key, _ in whole] == [()]
    noisy, shown = [values[0] for _, values in (*fine, *whole)], [row[1] for row in result.rows]
    assert shown[0] + shown[1] == shown[2], "the levels agree"
    assert max(abs(a - b) for a, b in zip(noisy, shown, strict=True)) <= 1 + abs(noisy[0] + noisy[1] - noisy[2])
    own = [core.parts[0].half_width for core in found.cores]
    shown = [row[3] - row[1] for row in result.rows]
    assert shown == [row[1] - row[2] for row in result.rows]
    assert all(one <= most + 1 for one, most in zip(shown, (own[0], own[0], own[1]), strict=True))
    assert replay_post(found, query, result.primitives) == result
    assert bound_check(result.primitives, tables, found)


def test_the_noise_of_one_core_is_not_that_of_another() -> None:
    query = beside(governed(COUNT, keys=()), governed(COUNT, keys=()))
    found = planned(query, "0.1")
    drawn = [protect(found, query, [exact(query, (500,)), exact(query, (500,), core=1)]).primitives for _ in range(20)]
    assert any(first != second for first, second in drawn)


def test_a_private_group_shows_by_the_threshold_of_its_own_core(monkeypatch) -> None:
    query = rollup(COUNT, key=TOWN)
    found = planned(query)
    tau = found.tau or 0
    monkeypatch.setattr("egress.protect.noise", lambda values, _: tuple(values))
    tables = [exact(query, ("at", 9, tau), ("below", 9, tau - 1), units=True), exact(query, (1,), core=1)]
    result = protect(found, query, tables)
    assert [row[:2] for row in result.rows] == [("at", 9), (None, 1)]
    assert "below" not in repr(result)


def test_the_answer_of_one_core_is_no_answer_of_another() -> None:
    query = rollup(COUNT)
    found = planned(query)
    fine, whole = exact(query, ("F", 4)), exact(query, (9,), core=1)
    protect(found, query, [fine, whole])
    with pytest.raises(YuneiError, match="RUN_FAILED"):
        protect(found, query, [whole, fine])


@pytest.mark.parametrize("place", [0, 1])
def test_replay_checks_the_noise_of_every_core(place: int) -> None:
    query = rollup(COUNT)
    found = planned(query)
    tables = [exact(query, ("F", 40), ("M", 50)), exact(query, (90,), core=1)]
    good = protect(found, query, tables).primitives
    assert bound_check(good, tables, found)
    far = int(20 * float(found.cores[place].parts[0].scale)) + 2
    (key, (value,)), *rest = good[place]
    moved = [*good]
    moved[place] = ((key, (value + far,)), *rest)
    assert not bound_check(moved, tables, found)
    assert not bound_check(good[:1], tables, found), "a core is missing"
    assert not bound_check([*good, good[1]], tables, found), "a core too many"
    assert not bound_check([good[1], good[0]], tables, found), "cores in another order"
    assert not bound_check(good, tables[:1], found)


@pytest.mark.parametrize("place", [0, 1])
def test_a_core_that_charges_less_than_it_costs_releases_nothing_of_any(place: int) -> None:
    query = rollup(COUNT)
    found = planned(query)
    part = found.cores[place].parts[0]
    cheaper = with_core(found, place, parts=(replace(part, scale=part.scale * Fraction(15, 16)),))
    with pytest.raises(YuneiError, match="DEFECT"):
        protect(cheaper, query, [exact(query, ("F", 40)), exact(query, (90,), core=1)])


def test_a_charge_stays_within_the_stated_slack_of_the_composed_map() -> None:
    for epsilon in ("0.001", "0.1", "1", "4"):
        for query in (governed(COUNT, SUM, AVG), governed(UNITS, keys=(TOWN,), bounds=unit(max_rows=9, max_groups=3))):
            found = planned(query, epsilon)
            check_composition(found)
            mapped = sum((mapped_rho(part) for part in found.parts), Fraction(0))
            assert mapped <= found.rho <= mapped * (1 + SLACK)


def test_a_charge_that_buys_nothing_is_refused_like_one_that_is_too_low() -> None:
    found = planned(governed(COUNT, SUM))
    for factor in (1 + 2 * SLACK, 1 - SLACK, 2):
        with pytest.raises(YuneiError, match="DEFECT"):
            check_composition(replace(found, rho=found.rho * factor))

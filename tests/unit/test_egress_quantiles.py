"""Quantiles and counts of distinct values: scores, sensitivity, the wall for their sections, and what is shown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import combinations_with_replacement

import pytest

from egress.accounting import charge
from egress.exact import groups_of
from egress.mechanisms import check_composition, mapped_rho
from egress.model import Part, ProtectionPlan
from egress.plan import plan
from egress.protect import bound_check, protect, replay_post
from egress.quantiles import scores_of, value_of
from egress.recompute import recompute
from policies.query import MOST_BINS, Aggregate, GovernedQuery
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import ColumnSpec, ExactTable
from tests.fakes_egress import COUNT, GENDER, SUM, TOWN, governed, unit, with_core

MEDIAN = Aggregate("a0", "quantile", True, 0, 1_000, Decimal("0.5"), ("people.cost",), Fraction(1, 2))
NINTH = replace(MEDIAN, fraction=Fraction(9, 10))
VALUES = Aggregate("a0", "count_value", True, 1, 1, Decimal(1), ("people.cost",))
Line = tuple[object, ...]


def planned(query: GovernedQuery, epsilon: str = "4") -> ProtectionPlan:
    found = plan(query, Decimal(epsilon))
    assert isinstance(found, ProtectionPlan)
    return found


def table(query: GovernedQuery, *lines: Line, exact: Sequence[str] = ()) -> ExactTable:
    """Return an engine's answer: keys, exact columns, side, bin, rows."""
    keys = [ColumnSpec(key.name, "key", key.type) for key in query.cores[0].keys]
    return ExactTable((*keys, *(ColumnSpec(name, "exact", "integer") for name in (*exact, "side", "bin", "rows"))), lines)  # type: ignore[arg-type]


def refused(query: GovernedQuery, *lines: Line, exact: Sequence[str] = ()) -> str:
    with pytest.raises(YuneiError) as refusal:
        protect(planned(query), query, [table(query, *lines, exact=exact)])
    return refusal.value.code


def part(fraction: Fraction, bins: int) -> Part:
    return Part("a0_q", "quantile", 0, bins - 1, 1, 1, "exponential", Fraction(1), Fraction(1, 2), 1, fraction)


def bins_of(rows: Sequence[int]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(Counter(rows).items()))


SHARES = [Fraction(1, 2), Fraction(1, 4), Fraction(9, 10), Fraction(1, 3)]


@pytest.mark.parametrize("fraction", SHARES)
def test_a_bin_scores_minus_b_times_the_rows_between_it_and_the_rank(fraction: Fraction) -> None:
    """Against the definition, on every multiset of up to five rows in four bins."""
    for size in range(6):
        for rows in combinations_with_replacement(range(4), size):
            rank = fraction * size
            below = [sum(row < place for row in rows) for place in range(4)]
            through = [sum(row <= place for row in rows) for place in range(4)]
            away = [max(Fraction(0), rank - through[place], below[place] - rank) for place in range(4)]
            assert scores_of(part(fraction, 4), bins_of(rows)) == [-fraction.denominator * one for one in away]


@pytest.mark.parametrize("fraction", SHARES)
def test_one_row_moves_a_score_by_its_sensitivity_at_most_and_some_row_by_all_of_it(fraction: Fraction) -> None:
    most = max(fraction.numerator, fraction.denominator - fraction.numerator)
    moved = set()
    for size in range(5):
        for rows in combinations_with_replacement(range(4), size):
            before = scores_of(part(fraction, 4), bins_of(rows))
            for row in range(4):
                after = scores_of(part(fraction, 4), bins_of((*rows, row)))
                moved |= {abs(a - b) for a, b in zip(before, after, strict=True)}
    assert max(moved) == most


def test_the_bins_cover_the_bounds_and_no_more() -> None:
    for high in (0, 1, 511, 512, 513, 10_000, 999_999):
        made = replace(MEDIAN, low=-7, high=high)
        assert made.bins <= MOST_BINS
        assert (made.bins - 1) * made.bin_width <= high + 7 < made.bins * made.bin_width
        shown = [value_of(made, place) for place in range(made.bins)]
        assert shown == sorted(set(shown))
        assert made.low <= shown[0] <= shown[-1] <= made.high
    narrow = replace(MEDIAN, low=-7, high=500)
    assert [value_of(narrow, place) for place in range(narrow.bins)] == list(range(-7, 501))


def test_a_quantile_is_charged_for_all_rows_of_a_unit() -> None:
    query = governed(NINTH, COUNT, bounds=unit(max_rows=6))
    found = planned(query)
    quantile = found.parts[0]
    assert (quantile.role, quantile.mechanism, quantile.l1, quantile.l2_squared) == ("quantile", "exponential", 54, 54**2)
    assert quantile.rho == charge("exponential", 54, 54**2, quantile.scale)
    assert mapped_rho(quantile) <= quantile.rho
    check_composition(found)
    assert found.rho == sum(one.rho for one in found.parts)


def test_a_scale_that_is_too_small_for_its_charge_is_refused() -> None:
    found = planned(governed(MEDIAN))
    planted = replace(found.parts[0], scale=found.parts[0].scale / 2)
    with pytest.raises(YuneiError, match="DEFECT"):
        check_composition(with_core(found, parts=(planted,)))


def test_the_declared_caps_of_a_group_do_not_lower_what_a_section_holds() -> None:
    """Sections are of all rows: a sensitivity by `max_rows_per_group` would be a bound that nothing keeps."""
    query = governed(MEDIAN, COUNT, bounds=unit(max_rows=9, max_groups=1, max_rows_per_group=2))
    found = planned(query)
    assert found.cores[0].bounding.strategy == "unit_group"
    assert found.parts[0].l1 == 9


def test_distinct_values_of_a_unit_may_all_be_its_own_and_of_one_group() -> None:
    found = planned(governed(VALUES, bounds=unit(max_rows=9)))
    assert (found.parts[0].l1, found.parts[0].l2_squared, found.cores[0].bounding.values) == (9, 81, 9)
    capped = planned(governed(VALUES, bounds=unit(max_rows=9, max_groups=2, max_rows_per_group=2)))
    assert (capped.parts[0].l1, capped.parts[0].l2_squared, capped.cores[0].bounding.values) == (4, 16, 4)


def test_the_shown_value_is_near_the_quantile_and_has_no_interval() -> None:
    query = governed(MEDIAN, NINTH, keys=())
    lines = [(side, place, 100) for side in (1, 2) for place in range(501)]
    result = protect(planned(query), query, [table(query, *lines)])
    assert [column.name for column in result.columns] == ["c_a0", "c_a1"]
    assert [column.kind for column in result.columns] == ["quantile", "quantile"]
    median, ninth = result.rows[0]
    assert abs(median - 250) < 5  # type: ignore[operator, arg-type]
    assert abs(ninth - 450) < 5  # type: ignore[operator, arg-type]


def test_the_preview_speaks_of_ranks() -> None:
    found = planned(governed(MEDIAN, keys=()))
    error = found.expected_error["c_a0"]
    assert error == {"rank_half_width": -(-found.parts[0].half_width // 2), "bin_width": "1.0"}


def test_counts_of_values_are_shown_with_their_interval() -> None:
    query = governed(VALUES, SUM)
    result = protect(planned(query), query, [table(query, ("F", 0, 0, 1, 0, 7_000), exact=("a1_n", "a1_s"))])
    assert [column.name for column in result.columns][1:4] == ["c_a0", "c_a0_low", "c_a0_high"]
    female, male = result.rows
    assert abs(female[1] - 7_000) < 200  # type: ignore[operator, arg-type]
    assert abs(male[1]) < 200  # type: ignore[operator, arg-type]


def test_release_replays_and_its_bins_are_held_against_the_exact_ones() -> None:
    query = governed(MEDIAN, VALUES, keys=(GENDER,))
    found = planned(query)
    lines = [("F", 1, place, 1_000) for place in range(501)] + [("M", 1, 3, 50_000), ("F", 2, 0, 40), ("M", 2, 0, 1)]
    answer = table(query, *lines)
    result = protect(found, query, [answer])
    assert replay_post(found, query, result.primitives) == result
    assert bound_check(result.primitives, [answer], found)
    (noisy,) = result.primitives
    (female, (bin_, values)), (male, (there, few)) = noisy
    assert not bound_check([((female, (0, values)), (male, (there, few)))], [answer], found), "far from the middle"
    assert not bound_check([((female, (bin_, values)), (male, (400, few)))], [answer], found), "far from all rows"
    assert not bound_check([((female, (bin_, values)), (male, (501, few)))], [answer], found), "no bin"
    assert not bound_check([((female, (bin_, values + 10_000)), (male, (there, few)))], [answer], found)


def test_private_groups_are_chosen_by_their_units_alone() -> None:
    query = governed(MEDIAN, keys=(TOWN,))
    answer = table(
        query, ("big", 90_000, 0, 0, 0), ("big", 0, 1, 7, 90_000), ("small", 1, 0, 0, 0), ("small", 0, 1, 7, 1), exact=("units",)
    )
    result = protect(planned(query), query, [answer])
    assert [row[0] for row in result.rows] == ["big"]
    alone = table(query, ("ghost", 0, 1, 7, 90_000), exact=("units",))
    found = planned(query)
    assert protect(found, query, [alone]).rows == ()
    assert groups_of(found.cores[0], query.cores[0], alone) == {}, "a unit could be shown in more groups than δ was taken for"


@pytest.mark.parametrize(
    "lines",
    [
        [("F", 1, 7, 1), ("F", 1, 7, 1)],
        [("F", 1, 501, 1)],
        [("F", 1, -1, 1)],
        [("F", 1, 7, -1)],
        [("F", 3, 0, 1)],
        [("F", -1, 0, 1)],
        [("F", 2, 1, 5)],
        [("F", 2, 0, 5), ("F", 2, 1, 5)],
        [("F", 1, None, 1)],
        [("F", 1, True, 1)],
        [("F", 0, 3, 0)],
        [("F", 0, 0, 2)],
        [("F", "1", 7, 1)],
    ],
)
def test_the_wall_takes_no_section_that_the_query_cannot_have(lines: list[Line]) -> None:
    assert refused(governed(MEDIAN, VALUES), *lines) == "RUN_FAILED"


def test_the_wall_takes_no_answer_without_the_columns_of_its_sections() -> None:
    query = governed(MEDIAN)
    whole = table(query, ("F", 1, 7, 1))
    for place in (1, 2, 3):
        specs = tuple(spec for other, spec in enumerate(whole.columns) if other != place)
        lines = tuple(tuple(cell for other, cell in enumerate(line) if other != place) for line in whole.rows)
        with pytest.raises(YuneiError, match="RUN_FAILED"):
            groups_of(planned(query).cores[0], query.cores[0], ExactTable(specs, lines))


def test_scores_beyond_64_bits_are_refused_before_anything_runs() -> None:
    bounds = unit(size_band=10**9, max_rows=10**6)
    found = plan(governed(replace(MEDIAN, fraction=Fraction(9_999, 10_000)), bounds=bounds), Decimal(1))
    assert not isinstance(found, ProtectionPlan)
    assert found.code == "RANGE_TOO_WIDE"


@pytest.mark.parametrize("epsilon", ["0.1", "1", "4"])
def test_the_cost_of_quantiles_is_derived_again(epsilon: str) -> None:
    """Sixteen of them come to more by their pure ε than by their ρ; what is shown is the lesser, and nothing disagrees."""
    many = tuple(replace(MEDIAN, fraction=Fraction(1 + place, 20)) for place in range(16))
    for query in (governed(MEDIAN, COUNT, SUM), governed(*many), governed(MEDIAN, keys=(TOWN,))):
        found = planned(query, epsilon)
        again = recompute(found.as_json())  # type: ignore[arg-type]
        assert again.disagreements == ()
        assert again.epsilon_pld is not None
        assert again.epsilon_pld <= found.epsilon


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"scale": "1/2"}, "charge"),
        ({"mechanism": "discrete_gaussian"}, "sensitivity"),
        ({"l2_squared": "1"}, "sensitivity"),
        ({"role": "rows"}, "sensitivity"),
    ],
)
def test_a_quantile_that_claims_too_little_is_found(changes: dict[str, str], named: str) -> None:
    document = planned(governed(MEDIAN, bounds=unit(max_rows=4)), "1").as_json()
    document["cores"][0]["parts"][0] |= changes  # type: ignore[index, operator, call-overload]
    assert named in recompute(document).disagreements  # type: ignore[arg-type]

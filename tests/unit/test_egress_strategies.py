"""Strategies: which can bound a core, which is taken, and what the others would have cost."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from egress.bounding import needs_of, possible_caps
from egress.strategies import choose, options
from policies.query import Core, GroupKey, UnitBounds
from tests.fakes_egress import AVG, COUNT, GENDER, SUM, TOWN, UNITS, governed, unit

PUBLIC = GroupKey("k0", "integer", tuple(range(5)), nullable=False, lineage=("visits.day",))


def core(*aggregates, keys: tuple[GroupKey, ...] = (PUBLIC,), bounds: UnitBounds) -> Core:
    (found,) = governed(*aggregates, keys=keys, bounds=bounds).cores
    return found


@pytest.mark.parametrize(
    ("aggregates", "key", "bounds", "strategies"),
    [
        ((COUNT, SUM, AVG), PUBLIC, {"max_rows": 1}, ["one_row", "unit_group"]),
        ((UNITS,), TOWN, {"max_rows": 1}, ["one_row", "unit_group"]),
        ((COUNT, SUM, AVG), PUBLIC, {"max_rows": 9}, ["row_cap", "unit_group"]),
        ((COUNT, UNITS), PUBLIC, {"max_rows": 9}, ["unit_group"]),
        ((COUNT,), TOWN, {"max_rows": 9}, ["unit_group"]),
    ],
)
def test_a_plain_scan_needs_bounded_rows_and_counts_no_units_of_several_rows(aggregates, key, bounds, strategies) -> None:
    assert [caps.strategy for caps in possible_caps(core(*aggregates, keys=(key,), bounds=unit(**bounds)))] == strategies


@pytest.mark.parametrize(
    ("bounds", "strategy"),
    [
        ({"max_rows": 1}, "one_row"),
        ({"max_rows": 40}, "row_cap"),
        ({"max_rows": 40, "max_groups": 1}, "row_cap"),
        ({"max_rows": 40, "max_rows_per_group": 40}, "row_cap"),
        ({"max_rows": 40, "max_rows_per_group": 39}, "unit_group"),
        ({"max_rows": 40, "max_rows_per_group": 8}, "unit_group"),
        ({"max_rows": 40, "max_groups": 2, "max_rows_per_group": 8}, "unit_group"),
    ],
)
def test_the_least_error_is_taken_and_among_equals_the_cheapest(bounds, strategy) -> None:
    assert choose(core(COUNT, SUM, bounds=unit(**bounds))).strategy == strategy


def test_rows_of_a_plain_scan_may_all_fall_in_one_group() -> None:
    caps = choose(core(COUNT, bounds=unit(max_rows=9)))
    assert (caps.strategy, caps.l1, caps.l2_squared, caps.sample) == ("row_cap", 9, 81, False)


def test_every_option_is_shown_with_its_error_and_engine_cost_and_one_is_taken() -> None:
    asked = core(COUNT, SUM, bounds=unit(max_rows=9, max_rows_per_group=3))
    found = list(options(asked, Fraction(1, 50), 10_000_000))
    assert [(one.strategy, one.mechanism) for one in found if one.taken] == [("unit_group", "discrete_gaussian")]
    assert len(found) == 4
    ratio = {(one.strategy, one.mechanism): one.error for one in found}
    assert ratio["unit_group", "discrete_gaussian"] == 1
    # l2 is √27 under `unit_group` and 9 under `row_cap`; Laplace has √2·l1 over l2
    assert ratio["row_cap", "discrete_gaussian"] == pytest.approx(Decimal(9) / Decimal(27).sqrt(), abs=Decimal("0.01"))
    assert ratio["row_cap", "discrete_laplace"] == pytest.approx(
        ratio["row_cap", "discrete_gaussian"] * Decimal(2).sqrt(), abs=Decimal("0.01")
    )
    cost = {one.strategy: one.engine_ms for one in found}
    assert cost["row_cap"] < cost["unit_group"]


def test_weights_of_the_whole_query_do_not_depend_on_the_strategy() -> None:
    """A guess of typical sizes that changed with the strategy would compare errors in different units."""
    asked = core(COUNT, SUM, bounds=unit(max_rows=40, max_rows_per_group=8))
    row_cap, unit_group = (needs_of(asked, caps) for caps in possible_caps(asked))
    assert [need.typical for need in row_cap] == [need.typical for need in unit_group]


def test_groups_of_one_public_key_bound_nothing_by_themselves() -> None:
    asked = core(COUNT, keys=(replace(GENDER, domain=("F",), nullable=False),), bounds=unit(max_rows=3))
    assert choose(asked).groups == 1

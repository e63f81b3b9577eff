"""Plans: bounds, sensitivities, cost, thresholds and refusals, from public metadata alone."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from egress.accounting import epsilon_of, rho_of, scale_for, terms_of
from egress.accuracy import chance_to_show
from egress.allocation import Need, allocate, cheapest
from egress.bounding import grouped_caps
from egress.model import CorePlan, NotPlanned, ProtectionPlan
from egress.plan import delta_share, plan
from egress.tails import deviation, threshold_delta
from policies.findings import finding
from policies.query import GovernedQuery, GroupKey
from sandbox.kernel.errors import YuneiError
from tests.fakes_egress import AVG, COUNT, GENDER, SUM, TOWN, UNITS, beside, governed, rollup, unit

MANY = GroupKey("k1", "integer", tuple(range(200)), nullable=True, lineage=("visits.day",))


def planned(query: GovernedQuery, epsilon: str | None = "1") -> ProtectionPlan:
    found = plan(query, None if epsilon is None else Decimal(epsilon))
    assert isinstance(found, ProtectionPlan)
    return found


def only_core(found: ProtectionPlan) -> CorePlan:
    """Return how the one core of a query is protected."""
    (core,) = found.cores
    return core


def refused(query: GovernedQuery, epsilon: str | None = "1") -> str:
    found = plan(query, None if epsilon is None else Decimal(epsilon))
    assert isinstance(found, NotPlanned)
    assert finding(found.code).code == found.code
    return found.code


@pytest.mark.parametrize(
    ("bounds", "groups", "expected"),
    [
        ({"max_rows": 1}, 2, (1, 1, False)),
        ({"max_rows": 40}, 2, (2, 40, False)),
        ({"max_rows": 40}, 1, (1, 40, False)),
        ({"max_rows": 40}, None, (40, 40, False)),
        ({"max_rows": 40, "max_groups": 5}, None, (5, 40, True)),
        ({"max_rows": 40, "max_groups": 5}, 5, (5, 40, False)),
        ({"max_rows": 40, "max_groups": 80}, None, (40, 40, False)),
        ({"max_rows": 40, "max_rows_per_group": 3}, 2, (2, 3, False)),
        ({"max_rows": 2, "max_rows_per_group": 3}, 2, (2, 2, False)),
        ({"max_rows": 40, "one_group": True}, None, (1, 40, False)),
        ({"max_rows": 40, "one_group": True, "max_groups": 5}, 9, (1, 40, False)),
    ],
)
def test_caps_are_the_least_of_possible_declared_and_public(bounds, groups, expected) -> None:
    caps = grouped_caps(unit(**bounds), groups)
    assert (caps.groups, caps.per_group, caps.sample) == expected


@pytest.mark.parametrize("max_rows", [1, 2, 5, 6])
@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("per_group", [1, 2, 4])
def test_sensitivities_are_the_worst_over_every_way_to_spread_rows(max_rows: int, groups: int, per_group: int) -> None:
    """Brute force over all row counts per group that one unit may have."""
    caps = grouped_caps(unit(max_rows=max_rows, max_groups=groups, max_rows_per_group=per_group), None)

    def spreads(left: int, places: int):
        if places == 0:
            yield ()
            return
        for here in range(min(left, per_group) + 1):
            for rest in spreads(left - here, places - 1):
                yield (here, *rest)

    found = list(spreads(max_rows, groups))
    assert caps.l1 == max(sum(spread) for spread in found)
    assert caps.l2_squared == max(sum(n * n for n in spread) for spread in found)


def test_each_aggregate_has_its_parts_with_range_and_sensitivity() -> None:
    query = governed(COUNT, UNITS, SUM, AVG, bounds=unit(max_rows=4, max_rows_per_group=3))
    parts = {part.column: part for part in planned(query).parts}
    assert list(parts) == ["a0_n", "a1_n", "a2_s", "a3_n", "a3_s"]
    assert [part.role for part in parts.values()] == ["rows", "units", "sum", "rows", "sum"]
    rows, units, total, count, centred = parts.values()
    assert (rows.l1, rows.l2_squared, rows.low, rows.high) == (4, 10, 0, 300_000)
    assert (units.l1, units.l2_squared, units.low, units.high) == (2, 2, 0, 100_000)
    assert (total.l1, total.l2_squared, total.low, total.high) == (8_000, 10 * 2_000**2, -90_000_000, 600_000_000)
    assert (count.l1, count.l2_squared) == (4, 10)
    assert (centred.l1, centred.l2_squared) == (4 * 60, 10 * 60**2)


def test_the_centre_is_an_integer_and_never_lowers_the_sensitivity_below_the_farther_end() -> None:
    query = governed(replace(AVG, low=-3, high=4))
    found = planned(query)
    assert only_core(found).bounding.centres == (0,)
    assert found.parts[1].l1 == 4


@pytest.mark.parametrize(("low", "high", "most"), [(-500, 20, 500), (-20, 500, 500), (-500, -20, 500), (20, 500, 500)])
def test_the_sensitivity_of_a_sum_is_its_end_farther_from_zero(low: int, high: int, most: int) -> None:
    part = planned(governed(replace(SUM, low=low, high=high))).parts[0]
    assert (part.l1, part.l2_squared) == (most, most**2)


def test_a_sum_whose_values_are_all_zero_still_has_a_sensitivity() -> None:
    assert planned(governed(replace(SUM, low=0, high=0))).parts[0].l1 == 1


@pytest.mark.parametrize("epsilon", ["0.01", "0.5", "4"])
@pytest.mark.parametrize("key", [GENDER, TOWN])
def test_the_whole_query_costs_at_most_what_was_asked(epsilon: str, key: GroupKey) -> None:
    found = planned(governed(COUNT, SUM, AVG, keys=(key,), bounds=unit(max_rows=9, max_groups=3)), epsilon)
    assert found.epsilon == Decimal(epsilon)
    assert found.rho == sum(part.rho for part in found.parts) <= rho_of(found.epsilon, found.delta_conv)
    assert found.rho > Fraction(99, 100) * rho_of(found.epsilon, found.delta_conv)
    assert epsilon_of(found.rho, found.delta_conv) <= found.epsilon
    assert Fraction(found.delta) == found.delta_conv + found.delta_tau


def test_no_epsilon_means_the_policys_maximum() -> None:
    assert planned(governed(COUNT), None).epsilon == 4


def test_public_keys_need_no_threshold_and_no_delta_for_it() -> None:
    found = planned(governed(COUNT, keys=(GENDER, MANY), bounds=unit(max_rows=3)))
    core = only_core(found)
    assert (core.public_groups, core.threshold, found.delta_tau, core.bounding.units) == (402, None, 0, False)
    assert (found.most_rows, found.tau) == (402, None)


def test_a_query_without_keys_has_one_group_which_is_public() -> None:
    found = planned(governed(COUNT, keys=(), bounds=unit(max_rows=7)))
    core = only_core(found)
    assert (core.public_groups, core.bounding.groups, core.threshold) == (1, 1, None)


def test_private_keys_get_a_count_of_units_with_its_own_noise_and_charge() -> None:
    found = planned(governed(UNITS, keys=(GENDER, replace(TOWN, name="k1")), bounds=unit(max_rows=9, max_groups=3)))
    core = only_core(found)
    assert core.public_groups is found.most_rows is None
    shown, threshold = found.parts
    assert (threshold.column, threshold.role, threshold.l1, threshold.l2_squared) == ("units", "threshold", 3, 3)
    assert threshold.rho > 0
    assert core.bounding.units
    assert core.threshold is not None
    assert found.tau == core.threshold.tau
    assert found.delta_tau == core.threshold.delta == threshold_delta(threshold.mechanism, threshold.scale, core.threshold.tau, 3)
    assert shown.rho > threshold.rho


def test_tau_is_the_least_within_the_jobs_share_of_delta() -> None:
    query = governed(COUNT, keys=(TOWN,), bounds=unit(max_rows=9, max_groups=3))
    found = planned(query)
    terms = terms_of(query.grant.policy.protection.epsilon, query.grant.policy.protection.delta)
    share = delta_share(terms, rho_of(Decimal(1), terms.delta_conv))
    part, threshold = found.parts[-1], only_core(found).threshold
    assert threshold is not None
    assert threshold.delta <= share
    assert threshold_delta(part.mechanism, part.scale, threshold.tau - 1, 3) > share


def test_tau_is_never_below_the_policys_minimum_of_units() -> None:
    found = planned(governed(COUNT, keys=(TOWN,), min_units=5_000))
    assert found.tau == 5_000


def test_thresholds_never_run_out_of_delta_before_the_charges_run_out_of_rho() -> None:
    terms = terms_of(Decimal(10), Decimal("1e-7"))
    jobs = [rho_of(Decimal(epsilon), terms.delta_conv) for epsilon in ("0.1", "3", "1", "4")]
    assert sum(jobs) <= terms.rho
    assert sum(delta_share(terms, rho) for rho in jobs) <= terms.delta_tau
    assert delta_share(terms, terms.rho * 2) == terms.delta_tau


@pytest.mark.parametrize(
    ("query", "epsilon", "code"),
    [
        (governed(COUNT, delta="1e-17"), "1e-20", "EPSILON_TOO_SMALL"),
        (governed(COUNT, delta="1e-12"), "1e-11", "EPSILON_TOO_SMALL"),
        (governed(COUNT, keys=(TOWN,), delta="1e-23"), "0.01", "EPSILON_TOO_SMALL"),
        (governed(COUNT, keys=(MANY,), max_rows=200), "1", "RESULT_OVER_CAP"),
        (governed(COUNT, keys=(MANY,), max_cells=803), "1", "RESULT_OVER_CAP"),
        (governed(replace(SUM, high=2**46)), "1", "RANGE_TOO_WIDE"),
        (governed(replace(SUM, low=-(2**46))), "1", "RANGE_TOO_WIDE"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_a_code_of_the_catalogue(query: GovernedQuery, epsilon: str, code: str) -> None:
    assert refused(query, epsilon) == code


@pytest.mark.parametrize("mode", ["exact", "secure_sum"])
def test_no_plan_is_made_for_another_mode(mode: str) -> None:
    with pytest.raises(YuneiError, match="DEFECT"):
        plan(governed(COUNT, mode=mode), Decimal(1))


@pytest.mark.parametrize("epsilon", ["0", "-1", "NaN", "Infinity", "4.000001"])
def test_no_plan_is_made_for_an_epsilon_that_was_not_checked(epsilon: str) -> None:
    with pytest.raises(YuneiError, match="DEFECT"):
        plan(governed(COUNT), Decimal(epsilon))


def test_the_limits_themselves_are_accepted() -> None:
    planned(governed(COUNT, keys=(MANY,), max_rows=201, max_cells=804))
    planned(governed(replace(SUM, low=0, high=2**62 // 100_000)))


def test_noise_of_smaller_deviation_is_chosen_at_equal_charge() -> None:
    for l1, l2_squared, rho in ((1, 1, Fraction(1, 50)), (40, 1_600, Fraction(1, 7)), (5, 5, Fraction(9))):
        noise, scale = cheapest(l1, l2_squared, rho)
        assert deviation(noise, scale) == min(deviation(*choice) for choice in _all(l1, l2_squared, rho))


def _all(l1: int, l2_squared: int, rho: Fraction):
    return [(noise, scale_for(noise, l1, l2_squared, rho)) for noise in ("discrete_laplace", "discrete_gaussian")]


def test_the_split_minimises_the_sum_of_relative_errors() -> None:
    needs = (
        Need("a", "rows", 0, 10, 1, 1, Fraction(1)),
        Need("b", "sum", 0, 10, 900, 810_000, Fraction(30)),
        Need("c", "units", 0, 10, 4, 4, Fraction(1)),
    )
    rho = Fraction(1, 10)

    def total(charges: list[float]) -> float:
        ratios = [float(need.l2_squared) ** 0.5 / float(need.typical) for need in needs]
        return sum(ratio / charge**0.5 for ratio, charge in zip(ratios, charges, strict=True))

    ours = [float(part.rho) for part in allocate(needs, rho)]
    assert sum(ours) <= float(rho)
    for place in range(3):
        for other in range(3):
            moved = list(ours)
            moved[place] += 0.001
            moved[other] -= 0.001
            assert total(moved) >= total(ours) * (1 - 1e-9)


def test_expected_error_is_given_per_output_column_before_any_run() -> None:
    query = governed(COUNT, SUM, AVG)
    found = planned(query)
    count, total, average = (found.expected_error[f"c_a{place}"] for place in range(3))
    assert Decimal(count["standard_error"]) == pytest.approx(Decimal(float(found.parts[0].scale)), rel=Decimal("1e-4"))
    assert Decimal(count["half_width"]) == found.parts[0].half_width
    assert Decimal(total["half_width"]) == pytest.approx(found.parts[1].half_width * Decimal("0.01"), rel=Decimal("1e-4"))
    assert average["group_rows"] == 50_000
    assert 0 < Decimal(average["standard_error"]) < Decimal(average["half_width"]) < 1
    assert planned(governed(AVG, keys=(TOWN,))).expected_error == {"c_a0": None}


def test_the_chance_of_a_group_to_show_grows_around_tau() -> None:
    found = planned(governed(COUNT, keys=(TOWN,)))
    core = only_core(found)
    assert core.threshold is not None
    tau = core.threshold.tau
    assert chance_to_show(core, 1) == 0
    assert chance_to_show(core, tau) == pytest.approx(Decimal("0.5"), abs=Decimal("0.05"))
    assert chance_to_show(core, 2 * tau) == 1
    assert chance_to_show(only_core(planned(governed(COUNT))), 1) == 1
    laplace = replace(core, parts=(*core.parts[:-1], replace(core.parts[-1], mechanism="discrete_laplace", scale=Fraction(9))))
    chances = [chance_to_show(laplace, units) for units in (1, tau - 9, tau, tau + 9)]
    assert chances == sorted(chances)
    assert chances[1] == pytest.approx(Decimal("0.18"), abs=Decimal("0.02"))


@pytest.mark.parametrize(("rows", "seconds"), [(1_000_000, 1), (2_000_001, 5), (20_000_001, 30), (200_000_001, 120)])
def test_the_duration_class_follows_the_catalogs_bands(rows: int, seconds: int) -> None:
    assert planned(governed(COUNT, rows_band=rows)).duration_class_s == seconds


def test_a_plan_is_a_function_of_its_inputs() -> None:
    query = governed(COUNT, SUM, AVG, keys=(TOWN,))
    assert planned(query).as_json() == planned(query).as_json()


# several cores: one composition


@pytest.mark.parametrize("epsilon", ["0.01", "0.5", "4"])
@pytest.mark.parametrize("key", [GENDER, TOWN])
def test_all_cores_together_cost_at_most_what_was_asked(epsilon: str, key: GroupKey) -> None:
    found = planned(rollup(COUNT, SUM, AVG, key=key, bounds=unit(max_rows=9, max_groups=3)), epsilon)
    assert [core.core for core in found.cores] == ["c0", "c1"]
    assert found.parts == (*found.cores[0].parts, *found.cores[1].parts)
    assert found.rho == sum(part.rho for part in found.parts) <= rho_of(found.epsilon, found.delta_conv)
    assert found.rho > Fraction(99, 100) * rho_of(found.epsilon, found.delta_conv)
    assert all(part.rho > 0 for part in found.parts)
    assert Fraction(found.delta) == found.delta_conv + found.delta_tau


def test_a_core_beside_another_is_bounded_as_alone_and_has_less_of_the_charge() -> None:
    bounds = unit(max_rows=9, max_groups=3)
    both = planned(rollup(COUNT, SUM, bounds=bounds))
    for core, keys in zip(both.cores, ((GENDER,), ()), strict=True):
        alone = only_core(planned(governed(COUNT, SUM, keys=keys, bounds=bounds)))
        assert (core.bounding, core.public_groups, core.threshold) == (alone.bounding, alone.public_groups, alone.threshold)
        for part, other in zip(core.parts, alone.parts, strict=True):
            assert (part.column, part.role, part.low, part.high) == (other.column, other.role, other.low, other.high)
            assert (part.l1, part.l2_squared) == (other.l1, other.l2_squared)
            assert part.rho < other.rho


def test_thresholds_of_several_cores_share_the_delta_of_one_job() -> None:
    one = planned(governed(COUNT, keys=(TOWN,)))
    two = planned(beside(governed(COUNT, keys=(TOWN,)), governed(UNITS, keys=(replace(TOWN, lineage=("people.home",)),))))
    assert [core.threshold is not None for core in two.cores] == [True, True]
    assert two.delta_tau == sum(core.threshold.delta for core in two.cores if core.threshold is not None)
    terms = terms_of(Decimal(10), Decimal("1e-7"))
    share = delta_share(terms, rho_of(Decimal(1), terms.delta_conv))
    assert two.delta_tau <= share
    for core in two.cores:
        assert core.threshold is not None
        part = core.parts[-1]
        assert core.threshold.delta <= share / 2
        assert threshold_delta(part.mechanism, part.scale, core.threshold.tau - 1, core.bounding.groups) > share / 2
    assert two.tau == max(core.threshold.tau for core in two.cores if core.threshold is not None)
    assert two.tau > (one.tau or 0)


def test_a_core_without_private_keys_takes_nothing_of_the_thresholds_delta() -> None:
    found = planned(rollup(COUNT, key=TOWN))
    assert [core.threshold is None for core in found.cores] == [False, True]
    terms = terms_of(Decimal(10), Decimal("1e-7"))
    share = delta_share(terms, rho_of(Decimal(1), terms.delta_conv))
    part, threshold = found.cores[0].parts[-1], found.cores[0].threshold
    assert threshold is not None
    assert threshold_delta(part.mechanism, part.scale, threshold.tau - 1, 1) > share >= threshold.delta


def test_the_rows_of_all_cores_count_against_the_caps() -> None:
    assert planned(rollup(COUNT, max_rows=3, max_cells=12)).most_rows == 3
    assert refused(rollup(COUNT, max_rows=2)) == "RESULT_OVER_CAP"
    assert refused(rollup(COUNT, max_cells=11)) == "RESULT_OVER_CAP"
    assert planned(rollup(COUNT, key=TOWN, max_rows=1)).most_rows is None


def test_a_core_is_held_within_the_caps_also_where_the_answer_is_small() -> None:
    """The groups of a core are noised and run through the tree, whatever LIMIT leaves of them."""
    query = governed(COUNT, keys=(MANY,), limit=1, max_rows=200)
    assert refused(query) == "RESULT_OVER_CAP"
    assert planned(governed(COUNT, keys=(MANY,), limit=1, max_rows=201)).most_rows == 1


def test_a_range_that_is_too_wide_is_found_in_any_core() -> None:
    assert refused(beside(governed(COUNT), governed(replace(SUM, high=2**46)))) == "RANGE_TOO_WIDE"


def test_the_expected_error_of_a_column_of_several_cores_is_that_of_its_finest() -> None:
    found = planned(rollup(COUNT))
    assert found.expected_error["c_a0"]["half_width"] == str(found.cores[0].parts[0].half_width)
    assert found.cores[0].parts[0].half_width != 0


def test_the_duration_class_adds_up_what_every_core_reads() -> None:
    assert planned(rollup(COUNT)).duration_class_s == 1
    twice = beside(governed(COUNT, rows_band=1_500_000), governed(SUM))
    assert planned(twice).duration_class_s == 5


def test_a_plan_as_json_states_every_core_and_the_whole_charge() -> None:
    found = planned(rollup(COUNT, SUM, key=TOWN))
    document = found.as_json()
    assert isinstance(document, dict)
    assert document["cores"] == [core.as_json() for core in found.cores]
    assert [core["core"] for core in document["cores"]] == ["c0", "c1"]
    assert (document["rho"], document["delta_tau"]) == (str(found.rho), str(found.delta_tau))
    assert document["most_rows"] is None

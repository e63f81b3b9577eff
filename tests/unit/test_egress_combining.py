"""Levels of a CUBE in a release: they agree, replay, have the variance that is stated, and intervals that cover."""

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest

from egress.allocation import CONFIDENCE
from egress.combining import half_width_of_sum
from egress.consistency import Level, agreed, combined, moved
from egress.exact import Groups
from egress.levels import agreeing, families
from egress.model import Primitives, ProtectionPlan
from egress.plan import plan
from egress.protect import noised, replay_post
from egress.table import table_of
from egress.tails import half_width
from policies.query import Core, GovernedQuery
from tests.fakes_egress import COUNT, SUM, cube

SIZES = {"a": 3, "b": 2, "c": 4}
SETS = [own for size in range(4) for own in combinations(SIZES, size)]
GAUSSIAN = "discrete_gaussian"


def covariance(variances: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """Return the variance of each level's numbers by the normal equations."""
    cells = list(product(*(range(size) for size in SIZES.values())))
    rows, weights, owners = [], [], []
    for names, variance in variances.items():
        places = [list(SIZES).index(name) for name in names]
        for key in sorted({tuple(cell[place] for place in places) for cell in cells}):
            rows.append([float(tuple(cell[place] for place in places) == key) for cell in cells])
            weights.append(1 / variance)
            owners.append(names)
    matrix = np.array(rows)
    spread = np.diag(matrix @ np.linalg.inv(matrix.T @ (matrix * np.array(weights)[:, None])) @ matrix.T)
    return {names: float(spread[owners.index(names)]) for names in variances}


@pytest.mark.parametrize("sets", [SETS, [SETS[7], SETS[2], SETS[5]], [SETS[7], SETS[0]], [SETS[7], SETS[4], SETS[1], SETS[0]]])
def test_the_stated_variance_is_that_of_least_squares_and_never_more_than_a_levels_own(sets: list[tuple[str, ...]]) -> None:
    variances = {names: 50.0 + 17 * place for place, names in enumerate(sets)}
    found = combined(SIZES, variances)
    assert found == pytest.approx(covariance(variances), rel=1e-9)
    assert all(found[names] < variances[names] for names in sets)


def test_a_whole_cube_of_equal_noise_keeps_n_of_n_plus_one_of_its_variance_per_key() -> None:
    found = combined(SIZES, dict.fromkeys(SETS, 100.0))
    assert found == pytest.approx(dict.fromkeys(SETS, 100 * (3 / 4) * (2 / 3) * (4 / 5)))


@pytest.mark.parametrize("place", range(len(SETS)))
def test_a_weight_that_is_a_twentieth_off_moves_a_number_by_more_than_rounding_does(place: int) -> None:
    source = np.random.default_rng(place)
    levels = []
    for names in SETS:
        keys = list(product(*(range(SIZES[name]) for name in names)))
        numbers = source.normal(0, 20_000, len(keys)).round().astype(int)
        levels.append(Level(names, dict(zip(keys, map(int, numbers), strict=True)), 100.0))
    wrong = [replace(level, variance=105.0) if other == place else level for other, level in enumerate(levels)]
    pairs = zip(agreed(levels), agreed(wrong), moved(SETS), strict=True)
    assert any(abs(one[key] - other[key]) > 2 * bound for one, other, bound in pairs for key in one)


@pytest.mark.parametrize("seed", range(6))
def test_rounding_moves_a_number_by_no_more_than_stated_however_many_groups_it_totals(seed: int) -> None:
    sizes = {"a": 9, "b": 8, "c": 7}
    source = np.random.default_rng(seed)
    numbers = {cell: int(source.integers(-500, 500)) for cell in product(*(range(size) for size in sizes.values()))}
    levels = []
    for names in SETS:
        places = [list(sizes).index(name) for name in names]
        sums: dict[tuple[int, ...], int] = {}
        for cell, value in numbers.items():
            key = tuple(cell[place] for place in places)
            sums[key] = sums.get(key, 0) + value
        noise = source.normal(0, 60, len(sums)).round().astype(int)
        noisy = {key: value + int(off) for (key, value), off in zip(sums.items(), noise, strict=True)}
        levels.append(Level(names, noisy, 3_600.0))
    # the same numbers in units of 1/1000 have the same estimate, and rounding that is a thousandth as large
    fine = agreed([replace(level, numbers={key: 1000 * value for key, value in level.numbers.items()}) for level in levels])
    offs = [
        max(abs(whole[key] - scaled[key] / 1000) for key in whole) for whole, scaled in zip(agreed(levels), fine, strict=True)
    ]
    assert moved(SETS) == [1, 1, 1, 1, 2, 2, 2, 4]
    assert all(off <= 2 ** len(names) / 2 + 0.005 for off, names in zip(offs, SETS, strict=True))


def planned(query: GovernedQuery, epsilon: str) -> ProtectionPlan:
    found = plan(query, Decimal(epsilon))
    assert isinstance(found, ProtectionPlan)
    return found


def released(query: GovernedQuery, found: ProtectionPlan) -> tuple[Primitives, ...]:
    """Return noise alone, as for an answer of zeros."""
    return tuple(noised(own, _zeros(core)) for core, own in zip(query.cores, found.cores, strict=True))


def _zeros(core: Core) -> Groups:
    """All groups, with a zero for each aggregate; of counts and sums, each is one vector."""
    return dict.fromkeys(product(*(key.domain or () for key in core.keys)), (0,) * len(core.aggregates))


def test_levels_of_a_released_cube_agree_and_replay_to_the_same_table() -> None:
    query = cube(COUNT, SUM, sizes=(2, 3, 4))
    found = planned(query, "1")
    primitives = released(query, found)
    noisy = list(primitives)
    (family,) = families(query.cores, found.cores)
    agreeing(family, query.cores, found.cores, noisy)
    finest = dict(noisy[0])
    for core, level in zip(query.cores, noisy, strict=True):
        places = [int(key.name[1:]) for key in core.keys]
        for own, values in level:
            parts = [value for key, value in finest.items() if tuple(key[place] for place in places) == own]
            assert values == tuple(map(sum, zip(*parts, strict=True)))
    first = table_of(found, query, primitives)
    assert replay_post(found, query, primitives) == first
    assert [row[3] for row in first.rows] == [values[0] for _, values in sorted(noisy[0])]


@pytest.mark.parametrize(("sizes", "epsilon"), [((2, 3, 4), "2"), ((2, 5, 8), "1"), ((5, 12, 16), "0.5")])
def test_a_cube_agrees_at_usual_epsilon(sizes: tuple[int, ...], epsilon: str) -> None:
    query = cube(COUNT, sizes=sizes)
    found = planned(query, epsilon)
    (family,) = families(query.cores, found.cores)
    own = [core.parts[0].half_width for core in found.cores]
    shown = [family[place].half_width(core.parts[0], CONFIDENCE) for place, core in enumerate(found.cores)]
    assert all(one <= most * 9 / 8 for one, most in zip(shown, own, strict=True))


def test_a_cube_whose_rounding_would_widen_intervals_keeps_its_own_noise() -> None:
    query = cube(COUNT, sizes=(5, 12, 16))
    found = planned(query, "4")
    assert families(query.cores, found.cores) == []


@pytest.mark.parametrize("weights", [(1.0,), (0.5, 0.5), (0.75, 0.25, -0.25), (0.1,) * 10])
@pytest.mark.parametrize("sigma", [2.5, 4.0])
def test_the_half_width_of_a_sum_covers_the_exact_distribution(weights: tuple[float, ...], sigma: float) -> None:
    """Convolve exactly on the lattice that the weights span."""
    unit = 20
    reach = 60
    numbers = np.arange(-reach, reach + 1)
    one = np.exp(-(numbers**2) / (2 * sigma**2))
    total = np.ones(1)
    for weight in weights:
        step = abs(round(weight * unit))
        spread = np.zeros(2 * reach * step + 1)
        spread[::step] = one / one.sum()
        total = np.convolve(total, spread)
    variance = sum(weight**2 for weight in weights) * sigma**2
    places = np.abs(np.arange(len(total)) - len(total) // 2) / unit
    for alpha in ("0.05", "0.025", "0.0001"):
        half = half_width_of_sum([(GAUSSIAN, Fraction(sigma))], variance, Decimal(alpha))
        assert half is not None
        assert total[places > half].sum() <= float(alpha)
        assert half <= 1.1 * half_width(GAUSSIAN, Fraction(math.sqrt(variance)), Decimal(alpha)) + 5


def test_the_half_width_of_wide_noise_is_that_of_a_gaussian_and_hardly_more() -> None:
    for alpha in (Decimal("0.05"), Decimal("0.025")):
        own = half_width(GAUSSIAN, Fraction(1_000), alpha)
        found = half_width_of_sum([(GAUSSIAN, Fraction(2_000))], 1_000.0**2, alpha)
        assert found is not None
        assert own <= found <= 1.01 * own


def test_there_is_no_bound_for_other_noise_or_narrow_noise() -> None:
    for noises in ([(GAUSSIAN, Fraction(2))], [(GAUSSIAN, Fraction(9)), ("discrete_laplace", Fraction(9))]):
        assert half_width_of_sum(noises, 1.0, CONFIDENCE) is None  # type: ignore[arg-type]


@pytest.mark.slow
def test_intervals_of_a_cube_cover_and_the_variance_is_as_stated() -> None:
    query = cube(COUNT, sizes=(2, 3, 4))
    found = planned(query, "1")
    (family,) = families(query.cores, found.cores)
    runs = 600
    drawn: list[list[list[int]]] = [[] for _ in query.cores]
    for _ in range(runs):
        noisy = list(released(query, found))
        agreeing(family, query.cores, found.cores, noisy)
        for level, kept in zip(noisy, drawn, strict=True):
            kept.append([value for _, (value,) in level])
    for place, kept in enumerate(drawn):
        part, level = found.cores[place].parts[0], family[place]
        errors = np.array(kept)
        stated = level.variances[part.column]
        rounding = 2 ** len(query.cores[place].keys) / 12
        spread = 5 * (2 / runs) ** 0.5  # cells of a level are correlated: as if there were one
        assert abs(float((errors**2).mean()) / (stated + rounding) - 1) < spread
        misses = float((np.abs(errors) > level.half_width(part, CONFIDENCE)).mean())
        assert misses <= 0.05 + 4 * (0.05 * 0.95 / runs) ** 0.5
        assert np.abs(errors.mean(axis=0)).max() < 5 * (stated / runs) ** 0.5

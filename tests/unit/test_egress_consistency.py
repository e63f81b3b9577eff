"""Levels of a ROLLUP: sums agree exactly, the estimate is the least-squares one, nothing that should not agree is touched."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import product

import numpy as np
import pytest

from egress.consistency import Key, Level, agreed, moved
from egress.levels import families
from egress.model import ProtectionPlan
from egress.plan import plan
from egress.protect import protect, replay_post
from tests.fakes_egress import AVG, COUNT, SUM, TOWN, UNITS, exact, rollup, unit

LEAVES = list(product(range(3), range(4)))
VARIANCES = (9.0, 4.0, 1.0)


def tree(numbers: Mapping[Key, int]) -> list[Level]:
    """Build the three levels over two keys: (), (i), (i, j)."""
    groups: list[list[Key]] = [[()], [(i,) for i in range(3)], LEAVES]  # type: ignore[list-item]
    names = ((), ("a",), ("a", "b"))
    return [
        Level(own, {key: numbers[key] for key in keys}, variance)
        for own, keys, variance in zip(names, groups, VARIANCES, strict=True)
    ]


def truth() -> dict[Key, int]:
    found: dict[Key, int] = {leaf: 100 * leaf[0] + leaf[1] for leaf in LEAVES}
    for i in range(3):
        found[(i,)] = sum(found[i, j] for j in range(4))
    return found | {(): sum(found[i,] for i in range(3))}


def drawn(seed: int, spread: float = 1.0) -> dict[Key, int]:
    source = random.Random(seed)
    return {key: value + round(source.gauss(0, spread * VARIANCES[len(key)] ** 0.5)) for key, value in truth().items()}


def least_squares(numbers: Mapping[Key, int]) -> dict[Key, float]:
    """Solve the weighted problem over the leaves by linear algebra."""
    keys = list(numbers)
    rows = np.array([[leaf[: len(key)] == key for leaf in LEAVES] for key in keys], dtype=float)
    weights = np.array([VARIANCES[len(key)] ** -0.5 for key in keys])
    solved = np.linalg.lstsq(rows * weights[:, None], np.array([numbers[key] for key in keys]) * weights, rcond=None)[0]
    return dict(zip(keys, rows @ solved, strict=True))


def flat(levels: list[dict[Key, int]]) -> dict[Key, int]:
    return {key: value for level in levels for key, value in level.items()}


@pytest.mark.parametrize("seed", range(20))
def test_parts_sum_to_their_group_and_all_is_within_one_of_least_squares(seed: int) -> None:
    numbers = drawn(seed, 30.0)
    found = flat(agreed(tree(numbers)))
    for i in range(3):
        assert found[i,] == sum(found[i, j] for j in range(4))
    assert found[()] == sum(found[i,] for i in range(3))
    best = least_squares(numbers)
    assert max(abs(found[key] - best[key]) for key in found) < 1.01


def test_numbers_that_agree_stay_as_they_are() -> None:
    assert flat(agreed(tree(truth()))) == truth()


def test_the_estimate_has_the_variance_of_least_squares_and_less_than_each_level_alone() -> None:
    errors = [{key: value - truth()[key] for key, value in flat(agreed(tree(drawn(seed, 40.0)))).items()} for seed in range(1500)]
    for key in ((), (1,), (2, 3)):
        spread = float(np.std([error[key] for error in errors]))
        assert spread < 0.97 * 40 * VARIANCES[len(key)] ** 0.5
        assert abs(float(np.mean([error[key] for error in errors]))) < 4 * spread / 1500**0.5
    off = max(
        abs(flat(agreed(tree(numbers)))[()] - least_squares(numbers)[()])
        for numbers in (drawn(seed, 500.0) for seed in range(40))
    )
    assert off < 1.01


CUBE = [(), ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c")]
SIZES = {"a": 3, "b": 2, "c": 4}


def cube(seed: int, spread: float, names: Sequence[tuple[str, ...]] = CUBE) -> list[Level]:
    """Build noisy levels over three keys, each of another variance."""
    source = random.Random(seed)
    exact = {key: source.randrange(200) for key in product(*(range(size) for size in SIZES.values()))}
    levels = []
    for number, own in enumerate(names):
        places = [list(SIZES).index(name) for name in own]
        sums: dict[Key, int] = {}
        for key, value in exact.items():
            part = tuple(key[place] for place in places)
            sums[part] = sums.get(part, 0) + value
        variance = float(1 + number % 3)
        levels.append(
            Level(own, {key: value + round(source.gauss(0, spread * variance**0.5)) for key, value in sums.items()}, variance)
        )
    return levels


@pytest.mark.parametrize("names", [CUBE, CUBE[1:], [CUBE[7], CUBE[2], CUBE[5]], [CUBE[7], CUBE[6], CUBE[0]]])
@pytest.mark.parametrize("seed", range(5))
def test_levels_of_a_cube_are_the_least_squares_ones_and_agree_exactly(seed: int, names: list[tuple[str, ...]]) -> None:
    levels = cube(seed, 300.0, names)
    found = agreed(levels)
    cells = list(product(*(range(size) for size in SIZES.values())))
    rows, values, weights = [], [], []
    for level in levels:
        places = [list(SIZES).index(name) for name in level.names]
        for key, value in level.numbers.items():
            rows.append([tuple(cell[place] for place in places) == key for cell in cells])
            values.append(value)
            weights.append(level.variance**-0.5)
    matrix, scaled = np.array(rows, dtype=float), np.array(weights)
    best = matrix @ np.linalg.lstsq(matrix * scaled[:, None], np.array(values) * scaled, rcond=None)[0]
    flat_found = [value for numbers in found for value in numbers.values()]
    bounds = moved([level.names for level in levels])
    most = [bound for level, bound in zip(levels, bounds, strict=True) for _ in level.numbers]
    assert all(abs(one - other) < bound + 0.01 for one, other, bound in zip(flat_found, best, most, strict=True))
    finest = found[names.index(CUBE[7])]
    for level, numbers in zip(levels, found, strict=True):
        places = [list(SIZES).index(name) for name in level.names]
        for key, value in numbers.items():
            assert value == sum(part for cell, part in finest.items() if tuple(cell[place] for place in places) == key)


def test_a_weight_that_is_slightly_wrong_is_seen() -> None:
    """Wide noise shows a variance that is a tenth off; with the right ones all is within rounding and the grid of weights."""

    def off(factor: float) -> float:
        found = []
        for numbers in (drawn(seed, 2_000.0) for seed in range(20)):
            top, *finer = tree(numbers)
            levels = [replace(top, variance=top.variance * factor), *finer]
            found.append(abs(flat(agreed(levels))[()] - least_squares(numbers)[()]))
        return max(found)

    assert off(1.0) < 1.1
    assert off(1.1) > 20


def planned(query) -> ProtectionPlan:
    found = plan(query, Decimal(4))
    assert isinstance(found, ProtectionPlan)
    return found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (rollup(COUNT, SUM, AVG), [[1, 1]]),
        (rollup(COUNT, bounds=unit(max_rows=9)), [[1, 1]]),
        (rollup(COUNT, key=replace(TOWN, nullable=False)), []),
        (rollup(COUNT, bounds=unit(max_rows=9, max_rows_per_group=2)), []),
        (rollup(UNITS, bounds=unit(max_rows=9)), []),
    ],
)
def test_only_levels_whose_exact_numbers_agree_are_made_to(query, found) -> None:
    made = families(query.cores, planned(query).cores)
    assert [[level.slack for level in family.values()] for family in made] == found


def test_one_set_is_no_family_and_the_same_keys_twice_are_none() -> None:
    query = rollup(COUNT)
    plans = planned(query).cores
    alone = tuple(replace(core, family="") for core in query.cores)
    twice = tuple(replace(core, keys=query.cores[0].keys) for core in query.cores)
    assert families(alone, plans) == families(twice, plans) == []


def test_what_is_released_agrees_and_replays() -> None:
    query = rollup(COUNT, SUM)
    found = planned(query)
    tables = [exact(query, ("F", 500, 500, 90_000), ("M", 400, 400, 70_000)), exact(query, (900, 900, 160_000), core=1)]
    for _ in range(20):
        result = protect(found, query, tables)
        fine, total = result.rows[:2], result.rows[2]
        for column in (1, 4):
            assert sum(row[column] for row in fine) == total[column]
        assert replay_post(found, query, result.primitives) == result


@pytest.mark.slow
def test_intervals_of_agreed_numbers_cover_what_they_claim() -> None:
    query = rollup(COUNT, SUM)
    found = planned(query)
    tables = [exact(query, ("F", 500, 500, 90_000), ("M", 400, 400, 70_000)), exact(query, (900, 900, 160_000), core=1)]
    truths = [(500, Decimal(900)), (400, Decimal(700)), (900, Decimal(1600))]
    runs, misses = 2_000, np.zeros((3, 2))
    for _ in range(runs):
        for place, row in enumerate(protect(found, query, tables).rows):
            for column, true in zip((1, 4), truths[place], strict=True):
                misses[place, column // 4] += not row[column + 1] <= true <= row[column + 2]
    assert misses.max() <= runs * 0.05 + 4 * (runs * 0.05 * 0.95) ** 0.5

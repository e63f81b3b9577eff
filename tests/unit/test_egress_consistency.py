"""Levels of a ROLLUP: sums agree exactly, the estimate is the least-squares one, nothing that should not agree is touched."""

import random
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import product

import numpy as np
import pytest

from egress.consistency import Key, Level, agreed
from egress.levels import chains
from egress.model import ProtectionPlan
from egress.plan import plan
from egress.protect import protect, replay_post
from tests.fakes_egress import AVG, COUNT, SUM, TOWN, UNITS, exact, rollup, unit

LEAVES = list(product(range(3), range(4)))
VARIANCES = (9.0, 4.0, 1.0)


def tree(numbers: Mapping[Key, int]) -> list[Level]:
    """Build the three levels over two keys: (), (i), (i, j)."""
    groups: list[list[Key]] = [[()], [(i,) for i in range(3)], LEAVES]  # type: ignore[list-item]
    return [
        Level({key: numbers[key] for key in keys}, variance, {key: key[:-1] for key in keys} if keys != [()] else {})
        for keys, variance in zip(groups, VARIANCES, strict=True)
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
        (rollup(COUNT, SUM, AVG), [(1, 0)]),
        (rollup(COUNT, bounds=unit(max_rows=9)), [(1, 0)]),
        (rollup(COUNT, key=replace(TOWN, nullable=False)), []),
        (rollup(COUNT, bounds=unit(max_rows=9, max_rows_per_group=2)), []),
        (rollup(UNITS, bounds=unit(max_rows=9)), []),
    ],
)
def test_only_levels_whose_exact_numbers_agree_are_made_to(query, found) -> None:
    assert chains(query.cores, planned(query).cores) == found


def test_one_set_is_no_chain_and_sets_that_are_not_nested_are_none() -> None:
    query = rollup(COUNT)
    plans = planned(query).cores
    alone = tuple(replace(core, family="") for core in query.cores)
    twice = tuple(replace(core, keys=query.cores[0].keys) for core in query.cores)
    assert chains(alone, plans) == chains(twice, plans) == []


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

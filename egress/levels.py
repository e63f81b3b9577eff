"""Which cores of a query are levels of one ROLLUP or CUBE that can be made to agree, and their noisy integers then. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from egress.consistency import Level, agreed
from egress.model import CorePlan, Part, Primitives
from egress.tails import deviation
from policies.query import Core

_LINEAR = frozenset({"rows", "units", "sum"})
_MOST_GROUPS = 10_000
"""Above it a release would wait seconds for its totals to agree."""
_WORTH = 8
"""Rounding may move a number by at most an eighth of its half-width, else levels keep their own noise."""


@dataclass(frozen=True)
class Family:
    """Cores by place, and by how much agreeing in whole numbers may move a number of each, beside its noise."""

    slack: Mapping[int, int]


def families(cores: Sequence[Core], plans: Sequence[CorePlan]) -> list[Family]:
    """Return the levels that are made to agree.

    Levels agree only where exact ones do: all rows count as they are, and every group of every level is there. So bounding
    must cut nothing, all keys must be public, and one level must have the keys of all.
    """
    found: dict[str, list[int]] = {}
    for place, (core, plan) in enumerate(zip(cores, plans, strict=True)):
        if core.family and plan.public_groups is not None and plan.bounding.strategy != "unit_group":
            found.setdefault(core.family, []).append(place)
    made = [Family(_slack(places, cores, plans)) for places in found.values() if len(places) > 1]
    return [family for family in made if family.slack and all(_worth(plans[place], by) for place, by in family.slack.items())]


def _slack(places: Sequence[int], cores: Sequence[Core], plans: Sequence[CorePlan]) -> Mapping[int, int]:
    """Return by how much rounding may move each level; nothing where no level has the keys of all, or too many groups."""
    finest = max(places, key=lambda place: len(cores[place].keys))
    names = _names(cores[finest])
    if len({_names(cores[place]) for place in places}) != len(places) or not all(
        set(_names(cores[place])) <= set(names) for place in places
    ):
        return {}
    groups = plans[finest].public_groups or 1
    if groups > _MOST_GROUPS:
        return {}
    return {
        place: 1 if names[: len(own := _names(cores[place]))] == own else groups // (plans[place].public_groups or 1)
        for place in places
    }


def _worth(plan: CorePlan, slack: int) -> bool:
    return slack == 1 or all(part.half_width >= _WORTH * slack for part in plan.parts if part.role in _LINEAR)


def agreeing(family: Family, cores: Sequence[Core], plans: Sequence[CorePlan], noisy: list[Primitives]) -> None:
    """Put the numbers of a family's levels in agreement, part by part."""
    places = list(family.slack)
    tables = [dict(noisy[place]) for place in places]
    for column, part in enumerate(plans[places[0]].parts):
        if part.role not in _LINEAR:
            continue
        parts = [_part(plans[place], part.column) for place in places]
        levels = [
            Level(_names(cores[place]), {key: values[column] for key, values in table.items()}, _variance(own))
            for place, table, own in zip(places, tables, parts, strict=True)
        ]
        for table, numbers in zip(tables, agreed(levels), strict=True):
            for key, values in table.items():
                table[key] = (*values[:column], numbers[key], *values[column + 1 :])
    for place, table in zip(places, tables, strict=True):
        noisy[place] = tuple(table.items())


def _names(core: Core) -> tuple[str, ...]:
    return tuple(key.name for key in core.keys)


def _part(plan: CorePlan, column: str) -> Part:
    return next(part for part in plan.parts if part.column == column)


def _variance(part: Part) -> float:
    return deviation(part.mechanism, part.scale) ** 2 or 1.0

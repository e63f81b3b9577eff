"""Which cores of a query are levels of one ROLLUP that can be made to agree, and their noisy integers once they do. Pure."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from egress.consistency import Level, agreed
from egress.exact import Key
from egress.model import CorePlan, Part, Primitives
from egress.tails import deviation
from policies.query import Core

ROUNDING = 1
"""What agreeing in whole numbers may move a number by, beside its noise."""
_LINEAR = frozenset({"rows", "units", "sum"})


def chains(cores: Sequence[Core], plans: Sequence[CorePlan]) -> list[tuple[int, ...]]:
    """Return the places of cores that are levels of one ROLLUP, coarsest first.

    Levels agree only where exact ones do: all rows count as they are, and every group of every level is there. So bounding
    must cut nothing, and all keys must be public. Sets that are not nested, as of a CUBE, are left as they are.
    """
    families: dict[str, list[int]] = {}
    for place, (core, plan) in enumerate(zip(cores, plans, strict=True)):
        if core.family and plan.public_groups is not None and plan.bounding.strategy != "unit_group":
            families.setdefault(core.family, []).append(place)
    found = []
    for places in families.values():
        chain = tuple(sorted(places, key=lambda place: len(cores[place].keys)))
        names = [{key.name for key in cores[place].keys} for place in chain]
        if len(chain) > 1 and all(one < other for one, other in pairwise(names)):
            found.append(chain)
    return found


def agreeing(chain: Sequence[int], cores: Sequence[Core], plans: Sequence[CorePlan], noisy: list[Primitives]) -> None:
    """Put the numbers of a chain's levels in agreement, part by part."""
    tables = [dict(noisy[place]) for place in chain]
    ups = [
        {},
        *(_up(cores[coarse], cores[fine], table) for (coarse, fine), table in zip(pairwise(chain), tables[1:], strict=True)),
    ]
    for column, part in enumerate(plans[chain[0]].parts):
        if part.role not in _LINEAR:
            continue
        parts = [_part(plans[place], part.column) for place in chain]
        levels = [
            Level({key: values[column] for key, values in table.items()}, deviation(own.mechanism, own.scale) ** 2, up)
            for table, own, up in zip(tables, parts, ups, strict=True)
        ]
        for table, numbers in zip(tables, agreed(levels), strict=True):
            for key, values in table.items():
                table[key] = (*values[:column], numbers[key], *values[column + 1 :])
    for place, table in zip(chain, tables, strict=True):
        noisy[place] = tuple(table.items())


def _part(plan: CorePlan, column: str) -> Part:
    return next(part for part in plan.parts if part.column == column)


def _up(coarse: Core, fine: Core, groups: Mapping[Key, object]) -> Mapping[Key, Key]:
    names = [key.name for key in fine.keys]
    places = [names.index(key.name) for key in coarse.keys]
    return {key: tuple(key[place] for place in places) for key in groups}

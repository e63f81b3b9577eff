"""Which cores of a query are levels of one ROLLUP or CUBE that can be made to agree, and their noisy integers then. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from egress.allocation import CONFIDENCE
from egress.combining import half_width_of_sum
from egress.consistency import Level, Names, agreed, combined, moved
from egress.model import CorePlan, Part, Primitives
from egress.tails import deviation, half_width
from policies.query import Core

_LINEAR = frozenset({"rows", "units", "sum"})
_MOST_GROUPS = 10_000
"""Above it a release would wait seconds for its totals to agree."""
_WORTH = Fraction(9, 8)
"""Agreeing in whole numbers may make an interval wider by an eighth at most, else levels keep their own noise."""


@dataclass(frozen=True)
class Agreement:
    """What agreeing does to one level.

    `slack`: by how much rounding may move a number off its estimate. `variances`: of the estimates, by column.
    `noises`: kinds of noise in them, by column.
    """

    slack: int
    variances: Mapping[str, float]
    noises: Mapping[str, Sequence[Part]]

    def half_width(self, part: Part, alpha: Decimal) -> int:
        """Return how far a shown number may be off, with 1 - `alpha`.

        That of the combined noise where it is known and less, else that of the level's own, whose variance is not less.
        """
        own = half_width(part.mechanism, part.scale, alpha)
        noises = [(one.mechanism, one.scale) for one in self.noises[part.column]]
        found = half_width_of_sum(noises, self.variances[part.column], alpha)
        return self.slack + (own if found is None else min(own, found))


Family = Mapping[int, Agreement]
"""Levels that are made to agree, by the place of their cores."""


def families(cores: Sequence[Core], plans: Sequence[CorePlan]) -> list[Family]:
    """Return the levels that are made to agree.

    Levels agree only where exact ones do: all rows count as they are, and every group of every level is there. So bounding
    must cut nothing, all keys must be public, and one level must have the keys of all.
    """
    found: dict[str, list[int]] = {}
    for place, (core, plan) in enumerate(zip(cores, plans, strict=True)):
        if core.family and plan.public_groups is not None and plan.bounding.strategy != "unit_group":
            found.setdefault(core.family, []).append(place)
    made = [_family(places, cores, plans) for places in found.values() if _complete(places, cores, plans)]
    return [family for family in made if all(_worth(plans[place], level) for place, level in family.items())]


def _complete(places: Sequence[int], cores: Sequence[Core], plans: Sequence[CorePlan]) -> bool:
    """Tell whether levels are several, of different keys, and one, not too large, has the keys of all."""
    sets = {frozenset(_names(cores[place])) for place in places}
    finest = max(places, key=lambda place: len(cores[place].keys))
    within = all(names <= set(_names(cores[finest])) for names in sets)
    return 1 < len(places) == len(sets) and within and (plans[finest].public_groups or 1) <= _MOST_GROUPS


def _family(places: Sequence[int], cores: Sequence[Core], plans: Sequence[CorePlan]) -> Family:
    finest = max((cores[place] for place in places), key=lambda core: len(core.keys))
    sizes = {key.name: len(key.domain or ()) + key.nullable for key in finest.keys}
    sets = [_names(cores[place]) for place in places]
    columns = {part.column: [_part(plans[place], part.column) for place in places] for part in _linear(plans[places[0]])}
    found = {
        column: combined(sizes, {names: _variance(part) for names, part in zip(sets, parts, strict=True)})
        for column, parts in columns.items()
    }
    return {
        place: Agreement(slack, {column: variances[names] for column, variances in found.items()}, columns)
        for place, names, slack in zip(places, sets, moved(sets), strict=True)
    }


def _worth(plan: CorePlan, level: Agreement) -> bool:
    return level.slack == 1 or all(level.half_width(part, CONFIDENCE) <= _WORTH * part.half_width for part in _linear(plan))


def agreeing(family: Family, cores: Sequence[Core], plans: Sequence[CorePlan], noisy: list[Primitives]) -> None:
    """Put the numbers of a family's levels in agreement, part by part."""
    places = list(family)
    tables = [dict(noisy[place]) for place in places]
    for column, part in enumerate(plans[places[0]].parts):
        if part.role not in _LINEAR:
            continue
        levels = [
            Level(_names(cores[place]), {key: values[column] for key, values in table.items()}, _variance(own))
            for place, table, own in zip(places, tables, (_part(plans[place], part.column) for place in places), strict=True)
        ]
        for table, numbers in zip(tables, agreed(levels), strict=True):
            for key, values in table.items():
                table[key] = (*values[:column], numbers[key], *values[column + 1 :])
    for place, table in zip(places, tables, strict=True):
        noisy[place] = tuple(table.items())


def _linear(plan: CorePlan) -> list[Part]:
    return [part for part in plan.parts if part.role in _LINEAR]


def _names(core: Core) -> Names:
    return tuple(key.name for key in core.keys)


def _part(plan: CorePlan, column: str) -> Part:
    return next(part for part in plan.parts if part.column == column)


def _variance(part: Part) -> float:
    return deviation(part.mechanism, part.scale) ** 2 or 1.0

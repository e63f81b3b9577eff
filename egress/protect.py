"""Protection of one exact table: the wall, clamps, noise, threshold; then the released table. Noise is drawn here once."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from egress.exact import Exact, Groups, Key, groups_of, nothing, read
from egress.mechanisms import check_composition, choose, noise
from egress.model import CorePlan, Part, Primitives, ProtectedResult, ProtectionPlan
from egress.quantiles import scores_of
from egress.table import table_of
from egress.tails import gap, half_width
from policies.query import GovernedQuery
from sandbox.kernel.run import ExactTable

REPLAY_ALPHA = Decimal(2) ** -40
"""Chance that sound noise fails `bound_check`, over all cells of a release together."""


def protect(plan: ProtectionPlan, governed: GovernedQuery, exact: Sequence[ExactTable]) -> ProtectedResult:
    """Return the noised table of one run. Each call draws new noise, so it is called once per charge.

    Args:
        plan: as charged.
        governed: the query that was planned.
        exact: the engine's bounded, exact answer for each core, in order; it is checked before anything else happens.

    Raises:
        YuneiError: `RUN_FAILED`, an answer is not one that the query can have; `RUN_OUTPUT_CAP`, post-processing grew
            beyond its limit; `DEFECT`, plan and mechanisms disagree on the cost. Nothing was released in any case.

    """
    check_composition(plan)
    answers = zip(plan.cores, governed.cores, exact, strict=True)
    checked = [(core_plan, groups_of(core_plan, core, table)) for core_plan, core, table in answers]
    return table_of(plan, governed, tuple(noised(core_plan, groups) for core_plan, groups in checked))


def noised(plan: CorePlan, groups: Groups) -> Primitives:
    """Return the noisy integers of all groups that show. What is not in them is kept nowhere, not even that it was.

    With a threshold the counts of units are noised first, and the rest only of the groups that pass.
    """
    place = _threshold_place(plan)
    counted: dict[Key, int] = {}
    if plan.threshold is not None and place is not None:
        units = _drawn(plan.parts[place], [values[place] for values in groups.values()])
        counted = {key: count for key, count in zip(groups, units, strict=True) if count >= plan.threshold.tau}
        groups = {key: groups[key] for key in counted}
    columns = [
        tuple(counted.values()) if other == place else _drawn(part, [values[other] for values in groups.values()])
        for other, part in enumerate(plan.parts)
    ]
    return tuple((key, tuple(column[row] for column in columns)) for row, key in enumerate(groups))


def replay_post(plan: ProtectionPlan, governed: GovernedQuery, primitives: Sequence[Primitives]) -> ProtectedResult:
    """Recompute the released table from its sealed noisy integers; equal bit by bit to what `protect` returned."""
    return table_of(plan, governed, tuple(primitives))


def bound_check(primitives: Sequence[Primitives], exact: Sequence[ExactTable], plan: ProtectionPlan) -> bool:
    """Tell whether sealed noisy integers can stem from `exact`: each lies within its noise's bound, at α ≤ 2^-40 in all.

    With public keys every group must be there once. With private keys each shown group must be among the exact ones and
    pass τ, and an exact group may be absent only if its count of units could have fallen below τ. Nothing but pass or
    fail leaves, since the difference itself is the noise.
    """
    if not len(primitives) == len(exact) == len(plan.cores):
        return False
    known = [read(core, table) for core, table in zip(plan.cores, exact, strict=True)]
    pairs = list(zip(plan.cores, known, primitives, strict=True))
    cells = sum(len(groups.keys() | dict(noisy).keys()) * len(core.parts) for core, groups, noisy in pairs)
    return all(_within(core, groups, noisy, REPLAY_ALPHA / max(1, cells)) for core, groups, noisy in pairs)


def _within(plan: CorePlan, known: Groups, primitives: Primitives, alpha: Decimal) -> bool:
    shown = dict(primitives)
    bounds = tuple(_bound(part, alpha) for part in plan.parts)
    if len(shown) != len(primitives) or not _complete(plan, known, shown, bounds):
        return False
    empty = nothing(plan)
    return all(
        _near(part, noisy, true, bound)
        for key, values in primitives
        for part, noisy, true, bound in zip(plan.parts, values, known.get(key, empty), bounds, strict=True)
    )


def _bound(part: Part, alpha: Decimal) -> int:
    if part.mechanism == "exponential":
        return gap(part.scale, part.high - part.low + 1, alpha)
    return half_width(part.mechanism, part.scale, alpha)


def _near(part: Part, noisy: int, true: Exact, bound: int) -> bool:
    if isinstance(true, int):
        return abs(noisy - true) <= bound
    scores = scores_of(part, true)
    return part.low <= noisy <= part.high and max(scores) - scores[noisy - part.low] <= bound


def _drawn(part: Part, values: Sequence[Exact]) -> tuple[int, ...]:
    """Add noise to every number of a vector, or choose a bin for every group."""
    numbers = [value for value in values if isinstance(value, int)]
    if len(numbers) == len(values):
        return noise(numbers, part)
    return tuple(part.low + choose(scores_of(part, value), part) for value in values if not isinstance(value, int))


def _threshold_place(plan: CorePlan) -> int | None:
    return next((place for place, part in enumerate(plan.parts) if part.role == "threshold"), None)


def _complete(plan: CorePlan, known: Groups, shown: Mapping[Key, tuple[int, ...]], bounds: tuple[int, ...]) -> bool:
    place = _threshold_place(plan)
    if plan.threshold is None or place is None:
        return len(shown) == plan.public_groups
    tau, bound = plan.threshold.tau, bounds[place]
    passed = all(values[place] >= tau for values in shown.values())
    missing = [known[key][place] for key in known.keys() - shown.keys()]
    hidden = all(isinstance(units, int) and units - bound < tau for units in missing)
    return passed and shown.keys() <= known.keys() and hidden

"""Protection of one exact table: the wall, clamps, noise, threshold; then the released table. Noise is drawn here once."""

from collections.abc import Sequence
from decimal import Decimal

from egress.exact import Groups, Key, clamped, groups_of
from egress.mechanisms import check_composition, noise
from egress.model import CorePlan, Primitives, ProtectedResult, ProtectionPlan
from egress.table import table_of
from egress.tails import half_width
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
    return table_of(plan, governed, tuple(_shown(core_plan, _noised(core_plan, groups)) for core_plan, groups in checked))


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
    known = [_exact_groups(core, table) for core, table in zip(plan.cores, exact, strict=True)]
    pairs = list(zip(plan.cores, known, primitives, strict=True))
    cells = sum(len(groups.keys() | dict(noisy).keys()) * len(core.parts) for core, groups, noisy in pairs)
    return all(_within(core, groups, noisy, REPLAY_ALPHA / max(1, cells)) for core, groups, noisy in pairs)


def _within(plan: CorePlan, known: Groups, primitives: Primitives, alpha: Decimal) -> bool:
    shown = dict(primitives)
    bounds = tuple(half_width(part.mechanism, part.scale, alpha) for part in plan.parts)
    if len(shown) != len(primitives) or not _complete(plan, known, shown, bounds):
        return False
    nothing = clamped(plan, {part.column: 0 for part in plan.parts})
    return all(
        abs(noisy - true) <= bound
        for key, values in primitives
        for noisy, true, bound in zip(values, known.get(key, nothing), bounds, strict=True)
    )


def _noised(plan: CorePlan, groups: Groups) -> Primitives:
    columns = [noise([values[place] for values in groups.values()], part) for place, part in enumerate(plan.parts)]
    return tuple((key, tuple(column[row] for column in columns)) for row, key in enumerate(groups))


def _shown(plan: CorePlan, noisy: Primitives) -> Primitives:
    """Keep the groups whose noisy count of units reaches τ. Nothing of the others is kept, not even that they were."""
    place = _threshold_place(plan)
    if plan.threshold is None or place is None:
        return noisy
    tau = plan.threshold.tau
    return tuple((key, values) for key, values in noisy if values[place] >= tau)


def _threshold_place(plan: CorePlan) -> int | None:
    return next((place for place, part in enumerate(plan.parts) if part.role == "threshold"), None)


def _complete(plan: CorePlan, known: Groups, shown: Groups, bounds: tuple[int, ...]) -> bool:
    place = _threshold_place(plan)
    if plan.threshold is None or place is None:
        return len(shown) == plan.public_groups
    tau, bound = plan.threshold.tau, bounds[place]
    passed = all(values[place] >= tau for values in shown.values())
    missing = [known[key][place] for key in known.keys() - shown.keys()]
    return passed and shown.keys() <= known.keys() and all(units - bound < tau for units in missing)


def _exact_groups(plan: CorePlan, exact: ExactTable) -> Groups:
    found: dict[Key, tuple[int, ...]] = {}
    for line in exact.rows:
        cells = {spec.name: cell for spec, cell in zip(exact.columns, line, strict=True)}
        key = tuple(cells[spec.name] for spec in exact.columns if spec.role == "key")
        found[key] = clamped(plan, cells)
    return found

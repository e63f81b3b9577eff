"""What an analyst asks of the protection, held against the policy: stricter caps, and weights of columns. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from policies.engine import engine_text as sql
from policies.findings import finding
from policies.query import Core, Finding, GovernedQuery, Tuning, UnitBounds

CAPS = ("max_rows", "max_groups", "max_rows_per_group")


def tuned(governed: GovernedQuery, tuning: Tuning) -> GovernedQuery | tuple[Finding, ...]:
    """Return the query under the asked caps and weights, or why they cannot be had.

    A cap makes every core stricter that allows a unit more; where it would make none so it is wider than the policy's. Weights
    go to the aggregates that the named columns are.

    Returns:
        The query, or findings: `CAP_ABOVE_POLICY`, `CAP_NOT_APPLICABLE`, `WEIGHT_NOT_AGGREGATE`.

    """
    findings = [*_refused_caps(governed.cores, tuning), *_refused_weights(governed, tuning)]
    if findings:
        return tuple(findings)
    weights: dict[tuple[str, str], int] = {}
    for output in governed.outputs:
        for source in output.sources:
            weights[source] = max(weights.get(source, 1), tuning.weights.get(output.name, 1))
    return replace(governed, cores=tuple(_weighed(_capped(core, tuning), weights) for core in governed.cores))


def _refused_caps(cores: Sequence[Core], tuning: Tuning) -> Iterator[Finding]:
    for name in CAPS:
        asked = getattr(tuning, name)
        if asked is None:
            continue
        if asked > max(_allowed(core.unit, name) for core in cores):
            yield finding("CAP_ABOVE_POLICY", obj=name)
        elif name == "max_rows" and any(asked < core.unit.max_rows and not core.ranked for core in cores):
            yield finding("CAP_NOT_APPLICABLE", obj=name)


def _allowed(unit: UnitBounds, name: str) -> int:
    """Return the cap that holds without any wish."""
    return min(unit.max_rows, getattr(unit, name) or unit.max_rows)


def _refused_weights(governed: GovernedQuery, tuning: Tuning) -> Iterator[Finding]:
    aggregates = {output.name for output in governed.outputs if output.kind not in {"key", "derived"}}
    for name in sorted(tuning.weights.keys() - aggregates):
        yield finding("WEIGHT_NOT_AGGREGATE", obj=name[:63])


def _capped(core: Core, tuning: Tuning) -> Core:
    unit, relation = core.unit, core.relation
    stricter = {name: asked for name in CAPS if (asked := getattr(tuning, name)) is not None and asked < _allowed(unit, name)}
    if "max_rows" in stricter:
        relation = f"SELECT * FROM ({relation}) AS {sql.name('m')} WHERE {sql.name('r')} < {stricter['max_rows']}"
    return replace(core, relation=relation, unit=replace(unit, **stricter))


def _weighed(core: Core, weights: Mapping[tuple[str, str], int]) -> Core:
    aggregates = (replace(item, weight=weights.get((core.name, item.name), 1)) for item in core.aggregates)
    return replace(core, aggregates=tuple(aggregates))

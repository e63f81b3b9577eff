"""What an analyst is told before anything is spent: error, error against ε, which groups will show, how many more. Pure."""

from decimal import Decimal
from fractions import Fraction

from egress.accuracy import chance_to_show
from egress.ledger.model import Amount, LedgerView
from egress.model import CorePlan, ProtectionPlan
from egress.plan import plan
from egress.strategies import options
from policies.query import Core, GovernedQuery
from sandbox.kernel.canonical import Json

_CURVE = tuple(Decimal(text) for text in ("0.125", "0.25", "0.5", "1", "2", "4", "8"))
_GROUPS = tuple(Fraction(text) for text in ("1/2", "3/4", "1", "5/4", "3/2"))
_NOTICE = {
    "zh": "区间只反映噪声, 不含截断与上限造成的偏差; 私有分组可能缺失",
    "en": "Intervals cover noise only, not the bias of clamps and caps; groups with private keys may be missing",
}


def preview(governed: GovernedQuery, planned: ProtectionPlan, budget: LedgerView) -> Json:
    """Return the outlook of a planned query as JSON; everything in it comes from public metadata and the own budget.

    `strategies`: per core, how a unit's contribution could be bounded, with either noise: the error relative to the plan's and
    the engine's CPU time. `curve`: expected error at other ε, up to the policy's maximum per job. `tau`, `shows`: the highest
    threshold of any core and the chance that a group of so many units passes it, None with public keys. `more`: about how many
    more queries of this cost fit.
    """
    return {
        "cost": {"epsilon": str(planned.epsilon), "rho": str(planned.rho), "delta_tau": str(planned.delta_tau)},
        "expected_error": dict(planned.expected_error),
        "strategies": [_strategies(governed, core, found) for core, found in zip(governed.cores, planned.cores, strict=True)],
        "curve": _curve(governed, planned.epsilon),
        "tau": planned.tau,
        "shows": _shows(planned),
        "more": budget.more(Amount(planned.rho, planned.delta_tau)),
        "notice": _NOTICE,
    }


def _strategies(governed: GovernedQuery, core: Core, found: CorePlan) -> Json:
    rows = max((governed.grant.tables[name].rows_band for name in core.tables), default=0)
    rho = sum((part.rho for part in found.parts), Fraction(0))
    return {
        "core": core.name,
        "options": [
            {
                "strategy": one.strategy,
                "mechanism": one.mechanism,
                "error": str(one.error),
                "engine_ms": one.engine_ms,
                "taken": one.taken,
            }
            for one in options(core, rho, rows)
        ],
    }


def _curve(governed: GovernedQuery, epsilon: Decimal) -> Json:
    most = governed.grant.policy.protection.per_job_epsilon_max
    asked = sorted({min(most, (epsilon * factor).normalize()) for factor in _CURVE})
    found = ((one, plan(governed, one)) for one in asked)
    return [
        {"epsilon": format(one, "f"), "expected_error": dict(other.expected_error)}
        for one, other in found
        if isinstance(other, ProtectionPlan)
    ]


def _shows(planned: ProtectionPlan) -> Json:
    limited = [(core.threshold.tau, core) for core in planned.cores if core.threshold is not None]
    if not limited:
        return None
    tau, core = max(limited, key=lambda pair: pair[0])
    sizes = sorted({1, *(max(1, round(tau * share)) for share in _GROUPS)})
    return [{"units": units, "chance": str(chance_to_show(core, units))} for units in sizes]

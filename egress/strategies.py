"""Which strategy bounds a core: the one of least predicted error, among equals the cheapest for the engine. Pure.

Everything is predicted from public metadata, never from statistics of an extract.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

from egress.accounting import Noise
from egress.allocation import NOISES, allocate, weight
from egress.bounding import Caps, needs_of, possible_caps
from egress.tails import deviation
from policies.query import Core, Strategy

AS_GOOD = Decimal("1.02")
"""An error within 2 % of the least is as good: what the engine saves is worth more."""

_NANOSECONDS = {"plain": 60, "grouped": 160, "sampled": 400}
"""CPU per joined row of a plain scan, of two levels, and of two levels with a keyed sample; upper figures, measured on the
TPC-H extracts of `benchmarks/bar_dp.py`."""
_POWER = Context(prec=30)


@dataclass(frozen=True)
class Option:
    """One way to protect a core: what it would cost in accuracy and in the engine.

    `error`: predicted sum of relative standard errors over that of the plan, at equal charge. `engine_ms`: CPU, from the
    upper bands of rows. `taken`: the plan's own strategy and, among its mechanisms, the better.
    """

    strategy: Strategy
    mechanism: Noise
    error: Decimal
    engine_ms: int
    taken: bool


def choose(core: Core) -> Caps:
    """Return the caps under which the core is protected."""
    ways = [(_predicted(core, caps), caps) for caps in possible_caps(core)]
    least = min(error for error, _ in ways)
    return next(caps for error, caps in ways if error <= least * AS_GOOD)


def options(core: Core, rho: Fraction, rows: int) -> Iterator[Option]:
    """Yield every strategy with every mechanism, as the plan compared them.

    Args:
        core: the protected core.
        rho: > 0, the charge of the core.
        rows: upper band of the rows that it reads.

    """
    own = choose(core)
    errors = {(caps, noise): _error(core, caps, rho, noise) for caps in possible_caps(core) for noise in NOISES}
    best = min(NOISES, key=lambda noise: errors[own, noise])
    for (caps, noise), error in errors.items():
        ratio = (error / errors[own, best]).quantize(Decimal("0.001"))
        yield Option(caps.strategy, noise, ratio, _engine_ms(caps, rows), (caps, noise) == (own, best))


def _predicted(core: Core, caps: Caps) -> Decimal:
    """Return Σ r/√ρ at the best split of one charge, up to a factor that all strategies share."""
    return _POWER.power(sum((weight(need) for need in needs_of(core, caps)), Decimal(0)), Decimal("1.5"))


def _error(core: Core, caps: Caps, rho: Fraction, noise: Noise) -> Decimal:
    needs = needs_of(core, caps)
    parts = allocate(needs, rho, (noise,))
    pairs = zip(needs, parts, strict=True)
    return sum((Decimal(deviation(part.mechanism, part.scale)) / _decimal(need.typical) for need, part in pairs), Decimal(0))


def _engine_ms(caps: Caps, rows: int) -> int:
    way = "plain" if caps.strategy != "unit_group" else "sampled" if caps.sample else "grouped"
    return max(1, rows * _NANOSECONDS[way] // 1_000_000)


def _decimal(amount: Fraction) -> Decimal:
    return Decimal(amount.numerator) / Decimal(amount.denominator)

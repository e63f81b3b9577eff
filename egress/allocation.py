"""How the charge of a whole query is divided over its noised vectors, and with which noise. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

from egress.accounting import Noise, charge, scale_for
from egress.model import Part, Role
from egress.tails import deviation, gap, half_width

CONFIDENCE = Decimal("0.05")
"""Two-sided error of every interval shown: 95 % half-widths."""

_CUBE = Context(prec=30)
_WEIGHTS = 10_000
NOISES: tuple[Noise, ...] = ("discrete_gaussian", "discrete_laplace")


@dataclass(frozen=True)
class Need:
    """One vector before it has noise: its public range, its sensitivity to one unit, its typical size per row or unit.

    `typical` is the public guess of |value| that one unit adds to a group: relative error is measured against it.
    """

    column: str
    role: Role
    low: int
    high: int
    l1: int
    l2_squared: int
    typical: Fraction
    fraction: Fraction | None = None


def allocate(needs: tuple[Need, ...], rho: Fraction, noises: Sequence[Noise] = NOISES) -> tuple[Part, ...]:
    """Give each vector its share of `rho`, and of `noises` the one of smaller standard deviation at that share.

    Shares are proportional to r^(2/3), r = sensitivity / typical size: the split that minimises the sum of relative
    standard errors Σ rᵢ/√ρᵢ (Lagrange). They depend on public metadata alone. The charges add up to at most `rho`.

    Args:
        needs: at least one, names distinct.
        rho: > 0, the charge of the whole query.
        noises: what may be added; a quantile is always chosen by the exponential mechanism.

    """
    weights = [weight(need) for need in needs]
    largest = max(weights)
    whole = [max(1, int(one / largest * _WEIGHTS)) for one in weights]
    return tuple(_part(need, rho * share / sum(whole), noises) for need, share in zip(needs, whole, strict=True))


def cheapest(l1: int, l2_squared: int, rho: Fraction, noises: Sequence[Noise] = NOISES) -> tuple[Noise, Fraction]:
    """Return the noise and scale of smaller standard deviation among those that cost at most `rho`.

    The threshold uses the same rule: at equal charge its τ is smaller with the noise of smaller deviation too.
    """
    choices = [(noise, scale_for(noise, l1, l2_squared, rho)) for noise in noises]
    return min(choices, key=lambda choice: deviation(*choice))


def weight(need: Need) -> Decimal:
    """Return (sensitivity / typical size)^(2/3): what a vector wants of the charge, and adds to the error of the whole query.

    At the best split Σ rᵢ/√ρᵢ is (Σ rᵢ^(2/3))^(3/2) / √ρ.
    """
    square = need.l2_squared / (need.typical * need.typical)
    ratio = _CUBE.divide(Decimal(square.numerator), Decimal(square.denominator))
    return _CUBE.power(ratio, _CUBE.divide(Decimal(1), Decimal(3)))


def _part(need: Need, rho: Fraction, noises: Sequence[Noise]) -> Part:
    noise, scale = cheapest(need.l1, need.l2_squared, rho, noises if need.fraction is None else ("exponential",))
    candidates = need.high - need.low + 1
    return Part(
        column=need.column,
        role=need.role,
        low=need.low,
        high=need.high,
        l1=need.l1,
        l2_squared=need.l2_squared,
        mechanism=noise,
        scale=scale,
        rho=charge(noise, need.l1, need.l2_squared, scale),
        half_width=gap(scale, candidates, CONFIDENCE) if noise == "exponential" else half_width(noise, scale, CONFIDENCE),
        fraction=need.fraction,
    )

"""Quantiles over public bins: what each bin scores, and what value a bin stands for. Pure.

The rank that is asked for is that of the share a/b of the rows. A bin scores -b times its distance from it in rows: 0 where
the rank falls into the bin, else how many rows lie between. Adding or removing a row moves every score by at most max(a, b - a).
Source: Smith, "Privacy-preserving Statistical Estimation with Optimal Convergence Rates" (2011), Algorithm 2, over bins in
place of the gaps between data; McSherry, Talwar, "Mechanism Design via Differential Privacy" (2007).
"""

from egress.exact import Exact
from egress.model import Part
from policies.query import Aggregate
from sandbox.kernel.errors import YuneiError


def scores_of(part: Part, exact: Exact) -> list[int]:
    """Return the score of every bin from `part.low` to `part.high`, ≤ 0.

    Raises:
        YuneiError: `DEFECT`, the part is no quantile.

    """
    if part.fraction is None or isinstance(exact, int):
        raise YuneiError("DEFECT")
    a, b = part.fraction.numerator, part.fraction.denominator
    rows = dict(exact)
    total = sum(rows.values())
    below, scores = 0, []
    for place in range(part.low, part.high + 1):
        through = below + rows.get(place, 0)
        scores.append(-max(0, a * total - b * through, b * below - a * total))
        below = through
    return scores


def value_of(aggregate: Aggregate, place: int) -> int:
    """Return the steps for which a bin stands: its middle, within the bounds."""
    return min(aggregate.high, aggregate.low + place * aggregate.bin_width + (aggregate.bin_width - 1) // 2)

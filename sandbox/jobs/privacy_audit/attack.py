"""What an attacker can prove from many releases on two neighbouring data sets: lower bounds on ε and ρ. Pure.

The attacker knows both data sets and looks along the direction in which the one unit moved the released numbers, the best
that Gaussian noise leaves. An event is chosen on half of the releases and counted on the other half. Two bounds follow from
Clopper-Pearson intervals of the event's probabilities: ε at δ, and ρ itself, since ρ-zCDP bounds the Kullback-Leibler divergence
by ρ and no event can show more. Source: Bun, Steinke (2016), Definition 1.1 for α → 1 and Lemma 2.2; Jagielski, Ullman, Oprea,
"Auditing Differentially Private Machine Learning" (2020), for bounds from intervals.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

ALARM = 1e-6
"""Chance that a bound exceeds the truth."""

_CHANCE = 1e-4

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shown:
    """What the attacker has shown, at confidence 1 - `ALARM` each: `epsilon` at the δ that was given, `rho`."""

    epsilon: float
    rho: float


def project(present: Numbers, absent: Numbers, chosen: Sequence[bool]) -> tuple[Numbers, Numbers]:
    """Return the releases that were not used to find the direction, each as one number along it.

    Numbers with added noise are weighed by how far their means moved, bins that were chosen by how much likelier the unit makes
    them. What may be chance is taken for nothing.

    Args:
        present: one line per release with the unit, one column per released number.
        absent: the same without it.
        chosen: whether a column holds a bin that was chosen.

    """
    quarter = len(present) // 4
    first, second = present[:quarter], absent[:quarter]
    moved = first.mean(axis=0) - second.mean(axis=0)
    variance = np.maximum(second.var(axis=0), 1e-9)
    weights = np.where(np.abs(moved) > 4 * np.sqrt(2 * variance / quarter), moved, 0.0) / variance
    weights[np.array(chosen)] = 0.0
    likelihoods = [(place, _likelihood(first[:, place], second[:, place])) for place, one in enumerate(chosen) if one]

    def along(releases: Numbers) -> Numbers:
        line: Numbers = releases @ weights
        for place, likelihood in likelihoods:
            line = line + likelihood(releases[:, place])
        return line

    return along(present[quarter:]), along(absent[quarter:])


def _likelihood(present: Numbers, absent: Numbers) -> Callable[[Numbers], Numbers]:
    """Return the log of how much likelier the unit makes a bin, in ranges of about equal mass; nothing where it may be chance."""
    edges = np.unique(np.quantile(np.concatenate([present, absent]), np.linspace(0, 1, 25)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, one), minlength=len(edges) + 1) + 1.0 for one in (present, absent)]
    seen = stats.chi2_contingency(np.array(counts)).pvalue < _CHANCE
    ratios = np.log(counts[0] / counts[1]) if seen else np.zeros(len(edges) + 1)
    return lambda values: ratios[np.searchsorted(edges, values)]


def bounds(present: Numbers, absent: Numbers, delta: float) -> Shown:
    """Bound ε at `delta` and ρ from below, by the event that one number lies above a cut."""
    half = len(present) // 2
    cuts = np.quantile(np.concatenate([present[:half], absent[:half]]), np.linspace(0.02, 0.98, 49))
    best = max(cuts, key=lambda at: abs((present[:half] > at).mean() - (absent[:half] > at).mean()))
    count = len(present) - half
    hits, base = int((present[half:] > best).sum()), int((absent[half:] > best).sum())
    if hits < base:
        hits, base = count - hits, count - base
    low, high = interval(hits, count)[0], interval(base, count)[1]
    if low <= high:
        return Shown(0.0, 0.0)
    divergence = low * math.log(low / high) + (1 - low) * math.log((1 - low) / (1 - high))
    return Shown(max(0.0, math.log(max(low - delta, 1e-12) / high)), divergence)


def interval(hits: int, count: int) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a probability at 1 - `ALARM`."""
    low = float(stats.beta.ppf(ALARM / 2, hits, count - hits + 1)) if hits else 0.0
    high = float(stats.beta.isf(ALARM / 2, hits + 1, count - hits)) if hits < count else 1.0
    return low, high

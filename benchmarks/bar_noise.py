"""Noise: what one thread pays for a short vector, and for one cell of a long one."""

import statistics
from fractions import Fraction

from figures import Figure, cpu_seconds, spread

from egress.accounting import Noise
from egress.mechanisms import noise
from egress.model import Part

_CELLS = 10_000


def _part(mechanism: Noise) -> Part:
    return Part("a0_n", "rows", 0, 1 << 40, 4, 4, mechanism, Fraction(8), Fraction(1, 8), 24)


def measure() -> tuple[Figure, ...]:
    """Measure both mechanisms; the slower one stands against the bar."""
    found = []
    mechanisms: tuple[Noise, ...] = ("discrete_laplace", "discrete_gaussian")
    for mechanism in mechanisms:
        part = _part(mechanism)
        short = cpu_seconds(lambda part=part: noise([1000] * 300, part), 30)  # type: ignore[misc]
        long = cpu_seconds(lambda part=part: noise([1000] * _CELLS, part), 5)  # type: ignore[misc]
        cell = statistics.median(long) / _CELLS * 1e6
        found += [
            Figure(
                f"noise, 300 samples, {mechanism}, CPU p50", statistics.median(short) * 1e3, "ms", 10, 5, detail=spread(short)
            ),
            Figure(f"noise per cell, {mechanism}, CPU p50", cell, "µs", 25, 15, detail={"cells": _CELLS, **spread(long)}),
        ]
    return tuple(found)

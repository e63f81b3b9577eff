"""A second opinion on the cost of a release, from the plan in its manifest alone.

Two independent ways. Exactly: every charge, sum and threshold is derived again. And by another library: the privacy loss
distributions of `dp-accounting` compose the noises and must come to no more than the ε that was claimed.

The distributions are those of continuous noise at the same multiplier. The (ε, δ) curve of the discrete Gaussian is the
sum over integers of the function whose integral is the curve of the continuous one (Canonne, Kamath, Steinke 2020,
Theorem 7); the function has one peak, so sum and integral differ by at most that peak, relative to δ of the order of Δ/σ²,
while composition by loss distributions is several per cent of ε below the conversion of ρ. The discrete Laplace has heavier
curves than the continuous one where b is small, so it enters as the worst mechanism of its pure ε = l1/b. The exponential
mechanism does so too, as ε = 2·l1/β; there its bounded range is worth up to four times less in ρ, so that many quantiles
together exceed their claim by this measure without breaking it. What is held against the claim is therefore the loss of all
other noises; of all together it is shown, or the conversion of ρ where that is less. The guarantee itself rests on ρ; this
check finds mistakes in it.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from egress.accounting import Noise, charge, epsilon_of
from egress.bounding import Caps
from egress.tails import threshold_delta
from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError

_STEPS = 2_000
"""Steps of a loss distribution per claimed ε; also what bounds the work, since a manifest is a stranger's text."""
_LARGEST_EPSILON = 1_000
_MOST_CORES = 100
_LEAST = Decimal("1e-60")
_PURE: Mapping[Noise, int] = {"discrete_laplace": 1, "exponential": 2}
"""Mechanisms of pure ε, as so many times sensitivity / scale."""
_RATIONAL = re.compile(r"[0-9]{1,100}(/[0-9]{1,100})?")


@dataclass(frozen=True)
class Vector:
    """One noised vector as the manifest states it; `largest` is the end of its range that is further from 0."""

    role: str
    mechanism: Noise
    largest: int
    l1: int
    l2_squared: int
    scale: Fraction
    rho: Fraction


@dataclass(frozen=True)
class StatedCore:
    """What a manifest states about one core: its vectors, what one unit may add to it, and its threshold."""

    vectors: tuple[Vector, ...]
    caps: Caps
    tau: int | None
    threshold_delta: Fraction


@dataclass(frozen=True)
class Stated:
    """What a manifest states about the cost of its release."""

    cores: tuple[StatedCore, ...]
    epsilon: Decimal
    delta: Decimal
    delta_conv: Fraction
    rho: Fraction
    delta_tau: Fraction

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """The vectors of all cores."""
        return tuple(one for core in self.cores for one in core.vectors)


@dataclass(frozen=True)
class Recomputed:
    """Cost derived again: exact sums, ε by conversion of ρ, ε by loss distributions, and what disagrees (empty: nothing).

    `epsilon_pld` is None where the exact check already contradicts ε: composing it could take any length of time.
    """

    rho: Fraction
    delta_tau: Fraction
    delta_conv: Fraction
    epsilon_zcdp: Decimal
    epsilon_pld: Decimal | None
    disagreements: tuple[str, ...]


def recompute(plan: Mapping[str, Json]) -> Recomputed:
    """Derive the cost of a release again.

    Args:
        plan: `ProtectionPlan.as_json()`, as it stands in the manifest.

    Returns:
        The cost and the names of all claims that do not hold: `sensitivity`, `charge`, `rho`, `threshold`, `delta_tau`,
        `delta`, `epsilon_zcdp`, `epsilon_pld`.

    Raises:
        YuneiError: `MALFORMED`, the document is not a plan.

    """
    stated = _read(plan)
    rho = sum((charge(one.mechanism, one.l1, one.l2_squared, one.scale) for one in stated.vectors), Fraction(0))
    deltas = [_threshold(core) for core in stated.cores]
    delta_tau = sum(deltas, Fraction(0))
    by_rho = epsilon_of(rho, stated.delta_conv)
    sound = by_rho <= stated.epsilon
    by_loss = _by_loss(stated.vectors, stated.epsilon, stated.delta_conv) if sound else None
    chosen = any(one.mechanism == "exponential" for one in stated.vectors)
    noises = tuple(one for one in stated.vectors if one.mechanism != "exponential")
    of_noises = _by_loss(noises, stated.epsilon, stated.delta_conv) if sound and chosen else by_loss
    holds = {
        "sensitivity": all(_sensible(core) for core in stated.cores),
        "charge": all(charge(one.mechanism, one.l1, one.l2_squared, one.scale) <= one.rho for one in stated.vectors),
        "rho": sum((one.rho for one in stated.vectors), Fraction(0)) == stated.rho,
        "threshold": all(delta <= core.threshold_delta for delta, core in zip(deltas, stated.cores, strict=True)),
        "delta_tau": sum((core.threshold_delta for core in stated.cores), Fraction(0)) == stated.delta_tau,
        "delta": stated.delta_conv + stated.delta_tau <= Fraction(stated.delta),
        "epsilon_zcdp": max(by_rho, epsilon_of(stated.rho, stated.delta_conv)) <= stated.epsilon,
        "epsilon_pld": of_noises is not None and of_noises <= stated.epsilon,
    }
    shown = by_loss if by_loss is None or not chosen else min(by_rho, by_loss)
    return Recomputed(rho, delta_tau, stated.delta_conv, by_rho, shown, tuple(name for name, held in holds.items() if not held))


@dataclass(frozen=True)
class Total:
    """What several releases cost together: exact sums, and ε by conversion of ρ and by loss distributions, at one δ.

    `epsilon_pld` is of all noises but the choices of quantiles, for which pure ε says too much.
    """

    rho: Fraction
    delta_tau: Fraction
    epsilon_zcdp: Decimal
    epsilon_pld: Decimal


def total(plans: Sequence[Mapping[str, Json]], delta_conv: Fraction) -> Total:
    """Derive the cost of several releases together, as an agreement's account must hold it.

    Args:
        plans: of every release, as they stand in manifests; at least one.
        delta_conv: in (0, 1), the δ of conversion of the whole.

    Raises:
        YuneiError: `MALFORMED`, a document is not a plan.

    """
    stated = [_read(plan) for plan in plans]
    vectors = [one for release in stated for one in release.vectors]
    rho = sum((charge(one.mechanism, one.l1, one.l2_squared, one.scale) for one in vectors), Fraction(0))
    delta_tau = sum((_threshold(core) for release in stated for core in release.cores), Fraction(0))
    by_rho = epsilon_of(rho, delta_conv)
    noises = [one for one in vectors if one.mechanism != "exponential"]
    return Total(rho, delta_tau, by_rho, _by_loss(noises, by_rho, delta_conv))


def _sensible(stated: StatedCore) -> bool:
    """Every norm is that of the bounding beside it, and all ranges are those of one number of units."""
    vectors, caps = stated.vectors, stated.caps
    units = {Fraction(one.largest, most) for one in vectors if one.largest and (most := _most_of_one_unit(one, caps))}
    return all(_bounded(one, caps) for one in vectors) and len(units) <= 1


def _bounded(one: Vector, caps: Caps) -> bool:
    chosen = (one.role == "quantile") == (one.mechanism == "exponential")
    return chosen and (one.l1, one.l2_squared) == _norms(one, caps)


def _norms(one: Vector, caps: Caps) -> tuple[int, int] | None:
    """Return l1 and l2² as they follow from what one unit may add (`egress.bounding` says why); None where none do."""
    match one.role:
        case "units" | "threshold":
            return caps.groups, caps.groups
        case "rows":
            return caps.l1, caps.l2_squared
        case "values":
            return caps.l1, caps.l1**2
        case "sum" if one.l1 % caps.l1 == 0:
            return one.l1, caps.l2_squared * (one.l1 // caps.l1) ** 2
        case "quantile" if one.l1 % caps.rows == 0:
            return one.l1, one.l1**2
        case _:
            return None


def _most_of_one_unit(one: Vector, caps: Caps) -> int:
    """Return the most that one unit adds to one group, by which the range of a vector grows; 0 where it does not."""
    match one.role:
        case "units" | "threshold":
            return 1
        case "rows":
            return caps.per_group
        case "values":
            return caps.l1
        case "sum":
            return caps.per_group * (one.l1 // caps.l1)
        case _:
            return 0


def _threshold(stated: StatedCore) -> Fraction:
    """Derive δ_τ again; a threshold on a vector that is not there costs everything."""
    if stated.tau is None:
        return Fraction(0)
    for one in stated.vectors:
        if one.role == "threshold":
            return threshold_delta(one.mechanism, one.scale, stated.tau, stated.caps.groups)
    return Fraction(1)


def _by_loss(vectors: Sequence[Vector], epsilon: Decimal, delta_conv: Fraction) -> Decimal:
    """ε at δ_conv of vectors composed, in steps of a part of `epsilon`; those of pure ε enter as the worst mechanism of it."""
    from dp_accounting.pld import common  # noqa: PLC0415 - heavy, and only verifiers need it
    from dp_accounting.pld import privacy_loss_distribution as losses  # noqa: PLC0415

    step = float(epsilon) / _STEPS
    composed = losses.identity(value_discretization_interval=step)
    alike = Counter((one.mechanism, one.l1 if one.mechanism in _PURE else one.l2_squared, one.scale) for one in vectors)
    for (mechanism, size, scale), times in alike.items():
        if mechanism in _PURE:
            pure = common.DifferentialPrivacyParameters(_PURE[mechanism] * size / float(scale), 0)
            loss = losses.from_privacy_parameters(pure, value_discretization_interval=step)
        else:
            loss = losses.from_gaussian_mechanism(float(scale) / math.sqrt(size), value_discretization_interval=step)
        composed = composed.compose(loss.self_compose(times) if times > 1 else loss)
    return Decimal(composed.get_epsilon_for_delta(float(delta_conv)))


def _read(plan: Mapping[str, Json]) -> Stated:
    try:
        return _stated(plan)
    except (KeyError, TypeError, ValueError, InvalidOperation, ZeroDivisionError):
        raise YuneiError("MALFORMED") from None


def _stated(plan: Mapping[str, Json]) -> Stated:
    match plan:
        case {"cores": [*cores]} if 0 < len(cores) <= _MOST_CORES:
            stated = Stated(
                cores=tuple(_core(core) for core in cores),
                epsilon=Decimal(str(plan["epsilon"])),
                delta=Decimal(str(plan["delta"])),
                delta_conv=_fraction(plan["delta_conv"]),
                rho=_fraction(plan["rho"]),
                delta_tau=_fraction(plan["delta_tau"]),
            )
        case _:
            raise ValueError("not a plan")
    known = stated.epsilon.is_finite() and stated.delta.is_finite()
    sensible = known and _LEAST < stated.epsilon <= _LARGEST_EPSILON and _LEAST < stated.delta < 1
    if not (sensible and 0 < stated.delta_conv < 1):
        raise ValueError("not a plan")
    return stated


def _core(core: object) -> StatedCore:
    match core:
        case {"bounding": Mapping() as bounding, "parts": [*parts], "threshold": (None | Mapping()) as threshold} if parts:
            stated = StatedCore(
                vectors=tuple(_vector(part) for part in parts),
                caps=_caps(bounding),
                tau=None if threshold is None else int(str(threshold["tau"])),
                threshold_delta=Fraction(0) if threshold is None else _fraction(threshold["delta"]),
            )
        case _:
            raise ValueError("not a core")
    return stated


def _caps(bounding: Mapping[str, object]) -> Caps:
    match bounding["strategy"]:
        case "one_row" | "row_cap" | "unit_group" as strategy:
            groups, per_group, rows = (int(str(bounding[name])) for name in ("groups", "rows_per_group", "max_rows"))
        case _:
            raise ValueError("not a bounding")
    if min(groups, per_group, rows) < 1:
        raise ValueError("not a bounding")
    return Caps(strategy, groups, per_group, rows, bounding["sample"] is True)


def _vector(part: object) -> Vector:
    match part:
        case {"role": str(role), "mechanism": ("discrete_laplace" | "discrete_gaussian" | "exponential") as mechanism, **rest}:
            vector = Vector(
                role=role,
                mechanism=mechanism,
                largest=max(-int(str(rest["low"])), int(str(rest["high"]))),
                l1=int(str(rest["l1"])),
                l2_squared=int(str(rest["l2_squared"])),
                scale=_fraction(rest["scale"]),
                rho=_fraction(rest["rho"]),
            )
        case _:
            raise ValueError("not a part")
    if vector.scale <= 0 or vector.l1 < 1 or vector.l2_squared < 1 or vector.rho < 0:
        raise ValueError("not a part")
    return vector


def _fraction(text: object) -> Fraction:
    """`Fraction` itself would spend any amount of memory on an exponent."""
    if not _RATIONAL.fullmatch(str(text)):
        raise ValueError("not a rational")
    return Fraction(str(text))

"""Values of the protection half of egress: what is planned, charged and protected. All amounts are exact."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from egress.accounting import Noise
from policies.query import AggregateKind, Bounding
from sandbox.kernel.canonical import Json
from sandbox.kernel.run import Cell

Role = Literal["rows", "units", "values", "sum", "threshold", "quantile"]
"""What a noised vector counts, adds up or chooses."""


@dataclass(frozen=True)
class Part:
    """One noised integer vector: a column of the engine's answer, over all groups.

    `low`, `high`: public range to which each exact integer is clamped before noise. `l1`, `l2_squared`: sensitivity of
    the vector to one unit. `scale`: b (Laplace), σ (Gaussian) or β (exponential). `rho`: its zCDP charge. `half_width`: 95 %
    noise-only.

    A part of role `quantile` chooses a bin from `low` to `high` in every group. With `fraction` = a/b a bin scores minus b times
    its distance in rows from the rank that was asked for; sensitivity and `half_width` are in that score.
    """

    column: str
    role: Role
    low: int
    high: int
    l1: int
    l2_squared: int
    mechanism: Noise
    scale: Fraction
    rho: Fraction
    half_width: int
    fraction: Fraction | None = None


@dataclass(frozen=True)
class Threshold:
    """Private keys: a group shows where its noisy distinct-unit count (the part of role `threshold`) is ≥ `tau`."""

    tau: int
    delta: Fraction


@dataclass(frozen=True)
class CorePlan:
    """How one core of a query is protected.

    `public_groups`: size of the complete key product where all keys are public, else None.
    """

    core: str
    bounding: Bounding
    parts: tuple[Part, ...]
    threshold: Threshold | None
    public_groups: int | None

    def as_json(self) -> Json:
        """Return the plan of the core as JSON of integers and text."""
        bounding = self.bounding
        return {
            "core": self.core,
            "bounding": {
                "strategy": bounding.strategy,
                "max_rows": bounding.rows,
                "groups": bounding.groups,
                "rows_per_group": bounding.rows_per_group,
                "sample": bounding.sample,
                "values": bounding.values,
                "centres": [str(centre) for centre in bounding.centres],
                "units": bounding.units,
            },
            "parts": [_part_json(part) for part in self.parts],
            "threshold": None if self.threshold is None else {"tau": self.threshold.tau, "delta": str(self.threshold.delta)},
            "public_groups": self.public_groups,
        }


@dataclass(frozen=True)
class ProtectionPlan:
    """How one query is protected, made from public metadata alone: all its cores, as one composition.

    `rho`, `delta_tau`: the charge. `epsilon`, `delta`: as asked and shown, δ = δ_conv + δ_τ. `most_rows`: rows that the
    answer has at most where all keys are public, else None. `expected_error`: per output
    column that is an aggregate, the standard error and 95 % half-width in output units, as decimal text, None where it
    depends on the answer.
    """

    cores: tuple[CorePlan, ...]
    epsilon: Decimal
    delta: Decimal
    delta_conv: Fraction
    rho: Fraction
    delta_tau: Fraction
    most_rows: int | None
    expected_error: Mapping[str, Json]
    duration_class_s: int

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every noised vector of the query."""
        return tuple(part for core in self.cores for part in core.parts)

    @property
    def tau(self) -> int | None:
        """The highest threshold of any core; None where every key is public."""
        return max((core.threshold.tau for core in self.cores if core.threshold is not None), default=None)

    def as_json(self) -> Json:
        """Return the plan as JSON of integers and text, for digests, the manifest and the dry run."""
        return {
            "cores": [core.as_json() for core in self.cores],
            "epsilon": format(self.epsilon, "f"),
            "delta": format(self.delta, "f"),
            "delta_conv": str(self.delta_conv),
            "rho": str(self.rho),
            "delta_tau": str(self.delta_tau),
            "most_rows": self.most_rows,
        }


@dataclass(frozen=True)
class NotPlanned:
    """No plan exists: `code` is of the findings' catalogue and `facts` are public."""

    code: str
    facts: Mapping[str, Json]


ColumnKind = Literal["key", "derived", "low", "high"] | AggregateKind


@dataclass(frozen=True)
class ProtectedColumn:
    """One column of the protected table.

    `kind`: `key`, the aggregate's kind, `derived` for what was computed from them, or `low`/`high` for the interval columns
    of the aggregate before it. `type`: `integer`, `text`, `date`, `boolean`, or `decimal(38,s)`.
    """

    name: str
    kind: ColumnKind
    type: str


Primitives = tuple[tuple[tuple[Cell, ...], tuple[int, ...]], ...]
"""For every group of a core (its key cells) the noisy integer of each part, in part order; sealed, for replay only."""


@dataclass(frozen=True)
class ProtectedResult:
    """The noised table, with interval columns, in released order; and the noised primitive integers of each core behind it."""

    columns: tuple[ProtectedColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]
    primitives: tuple[Primitives, ...]


def _part_json(part: Part) -> Json:
    return {
        "column": part.column,
        "role": part.role,
        "low": str(part.low),
        "high": str(part.high),
        "l1": str(part.l1),
        "l2_squared": str(part.l2_squared),
        "mechanism": part.mechanism,
        "scale": str(part.scale),
        "rho": str(part.rho),
        "half_width": str(part.half_width),
        "fraction": None if part.fraction is None else str(part.fraction),
    }

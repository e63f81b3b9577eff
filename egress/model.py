"""Values of the protection half of egress: what is planned, charged and protected. All amounts are exact."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from egress.accounting import Noise
from policies.query import Bounding, OutputColumn
from sandbox.kernel.canonical import Json
from sandbox.kernel.run import Cell

Role = Literal["rows", "units", "sum", "threshold"]
"""What a noised vector counts or adds up."""


@dataclass(frozen=True)
class Part:
    """One noised integer vector: a column of the engine's answer, over all groups.

    `low`, `high`: public range to which each exact integer is clamped before noise. `l1`, `l2_squared`: sensitivity of
    the vector to one unit. `scale`: b (Laplace) or σ (Gaussian). `rho`: its zCDP charge. `half_width`: 95 % noise-only.
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


@dataclass(frozen=True)
class Threshold:
    """Private keys: a group shows where its noisy distinct-unit count (the part of role `threshold`) is ≥ `tau`."""

    tau: int
    delta: Fraction


@dataclass(frozen=True)
class ProtectionPlan:
    """How one query is protected, made from public metadata alone.

    `rho`, `delta_tau`: the charge. `epsilon`, `delta`: as asked and shown, δ = δ_conv + δ_τ. `public_groups`: size of the
    complete key product where all keys are public, else None. `expected_error`: per output column, the standard error
    and 95 % half-width in output units, as decimal text, None where it depends on the answer.
    """

    bounding: Bounding
    parts: tuple[Part, ...]
    threshold: Threshold | None
    epsilon: Decimal
    delta: Decimal
    delta_conv: Fraction
    rho: Fraction
    delta_tau: Fraction
    public_groups: int | None
    expected_error: Mapping[str, Json]
    duration_class_s: int

    def as_json(self) -> Json:
        """Return the plan as JSON of integers and text, for digests, the manifest and the dry run."""
        return {
            "bounding": {
                "strategy": self.bounding.strategy,
                "groups": self.bounding.groups,
                "rows_per_group": self.bounding.rows_per_group,
                "sample": self.bounding.sample,
                "centres": [str(centre) for centre in self.bounding.centres],
                "units": self.bounding.units,
            },
            "parts": [_part_json(part) for part in self.parts],
            "threshold": None if self.threshold is None else {"tau": self.threshold.tau, "delta": str(self.threshold.delta)},
            "epsilon": format(self.epsilon, "f"),
            "delta": format(self.delta, "f"),
            "delta_conv": str(self.delta_conv),
            "rho": str(self.rho),
            "delta_tau": str(self.delta_tau),
            "public_groups": self.public_groups,
        }


@dataclass(frozen=True)
class NotPlanned:
    """No plan exists: `code` is of the findings' catalogue and `facts` are public."""

    code: str
    facts: Mapping[str, Json]


@dataclass(frozen=True)
class ProtectedColumn:
    """One column of the protected table.

    `kind`: `key`, or the aggregate's kind, or `low`/`high` for the interval columns of the aggregate before it.
    `type`: `integer`, `text`, `date`, `boolean`, or `decimal(38,s)`.
    """

    name: str
    kind: Literal["key", "count", "count_unit", "sum", "avg", "low", "high"]
    type: str


@dataclass(frozen=True)
class ProtectedResult:
    """The noised table, with interval columns, in released order; and the noised primitive integers behind it.

    `primitives`: for every group (its key cells) the noisy integer of each part, in part order; sealed, for replay only.
    """

    columns: tuple[ProtectedColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]
    primitives: tuple[tuple[tuple[Cell, ...], tuple[int, ...]], ...]
    outputs: tuple[OutputColumn, ...]


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
    }

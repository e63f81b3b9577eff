"""What is handed to a sandbox and what comes back: the frozen types between jobs, isolation and egress."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from sandbox.kernel.canonical import Json

Cell = None | bool | int | str | date | Decimal
"""One value of an exact table. Floats never occur."""

Parameter = bool | int | str | date | Decimal | bytes
"""A value bound to a `$name` of generated SQL."""

ColumnRole = Literal["key", "exact"]
ColumnType = Literal["integer", "text", "date", "boolean", "decimal"]


@dataclass(frozen=True)
class ColumnSpec:
    """One column of the engine's answer.

    `key` columns carry group keys of type `type`; `exact` columns carry integers (HUGEINT in the engine), which the
    worker checks against [`low`, `high`], the public range of the whole column, before noise is added.
    """

    name: str
    role: ColumnRole
    type: ColumnType
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True)
class ExtractRef:
    """One table as the job sees it: a Parquet file in final form, pinned by digest.

    `path` is inside the domain only and never leaves it; `digest` is `sha256:<hex>` of the file's bytes.
    """

    table: str
    extract: str
    path: str
    digest: str


@dataclass(frozen=True)
class Limits:
    """What one run may use. The deadline is enforced by SIGKILL from outside."""

    wall_s: float = 30.0
    cpu_s: int = 30
    memory_bytes: int = 1 << 30
    scratch_bytes: int = 1 << 30
    output_bytes: int = 64 << 20
    rows: int = 1_000_000
    threads: int = 2


@dataclass(frozen=True)
class RunSpec:
    """One run: SQL that we generated, bound parameters, the extracts it may read, the columns it must return.

    Parameters may be keys, and stand in no representation.
    """

    job: str
    attempt: int
    sql: str
    extracts: tuple[ExtractRef, ...]
    columns: tuple[ColumnSpec, ...]
    parameters: Mapping[str, Parameter] = field(default_factory=dict, repr=False)
    limits: Limits = Limits()


@dataclass(frozen=True)
class ExactTable:
    """Exact, contribution-bounded aggregates. Stays in the worker's memory; never written, logged or sent."""

    columns: tuple[ColumnSpec, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def canonical(self) -> Json:
        """Return rows as JSON (integers and decimals as text), sorted, for the keyed replay digest."""
        rows = [[_cell(cell) for cell in line] for line in self.rows]
        return {"columns": [spec.name for spec in self.columns], "rows": sorted(rows, key=repr)}


@dataclass(frozen=True)
class RunUsage:
    """What a run used; for the operator's audit record, never for tenants."""

    wall_ms: int
    cpu_ms: int
    peak_memory_bytes: int


@dataclass(frozen=True)
class RunResult:
    """A finished run: the exact table, what it used, and how it was isolated."""

    job: str
    attempt: int
    table: ExactTable
    usage: RunUsage
    level: int
    layers: tuple[str, ...]


def _cell(cell: Cell) -> Json:
    if cell is None or isinstance(cell, (bool, str)):
        return cell
    return {"v": str(cell)}

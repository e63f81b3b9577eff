"""Policies: the minimum necessary, as data. Generated from an approved application, signed with the agreement."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from policies.catalog import Exact, Name, Strict

Use = Literal["join", "group", "compare", "aggregate", "count_distinct"]
AggregateName = Literal["count", "sum", "avg"]
Coarsen = Annotated[str, Field(pattern=r"^(year|quarter|month|prefix:[1-9][0-9]?)$")]
ColumnRef = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Environment = Literal["dev", "prod"]
Route = Literal["auto", "two_person", "panel"]


class Valid(Strict):
    """Term and count; `until` is inclusive."""

    from_: date = Field(alias="from")
    until: date
    max_jobs: int = Field(ge=1)


class Protection(Strict):
    """Whole budget of the agreement and the most one job may ask, in ε at the policy's δ."""

    mode: Literal["dp", "exact", "secure_sum"]
    epsilon: Exact = Field(gt=0, le=100)
    delta: Exact = Field(gt=0, lt=1)
    per_job_epsilon_max: Exact = Field(gt=0, le=100)


class Output(Strict):
    """Form of what may leave. `resolve` takes `suppress` alone."""

    max_rows: int = Field(ge=1, le=1_000_000)
    max_cells: int = Field(ge=1, le=10_000_000)
    min_units: int = Field(10, ge=1)
    small_groups: Literal["suppress", "merge"] = "suppress"


class Review(Strict):
    """How a result is reviewed in prod, where `resolve` takes `two_person` alone; in dev it is reviewed by rule."""

    route: Route

    def in_environment(self, environment: Environment) -> Route:
        """Return the route of a job's result: one of dev is synthetic, so no person need look at it."""
        return "auto" if environment == "dev" else self.route


class UnitTerms(Strict):
    """The unit path as granted; caps may only be stricter than the catalog's.

    `max_groups` (L0) and `max_rows_per_group` (L∞) bound what one unit adds to a grouped answer.
    """

    key: Name
    references: ColumnRef | None = None
    max_rows: int | None = Field(None, ge=1)
    max_groups: int | None = Field(None, ge=1)
    max_rows_per_group: int | None = Field(None, ge=1)


class ColumnTerms(Strict):
    """What may be done with one column. No annotation means no access."""

    use: frozenset[Use] = Field(min_length=1)
    functions: frozenset[AggregateName] = frozenset()
    coarsen: Coarsen | None = None
    clamp: tuple[Exact, Exact] | None = None
    step: Exact | None = None


class TableTerms(Strict):
    """One granted table: the rows (a filter applied by supply) and the columns."""

    public: bool = False
    unit: UnitTerms | None = None
    rows: str | None = None
    columns: dict[Name, ColumnTerms] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.public == (self.unit is not None):
            raise ValueError("a table is either public or names its unit")
        return self


class Refused(Strict):
    """The expectation that a case is refused with one code."""

    refused: str


class Case(Strict):
    """A policy's own test."""

    sql: str
    expect: Literal["allowed"] | Refused


class Policy(Strict):
    """One version of one policy."""

    policy: Slug
    version: int = Field(ge=1)
    agreement: Slug
    purpose: tuple[Slug, ...] = Field(min_length=1)
    valid: Valid
    environment: tuple[Environment, ...] = Field(min_length=1)
    protection: Protection
    output: Output
    review: Review
    tables: dict[Name, TableTerms] = Field(min_length=1)
    joins: tuple[tuple[ColumnRef, ColumnRef], ...] = ()
    cases: tuple[Case, ...] = ()

"""Policies: the minimum necessary, as data. Generated from an approved application, signed with the agreement."""

from collections.abc import Collection, Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, StrictBool, Tag, model_validator

from policies.catalog import CLOSED, Day, Exact, Integer, Name, Strict, Version, Whole, distinct
from policies.reasons import broken
from policies.vocabularies import OneOf, Purpose

Use = Literal["join", "group", "compare", "aggregate", "count_distinct"]
AggregateName = Literal["count", "sum", "avg", "variance", "stddev", "min", "max", "quantile"]
"""`min` and `max` are of the rows of one unit, never of a whole group."""

Coarsen = Annotated[str, Field(pattern=r"^(year|quarter|month|prefix:[1-9][0-9]?)$")]
ColumnRef = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Environment = Literal["dev", "prod"]
Route = Literal["auto", "two_person", "panel"]


class Valid(Strict):
    """Term and count; `until` is inclusive."""

    from_: Day = Field(alias="from")
    until: Day
    max_jobs: Whole

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.from_ > self.until:
            raise broken("TERM_REVERSED", ["from"])
        return self


class Protection(Strict):
    """Whole budget of the agreement and the most one job may ask, in ε at the policy's δ."""

    mode: Literal["dp", "exact", "secure_sum"]
    epsilon: Exact = Field(gt=0, le=100)
    delta: Exact = Field(gt=0, lt=1)
    per_job_epsilon_max: Exact = Field(gt=0, le=100)


class Output(Strict):
    """Form of what may leave. `resolve` takes `suppress` alone."""

    max_rows: int = Field(ge=1, le=1_000_000, strict=True)
    max_cells: int = Field(ge=1, le=10_000_000, strict=True)
    min_units: Whole = 10
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
    max_rows: Whole | None = None
    max_groups: Whole | None = None
    max_rows_per_group: Whole | None = None


class ColumnTerms(Strict):
    """What may be done with one column. No annotation means no access."""

    use: Annotated[frozenset[Use], BeforeValidator(distinct)] = Field(min_length=1)
    functions: Annotated[frozenset[AggregateName], BeforeValidator(distinct)] = frozenset()
    coarsen: Coarsen | None = None
    clamp: tuple[Exact, Exact] | None = None
    step: Annotated[Exact, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.clamp is not None and self.clamp[0] > self.clamp[1]:
            raise broken("BOUNDS_REVERSED", ["clamp"])
        return self


class TableTerms(Strict):
    """One granted table: the rows (a filter applied by supply) and the columns."""

    public: StrictBool = False
    unit: UnitTerms | None = None
    rows: str | None = None
    columns: dict[Name, ColumnTerms] = Field(min_length=1, json_schema_extra=CLOSED)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.public == (self.unit is not None):
            raise broken("PUBLIC_OR_UNIT", ["unit"])
        return self


def finding_codes() -> Collection[str]:
    """Return every code with which a query may be refused."""
    from policies.findings import CATALOGUE  # noqa: PLC0415 - a finding is made for a query under a grant, which holds a policy

    return CATALOGUE.keys()


class Refused(Strict):
    """The expectation that a case is refused with one code."""

    refused: Annotated[str, OneOf(finding_codes, "FINDING_UNKNOWN")]


class DateValue(Strict):
    """A date as a parameter."""

    date: Day


class DecimalValue(Strict):
    """An exact decimal as a parameter."""

    decimal: Exact


def _typed(value: object) -> object:
    """Refuse floats, nulls, lists and whatever else no parameter can be."""
    if not isinstance(value, (bool, int, str, Mapping, DateValue, DecimalValue)):
        raise broken("PARAMETER_FORM")
    return value


def _kind_of_parameter(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, str)):
        return "integer" if isinstance(value, int) else "text"
    return "date" if isinstance(value, DateValue) or (isinstance(value, Mapping) and "date" in value) else "decimal"


CaseValue = bool | int | str | DateValue | DecimalValue
CaseParameter = Annotated[
    Annotated[StrictBool, Tag("boolean")]
    | Annotated[Integer, Tag("integer")]
    | Annotated[str, Tag("text")]
    | Annotated[DateValue, Tag("date")]
    | Annotated[DecimalValue, Tag("decimal")],
    Discriminator(_kind_of_parameter),
    BeforeValidator(_typed),
]
"""As in JSON over HTTP: dates and decimals say what they are."""


def _empty(value: object) -> bool:
    """Keep what a case does not say out of the stored document, whose digest must not change with what cases can say."""
    return not value


def _kind_of_expectation(value: object) -> str:
    return "refused" if isinstance(value, (Refused, Mapping)) else "allowed"


class Case(Strict):
    """A policy's own test; what is absent is the policy's first purpose, its first environment, no parameters."""

    sql: str
    expect: Annotated[
        Annotated[Literal["allowed"], Tag("allowed")] | Annotated[Refused, Tag("refused")], Discriminator(_kind_of_expectation)
    ]
    parameters: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")], CaseParameter] = Field(
        default_factory=dict, exclude_if=_empty, json_schema_extra=CLOSED
    )
    purpose: Purpose | None = Field(None, exclude_if=_empty)
    environment: Environment | None = Field(None, exclude_if=_empty)


class Policy(Strict):
    """One version of one policy."""

    policy: Slug
    version: Version
    agreement: Slug
    purpose: Annotated[tuple[Purpose, ...], BeforeValidator(distinct)] = Field(min_length=1)
    valid: Valid
    environment: Annotated[tuple[Environment, ...], BeforeValidator(distinct)] = Field(min_length=1)
    protection: Protection
    output: Output
    review: Review
    tables: dict[Name, TableTerms] = Field(min_length=1, json_schema_extra=CLOSED)
    joins: tuple[tuple[ColumnRef, ColumnRef], ...] = ()
    cases: tuple[Case, ...] = ()

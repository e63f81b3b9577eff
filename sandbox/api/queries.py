"""`POST /sql/check` and what a submitted query looks like on the wire."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Body
from pydantic import AfterValidator, BaseModel, Field

from policies.query import SubmittedQuery, Tuning
from sandbox.api.auth import Caller
from sandbox.api.inputs import Strict
from sandbox.api.problems import FindingView
from sandbox.api.services import Services
from sandbox.kernel.canonical import Json
from sandbox.kernel.run import Parameter

MAX_SAFE_INTEGER = 2**53 - 1
"""Source: RFC 7493 (I-JSON), section 2.2; a larger integer may arrive rounded, so it travels as a decimal."""


def _calendar_day(text: str) -> str:
    date.fromisoformat(text)
    return text


class DateParameter(Strict):
    """A date parameter."""

    date: Annotated[
        str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", json_schema_extra={"format": "date"}), AfterValidator(_calendar_day)
    ]


class DecimalParameter(Strict):
    """A decimal parameter, kept exact."""

    decimal: Annotated[str, Field(pattern=r"^-?[0-9]{1,20}(\.[0-9]{1,18})?$")]


_Text = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Integer = Annotated[int, Field(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]
ParameterValue = bool | _Integer | _Text | DateParameter | DecimalParameter
ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]


_Cap = Annotated[int, Field(ge=1, le=1_000_000)]
_Weight = Annotated[int, Field(ge=1, le=1000)]
ColumnName = Annotated[str, Field(min_length=1, max_length=63)]


class Caps(Strict):
    """What one unit may contribute at most; never wider than the policy."""

    max_rows: _Cap | None = Field(None, description="rows, chosen at random but the same in every run")
    max_groups: _Cap | None = Field(None, description="groups")
    max_rows_per_group: _Cap | None = Field(None, description="rows in each group")


class Submission(Strict):
    """A query as an operator sends it. Floats are refused: a binary fraction is never the decimal that was meant."""

    agreement: Slug
    purpose: Slug
    environment: Literal["dev", "prod"]
    sql: str = Field(description="one SELECT; judged whole, so that every fault comes back as a finding")
    parameters: dict[ParameterName, ParameterValue] = Field(
        default_factory=dict, max_length=100, description='bound to `$name`; dates as {"date": …}, decimals as {"decimal": …}'
    )
    epsilon: str | None = Field(None, max_length=64, description="positive decimal text; the policy's maximum where absent")
    caps: Caps | None = Field(None, description="stricter caps on what one unit contributes")
    weights: dict[ColumnName, _Weight] = Field(
        default_factory=dict,
        max_length=100,
        description="how much the error of an output column matters; 1 where it is not named",
    )

    def query(self) -> SubmittedQuery:
        """Return the query with typed parameters."""
        parameters = {name: _typed(value) for name, value in self.parameters.items()}
        tuning = Tuning(**(self.caps.model_dump() if self.caps is not None else {}), weights=self.weights)
        return SubmittedQuery(self.agreement, self.purpose, self.environment, self.sql, parameters, self.epsilon, tuning)


class Verdict(BaseModel):
    """What would happen, from public metadata alone. A refused query has `allowed` and `findings` only."""

    allowed: bool
    findings: list[FindingView]
    canonical_digest: str | None = None
    rewritten_sql: str | None = None
    explanation: dict[str, Any] | None = None
    protection: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    review: dict[str, Any] | None = None
    policy: dict[str, Any] | None = None
    preview: dict[str, Any] | None = None
    budget: dict[str, Any] | None = None


EXAMPLE = {
    "agreement": "agr-clinic-usage",
    "purpose": "public_health_planning",
    "environment": "prod",
    "sql": "SELECT gender, count(*) AS visits FROM residents GROUP BY gender",
    "parameters": {},
    "epsilon": "0.1",
}
Submitted = Annotated[Submission, Body(examples=[EXAMPLE])]


def check_sql(body: Submitted, caller: Caller, services: Services) -> Json:
    """Dry run. Answers 200 for every text within the size limit, refused ones included, and charges nothing."""
    return services.jobs.check(caller, body.query())


def _typed(value: ParameterValue) -> Parameter:
    match value:
        case DateParameter():
            return date.fromisoformat(value.date)
        case DecimalParameter():
            return Decimal(value.decimal)
        case _:
            return value

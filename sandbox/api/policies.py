"""Policies that are not in force yet: what a new version would have changed for past jobs."""

from typing import Annotated, Any

from fastapi import Body
from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from policies.documents import document_faults
from policies.policy import Policy
from sandbox.api.inputs import Strict
from sandbox.api.problems import Titles
from sandbox.api.queries import Slug
from sandbox.api.services import Services
from sandbox.jobs.history import NEWEST
from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError

MOST_JOBS = 100_000


def _as_document(value: Any, read: ValidatorFunctionWrapHandler) -> Policy:
    """Name the faults of a policy as everywhere: by place and reason, in both languages.

    Raises:
        YuneiError: `DOCUMENT_INVALID` with every fault.

    """
    try:
        policy: Policy = read(value)
    except ValidationError as error:
        faults = document_faults("policy", value, error)
        raise YuneiError("DOCUMENT_INVALID", faults=[fault.as_json() for fault in faults]) from None
    return policy


class Proposal(Strict):
    """A version of a policy that might be published."""

    agreement: Slug
    policy: Annotated[Policy, WrapValidator(_as_document)] = Field(description="the document, as JSON")
    newest: int = Field(NEWEST, ge=1, le=MOST_JOBS, description="judge this many of the newest jobs")


class OutlookView(BaseModel):
    """A past job whose verdict or reasons would change. No codes where it is allowed, null where it cannot be judged."""

    job: str
    fate: str
    before: list[str] | None
    after: list[str] | None


class SimulationResource(BaseModel):
    """What the proposed version would change: counts, reasons of what is newly refused, and the jobs concerned."""

    agreement: str
    policy: str
    version: int
    total: int
    stored: int
    same: int
    newly_refused: int
    newly_allowed: int
    not_replayed: int
    codes: dict[str, int]
    text: Titles
    jobs: list[OutlookView]


Proposed = Annotated[Proposal, Body()]


def simulate_policy(body: Proposed, services: Services) -> Json:
    """Judge past jobs under the version in force and under this one. Reads no data and writes nothing."""
    policy = body.policy
    if policy.agreement != body.agreement:
        raise YuneiError("MALFORMED", object="agreement")
    found = services.history.simulate(policy, body.newest)
    return {"agreement": policy.agreement, "policy": policy.policy, "version": policy.version, **found.as_json()}

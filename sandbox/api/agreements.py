"""Service agreements: which exist for the caller, and supervision closing or opening access with a reason."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from sandbox.api.auth import Caller
from sandbox.api.inputs import After, Limit, Prose, Strict
from sandbox.api.services import Services
from sandbox.kernel.canonical import Json

AgreementId = Annotated[str, Path(alias="id", pattern=r"^[a-z][a-z0-9_-]{0,63}$", description="the agreement's name")]


class Reason(Strict):
    """Why supervision acts."""

    reason: Annotated[Prose, Field(min_length=1, max_length=2000, description="logged; names no value")]


class AgreementResource(BaseModel):
    """An agreement of the operator with one application entity; both days are inclusive."""

    id: str
    operation_agreement: str
    operator: str
    application: str
    valid_from: str = Field(alias="from")
    until: str
    state: str


class AgreementPage(BaseModel):
    """A page of agreements, by identifier."""

    items: list[AgreementResource]
    next: str | None


def list_agreements(caller: Caller, services: Services, after: After = None, limit: Limit = 20) -> Json:
    """Return the agreements that exist for the caller."""
    with services.db.read() as tx:
        found = [one for one in services.tenants.agreements(tx, caller) if after is None or one.id > after]
    return {"items": [one.as_json() for one in found[:limit]], "next": found[limit - 1].id if len(found) > limit else None}


def get_agreement(agreement: AgreementId, caller: Caller, services: Services) -> Json:
    """Return one agreement."""
    with services.db.read() as tx:
        return services.tenants.visible(tx, caller, agreement).as_json()


def suspend_agreement(agreement: AgreementId, body: Reason, caller: Caller, services: Services) -> Json:
    """Close access at once, for jobs and for downloads, until it is resumed."""
    return services.tenants.change_state(caller, agreement, "suspend", body.reason).as_json()


def resume_agreement(agreement: AgreementId, body: Reason, caller: Caller, services: Services) -> Json:
    """Open access again."""
    return services.tenants.change_state(caller, agreement, "resume", body.reason).as_json()


def end_agreement(agreement: AgreementId, body: Reason, caller: Caller, services: Services) -> Json:
    """Close access for good."""
    return services.tenants.change_state(caller, agreement, "end", body.reason).as_json()

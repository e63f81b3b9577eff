"""The audit log, lineage and budgets: what was done, where it came from, what it cost."""

import base64
from typing import Annotated, Any, Literal

from fastapi import Query
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from sandbox.api.auth import Caller
from sandbox.api.inputs import Limit, NodeId
from sandbox.api.services import Services
from sandbox.kernel.canonical import Json

READ_ALL = "audit:read_all"
Index = Annotated[int, Query(ge=0, le=2**53 - 1)]


class EventOpening(BaseModel):
    """One event with its place, its tick and the nonce that opens its leaf.

    Where an auditor may not open it, `nonce` and `event` are null and `commit` completes the leaf.
    """

    v: int
    index: int
    tick: str
    nonce: str | None
    event: dict[str, Any] | None
    commit: str | None = None


class EventPage(BaseModel):
    """Audit events that the caller's organisation takes part in; an auditor gets every leaf."""

    items: list[EventOpening]
    next: int | None


class Consistency(BaseModel):
    """An RFC 6962 consistency proof; hashes in base64."""

    old: int
    new: int
    hashes: list[str]


class Graph(BaseModel):
    """Objects and the flow of data between them."""

    nodes: list[dict[str, Any]]
    edges: list[dict[str, str]]


class Account(BaseModel):
    """The privacy budget of one scope; exact amounts as fraction text, spent rounded up."""

    scope: str
    name: str
    unit_kind: str | None
    epsilon: str
    delta: str
    epsilon_spent: str
    epsilon_left: str
    rho: str
    rho_spent: str
    rho_reserved: str
    delta_tau: str
    delta_tau_spent: str
    delta_tau_reserved: str
    jobs: int


class Budgets(BaseModel):
    """Budgets by agreement and by data set, as far as they are the caller's business."""

    agreements: list[Account]
    datasets: list[Account]


def list_audit_events(
    caller: Caller,
    services: Services,
    after: Annotated[int, Query(ge=-1, le=2**53 - 1, description="index of the last event read")] = -1,
    limit: Limit = 20,
    subject: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")] = None,
) -> Json:
    """Return audit events in the order of the log, each with the nonce that proves which leaf it is.

    Auditors get every leaf, but open measures of runs, counts of faulty rows and votes only where their own
    organisation is named in the event.
    """
    read = services.audit.audited if READ_ALL in caller.scopes else services.audit.openings
    with services.db.read() as tx:
        found = read(tx, caller.organisation, after, limit + 1, subject)
    items = [one.as_json() for one in found[:limit]]
    return {"items": items, "next": found[limit - 1].index if len(found) > limit else None}


def get_checkpoint(services: Services) -> PlainTextResponse:
    """Return the signed tree head (C2SP tlog-checkpoint)."""
    with services.db.write() as tx:
        return PlainTextResponse(services.audit.checkpoint(tx))


def get_audit_proof(services: Services, index: Index) -> PlainTextResponse:
    """Return the inclusion proof of one leaf (C2SP tlog-proof)."""
    with services.db.read() as tx:
        return PlainTextResponse(services.audit.proof(tx, index))


def get_audit_consistency(services: Services, old: Index, new: Index) -> Json:
    """Return the hashes that prove the tree of `old` leaves to be the beginning of the tree of `new` leaves (RFC 6962)."""
    with services.db.read() as tx:
        hashes = services.audit.consistency(tx, old, new)
    return {"old": old, "new": new, "hashes": [base64.b64encode(item).decode() for item in hashes]}


def trace_lineage(
    node: NodeId, caller: Caller, services: Services, direction: Annotated[Literal["up", "down"], Query()] = "up"
) -> Json:
    """Return where an object came from (`up`) or what was made of it (`down`)."""
    return services.lineage.trace(caller, node, direction)


def list_budgets(caller: Caller, services: Services) -> Json:
    """Return privacy budgets: granted, reserved, spent, left."""
    return services.budgets.view(caller)

"""The one place where a release request changes state: row, audit event and message to the job, in one transaction."""

from collections.abc import Mapping
from dataclasses import replace

from egress.review import store
from egress.review.model import BLOCKED_STATES, REQUEST, ReleaseRequest
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import Json
from sandbox.kernel.db import Transaction
from sandbox.kernel.outbox.service import publish
from sandbox.kernel.roles import Role
from sandbox.kernel.states import advance
from tenants.model import SYSTEM_ACTOR, Principal

SYSTEM = frozenset({Role.SYSTEM})

_OPERATOR_OPENS = frozenset({"review.opened", "review.revised", "review.withdrawn"})
_PARTIES_OPEN = frozenset({"release.released", "release.recalled", "release.expired", "release.delivered"})


class Steps:
    """Moves requests along their table and logs what happened to them."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def move(
        self,
        tx: Transaction,
        request: ReleaseRequest,
        event: str,
        facts: Mapping[str, Json],
        principal: Principal | None = None,
    ) -> ReleaseRequest:
        """Apply `event` and return the request in its new state; see `step`."""
        return self.step(tx, request, event, facts, principal)[0]

    def step(
        self,
        tx: Transaction,
        request: ReleaseRequest,
        event: str,
        facts: Mapping[str, Json],
        principal: Principal | None = None,
    ) -> tuple[ReleaseRequest, int]:
        """Apply `event`, by `principal` or by the service itself; return the request and the index of the audit event.

        Raises:
            YuneiError: `ILLEGAL_TRANSITION`, `NOT_PERMITTED`.

        """
        line = advance(REQUEST, request.state, event, SYSTEM if principal is None else principal.roles)
        moved = replace(request, state=line.target)
        store.save(tx, moved)
        index = self.log(tx, moved, line.audit, facts, principal)
        if line.target == "approved":
            publish(tx, "release.approved", {"request": request.id})
        if line.target in BLOCKED_STATES:
            publish(tx, "release.ended", {"job": request.job, "state": "blocked"})
        return moved, index

    def log(
        self,
        tx: Transaction,
        request: ReleaseRequest,
        event: str,
        facts: Mapping[str, Json],
        principal: Principal | None = None,
    ) -> int:
        """Log an act on `request` and return its index. Whose it is decides who may open it: reviews stay with the owners."""
        tenants = {*request.institutions}
        if principal is not None:
            tenants.add(principal.organisation)
        if event in _OPERATOR_OPENS | _PARTIES_OPEN:
            tenants.add(request.operator)
        if event in _PARTIES_OPEN:
            tenants.add(request.recipient)
        actor = SYSTEM_ACTOR if principal is None else principal.person
        payload = {"job": request.job, "state": request.state, **facts}
        return self._audit.append(tx, AuditEvent(event, request.id, actor, tuple(sorted(tenants)), payload))

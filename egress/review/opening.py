"""How a protected result becomes a sealed request: values, digests and deadlines. The bytes wait encrypted."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from egress.checks import CheckReport
from egress.model import ProtectedColumn
from egress.release.files import ReleasedTable, arrow_bytes, read_arrow, released_table
from egress.review.decide import deadlines, evidence_digest
from egress.review.model import REQUEST, ReleaseOpening, ReleaseRequest
from sandbox.kernel.canonical import Json, canonical_bytes
from sandbox.kernel.clock import stamp
from sandbox.kernel.ids import new_id
from sandbox.kernel.keys import KeyRing

SEAL = "egress"
"""Purpose of the key under which results wait for their decision."""


def sealed_request(opening: ReleaseOpening, report: CheckReport, keys: KeyRing, now: datetime) -> ReleaseRequest:
    """Make the request of a checked result. A result that failed is not kept, so nobody can fetch it later.

    The salt keeps the ETag from being a test of guesses: a table of a few noisy counts is found by trying all of them, and
    the submitting side, auditors and the log see the ETag of results that never leave.
    """
    request_id = new_id("req")
    request = ReleaseRequest(
        id=request_id,
        job=opening.job,
        agreement=opening.agreement,
        operator=opening.operator,
        application=opening.application,
        institutions=tuple(sorted(opening.institutions)),
        purpose=opening.purpose,
        environment=opening.environment,
        submitter=opening.submitter,
        route=opening.route,
        state=REQUEST.initial,
        version=1,
        policy_digest=opening.policy_digest,
        expires=opening.expires,
        opened_at=stamp(now),
        due_at="",
        escalate_at="",
        close_at="",
        escalated=False,
        dossier={**opening.dossier, "salt": keys.secret("evidence", request_id).hex()},
        plan=plan_json(opening.plan.as_json()),
        columns=tuple((column.name, column.kind, column.type) for column in opening.result.columns),
        report=report.as_json(),
        result_digest=report.result_digest,
        etag="",
        result=None,
    )
    if report.outcome != "fail":
        sealed = keys.seal(SEAL, _context(request), arrow_bytes(released_table(opening.result)))
        request = replace(request, result=sealed)
    return timed(bound(request), now)


def bound(request: ReleaseRequest) -> ReleaseRequest:
    """Bind votes to everything the request now shows."""
    shown: dict[str, Json] = {
        "id": request.id,
        "job": request.job,
        "agreement": request.agreement,
        "recipient": request.recipient,
        "purpose": request.purpose,
        "institutions": list(request.institutions),
        "expires": request.expires,
        "version": request.version,
        "dossier": request.dossier,
        "plan": request.plan,
        "columns": [list(column) for column in request.columns],
    }
    return replace(request, etag=evidence_digest(shown, request.report, request.result_digest, request.policy_digest))


def timed(request: ReleaseRequest, now: datetime) -> ReleaseRequest:
    """Start the deadlines of one version of a request."""
    end = deadlines(now)
    return replace(request, due_at=stamp(end.due), escalate_at=stamp(end.escalate), close_at=stamp(end.close), escalated=False)


def unsealed(request: ReleaseRequest, keys: KeyRing) -> ReleasedTable | None:
    """Open the waiting result, or None where the checks blocked it.

    Raises:
        cryptography.exceptions.InvalidTag: the stored bytes are not what was sealed for this request.

    """
    if request.result is None:
        return None
    columns = tuple(ProtectedColumn(*column) for column in request.columns)  # type: ignore[arg-type]
    return read_arrow(columns, keys.open(SEAL, _context(request), request.result))


def _context(request: ReleaseRequest) -> str:
    """Return what the sealed bytes are bound to: everything that opens a way past people, or names who receives.

    The ETag is no key: whoever writes the database writes it as well. Without a secret this cannot be made to fit, so
    a request that waits for people never becomes one that the checks alone release.
    """
    facts: dict[str, Json] = {
        "id": request.id,
        "job": request.job,
        "agreement": request.agreement,
        "operator": request.operator,
        "application": request.application,
        "institutions": list(request.institutions),
        "environment": request.environment,
        "route": request.route,
        "outcome": request.report.get("outcome"),
        "policy": request.policy_digest,
    }
    return canonical_bytes(facts).decode()


def plan_json(plan: Json) -> Mapping[str, Json]:
    """Return a plan's JSON as the object it is."""
    if not isinstance(plan, Mapping):
        raise TypeError("a plan is an object")
    return plan

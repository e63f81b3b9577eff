"""Who may review, when a quorum is in, what it decides, and when a request runs out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from egress.checks import CheckReport
from egress.review.model import OPEN_STATES, WAITING_STATES, ReleaseRequest, Vote
from sandbox.kernel.canonical import Json, digest
from sandbox.kernel.clock import civil_date
from sandbox.kernel.roles import Role
from tenants.model import Assignment, Principal

Outcome = Literal["approve", "return", "reject", "conflict"]

DUE_WORKING_DAYS = 2
ESCALATE_WORKING_DAYS = 5
CLOSE_DAYS = 30

_COARSE: Mapping[str, str] = {
    "auto_blocked": "returned",
    "rejected": "returned",
    "returned": "returned",
    "approved": "approved",
    "packaging": "approved",
    "packaging_failed": "approved",
    "withdrawn": "withdrawn",
    "released": "released",
    "recalled": "recalled",
    "expired": "expired",
}


@dataclass(frozen=True)
class Deadlines:
    """When a review is due, when it is escalated, and when it ends as a rejection."""

    due: datetime
    escalate: datetime
    close: datetime


@dataclass(frozen=True)
class Seat:
    """The capacity in which a person votes."""

    role: Role


@dataclass(frozen=True)
class NoSeat:
    """The person may not vote; `code` is of the error catalogue."""

    code: str


def deadlines(opened: datetime) -> Deadlines:
    """Count from `opened`: 2 and 5 working days (Monday to Friday in China) and 30 days."""
    due, escalate = (_working_days(opened, days) for days in (DUE_WORKING_DAYS, ESCALATE_WORKING_DAYS))
    return Deadlines(due, escalate, opened + timedelta(days=CLOSE_DAYS))


def timer(request: ReleaseRequest, now: str, today: str) -> Literal["escalate", "expire"] | None:
    """Tell what time alone does to a request. Silence never approves: it rejects.

    Args:
        request: as stored.
        now: RFC 3339 stamp.
        today: calendar day, ISO; the last day of use is still inside.

    """
    if request.state in WAITING_STATES and now >= request.close_at:
        return "expire"
    if request.state == "released" and today > request.expires:
        return "expire"
    if request.state in OPEN_STATES and now >= request.escalate_at and not request.escalated:
        return "escalate"
    return None


def route(report: CheckReport, wanted: str) -> Literal["block", "approve", "admit"]:
    """Decide where a checked result goes. Only a clean pass may skip people, and only where the policy asks for it."""
    if report.outcome == "fail":
        return "block"
    return "approve" if wanted == "auto" and report.outcome == "pass" else "admit"


def evidence_digest(request: Mapping[str, Json], report: Mapping[str, Json], result_digest: str, policy_digest: str) -> str:
    """Return the digest that votes bind: exact bytes, check report, policy, and everything else reviewers were shown."""
    return digest({"result": result_digest, "report": digest(report), "policy": policy_digest, "shown": digest(request)})


def is_reviewer(principal: Principal, request: ReleaseRequest) -> bool:
    """Tell whether the evidence exists for `principal`: the owner's delegates and the authority's reviewers."""
    if principal.organisation in {request.operator, request.application}:
        return False
    if Role.REVIEWER_AUTHORITY in principal.roles:
        return True
    return Role.REVIEWER_OWNER in principal.roles and principal.organisation in request.institutions


def seat(principal: Principal, request: ReleaseRequest) -> Seat | NoSeat:
    """Decide in what capacity `principal` may vote.

    Returns:
        A seat, or `SEPARATION_OF_DUTIES` for the submitter and both sides of the agreement, or `NOT_FOUND`.

    """
    if principal.person == request.submitter or principal.organisation in {request.operator, request.application}:
        return NoSeat("SEPARATION_OF_DUTIES")
    if not is_reviewer(principal, request):
        return NoSeat("NOT_FOUND")
    owns = Role.REVIEWER_OWNER in principal.roles and principal.organisation in request.institutions
    return Seat(Role.REVIEWER_OWNER if owns else Role.REVIEWER_AUTHORITY)


def quorum(votes: Sequence[Vote], institutions: Sequence[str]) -> bool:
    """Tell whether two distinct persons have voted, and among them a delegate of each institution whose data was used.

    Each of these institutions signs the manifest, and nobody but its own delegate can speak for it.
    """
    owners = {vote.organisation for vote in votes if vote.role is Role.REVIEWER_OWNER}
    return len({vote.person for vote in votes}) >= 2 and bool(owners) and owners >= set(institutions)


def consolidate(votes: Sequence[Vote], institutions: Sequence[str]) -> Outcome | None:
    """Decide the votes of one version together; None while the quorum is not in.

    Unanimous votes decide. Two that differ are a conflict for a third person. From three on, the approvals must be a
    quorum of their own and outnumber the rest; a majority may return; anything else is rejected.
    """
    if not quorum(votes, institutions):
        return None
    decisions = [vote.decision for vote in votes]
    if len(set(decisions)) == 1:
        return decisions[0]
    if len(decisions) == 2:
        return "conflict"
    approvals = [vote for vote in votes if vote.decision == "approve"]
    if quorum(approvals, institutions) and 2 * len(approvals) > len(votes):
        return "approve"
    return "return" if 2 * decisions.count("return") > len(votes) else "reject"


def duties_separate(request: ReleaseRequest, vote: Vote, held: Sequence[Assignment]) -> bool:
    """Recompute one vote's right from the history of roles.

    The voter held the role for that organisation when voting, and at no moment since the request was opened belonged to
    the submitting or the receiving side.
    """
    if vote.person == request.submitter or vote.organisation in {request.operator, request.application}:
        return False
    if vote.role is Role.REVIEWER_OWNER and vote.organisation not in request.institutions:
        return False
    conflicted = any(
        line.organisation in {request.operator, request.application} and (line.until is None or line.until >= request.opened_at)
        for line in held
    )
    entitled = any(
        (line.organisation, line.role) == (vote.organisation, vote.role)
        and line.since <= vote.at
        and (line.until is None or line.until > vote.at)
        for line in held
    )
    return entitled and not conflicted


def coarse(state: str) -> str:
    """Return the state as the applicant sees it: every data-based block looks like a return."""
    return _COARSE.get(state, "in_review")


def _working_days(start: datetime, days: int) -> datetime:
    moment = start
    while days:
        moment += timedelta(days=1)
        days -= civil_date(moment).weekday() < 5
    return moment

"""A release request as each side may see it. Pure."""

from collections.abc import Mapping, Sequence

from egress.review.decide import coarse, quorum
from egress.review.model import OPEN_STATES, ReleaseRequest, Vote
from sandbox.kernel.canonical import Json


def summary(request: ReleaseRequest) -> Mapping[str, Json]:
    """Return the line of a reviewer's queue."""
    return {
        "id": request.id,
        "state": request.state,
        "job": request.job,
        "agreement": request.agreement,
        "operator": request.operator,
        "recipient": request.recipient,
        "purpose": request.purpose,
        "environment": request.environment,
        "route": request.route,
        "version": request.version,
        "outcome": request.report["outcome"],
        "opened_at": request.opened_at,
        "due_at": request.due_at,
        "escalated": request.escalated,
    }


def evidence(request: ReleaseRequest, votes: Sequence[Vote], reader: str, content: str | None) -> Mapping[str, Json]:
    """Return everything a reviewer decides on, `content` being the exact bytes to leave as text.

    While the quorum is not in, a reader sees their own vote and no other.
    """
    closed = request.state not in OPEN_STATES and quorum(votes, request.institutions)
    return {
        **summary(request),
        "etag": request.etag,
        "institutions": list(request.institutions),
        "policy_digest": request.policy_digest,
        "expires": request.expires,
        "close_at": request.close_at,
        "dossier": request.dossier,
        "plan": request.plan,
        "checks": request.report,
        "result": {"media_type": "text/csv; charset=utf-8", "digest": request.result_digest, "text": content},
        "votes": [vote_json(vote) for vote in votes if closed or vote.person == reader],
    }


def applicant(request: ReleaseRequest, votes: Sequence[Vote]) -> Mapping[str, Json]:
    """Return what the submitting side may know: a coarse state, and the comments of a return once it is decided."""
    comments = [vote.comment for vote in votes if vote.decision == "return"] if request.state == "returned" else []
    return {
        "id": request.id,
        "job": request.job,
        "agreement": request.agreement,
        "state": coarse(request.state),
        "etag": request.etag,
        "comments": comments,
    }


def vote_json(vote: Vote) -> Mapping[str, Json]:
    """Return one vote for reviewers."""
    return {
        "person": vote.person,
        "organisation": vote.organisation,
        "role": str(vote.role),
        "decision": vote.decision,
        "comment": vote.comment,
        "at": vote.at,
        "digest": vote.digest,
    }

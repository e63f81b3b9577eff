"""Reviews: the queue, the evidence, blind votes bound to the exact evidence, and the applicant's answer to a return."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Response
from pydantic import BaseModel, Field

from sandbox.api.auth import Caller
from sandbox.api.inputs import After, Bound, Limit, ObjectId, Prose, Strict
from sandbox.api.services import Services
from sandbox.kernel.canonical import Json


class Ballot(Strict):
    """One person's decision. A return or a rejection needs a comment."""

    decision: Literal["approve", "return", "reject"]
    comment: Prose = Field("", description="that of a return is read by the applicant")


class Comment(Strict):
    """Words that may not be missing."""

    comment: Annotated[Prose, Field(min_length=1)]


class ReviewLine(BaseModel):
    """A release request in a list. The submitting side sees a coarse state and the comments of a return, no more."""

    id: str
    job: str
    agreement: str
    state: str
    operator: str | None = None
    recipient: str | None = None
    purpose: str | None = None
    environment: str | None = None
    route: str | None = None
    version: int | None = None
    outcome: str | None = None
    opened_at: str | None = None
    due_at: str | None = None
    escalated: bool | None = None
    etag: str | None = None
    comments: list[str] | None = None


class VoteResource(BaseModel):
    """A vote; until the quorum is in, only its own author reads it."""

    person: str
    organisation: str
    role: str
    decision: str
    comment: str
    at: str
    digest: str


class ResultResource(BaseModel):
    """The exact bytes that would leave, as text."""

    media_type: str
    digest: str
    text: str | None


class ReviewResource(ReviewLine):
    """A release request with the evidence on which reviewers decide."""

    institutions: list[str] | None = None
    policy_digest: str | None = None
    expires: str | None = None
    close_at: str | None = None
    dossier: dict[str, Any] | None = None
    plan: dict[str, Any] | None = None
    checks: dict[str, Any] | None = None
    result: ResultResource | None = None
    votes: list[VoteResource] | None = None


class ReviewPage(BaseModel):
    """A page of release requests."""

    items: list[ReviewLine]
    next: str | None


class Packaging(BaseModel):
    """Where an approved request stands after it was packaged again."""

    id: str
    state: str


def list_reviews(caller: Caller, services: Services, after: After = None, limit: Limit = 20) -> Json:
    """Return the release requests that exist for the caller."""
    page = services.reviews.list(caller, after, limit)
    return {"items": list(page.items), "next": page.next}


def get_review(review: ObjectId, response: Response, caller: Caller, services: Services) -> Json:
    """Return the evidence; its ETag is the digest that a vote binds. Every view is an audit event."""
    return _tagged(services.reviews.get(caller, review), response)


def vote_review(review: ObjectId, body: Ballot, bound: Bound, response: Response, caller: Caller, services: Services) -> Json:
    """Vote once, on exactly the evidence that was read."""
    voted = services.reviews.vote(caller, review, body.decision, body.comment, bound.etag, bound.key)
    return _tagged(voted, response)


def return_review(review: ObjectId, body: Comment, bound: Bound, response: Response, caller: Caller, services: Services) -> Json:
    """Vote to return the request to the applicant, with a comment."""
    return _tagged(services.reviews.vote(caller, review, "return", body.comment, bound.etag, bound.key), response)


def revise_review(review: ObjectId, body: Comment, response: Response, caller: Caller, services: Services) -> Json:
    """Answer a return with an explanation: a new version of the same bytes, on which everybody votes anew."""
    return _tagged(services.reviews.revise(caller, review, body.comment), response)


def withdraw_review(review: ObjectId, response: Response, caller: Caller, services: Services) -> Json:
    """Give up a returned request; its job ends without a release."""
    return _tagged(services.reviews.withdraw(caller, review), response)


def package_review(review: ObjectId, caller: Caller, services: Services) -> Json:
    """Package an approved request again whose packaging failed, once the cause is gone; for the authority."""
    return {"id": review, "state": services.releases.retry(caller, review)}


def _tagged(evidence: Mapping[str, Json], response: Response) -> Json:
    response.headers["ETag"] = f'"{evidence["etag"]}"'
    return evidence

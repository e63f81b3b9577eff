"""Reviews: the queue, the evidence, blind votes bound to the exact evidence by If-Match."""

from typing import Annotated, Literal

from fastapi import Response
from pydantic import BaseModel, Field, JsonValue

from sandbox.api.auth import Caller
from sandbox.api.inputs import After, IdempotencyKey, IfMatch, Limit, ObjectId, Strict, entity_tag
from sandbox.api.services import Services
from sandbox.kernel.canonical import Json

Comment = Annotated[str, Field(max_length=4000)]


class Vote(Strict):
    """One person's decision. A return or a rejection needs a comment, which the applicant reads."""

    decision: Literal["approve", "return", "reject"]
    comment: Comment = ""


class Return(Strict):
    """What the applicant has to change."""

    comment: Comment = Field(min_length=1)


class ReviewPage(BaseModel):
    """A page of release requests that the caller may review."""

    items: list[dict[str, JsonValue]]
    next: str | None


def list_reviews(caller: Caller, services: Services, after: After = None, limit: Limit = 20) -> Json:
    """Return the release requests that the caller may review."""
    page = services.reviews.list(caller, after, limit)
    return {"items": list(page.items), "next": page.next}


def get_review(review: ObjectId, response: Response, caller: Caller, services: Services) -> Json:
    """Return the evidence; its ETag is the digest that a vote binds. Every view is an audit event."""
    evidence = services.reviews.get(caller, review)
    response.headers["ETag"] = f'"{evidence["etag"]}"'
    return evidence


def vote_review(review: ObjectId, body: Vote, match: IfMatch, key: IdempotencyKey, caller: Caller, services: Services) -> Json:
    """Vote once, on exactly the evidence that was read."""
    return services.reviews.vote(caller, review, body.decision, body.comment, entity_tag(match), key)


def return_review(
    review: ObjectId, body: Return, match: IfMatch, key: IdempotencyKey, caller: Caller, services: Services
) -> Json:
    """Vote to return the request to the applicant with a comment."""
    return services.reviews.vote(caller, review, "return", body.comment, entity_tag(match), key)

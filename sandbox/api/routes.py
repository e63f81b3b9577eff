"""Every route in one table: method, path, endpoint, the scope it requires, what it answers and how it refuses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from fastapi import Depends, FastAPI, Response, Security
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.sse import EventSourceResponse

from egress.release.model import MEDIA_TYPES
from sandbox.api import agreements, events, evidence, jobs, policies, queries, releases, reviews, service_info, system, tokens
from sandbox.api.auth import authorise
from sandbox.api.documentation import binary, header, problem_responses
from sandbox.api.inputs import refuse_body, refuse_unknown_query
from sandbox.kernel.paths import PREFIX

OPEN = "open"
"""Scope of a route that needs no token."""

ANY = "any"
"""Scope of a route that any valid token may use."""

_ADMISSION = (
    "NOT_FOUND",
    "AGREEMENT_EXPIRED",
    "AGREEMENT_SUSPENDED",
    "PURPOSE_NOT_GRANTED",
    "ENVIRONMENT_NOT_GRANTED",
    "EPSILON_INVALID",
    "EPSILON_ABOVE_POLICY",
)
_QUEUE = ("QUEUE_FULL", "BUDGET_SPENT", "JOB_COUNT_SPENT")
_KEYED = ("IDEMPOTENCY_KEY_MISSING", "IDEMPOTENCY_CLASH")
_VOTE = (
    "IF_MATCH_MISSING",
    "IF_MATCH_FAILED",
    "SEPARATION_OF_DUTIES",
    "ALREADY_VOTED",
    "COMMENT_REQUIRED",
    "ILLEGAL_TRANSITION",
)
_STORED = "STORED_BYTES_CHANGED"
_GONE = ("NOT_FOUND", "RELEASE_RECALLED", "RELEASE_EXPIRED", "AGREEMENT_SUSPENDED", "AGREEMENT_EXPIRED", _STORED)


@dataclass(frozen=True)
class Route:
    """One operation. Its id is the endpoint's name and never changes; its documentation is the endpoint's docstring."""

    method: str
    path: str
    endpoint: Callable[..., Any]
    scope: str
    answer: Any = None
    codes: tuple[str, ...] = ()
    status: int = 200
    response_class: type[Response] = JSONResponse
    responses: Mapping[int | str, dict[str, Any]] = field(default_factory=dict)
    omit_unset: bool = False

    @property
    def operation(self) -> str:
        """The stable operation id."""
        return self.endpoint.__name__


_ETAG = header(200, "ETag", "the digest that a vote binds")
_JOB_PLACE = header(202, "Location", "where the job is")
_REPLAY_PLACE = header(202, "Location", "where the replay is")
_FILE = binary(200, MEDIA_TYPES.values())
_PACKAGE = binary(200, (releases.PACKAGE_TYPE,))


def _review(method: str, suffix: str, endpoint: Callable[..., Any], scope: str, *codes: str) -> Route:
    """Write a route that answers with one review and the digest of its evidence."""
    path = f"/reviews/{{id}}{suffix}"
    return Route(method, path, endpoint, scope, reviews.ReviewResource, ("NOT_FOUND", *codes), responses=_ETAG, omit_unset=True)


def _supervision(event: str, endpoint: Callable[..., Any]) -> Route:
    """Write a route by which supervision changes the state of an agreement."""
    codes = ("NOT_FOUND", "COMMENT_REQUIRED", "ILLEGAL_TRANSITION")
    return Route("POST", f"/agreements/{{id}}/{event}", endpoint, "agreements:write", agreements.AgreementResource, codes)


ROUTES: tuple[Route, ...] = (
    Route("POST", "/sql/check", queries.check_sql, "sql:check", queries.Verdict, _ADMISSION, omit_unset=True),
    Route(
        "POST",
        "/jobs",
        jobs.submit_job,
        "jobs:write",
        jobs.JobResource,
        (*_ADMISSION, *_KEYED, "POLICY_REFUSED", "NOT_PROMOTED", "EXTRACT_STALE", *_QUEUE),
        status=202,
        responses=_JOB_PLACE,
    ),
    Route("GET", "/jobs", jobs.list_jobs, "jobs:read", jobs.JobPage, ("NOT_FOUND",)),
    Route("GET", "/jobs/{id}", jobs.get_job, "jobs:read", jobs.JobResource, ("NOT_FOUND",)),
    Route("GET", "/jobs/{id}/events", events.job_events, "jobs:read", None, ("NOT_FOUND",), response_class=EventSourceResponse),
    Route("POST", "/jobs/{id}/cancel", jobs.cancel_job, "jobs:write", jobs.JobResource, ("NOT_FOUND", "ILLEGAL_TRANSITION")),
    Route(
        "POST",
        "/jobs/{id}/promote",
        jobs.promote_job,
        "promotions:write",
        jobs.Promotion,
        (*_KEYED, "NOT_FOUND", "ILLEGAL_TRANSITION"),
    ),
    Route("GET", "/reviews", reviews.list_reviews, "reviews:read", reviews.ReviewPage, omit_unset=True),
    _review("GET", "", reviews.get_review, "reviews:read"),
    _review("POST", "/votes", reviews.vote_review, "reviews:vote", *_KEYED, *_VOTE),
    _review("POST", "/return", reviews.return_review, "reviews:vote", *_KEYED, *_VOTE),
    _review("POST", "/revise", reviews.revise_review, "reviews:answer", "ILLEGAL_TRANSITION", "COMMENT_REQUIRED"),
    _review("POST", "/withdraw", reviews.withdraw_review, "reviews:answer", "ILLEGAL_TRANSITION"),
    Route(
        "POST",
        "/reviews/{id}/package",
        reviews.package_review,
        "reviews:vote",
        reviews.Packaging,
        ("NOT_FOUND", "ILLEGAL_TRANSITION", "DISK_FULL"),
    ),
    Route("GET", "/releases", releases.list_releases, "releases:read", releases.ReleasePage),
    Route("GET", "/releases/{id}", releases.get_release, "releases:read", releases.ReleaseResource, ("NOT_FOUND", _STORED)),
    Route(
        "GET",
        "/releases/{id}/content",
        releases.get_release_content,
        "releases:read",
        None,
        _GONE,
        response_class=Response,
        responses=_FILE,
    ),
    Route(
        "GET",
        "/releases/{id}/bundle",
        releases.get_release_bundle,
        "releases:read",
        None,
        _GONE,
        response_class=Response,
        responses=_PACKAGE,
    ),
    Route(
        "POST",
        "/releases/{id}/recall",
        releases.recall_release,
        "releases:recall",
        releases.RecallStatement,
        (*_KEYED, "NOT_FOUND", "NOT_PERMITTED", "COMMENT_REQUIRED", "ILLEGAL_TRANSITION", "DISK_FULL", _STORED),
    ),
    Route(
        "POST",
        "/releases/{id}/replay",
        releases.replay_release,
        "replay:write",
        releases.ReplayResource,
        (*_KEYED, "NOT_FOUND"),
        status=202,
        responses=_REPLAY_PLACE,
    ),
    Route("GET", "/replays/{id}", releases.get_replay, "replay:write", releases.ReplayResource, ("NOT_FOUND",)),
    Route("GET", "/agreements", agreements.list_agreements, "agreements:read", agreements.AgreementPage),
    Route("GET", "/agreements/{id}", agreements.get_agreement, "agreements:read", agreements.AgreementResource, ("NOT_FOUND",)),
    _supervision("suspend", agreements.suspend_agreement),
    _supervision("resume", agreements.resume_agreement),
    _supervision("end", agreements.end_agreement),
    Route(
        "POST",
        "/policies/simulate",
        policies.simulate_policy,
        "policies:simulate",
        policies.SimulationResource,
        ("NOT_FOUND", "POLICY_REFUSED", "DOCUMENT_INVALID"),
    ),
    Route("GET", "/budgets", evidence.list_budgets, "budgets:read", evidence.Budgets),
    Route("GET", "/audit/events", evidence.list_audit_events, "audit:read", evidence.EventPage, omit_unset=True),
    Route("GET", "/audit/checkpoint", evidence.get_checkpoint, "audit:read", None, response_class=PlainTextResponse),
    Route("GET", "/audit/proof", evidence.get_audit_proof, "audit:read", None, ("NOT_FOUND",), response_class=PlainTextResponse),
    Route("GET", "/audit/consistency", evidence.get_audit_consistency, "audit:read", evidence.Consistency, ("NOT_FOUND",)),
    Route("GET", "/lineage/{id}", evidence.trace_lineage, "lineage:read", evidence.Graph, ("NOT_FOUND",)),
    Route("GET", "/system", system.get_system, "system:read", system.System),
    Route(
        "POST",
        "/tokens",
        tokens.issue_token,
        "tokens:write",
        tokens.TokenResource,
        (*_KEYED, "NOT_FOUND", "NOT_PERMITTED"),
        status=201,
    ),
    Route("DELETE", "/tokens/{id}", tokens.revoke_token, "tokens:write", tokens.Revocation, ("NOT_FOUND",)),
    Route("GET", "/keys", service_info.get_keys, OPEN, dict[str, str]),
    Route("GET", "/health", service_info.get_health, OPEN, service_info.Health),
    Route("GET", "/me", service_info.get_me, ANY, service_info.Identity),
)


def add_routes(app: FastAPI) -> None:
    """Register the table. A route without a scope of its own cannot be written: the field has no default."""
    for route in ROUTES:
        app.add_api_route(
            PREFIX + route.path,
            route.endpoint,
            methods=[route.method],
            operation_id=route.operation,
            summary=route.operation.replace("_", " "),
            tags=[route.path.split("/")[1]],
            status_code=route.status,
            response_model=route.answer,
            response_model_exclude_unset=route.omit_unset,
            response_class=route.response_class,
            responses={**problem_responses(_codes(route)), **route.responses},
            dependencies=[*_authority(route), Depends(refuse_unknown_query), *_bodiless(route)],
        )


def _authority(route: Route) -> list[Any]:
    if route.scope == OPEN:
        return []
    return [Security(authorise, scopes=[] if route.scope == ANY else [route.scope])]


def _takes_body(route: Route) -> bool:
    return "body" in signature(route.endpoint).parameters


def _bodiless(route: Route) -> list[Any]:
    return [] if _takes_body(route) or route.method == "GET" else [Depends(refuse_body)]


def _codes(route: Route) -> tuple[str, ...]:
    """Return the codes of the route and those that every such route shares, each once."""
    closed = () if route.scope == OPEN else ("UNAUTHENTICATED", "SCOPE_MISSING", "TOO_MANY")
    sent = ("UNSUPPORTED_MEDIA",) if _takes_body(route) else ()
    common = ("MALFORMED", "TOO_LARGE", "DEFECT", "UNAVAILABLE")
    return tuple(dict.fromkeys((*closed, *route.codes, *sent, *common)))

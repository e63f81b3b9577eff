"""Jobs: submit, look, cancel, promote."""

from typing import Annotated

from fastapi import Body, Response
from pydantic import BaseModel, Field

from sandbox.api.auth import Caller
from sandbox.api.inputs import After, IdempotencyKey, Limit, ObjectId
from sandbox.api.problems import FindingView
from sandbox.api.queries import EXAMPLE, Submission
from sandbox.api.services import Services
from sandbox.jobs.model import Priority, Wish
from sandbox.kernel.canonical import Json
from sandbox.kernel.paths import PREFIX


class QueueView(BaseModel):
    """Where a waiting job stands; from the operator's own jobs and public facts alone."""

    ahead: int = Field(description="own jobs that are to start before")
    estimated_start: str = Field(description="when it would start if no other operator had jobs; theirs make it later")


class JobResource(BaseModel):
    """A job as its operator sees it; every time lies on a public tick."""

    id: str
    agreement: str
    environment: str
    purpose: str
    state: str
    sql: str
    canonical_digest: str | None
    findings: list[FindingView] | None
    code: str | None
    review: str | None
    release: str | None
    synthetic: bool
    priority: str
    start_by: str | None = Field(description="a job that has not begun by then fails")
    queue: QueueView | None = Field(description="only while it waits")
    created_at: str
    updated_at: str


class JobPage(BaseModel):
    """A page of jobs, newest first."""

    items: list[JobResource]
    next: str | None


class Promotion(BaseModel):
    """SQL that may now run in prod."""

    agreement: str
    canonical_digest: str
    job: str


class JobSubmission(Submission):
    """A query to be run, and what is asked of the queue."""

    priority: Priority = Field("normal", description="the place among the operator's own jobs; nobody else's move")
    deadline_s: int | None = Field(
        None,
        ge=1,
        le=2_592_000,
        description="the job fails where its run has not begun after so many seconds; never longer than the service's own",
    )


NewJob = Annotated[JobSubmission, Body(examples=[{**EXAMPLE, "priority": "normal", "deadline_s": 3600}])]


def submit_job(body: NewJob, key: IdempotencyKey, response: Response, caller: Caller, services: Services) -> Json:
    """Take a job durably, with its budget reserved, or refuse it with the findings of the dry run."""
    view: dict[str, Json] = services.jobs.submit(caller, body.query(), key, Wish(body.priority, body.deadline_s)).as_json()
    response.headers["Location"] = f"{PREFIX}/jobs/{view['id']}"
    return view


def list_jobs(caller: Caller, services: Services, after: After = None, limit: Limit = 20) -> Json:
    """Return the caller's own jobs, newest first."""
    page = services.jobs.list(caller, after, limit)
    return {"items": [view.as_json() for view in page.items], "next": page.next}


def get_job(job: ObjectId, caller: Caller, services: Services) -> Json:
    """Return one of the caller's own jobs."""
    return services.jobs.get(caller, job).as_json()


def cancel_job(job: ObjectId, caller: Caller, services: Services) -> Json:
    """Cancel a queued or running job; what was charged stays charged."""
    return services.jobs.cancel(caller, job).as_json()


def promote_job(job: ObjectId, key: IdempotencyKey, caller: Caller, services: Services) -> Json:
    """Let the SQL of a released dev job run in prod."""
    return services.jobs.promote(caller, job, key)

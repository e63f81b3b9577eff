"""A job: its life cycle as a table, and what tenants see of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from policies.query import GovernedQuery, SubmittedQuery, Tuning
from policies.tuning import CAPS
from sandbox.kernel.canonical import Json
from sandbox.kernel.clock import stamp
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.roles import Role
from sandbox.kernel.run import Parameter
from sandbox.kernel.states import Lifecycle, row

JOB = Lifecycle(
    "job",
    "submitted",
    (
        row("submitted", "admit", "queued", Role.OPERATOR, "job.submitted"),
        row("submitted", "refuse", "refused", Role.OPERATOR, "job.refused"),
        row("queued", "answer", "released", Role.SYSTEM, "job.answered_from_memory"),
        row("queued", "lease", "leased", Role.SYSTEM, "job.leased"),
        row("queued", "cancel", "cancelled", Role.OPERATOR, "job.cancelled"),
        row("queued", "fail", "failed", Role.SYSTEM, "job.failed"),
        row("leased", "start", "running", Role.SYSTEM, "job.started"),
        row("leased", "lose", "queued", Role.SYSTEM, "job.lease_lost"),
        row("leased", "cancel", "cancelled", Role.OPERATOR, "job.cancelled"),
        row("leased", "fail", "failed", Role.SYSTEM, "job.failed"),
        row("running", "protect", "protected", Role.SYSTEM, "job.protected"),
        row("running", "fail", "failed", Role.SYSTEM, "job.failed"),
        row("running", "cancel", "cancelled", Role.OPERATOR, "job.cancelled"),
        row("protected", "open", "in_egress", Role.SYSTEM, "job.in_egress"),
        row("in_egress", "release", "released", Role.SYSTEM, "job.released"),
        row("in_egress", "block", "blocked", Role.SYSTEM, "job.blocked"),
    ),
)
"""The charge is committed by `start`; before it a lost lease returns the job to the queue, after it the job fails and
keeps its charge (`privacy` rule 10). `protected` and `in_egress` cannot be cancelled."""

HELD = ("leased", "running")
"""States in which a worker holds the job."""

UNCHARGED = ("queued", "leased")
"""States in which what is reserved for a job has not been spent."""

Priority = Literal["high", "normal", "low"]
"""Which of its own jobs an operator wants first; it moves nothing of anybody else."""


@dataclass(frozen=True)
class Wish:
    """What a submitter asks of the queue.

    Args:
        priority: the place among the operator's own jobs.
        deadline_s: seconds within which the run must have begun; the service's longest wait where absent.

    """

    priority: Priority = "normal"
    deadline_s: int | None = None

    def as_json(self) -> dict[str, Json]:
        """Return what differs from the default, so that a wish left out and one spelt out are the same request."""
        asked: dict[str, Json] = {"priority": self.priority, "deadline_s": self.deadline_s}
        return {name: value for name, value in asked.items() if value != getattr(ANY_TIME, name)}


ANY_TIME = Wish()
"""What a submission that asks nothing of the queue gets."""


@dataclass(frozen=True)
class Line:
    """One operator's queue: how many of its jobs are held now, when it was last served, and the head of its line."""

    operator: str
    active: int
    turn: int
    place: str
    job: str


@dataclass(frozen=True)
class OwnJob:
    """One of an operator's own jobs that waits (`started_at` is None) or runs."""

    job: str
    duration_class_s: int
    started_at: datetime | None


@dataclass(frozen=True)
class QueuePlace:
    """Where a job stands among its operator's own, and when it would start if no other operator had any."""

    ahead: int
    estimated_start: datetime

    def as_json(self) -> dict[str, Json]:
        """Return it in the shape of the HTTP contract."""
        return {"ahead": self.ahead, "estimated_start": stamp(self.estimated_start)}


@dataclass(frozen=True)
class Job:
    """One stored job.

    `place` orders the operator's queue, `start_by` is when waiting ends. `fence` rises with every lease, so it counts
    attempts too; a step of an older fence changes nothing. `origin` tells which tables and columns the answer comes from,
    `workspace` which extracts the run read.
    """

    seq: int
    id: str
    agreement: str
    operator: str
    application: str
    person: str
    environment: Literal["dev", "prod"]
    state: str
    fence: int
    query: SubmittedQuery
    canonical_digest: str | None
    prepared_digest: str | None
    memory_key: str | None
    findings: Json
    origin: Json
    workspace: str | None
    code: str | None
    request: str | None
    release: str | None
    created_at: datetime
    updated_at: datetime
    lease_owner: str | None
    lease_until: datetime | None
    started_at: datetime | None
    priority: Priority
    place: str
    start_by: datetime | None
    duration_class_s: int


@dataclass(frozen=True)
class JobView:
    """What the submitting side sees of a job; every time in it lies on a tick."""

    job: Job
    synthetic: bool
    queue: QueuePlace | None = None

    def as_json(self) -> dict[str, Json]:
        """Return the job in the shape of the HTTP contract."""
        job = self.job
        return {
            "id": job.id,
            "agreement": job.agreement,
            "environment": job.environment,
            "purpose": job.query.purpose,
            "state": "running" if job.state == "leased" else job.state,
            "sql": job.query.sql,
            "canonical_digest": job.canonical_digest,
            "findings": job.findings,
            "code": job.code,
            "review": job.request,
            "release": job.release,
            "synthetic": self.synthetic,
            "priority": job.priority,
            "start_by": None if job.start_by is None else stamp(job.start_by),
            "queue": None if self.queue is None else self.queue.as_json(),
            "created_at": stamp(job.created_at),
            "updated_at": stamp(job.updated_at),
        }


@dataclass(frozen=True)
class JobEvent:
    """One step that a tenant may see; `at` lies on a tick."""

    seq: int
    type: str
    at: str
    state: str

    def as_json(self) -> dict[str, Json]:
        """Return the event for SSE."""
        return {"seq": self.seq, "type": self.type, "at": self.at, "state": self.state}


def origin_json(governed: GovernedQuery) -> Json:
    """Return where each output column comes from, and whose tables are read."""
    columns: list[Json] = [{"column": out.name, "from": list(out.lineage)} for out in governed.outputs]
    tables: list[Json] = [{"table": use.table, "institution": use.institution, "public": use.public} for use in governed.tables]
    return {"columns": columns, "tables": tables}


def query_json(query: SubmittedQuery) -> dict[str, Json]:
    """Write a submitted query so that `query_of` reads it back exactly.

    A text that is no Unicode is refused, but kept like every refused one: with a mark where half a character stood.
    """
    return {
        "agreement": query.agreement,
        "purpose": query.purpose,
        "environment": query.environment,
        "sql": query.sql.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"),
        "parameters": parameters_json(query.parameters),
        "epsilon": query.epsilon,
        "tuning": tuning_json(query.tuning),
    }


def query_of(stored: Mapping[str, Json]) -> SubmittedQuery:
    """Read what `query_json` wrote."""
    parameters = stored["parameters"]
    if not isinstance(parameters, Mapping):
        raise YuneiError("MALFORMED", object="parameters")
    epsilon = stored["epsilon"]
    return SubmittedQuery(
        agreement=str(stored["agreement"]),
        purpose=str(stored["purpose"]),
        environment="prod" if stored["environment"] == "prod" else "dev",
        sql=str(stored["sql"]),
        parameters={name: _parameter_of(value) for name, value in parameters.items()},
        epsilon=None if epsilon is None else str(epsilon),
        tuning=_tuning_of(stored["tuning"]) if "tuning" in stored else Tuning(),
    )


def tuning_json(tuning: Tuning) -> dict[str, Json]:
    """Write asked caps and weights."""
    return {"caps": {name: getattr(tuning, name) for name in CAPS}, "weights": dict(tuning.weights)}


def _tuning_of(stored: Json) -> Tuning:
    match stored:
        case {"caps": Mapping() as caps, "weights": Mapping() as weights}:
            numbers = {name: int(str(value)) for name, value in caps.items() if value is not None}
            return Tuning(**numbers, weights={name: int(str(value)) for name, value in weights.items()})
        case _:
            raise YuneiError("MALFORMED", object="tuning")


def parameters_json(parameters: Mapping[str, Parameter]) -> dict[str, Json]:
    """Tag all parameters of a query, by name."""
    return {name: parameter_json(value) for name, value in sorted(parameters.items())}


def parameter_json(value: Parameter) -> Json:
    """Tag a typed parameter: booleans and text as they are, the rest as {type: text}."""
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    kinds: tuple[tuple[type, str], ...] = ((int, "integer"), (Decimal, "decimal"), (date, "date"))
    name = next(name for kind, name in kinds if isinstance(value, kind))
    return {name: str(value)}


def _parameter_of(stored: Json) -> Parameter:
    match stored:
        case bool() | str():
            return stored
        case {"integer": str(text)}:
            return int(text)
        case {"decimal": str(text)}:
            return Decimal(text)
        case {"date": str(text)}:
            return date.fromisoformat(text)
        case _:
            raise YuneiError("MALFORMED", object="parameters")

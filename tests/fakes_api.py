"""A container whose services keep everything in memory, for the unit tests of the HTTP shell alone."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from policies.policy import Policy
from policies.query import SubmittedQuery
from sandbox.jobs.model import ANY_TIME, JobEvent, Wish, query_json
from sandbox.jobs.simulate import Outlook, Simulation
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import digest
from sandbox.kernel.clock import ManualClock
from sandbox.kernel.db import Database, metadata
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.page import Page
from sandbox.kernel.roles import Role
from sandbox.kernel.settings import Settings
from tenants.decide import ROLES, SCOPES
from tenants.model import IssuedToken, Principal, ServiceAgreement

FINDING = {
    "code": "COLUMN_NOT_GRANTED",
    "rule": "names",
    "severity": "error",
    "span": {"start": 7, "end": 11, "line": 1, "column": 8},
    "object": "name",
    "article": "第二十二条",
    "message": {"zh": "未授权", "en": "Not granted"},
    "fix": None,
}
JOB = "job-" + "a" * 26
REVIEW = "req-" + "b" * 26
RELEASE = "rel-" + "c" * 26
REPLAY = "rpl-" + "d" * 26
TOKEN = "tok-" + "e" * 26
UNKNOWN = "job-" + "z" * 26
ETAG = "sha256:" + "0" * 64
AGREEMENT = ServiceAgreement("agr-1", "opa-1", "org-o", "org-a", date(2026, 1, 1), date(2026, 12, 31), "active")
CANARY = "张三丰130102199001011234"
"""Stands in the message of every planted exception; must be found nowhere else."""


def token(role: Role) -> str:
    return f"yn_{role}"


def bearer(role: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(role)}"}


def principal(role: Role) -> Principal:
    kind = next(kind for kind, roles in ROLES.items() if role in roles)
    return Principal(f"per-{role}", f"org-{kind}", kind, frozenset({role}), SCOPES[role], f"tok-{role}")


class FakeTenants:
    def authenticate(self, text: str) -> Principal:
        for role in Role:
            if role is not Role.SYSTEM and text == token(role):
                return principal(role)
        raise YuneiError("UNAUTHENTICATED")

    def issue_once(self, caller: Principal, person: str, scopes: frozenset[str] | None, days: int, key: str) -> IssuedToken:
        return IssuedToken(TOKEN, "yn_new", person, scopes or frozenset(), "2026-11-24T08:00:00.000000Z")

    def revoke(self, name: str, actor: str) -> bool:
        if name != TOKEN:
            raise YuneiError("NOT_FOUND")
        return True

    def agreements(self, tx: object, caller: Principal) -> tuple[ServiceAgreement, ...]:
        return (AGREEMENT,)

    def visible(self, tx: object, caller: Principal, name: str) -> ServiceAgreement:
        if name != AGREEMENT.id:
            raise YuneiError("NOT_FOUND")
        return AGREEMENT

    def change_state(self, caller: Principal, name: str, event: str, reason: str) -> ServiceAgreement:
        return replace(self.visible(None, caller, name), state=f"{event}ed")


@dataclass
class FakeJob:
    id: str
    query: SubmittedQuery
    state: str = "queued"
    wish: Wish = ANY_TIME

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "agreement": self.query.agreement,
            "environment": self.query.environment,
            "purpose": self.query.purpose,
            "state": self.state,
            "sql": self.query.sql,
            "canonical_digest": None,
            "findings": [],
            "code": None,
            "review": None,
            "release": None,
            "synthetic": self.query.environment == "dev",
            "priority": self.wish.priority,
            "start_by": None,
            "queue": {"ahead": 0, "estimated_start": "2026-11-23T08:00:00.000000Z"} if self.state == "queued" else None,
            "created_at": "2026-11-23T08:00:00.000000Z",
            "updated_at": "2026-11-23T08:00:00.000000Z",
            "lease_owner": CANARY,
        }


@dataclass
class FakeJobs:
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    seen: list[SubmittedQuery] = field(default_factory=list)
    progress: tuple[JobEvent, ...] = ()
    polls: int = 0
    fault: Exception | None = None
    stream_fault: Exception | None = None

    def check(self, caller: Principal, query: SubmittedQuery) -> Any:
        self._stand(query)
        if "name" in query.sql:
            return {"allowed": False, "findings": [FINDING]}
        return {"allowed": True, "findings": [], "rewritten_sql": "SELECT 1", "policy": {"id": "p", "version": 1}}

    def submit(self, caller: Principal, query: SubmittedQuery, key: str, wish: Wish) -> FakeJob:
        self._stand(query)
        request = digest({**query_json(query), **wish.as_json()})
        made, earlier = self.keys.setdefault(key, (JOB if not self.jobs else f"job-{len(self.jobs):a>26}", request))
        if earlier != request:
            raise YuneiError("IDEMPOTENCY_CLASH")
        if "name" in query.sql:
            raise YuneiError("POLICY_REFUSED", findings=[FINDING], job=made)
        return self.jobs.setdefault(made, FakeJob(made, query, wish=wish))

    def get(self, caller: Principal, job: str) -> FakeJob:
        if self.fault is not None:
            raise self.fault
        if job not in self.jobs:
            raise YuneiError("NOT_FOUND")
        return self.jobs[job]

    def list(self, caller: Principal, after: str | None, limit: int) -> Page[FakeJob]:
        names = sorted(self.jobs)
        rest = [name for name in names if after is None or name > after]
        items = tuple(self.jobs[name] for name in rest[:limit])
        return Page(items, items[-1].id if len(rest) > limit else None)

    def events(self, caller: Principal, job: str, after: int) -> tuple[JobEvent, ...]:
        self.polls += 1
        if self.stream_fault is not None and self.polls > 1:
            raise self.stream_fault
        visible = self.progress[: 2 * self.polls]
        return tuple(event for event in visible if event.seq > after)

    def cancel(self, caller: Principal, job: str) -> FakeJob:
        found = self.get(caller, job)
        if found.state != "queued":
            raise YuneiError("ILLEGAL_TRANSITION", object="job")
        found.state = "cancelled"
        return found

    def promote(self, caller: Principal, job: str, key: str) -> Any:
        self.get(caller, job)
        return {"agreement": "agr-1", "canonical_digest": ETAG, "job": job}

    def _stand(self, query: SubmittedQuery) -> None:
        self.seen.append(query)
        if self.fault is not None:
            raise self.fault
        if query.agreement == "agr-unknown":
            raise YuneiError("NOT_FOUND")


class FakeReviews:
    def __init__(self) -> None:
        self.votes: dict[str, Any] = {}

    def list(self, caller: Principal, after: str | None, limit: int) -> Page[Any]:
        return Page((self._line(),), None)

    def get(self, caller: Principal, review: str) -> Any:
        if review != REVIEW:
            raise YuneiError("NOT_FOUND")
        return self._line() | {"etag": ETAG, "votes": [], "result": {"media_type": "text/csv", "digest": ETAG, "text": ""}}

    def vote(self, caller: Principal, review: str, decision: str, comment: str, etag: str, key: str) -> Any:
        self.get(caller, review)
        if etag != ETAG:
            raise YuneiError("IF_MATCH_FAILED")
        if decision != "approve" and not comment:
            raise YuneiError("COMMENT_REQUIRED")
        request = (decision, comment)
        if self.votes.setdefault(key, request) != request:
            raise YuneiError("IDEMPOTENCY_CLASH")
        return self._line() | {"etag": ETAG, "state": "partially_reviewed"}

    def revise(self, caller: Principal, review: str, note: str) -> Any:
        return self.get(caller, review) | {"state": "in_review"}

    def withdraw(self, caller: Principal, review: str) -> Any:
        return self.get(caller, review) | {"state": "withdrawn"}

    def _line(self) -> dict[str, Any]:
        return {"id": REVIEW, "job": JOB, "agreement": "agr-1", "state": "in_review", "result_key": CANARY}


class FakeReleases:
    def __init__(self) -> None:
        self.state = "released"

    def list(self, caller: Principal, after: str | None, limit: int) -> Page[Any]:
        return Page((self._line(),), None)

    def manifest(self, caller: Principal, release: str) -> Any:
        self._own(release)
        return self._line() | {"envelope": {"payload": "e30="}, "statement": {}, "recall": None}

    def content(self, caller: Principal, release: str, form: str) -> bytes:
        self._own(release)
        if self.state == "recalled":
            raise YuneiError("RELEASE_RECALLED")
        return b"gender,visits\r\n" if form == "csv" else form.encode()

    def retry(self, caller: Principal, review: str) -> str:
        if review != REVIEW:
            raise YuneiError("NOT_FOUND")
        return "released"

    def bundle(self, caller: Principal, release: str) -> bytes:
        self._own(release)
        return b"PK"

    def recall(self, caller: Principal, release: str, reason: str, key: str) -> Any:
        self._own(release)
        self.state = "recalled"
        at = "2026-11-23T08:00:00.000000Z"
        fetched = [{"organisation": "org-application", "person": "per-1", "format": "csv", "at": at, "digest": CANARY}]
        return {"release": release, "reason": reason, "recalled_at": at, "fetched": fetched, "envelope": {}}

    def _own(self, release: str) -> None:
        if release != RELEASE:
            raise YuneiError("NOT_FOUND")

    def _line(self) -> dict[str, Any]:
        return {
            "id": RELEASE,
            "state": self.state,
            "job": JOB,
            "request": REVIEW,
            "recipient": "org-application",
            "operator": "org-operator",
            "institutions": ["org-institution"],
            "environment": "prod",
            "synthetic": False,
            "expires": "2026-12-31",
            "released_at": "2026-11-23T08:00:00.000000Z",
            "envelope_digest": ETAG,
            "audit_index": 1,
            "formats": ["csv"],
            "deliveries": 0,
            "bundle": CANARY,
        }


class FakeReplay:
    def replay(self, caller: Principal, release: str, key: str) -> Any:
        if release != RELEASE:
            raise YuneiError("NOT_FOUND")
        return self.get(caller, REPLAY)

    def get(self, caller: Principal, replay: str) -> Any:
        if replay != REPLAY:
            raise YuneiError("NOT_FOUND")
        at = "2026-11-23T08:00:00.000000Z"
        return {"id": REPLAY, "release": RELEASE, "state": "requested", "requested_at": at, "report": None}


class FakeLineage:
    def trace(self, caller: Principal, node: str, direction: str) -> Any:
        if node != RELEASE:
            raise YuneiError("NOT_FOUND")
        edge = (JOB, RELEASE) if direction == "up" else (RELEASE, "org-application")
        return {"nodes": [{"id": name, "kind": "node"} for name in edge], "edges": [{"from": edge[0], "to": edge[1]}]}


class FakeBudgets:
    def view(self, caller: Principal) -> Any:
        return {"agreements": [], "datasets": []}


class FakeHistory:
    def simulate(self, policy: Policy, newest: int) -> Simulation:
        if policy.agreement != AGREEMENT.id:
            raise YuneiError("NOT_FOUND")
        return Simulation((Outlook(JOB, (), ("COLUMN_NOT_GRANTED",)),), newest)


@dataclass(frozen=True)
class FakeContainer:
    db: Database
    keys: KeyRing
    audit: AuditLog
    clock: ManualClock
    settings: Settings = field(default_factory=lambda: Settings(max_body_bytes=65_536))
    tenants: FakeTenants = field(default_factory=FakeTenants)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    reviews: FakeReviews = field(default_factory=FakeReviews)
    releases: FakeReleases = field(default_factory=FakeReleases)
    replay: FakeReplay = field(default_factory=FakeReplay)
    lineage: FakeLineage = field(default_factory=FakeLineage)
    budgets: FakeBudgets = field(default_factory=FakeBudgets)
    history: FakeHistory = field(default_factory=FakeHistory)


def fake_container(directory: Path) -> FakeContainer:
    """Make one with a real, small audit log in `directory`."""
    keys = KeyRing(directory / "keys")
    keys.create("log", "service", "owner-org-institution", "internal")
    db = Database(f"sqlite:///{directory / 'yunei.db'}")
    metadata.create_all(db.engine)
    clock = ManualClock(datetime(2026, 11, 23, tzinfo=UTC))
    audit = AuditLog(keys, clock, 1, "yunei/test")
    with db.write() as tx:
        audit.append(tx, AuditEvent("job.submitted", JOB, "per-operator", ("org-operator",), {}))
        audit.append(tx, AuditEvent("release.packaged", RELEASE, "system", ("org-application",), {}))
    return FakeContainer(db, keys, audit, clock)

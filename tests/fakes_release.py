"""A small city hall for the tests of review and release: two sides, owners, an authority, and results to release."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from egress.model import NotPlanned, ProtectedColumn, ProtectedResult, ProtectionPlan
from egress.plan import plan
from egress.release.service import ReleaseService
from egress.review.model import ReleaseOpening
from egress.review.service import ReviewService
from policies.policy import Output
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import Json
from sandbox.kernel.clock import ManualClock
from sandbox.kernel.db import Database, Transaction, metadata
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.objects import ObjectStore
from sandbox.kernel.outbox.service import drain
from sandbox.kernel.roles import Role
from tenants import store as tenant_store
from tenants.decide import scopes_of
from tenants.model import Organisation, OrganisationKind, Person, Principal, ServiceAgreement
from tenants.service import TenantService
from tests.fakes_egress import COUNT, GENDER, TOWN, governed

START = datetime(2026, 11, 23, 1, tzinfo=UTC)
ORIGIN = "yunei.example/log"
OUTPUT = Output(max_rows=100, max_cells=1_000)

ORGANISATIONS: Mapping[str, OrganisationKind] = {
    "org-operator": "operator", "org-insurer": "application", "org-health": "institution", "org-other": "institution",
    "org-bureau": "authority", "org-audit": "auditor", "org-stranger": "application", "org-platform": "platform",
}  # fmt: skip
PEOPLE: Mapping[str, tuple[str, Role]] = {
    "per-an": ("org-operator", Role.OPERATOR),
    "per-zhao": ("org-insurer", Role.APPLICATION),
    "per-sun": ("org-stranger", Role.APPLICATION),
    "per-wang": ("org-health", Role.REVIEWER_OWNER),
    "per-ning": ("org-health", Role.REVIEWER_OWNER),
    "per-bai": ("org-other", Role.REVIEWER_OWNER),
    "per-li": ("org-bureau", Role.REVIEWER_AUTHORITY),
    "per-qian": ("org-bureau", Role.REVIEWER_AUTHORITY),
    "per-zhou": ("org-audit", Role.AUDITOR),
    "per-root": ("org-platform", Role.ADMIN_SYSTEM),
}


def plan_of(*, private: bool = False) -> ProtectionPlan:
    """Plan a count over public or private keys."""
    made = plan(governed(COUNT, keys=(TOWN if private else GENDER,)), Decimal(1))
    assert not isinstance(made, NotPlanned)
    return made


PUBLIC_PLAN, PRIVATE_PLAN = plan_of(), plan_of(private=True)

COLUMNS = (
    ProtectedColumn("性别", "key", "text"),
    ProtectedColumn("n", "count", "integer"),
    ProtectedColumn("n_low", "low", "integer"),
    ProtectedColumn("n_high", "high", "integer"),
)
ROWS: tuple[tuple[Any, ...], ...] = (("F", 120, 110, 130), ("M", 98, 88, 108))


def result(columns: tuple[ProtectedColumn, ...] = COLUMNS, rows: tuple[tuple[Any, ...], ...] = ROWS) -> ProtectedResult:
    """Return a protected result; its primitives stand for the sealed noisy integers and must never leave."""
    return ProtectedResult(columns, rows, (((("F",), (987_654_321,)),),))


def keyed(*texts: Any, kind: str = "text") -> ProtectedResult:
    """Return a result with one private key column."""
    columns = (ProtectedColumn("k", "key", kind), ProtectedColumn("n", "count", "integer"))
    return result(columns, tuple((text, 100 + place) for place, text in enumerate(texts)))


DOSSIER: Mapping[str, Json] = {
    "submitted": {"sql": "SELECT gender, count(*) FROM people GROUP BY gender", "parameters": {}},
    "canonical_sql": "SELECT gender AS 性别, COUNT(*) AS n FROM people GROUP BY gender",
    "canonical_digest": "sha256:" + "1" * 64,
    "rewritten_sql": "SELECT k0, count(*) FROM bounded GROUP BY k0",
    "rewritten_digest": "sha256:" + "2" * 64,
    "catalog_digest": "sha256:" + "3" * 64,
    "extracts": [{"table": "people", "extract": "ext-1", "commitment": "hmac-sha256:" + "4" * 64}],
    "software": "0.1.0",
}


def opening(**changes: Any) -> ReleaseOpening:
    """Return what a request is opened with."""
    base = ReleaseOpening(
        job="job-1",
        agreement="agr-1",
        operator="org-operator",
        application="org-insurer",
        institutions=("org-health",),
        purpose="planning",
        environment="prod",
        submitter="per-an",
        dossier=DOSSIER,
        result=result(),
        plan=PUBLIC_PLAN,
        output=OUTPUT,
        route="two_person",
        policy_digest="sha256:" + "5" * 64,
        expires="2026-12-31",
    )
    return replace(base, **changes)


@dataclass
class Stage:
    """Everything wired together over one SQLite file."""

    db: Database
    clock: ManualClock
    audit: AuditLog
    keys: KeyRing
    objects: ObjectStore
    tenants: TenantService
    reviews: ReviewService
    releases: ReleaseService
    ended: list[Mapping[str, Json]]

    def who(self, person: str) -> Principal:
        """Return the principal of a registered person."""
        with self.db.read() as tx:
            found = self.tenants.person(tx, person)
            home = self.tenants.organisation(tx, found.organisation)
        return Principal(found.id, home.id, home.kind, found.roles, scopes_of(found.roles), "tok-1")

    def open(self, canaries: tuple[str, ...] = (), **changes: Any) -> str:
        """Open a request."""
        with self.db.write() as tx:
            return self.reviews.open(tx, opening(**changes), canaries)

    def state(self, request: str) -> str:
        """Return the exact state of a request."""
        from egress.review import store

        with self.db.read() as tx:
            found = store.by_id(tx, request)
        assert found is not None
        return found.state

    def etag(self, request: str) -> str:
        """Return the digest that votes bind."""
        from egress.review import store

        with self.db.read() as tx:
            found = store.by_id(tx, request)
        assert found is not None
        return found.etag

    def vote(self, person: str, request: str, decision: str = "approve", comment: str = "", **changes: Any) -> Mapping[str, Json]:
        """Vote with a fresh idempotency key on the present evidence."""
        etag = changes.get("etag") or self.etag(request)
        key = changes.get("key") or f"{person}-{request}-{self.clock.now()}-{decision}"
        return self.reviews.vote(self.who(person), request, decision, comment, etag, key)

    def work(self) -> int:
        """Hand on messages as the worker does."""
        return drain(self.db, {"release.approved": self.releases.package, "release.ended": self._end}, self.clock)

    def released(self, **changes: Any) -> str:
        """Bring a result all the way and return the release."""
        request = self.open(**changes)
        if self.state(request) == "in_review":
            self.vote("per-wang", request)
            self.vote("per-li", request)
        self.work()
        assert self.state(request) == "released"
        return str(self.ended[-1]["release"])

    def types(self, subject: str) -> list[str]:
        """Return the types of all events about an object."""
        with self.db.read() as tx:
            return [one.event.type for one in self.audit.events(tx, None, -1, 1_000, subject)]

    def _end(self, _: Transaction, body: Mapping[str, Json]) -> None:
        self.ended.append(body)


def stage(folder: Path) -> Stage:
    """Build the stage and register everybody."""
    keys = KeyRing(folder / "keys")
    keys.create("log", "service", "owner-org-health", "owner-org-other")
    clock = ManualClock(START)
    db = Database(f"sqlite:///{folder / 'stage.db'}")
    metadata.create_all(db.engine)
    audit, objects = AuditLog(keys, clock, 1, ORIGIN), ObjectStore(folder / "objects")
    tenants = TenantService(db, clock, audit)
    reviews, releases = ReviewService(db, clock, audit, keys), ReleaseService(db, clock, audit, keys, objects)
    with db.write() as tx:
        for name, kind in ORGANISATIONS.items():
            tenants.put_organisation(tx, Organisation(name, kind, name), "system")
        for name, (home, role) in PEOPLE.items():
            tenants.put_person(tx, Person(name, home, name, frozenset({role})), "system")
        term = (date(2026, 1, 1), date(2026, 12, 31))
        agreement = ServiceAgreement("agr-1", "opa-1", "org-operator", "org-insurer", *term, "active")
        tenant_store.save_agreement(tx, agreement, new=True)
    clock.advance(1)
    return Stage(db, clock, audit, keys, objects, tenants, reviews, releases, [])

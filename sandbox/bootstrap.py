"""Wiring: one place where every service is made and given what it needs."""

from dataclasses import dataclass
from typing import Self

import connectors
import egress
import policies
import sandbox
import tenants
from connectors.intake import Intake
from connectors.service import CatalogService, SupplyService
from egress.ledger.service import Ledger
from egress.release.service import ReleaseService
from egress.review.service import ReviewService
from policies.engine.second_opinion import EngineOpinion
from policies.reading.parse_trial import ProcessTrial
from policies.service import PolicyService
from sandbox.jobs.budgets import BudgetService
from sandbox.jobs.history import HistoryService
from sandbox.jobs.lineage import LineageService
from sandbox.jobs.parts import Parts
from sandbox.jobs.prepare import Parsers
from sandbox.jobs.replay.service import ReplayService
from sandbox.jobs.service import JobService
from sandbox.jobs.steps import Steps
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.clock import Clock, SystemClock
from sandbox.kernel.db import Database
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.objects import ObjectStore
from sandbox.kernel.settings import Settings
from tenants.service import TenantService

ORIGIN = "yunei/audit"
"""Name of the log in its checkpoints."""


@dataclass(frozen=True)
class Container:
    """Every service of one process."""

    parts: Parts
    steps: Steps
    objects: ObjectStore
    jobs: JobService
    replay: ReplayService
    lineage: LineageService
    budgets: BudgetService
    history: HistoryService

    @property
    def settings(self) -> Settings:
        """Settings in force."""
        return self.parts.settings

    @property
    def db(self) -> Database:
        """The database."""
        return self.parts.db

    @property
    def clock(self) -> Clock:
        """The clock."""
        return self.parts.clock

    @property
    def keys(self) -> KeyRing:
        """The keys."""
        return self.parts.keys

    @property
    def audit(self) -> AuditLog:
        """The audit log."""
        return self.parts.audit

    @property
    def tenants(self) -> TenantService:
        """People, tokens and agreements."""
        return self.parts.tenants

    @property
    def policies(self) -> PolicyService:
        """Published policies."""
        return self.parts.policies

    @property
    def catalog(self) -> CatalogService:
        """What institutions declare."""
        return self.parts.catalog

    @property
    def intake(self) -> Intake:
        """Takes deliveries of data in."""
        return self.parts.intake

    @property
    def supply(self) -> SupplyService:
        """Snapshots and extracts."""
        return self.parts.supply

    @property
    def ledger(self) -> Ledger:
        """The budget ledger."""
        return self.parts.ledger

    @property
    def reviews(self) -> ReviewService:
        """The egress review queue."""
        return self.parts.reviews

    @property
    def releases(self) -> ReleaseService:
        """Releases and their delivery."""
        return self.parts.releases

    def close(self) -> None:
        """Stop the parsers' processes, remove opened extracts and give back connections."""
        self.parts.parsers.close()
        self.parts.supply.vault.opening.close()
        self.parts.db.close()

    def __enter__(self) -> Self:
        """Use the container as a context that closes itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it."""
        self.close()


def build(settings: Settings, clock: Clock | None = None) -> Container:
    """Make every service from the settings.

    Raises:
        RuntimeError: a package of ours is shadowed by another distribution.

    """
    _assert_own_packages()
    clock = clock or SystemClock()
    db, keys = Database(settings.database), KeyRing(settings.keys)
    objects = ObjectStore(settings.data_dir / "objects")
    audit = AuditLog(keys, clock, settings.tick_s, ORIGIN)
    parts = Parts(
        settings=settings,
        db=db,
        clock=clock,
        audit=audit,
        keys=keys,
        tenants=TenantService(db, clock, audit),
        policies=PolicyService(clock, audit),
        catalog=CatalogService(clock, audit),
        intake=Intake(db, clock, audit, settings.data_dir),
        supply=SupplyService(db, clock, audit, keys, settings.data_dir, settings.open_dir),
        ledger=Ledger(clock, audit),
        parsers=Parsers(ProcessTrial(), EngineOpinion()),
        reviews=ReviewService(db, clock, audit, keys),
        releases=ReleaseService(db, clock, audit, keys, objects),
    )
    steps = Steps(audit, parts.ledger, clock, settings.tick_s)
    return Container(
        parts=parts,
        steps=steps,
        objects=objects,
        jobs=JobService(parts, steps),
        replay=ReplayService(parts),
        lineage=LineageService(parts),
        budgets=BudgetService(parts),
        history=HistoryService(parts),
    )


def _assert_own_packages() -> None:
    """Refuse to start when another distribution ships a package of the same generic name (it would shadow ours silently)."""
    parents = {str(path) for module in (connectors, egress, policies, sandbox, tenants) for path in map(_parent, module.__path__)}
    if len(parents) != 1:
        raise RuntimeError("the five packages do not come from one distribution")


def _parent(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[0]

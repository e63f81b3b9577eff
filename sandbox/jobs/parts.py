"""What the use cases of jobs are made of; filled by `sandbox.bootstrap`."""

from dataclasses import dataclass

from connectors.intake import Intake
from connectors.service import CatalogService, SupplyService
from egress.ledger.service import Ledger
from egress.release.service import ReleaseService
from egress.review.service import ReviewService
from policies.service import PolicyService
from sandbox.jobs.prepare import Parsers
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.clock import Clock
from sandbox.kernel.db import Database
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.settings import Settings
from tenants.service import TenantService


@dataclass(frozen=True)
class Parts:
    """Services of the lower packages and the kernel's instruments."""

    settings: Settings
    db: Database
    clock: Clock
    audit: AuditLog
    keys: KeyRing
    tenants: TenantService
    policies: PolicyService
    catalog: CatalogService
    intake: Intake
    supply: SupplyService
    ledger: Ledger
    parsers: Parsers
    reviews: ReviewService
    releases: ReleaseService

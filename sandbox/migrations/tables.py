"""Every module that declares tables. What is imported here is what migrations create and are compared with."""

from sqlalchemy import MetaData

import connectors.store
import egress.ledger.store
import egress.release.store
import egress.review.store
import policies.store
import sandbox.jobs.replay.store
import sandbox.jobs.store
import sandbox.kernel.audit.store
import sandbox.kernel.idempotency.store
import sandbox.kernel.outbox.store
import tenants.store
from sandbox.kernel.db import metadata

STORES = (
    connectors.store,
    egress.ledger.store,
    egress.release.store,
    egress.review.store,
    policies.store,
    sandbox.jobs.replay.store,
    sandbox.jobs.store,
    sandbox.kernel.audit.store,
    sandbox.kernel.idempotency.store,
    sandbox.kernel.outbox.store,
    tenants.store,
)


def declared() -> MetaData:
    """Return every table that the stores declare."""
    return metadata

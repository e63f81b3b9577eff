"""What the system administrator looks at: versions, the isolation that is demanded, and how full the queue is."""

import platform
from importlib.metadata import version

from pydantic import BaseModel

from sandbox.api.services import Services
from sandbox.jobs import store
from sandbox.kernel.canonical import Json

COMPONENTS = ("yunei", "duckdb", "opendp", "sqlglot", "fastapi", "sqlalchemy", "cryptography")


class System(BaseModel):
    """The state of the installation; nothing in it belongs to a tenant."""

    deployment: str
    required_level: int
    versions: dict[str, str]
    jobs: dict[str, int]


def get_system(services: Services) -> Json:
    """Return the required isolation level, versions, and the number of jobs in each state over all tenants."""
    with services.db.read() as tx:
        jobs = store.counts(tx)
    return {
        "deployment": services.settings.deployment,
        "required_level": services.settings.required_level,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in COMPONENTS}},
        "jobs": jobs,
    }

"""All settings, one frozen tree, read from `YUNEI_*` environment variables. Unsafe ones refuse to start in production."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sandbox.kernel.errors import YuneiError

CLIENT_VARIABLES = frozenset({"YUNEI_URL", "YUNEI_TOKEN", "YUNEI_TOKEN_FILE"})
"""What the command line's HTTP client reads (`sandbox.cli.remote`); the service has no use for them."""

LONGEST_LEASE_S = 3600
OPEN_DIR = Path("/dev/shm")  # noqa: S108 - memory-backed, and a private directory is made in it


class Settings(BaseSettings):
    """What the service may be told. Every field is documented in `docs/settings.md`, generated from here."""

    model_config = SettingsConfigDict(env_prefix="YUNEI_", frozen=True, extra="forbid")

    deployment: Literal["development", "production"] = Field(
        default="development", description="production refuses unsafe settings"
    )
    data_dir: Path = Field(default=Path("var"), description="database, extracts and released objects; raw data live here")
    keys_dir: Path | None = Field(
        default=None, description="signing and secret keys; default: <data_dir>/keys, which production refuses"
    )
    open_dir: Path = Field(
        default=OPEN_DIR, description="memory-backed directory (tmpfs) in which a worker opens sealed extracts"
    )
    database_url: str | None = Field(default=None, description="SQLAlchemy URL; default: SQLite in <data_dir>")
    host: str = Field(default="127.0.0.1", description="address the API listens on")
    port: int = Field(default=8420, ge=0, le=65535, description="port the API listens on")
    required_level: int = Field(
        default=2, ge=0, le=3, description="lowest isolation level at which the worker takes jobs; production at least 3"
    )
    tick_s: int = Field(default=1, ge=1, le=600, description="seconds between the moments at which tenants see a job move")
    lease_s: int = Field(
        default=60, ge=5, le=LONGEST_LEASE_S, description="seconds without heartbeat after which a job is taken over"
    )
    max_sandboxes: int = Field(default=2, ge=1, le=64, description="sandboxes one worker runs at once")
    max_queued_per_tenant: int = Field(
        default=1000,
        ge=0,
        le=100_000,
        description="most jobs of one operator that wait at once; 0: any number, which production refuses",
    )
    max_running_per_tenant: int = Field(
        default=32,
        ge=0,
        le=10_000,
        description="most jobs of one operator that run at once, over all workers; 0: any number, which production refuses",
    )
    queue_wait_s: int = Field(
        default=86_400, ge=1, le=2_592_000, description="longest time in seconds that a job waits to be started; then it fails"
    )
    max_attempts: int = Field(
        default=5, ge=1, le=100, description="how often a job that is lost before its charge, or a lost replay, is tried"
    )
    max_body_bytes: int = Field(default=262_144, ge=65_536, le=4_194_304, description="largest request body")
    rate_per_minute: int = Field(
        default=600,
        ge=0,
        le=100_000,
        description="most requests of one token in a minute; 0: any number, which production refuses",
    )
    job_wall_s: float = Field(default=30.0, gt=0, le=3600, description="deadline of one run in seconds, enforced by SIGKILL")
    job_memory_bytes: int = Field(default=1 << 30, ge=1 << 28, description="memory one run may use")

    @model_validator(mode="after")
    def _refuse_unknown_and_unsafe(self) -> Self:
        unknown = unknown_variables(os.environ)
        if unknown:
            raise YuneiError("SETTING_INVALID", settings=list(unknown))
        unsafe = unsafe_in_production(self) if self.deployment == "production" else ()
        if unsafe:
            raise YuneiError("SETTING_UNSAFE", settings=list(unsafe))
        return self

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'yunei.db'}"

    @property
    def keys(self) -> Path:
        """The key directory in force."""
        return self.keys_dir or self.data_dir / "keys"


def unknown_variables(names: Iterable[str]) -> tuple[str, ...]:
    """Name the environment variables that are spelt like a setting and are none: a misspelt one must not be ignored."""
    known = {f"YUNEI_{name.upper()}" for name in Settings.model_fields} | CLIENT_VARIABLES
    return tuple(sorted(name for name in names if name.upper().startswith("YUNEI_") and name.upper() not in known))


def unsafe_in_production(settings: Settings) -> tuple[str, ...]:
    """Name every setting that production refuses, in `YUNEI_*` spelling.

    Rules: isolation below level 3; keys inside the data directory, where a copy of the data would carry them; ticks so
    fine that a tenant could time a run; requests, waiting or running jobs of one tenant without limit.
    """
    rules = {
        "YUNEI_REQUIRED_LEVEL": settings.required_level < 3,
        "YUNEI_KEYS_DIR": settings.keys.resolve().is_relative_to(settings.data_dir.resolve()),
        "YUNEI_TICK_S": settings.tick_s < 5,
        "YUNEI_RATE_PER_MINUTE": settings.rate_per_minute == 0,
        "YUNEI_MAX_QUEUED_PER_TENANT": settings.max_queued_per_tenant == 0,
        "YUNEI_MAX_RUNNING_PER_TENANT": settings.max_running_per_tenant == 0,
    }
    return tuple(name for name, unsafe in rules.items() if unsafe)

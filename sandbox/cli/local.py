"""The services of this machine, for commands that work without HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError

from sandbox.kernel.errors import YuneiError
from sandbox.kernel.settings import Settings

if TYPE_CHECKING:
    from sandbox.bootstrap import Container


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        YuneiError: `SETTING_INVALID` naming the settings, never their values; `SETTING_UNSAFE` in production.

    """
    try:
        return Settings()
    except ValidationError as error:
        names = sorted({f"YUNEI_{str(one['loc'][0]).upper()}" for one in error.errors() if one["loc"]})
        raise YuneiError("SETTING_INVALID", settings=names) from None


def migrated_settings() -> Settings:
    """Read the settings and bring the database to the present schema."""
    from sandbox.kernel.db import Database
    from sandbox.migrations.upgrade import upgrade

    settings = read_settings()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    db = Database(settings.database)
    try:
        upgrade(db)
    finally:
        db.close()
    return settings


@contextmanager
def services() -> Iterator["Container"]:
    """Open every service over the migrated database."""
    settings = migrated_settings()
    from sandbox.bootstrap import build

    with build(settings) as container:
        yield container

"""Brings a database to the present schema; every process does so when it starts, one at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from sandbox.kernel.db import Database, Transaction
from sandbox.kernel.errors import YuneiError


def configuration(tx: Transaction) -> Config:
    """Return alembic's configuration for one open transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = tx
    return config


def upgrade(db: Database) -> bool:
    """Apply every migration that the database lacks, all in one transaction, and tell whether there was any.

    Raises:
        YuneiError: `SCHEMA_UNKNOWN`, the database was made by a newer version of this program.

    """
    with db.write() as tx:
        config = configuration(tx)
        script = ScriptDirectory.from_config(config)
        present = MigrationContext.configure(tx).get_current_revision()
        if present == script.get_current_head():
            return False
        if present is not None and present not in {revision.revision for revision in script.walk_revisions()}:
            raise YuneiError("SCHEMA_UNKNOWN")
        command.upgrade(config, "head")
    return True

"""`yunei serve`, `yunei worker`, `yunei migrate`, `yunei doctor`."""

from sandbox.cli.local import migrated_settings, read_settings
from sandbox.cli.output import JsonFlag, emit, line


def serve() -> None:
    """Run the HTTP API until told to stop."""
    settings = migrated_settings()
    from sandbox.api import server

    server.run(settings)


def worker() -> None:
    """Run a worker until told to stop."""
    settings = migrated_settings()
    from sandbox import worker as process

    process.run(settings)


def migrate(*, as_json: JsonFlag = False) -> None:
    """Create the database or bring it to the present schema."""
    from sandbox.kernel.db import Database
    from sandbox.migrations.upgrade import upgrade

    settings = read_settings()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    db = Database(settings.database)
    try:
        changed = upgrade(db)
    finally:
        db.close()
    emit({"changed": changed}) if as_json else line("upgraded" if changed else "up to date")

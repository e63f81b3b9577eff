"""The database: one write transaction per act, serialised; SQLite (WAL) by default, PostgreSQL for more than one machine."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

Transaction = Connection
"""What stores take; everyone else passes it on without looking inside."""

WRITE_LOCK = 0x79756E6569
"""Key of the advisory lock ("yunei") that writers of a PostgreSQL database take in turn."""

BUSY_MS = 30_000
"""How long a writer waits for its turn on SQLite."""

_SQLITE_AWAY = frozenset({5, 6, 14})
"""SQLITE_BUSY, SQLITE_LOCKED, SQLITE_CANTOPEN, see https://www.sqlite.org/rescode.html."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every `store.py` declares its tables here; migrations compare against it."""


class DatabaseAwayError(Exception):
    """The database cannot be reached, or somebody holds it for too long. Whether the act has happened is not known.

    It is no `YuneiError`: a code would be taken for a decision about the thing in hand.
    """


class Database:
    """Opens transactions. A write transaction commits when its block ends and rolls back on any exception."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: Engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
        event.listen(self.engine, "begin", _BEGIN[self.engine.dialect.name])

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Open a transaction that may change rows. It holds the database's one write lock from its first statement."""
        with _reached(), self.engine.connect().execution_options(yunei_write=True) as tx, tx.begin():
            yield tx

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction that sees one consistent state and is rolled back at its end."""
        with _reached(), self.engine.connect() as tx:
            yield tx
            tx.rollback()

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


@contextmanager
def _reached() -> Iterator[None]:
    """Raise `DatabaseAwayError` for what is nobody's mistake; everything else stays what it is."""
    try:
        yield
    except DBAPIError as error:
        if _away(error):
            raise DatabaseAwayError from None
        raise


def _away(error: DBAPIError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return int(code) & 0xFF in _SQLITE_AWAY
    return error.connection_invalidated or isinstance(error, OperationalError)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's own BEGIN below decides, not the driver
    for pragma in (f"busy_timeout={BUSY_MS}", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    _log_ahead(connection)


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Have a new file written ahead; here alone SQLite does not wait by itself for another process that is at it."""
    until = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("yunei_write", False))


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    """Give PostgreSQL the same turns: writers one at a time, each seeing all before it; readers one snapshot.

    The level is said each time, since a database may have another default: under a higher one the writer's snapshot would
    be of the time before its turn.
    """
    if _writes(connection):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE")
        connection.exec_driver_sql(_TAKE_TURN)
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


_TAKE_TURN = f"""SELECT pg_advisory_xact_lock({WRITE_LOCK}),
    CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', true) END"""
"""Takes the lock, and sees to it that a commit is durable when it returns: a charge must outlive a crash."""

_BEGIN: Mapping[str, Callable[[Connection], None]] = {"sqlite": _begin_sqlite, "postgresql": _begin_postgresql}

"""Migrations: they make exactly the declared schema, once, in one transaction."""

import re
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from sandbox.kernel.audit.store import INSERT_ONLY, trigger_ddl
from sandbox.kernel.db import Database
from sandbox.kernel.errors import YuneiError
from sandbox.migrations.tables import STORES, declared
from sandbox.migrations.upgrade import upgrade

ROOT = Path(__file__).parents[2]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{tmp_path / 'y.db'}")
    yield db
    db.close()


def schema(db: Database) -> dict[str, str]:
    """Return every table and index as its definition, spaces evened out."""
    query = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'")
    with db.read() as tx:
        return {row.name: re.sub(r"[\s\"]+", " ", row.sql) for row in tx.execute(query)}


def test_migrations_make_what_the_stores_declare(database_url: str) -> None:
    db = Database(database_url)
    assert upgrade(db)
    with db.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_server_default": True})
        assert compare_metadata(context, declared()) == []
    assert not upgrade(db)
    db.close()


def test_migrations_keep_the_log_insert_only(database_url: str) -> None:
    db = Database(database_url)
    upgrade(db)
    catalogue = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }[db.engine.dialect.name]
    with db.read() as tx:
        found = set(tx.execute(text(catalogue)).scalars())
    declared = [statement for table in INSERT_ONLY for statement in trigger_ddl(table, db.engine.dialect.name)]
    assert found == {statement.split()[2] for statement in declared if statement.startswith("CREATE TRIGGER")}
    db.close()


def test_migrations_make_it_word_for_word(db: Database, tmp_path: Path) -> None:
    """Names of constraints and column order too, which a comparison by reflection does not see."""
    upgrade(db)
    direct = Database(f"sqlite:///{tmp_path / 'direct.db'}")
    declared().create_all(direct.engine)
    made, meant = schema(db), schema(direct)
    direct.close()
    assert {name: _parts(sql) for name, sql in made.items()} == {name: _parts(sql) for name, sql in meant.items()}


def _parts(sql: str) -> list[str]:
    """Split a definition into its columns and constraints, whose order may differ."""
    head, _, body = sql.strip().removesuffix(")").partition("(")
    return [head.strip(), *sorted(part.strip() for part in re.split(r",(?![^(]*\))", body))]


def test_upgrading_again_does_nothing(db: Database) -> None:
    assert upgrade(db)
    before = schema(db)
    assert not upgrade(db)
    assert schema(db) == before


def test_two_processes_upgrade_one_database_once(db: Database) -> None:
    done: list[bool] = []
    threads = [threading.Thread(target=lambda: done.append(upgrade(Database(db.url)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, False, True]


def test_processes_that_open_a_new_database_together_wait_for_each_other(tmp_path: Path) -> None:
    opened: list[bool] = []

    def use(url: str) -> None:
        db = Database(url)
        with db.write() as tx:
            tx.execute(text("CREATE TABLE IF NOT EXISTS one (id INTEGER)"))
        db.close()
        opened.append(True)

    for number in range(60):
        threads = [threading.Thread(target=use, args=(f"sqlite:///{tmp_path / str(number)}.db",)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(opened) == 360


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(db: Database) -> None:
    with db.write() as tx:
        tx.execute(text("CREATE TABLE job (id INTEGER)"))
    before = schema(db)
    with pytest.raises(Exception, match="job"):
        upgrade(db)
    assert schema(db) == before


def test_a_database_of_a_newer_version_is_left_alone(db: Database) -> None:
    upgrade(db)
    with db.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(YuneiError, match="SCHEMA_UNKNOWN"):
        upgrade(db)


def test_every_store_is_known_to_migrations() -> None:
    packages = ("connectors", "egress", "policies", "sandbox", "tenants")
    found = [path for package in packages for path in (ROOT / package).rglob("store.py")]
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found}
    assert {store.__name__ for store in STORES} == names
    assert all(import_module(name) in STORES for name in names)

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import text

from sandbox.kernel.canonical import canonical_bytes, digest
from sandbox.kernel.db import Database
from tests.databases import Postgres


@pytest.fixture
def db(database_url: str) -> Database:
    made = Database(database_url)
    with made.write() as tx:
        tx.execute(text("CREATE TABLE n (v INTEGER)"))
        tx.execute(text("INSERT INTO n VALUES (0)"))
    yield made
    made.close()


def test_a_failed_act_leaves_nothing(db: Database) -> None:
    def act() -> None:
        with db.write() as tx:
            tx.execute(text("UPDATE n SET v = 7"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        act()
    with db.read() as tx:
        assert tx.execute(text("SELECT v FROM n")).scalar_one() == 0


def at_once(act: Callable[[], None]) -> None:
    """Let four threads act, and wait for them."""
    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_writers_take_turns_and_lose_no_update(db: Database) -> None:
    def add() -> None:
        for _ in range(25):
            with db.write() as tx:
                value = tx.execute(text("SELECT v FROM n")).scalar_one()
                tx.execute(text("UPDATE n SET v = :v"), {"v": value + 1})

    at_once(add)
    with db.read() as tx:
        assert tx.execute(text("SELECT v FROM n")).scalar_one() == 100


@pytest.fixture(params=["repeatable read", "serializable", "read only"])
def raised(request: pytest.FixtureRequest, postgres_server: Postgres) -> Database:
    """A server's database whose own defaults are not those that turns need."""
    url = postgres_server.fresh()
    made = Database(url)
    with made.write() as tx:
        tx.execute(text("CREATE TABLE n (v INTEGER)"))
        name = tx.execute(text("SELECT current_database()")).scalar_one()
        kind = "default_transaction_read_only = on"
        if request.param != "read only":
            kind = f"default_transaction_isolation = '{request.param}'"
        tx.exec_driver_sql(f"ALTER DATABASE {name} SET {kind}")
        tx.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    made.close()
    made = Database(url)
    yield made
    made.close()


def test_no_budget_is_overdrawn_whatever_the_defaults_of_the_server_are(raised: Database) -> None:
    started = threading.Barrier(4)

    def spend() -> None:
        started.wait()
        with raised.write() as tx:
            if tx.execute(text("SELECT count(*) FROM n")).scalar_one() < 1:
                tx.execute(text("SELECT pg_sleep(0.2)"))
                tx.execute(text("INSERT INTO n VALUES (1)"))

    at_once(spend)
    with raised.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM n")).scalar_one() == 1


def test_what_an_act_commits_is_durable_and_what_a_reader_sees_one_state_whatever_the_defaults_are(raised: Database) -> None:
    with raised.write() as tx:
        assert tx.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"
        assert tx.execute(text("SHOW transaction_read_only")).scalar_one() == "off"
        assert tx.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
    with raised.read() as tx:
        assert tx.execute(text("SHOW transaction_isolation")).scalar_one() == "repeatable read"
        before = tx.execute(text("SELECT count(*) FROM n")).scalar_one()
        with raised.write() as other:
            other.execute(text("INSERT INTO n VALUES (1)"))
        assert tx.execute(text("SELECT count(*) FROM n")).scalar_one() == before


def test_a_read_changes_nothing(db: Database) -> None:
    with db.read() as tx:
        tx.execute(text("UPDATE n SET v = 9"))
    with db.read() as tx:
        assert tx.execute(text("SELECT v FROM n")).scalar_one() == 0


def test_canonical_json_refuses_floats_and_sorts_keys() -> None:
    assert canonical_bytes({"b": 1, "a": ["é", None]}) == '{"a":["é",null],"b":1}'.encode()
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    for value in (0.5, {"a": [0.5]}):
        with pytest.raises(TypeError):
            canonical_bytes(value)

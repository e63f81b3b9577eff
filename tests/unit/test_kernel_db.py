import threading

import pytest
from sqlalchemy import text

from sandbox.kernel.canonical import canonical_bytes, digest
from sandbox.kernel.db import Database


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


def test_writers_take_turns_and_lose_no_update(db: Database) -> None:
    def add() -> None:
        for _ in range(25):
            with db.write() as tx:
                value = tx.execute(text("SELECT v FROM n")).scalar_one()
                tx.execute(text("UPDATE n SET v = :v"), {"v": value + 1})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as tx:
        assert tx.execute(text("SELECT v FROM n")).scalar_one() == 100


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

"""The outbox: a message exists with its act, is handled once in effect, and is never lost."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from sandbox.kernel.canonical import Json
from sandbox.kernel.clock import ManualClock
from sandbox.kernel.db import Database, Transaction, metadata
from sandbox.kernel.outbox import store
from sandbox.kernel.outbox.service import backoff_s, drain, publish

CLOCK_START = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    metadata.create_all(database.engine)
    yield database
    database.close()


def waiting(db: Database) -> int:
    with db.read() as tx:
        return int(tx.execute(text("SELECT count(*) FROM outbox_message")).scalar_one())


def test_handled_in_order_and_removed(db: Database) -> None:
    seen: list[Json] = []
    with db.write() as tx:
        for number in range(3):
            publish(tx, "a", {"n": number})
    assert drain(db, {"a": lambda _, body: seen.append(body["n"])}, ManualClock(CLOCK_START)) == 3
    assert (seen, waiting(db)) == ([0, 1, 2], 0)


def test_an_act_rolled_back_leaves_no_message(db: Database) -> None:
    with pytest.raises(RuntimeError), db.write() as tx:  # noqa: PT012 - the block is the act
        publish(tx, "a", {})
        raise RuntimeError
    assert waiting(db) == 0


def test_a_failing_handler_leaves_no_effect_and_does_not_block_others(db: Database) -> None:
    clock = ManualClock(CLOCK_START)
    good: list[Json] = []
    fails = True

    def bad(tx: Transaction, body: Mapping[str, Json]) -> None:
        publish(tx, "effect", body)
        if fails:
            raise RuntimeError("a text that must not be logged")

    handlers = {"bad": bad, "good": lambda _, body: good.append(body)}
    with db.write() as tx:
        publish(tx, "bad", {})
        publish(tx, "good", {})
    assert drain(db, handlers, clock) == 1
    assert len(good) == 1
    assert waiting(db) == 1, "the effect was rolled back and the message kept"
    assert drain(db, handlers, clock) == 0, "it waits for its time"
    clock.advance(1)
    assert drain(db, handlers, clock) == 0
    fails = False
    clock.advance(1)
    assert drain(db, handlers, clock) == 0, "the second wait is longer"
    clock.advance(1)
    assert drain(db, handlers, clock) == 1
    assert waiting(db) == 1, "only the effect is left"


def test_failure_log_names_no_text_of_the_error(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    def bad(_: Transaction, body: Mapping[str, Json]) -> None:
        raise RuntimeError("张三丰")

    with db.write() as tx:
        publish(tx, "bad", {"value": "1301"})
    drain(db, {"bad": bad}, ManualClock(CLOCK_START))
    shown = "".join(capsys.readouterr())
    assert "RuntimeError" in shown
    assert "张三丰" not in shown
    assert "1301" not in shown


def test_topics_without_handler_wait(db: Database) -> None:
    with db.write() as tx:
        publish(tx, "later", {})
    assert drain(db, {}, ManualClock(CLOCK_START)) == 0
    assert waiting(db) == 1


def test_a_message_taken_by_another_worker_is_not_handled_twice(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Json] = []
    clock = ManualClock(CLOCK_START)
    handlers = {"a": lambda _, body: seen.append(body)}
    with db.write() as tx:
        publish(tx, "a", {})
    with db.read() as tx:
        stale = store.next_due(tx, handlers, "9")
    assert drain(db, handlers, clock) == 1
    answers = iter([stale, None])
    monkeypatch.setattr("sandbox.kernel.outbox.service.store.next_due", lambda *_: next(answers))
    assert drain(db, handlers, clock) == 0
    assert len(seen) == 1


def test_backoff_grows_to_its_cap() -> None:
    assert [backoff_s(n) for n in (1, 2, 3, 9, 10, 500)] == [1, 2, 4, 256, 300, 300]

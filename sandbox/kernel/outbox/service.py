"""How a lower package tells a higher one: a message written with the act, handled at least once and exactly once in effect."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog

from sandbox.kernel.canonical import Json
from sandbox.kernel.clock import Clock, stamp
from sandbox.kernel.db import Database, Transaction
from sandbox.kernel.outbox import store
from sandbox.kernel.outbox.store import Message

Handler = Callable[[Transaction, Mapping[str, Json]], None]

BACKOFF_CAP_S = 300

_log = structlog.get_logger()


def publish(tx: Transaction, topic: str, body: Mapping[str, Json]) -> None:
    """Leave a message for the handler of `topic`; it exists if and only if `tx` commits."""
    store.add(tx, topic, body)


def backoff_s(attempts: int) -> int:
    """Return seconds to wait after the given number of failures: 1, 2, 4 … up to five minutes."""
    return int(min(BACKOFF_CAP_S, 1 << min(attempts - 1, 16)))


def drain(db: Database, handlers: Mapping[str, Handler], clock: Clock) -> int:
    """Handle every due message and return how many were handled.

    Message and effect are one transaction: a handler that fails leaves no effect, and its message waits longer and is
    tried again, for ever; it is never dropped. Topics without handler wait as well.
    """
    handled = 0
    while (message := _peek(db, handlers, clock)) is not None:
        handled += _handle(db, message, handlers[message.topic], clock)
    return handled


def _peek(db: Database, handlers: Mapping[str, Handler], clock: Clock) -> Message | None:
    with db.read() as tx:
        return store.next_due(tx, handlers, stamp(clock.now()))


def _handle(db: Database, message: Message, handler: Handler, clock: Clock) -> int:
    try:
        with db.write() as tx:
            if not store.remove(tx, message.id):
                return 0
            handler(tx, message.body)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises, its message must wait and not be lost
        wait = backoff_s(message.attempts + 1)
        _log.warning("outbox.postponed", topic=message.topic, error=type(error).__name__, wait_s=wait)
        with db.write() as tx:
            store.postpone(tx, message.id, stamp(clock.now() + timedelta(seconds=wait)))
        return 0
    return 1

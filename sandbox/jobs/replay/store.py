"""Rows of replays."""

import json
from typing import Any

from sqlalchemy import Column, Integer, Row, String, Table, Text, insert, select, update

from sandbox.jobs.replay.model import Replay
from sandbox.kernel.canonical import Json, canonical_bytes
from sandbox.kernel.db import Transaction, metadata

replays = Table(
    "replay",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("release", String(64), nullable=False),
    Column("person", String(64), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("requested_at", String(32), nullable=False),
    Column("lease_until", String(32)),
    Column("report", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
)


noise_answers = Table(
    "replay_noise",
    metadata,
    Column("release", String(64), primary_key=True),
    Column("replay", String(64), nullable=False),
)
"""Step 7 is answered once per release: whichever replay comes to it first holds the row."""


def add(tx: Transaction, replay: Replay) -> None:
    """Insert a requested replay."""
    tx.execute(
        insert(replays).values(
            id=replay.id,
            release=replay.release,
            person=replay.person,
            organisation=replay.organisation,
            state=replay.state,
            requested_at=replay.requested_at,
        )
    )


def by_id(tx: Transaction, replay: str) -> Replay | None:
    """Return the replay or None."""
    found = tx.execute(select(replays).where(replays.c.id == replay)).one_or_none()
    return None if found is None else _replay(found)


def first(tx: Transaction, state: str) -> Replay | None:
    """Return the oldest replay in a state."""
    found = tx.execute(select(replays).where(replays.c.state == state).order_by(replays.c.seq).limit(1)).one_or_none()
    return None if found is None else _replay(found)


def lost(tx: Transaction, now: str) -> tuple[Replay, ...]:
    """Return running replays whose lease ran out."""
    wanted = select(replays).where(replays.c.state == "running", replays.c.lease_until < now)
    return tuple(_replay(found) for found in tx.execute(wanted))


def move(tx: Transaction, replay: Replay, state: str, lease_until: str | None, report: Json) -> bool:
    """Change the state of a replay that is still as read; tell whether it was."""
    stored = None if report is None else canonical_bytes(report).decode()
    begun = replay.attempts + (state == "running")
    done = tx.execute(
        update(replays)
        .where(replays.c.id == replay.id, replays.c.state == replay.state)
        .values(state=state, lease_until=lease_until, report=stored, attempts=begun)
    )
    return done.rowcount == 1


def claim_noise(tx: Transaction, replay: Replay) -> bool:
    """Reserve the one answer about a release's noise for one replay; tell whether it has it."""
    found = tx.execute(select(noise_answers.c.replay).where(noise_answers.c.release == replay.release)).scalar_one_or_none()
    if found is None:
        tx.execute(insert(noise_answers).values(release=replay.release, replay=replay.id))
    return found in {None, replay.id}


def _replay(found: Row[Any]) -> Replay:
    report = json.loads(found.report) if found.report else None
    of = (found.id, found.release, found.person, found.organisation, found.state, found.requested_at)
    return Replay(*of, report, found.attempts)

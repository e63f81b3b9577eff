"""Rows of jobs, their outcomes, their visible events and promotions."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from policies.query import SubmittedQuery
from sandbox.jobs.model import HELD, JOB, Job, JobEvent, Line, OwnJob, query_of
from sandbox.jobs.simulate import PastJob
from sandbox.kernel.canonical import Json, canonical_bytes
from sandbox.kernel.clock import parse_stamp, stamp
from sandbox.kernel.db import Transaction, metadata
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.settings import LONGEST_LEASE_S

jobs = Table(
    "job",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("agreement", String(64), nullable=False),
    Column("operator", String(64), nullable=False),
    Column("application", String(64), nullable=False),
    Column("person", String(64), nullable=False),
    Column("environment", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("fence", Integer, nullable=False, default=0),
    Column("query", Text, nullable=False),
    Column("canonical_digest", String(80)),
    Column("prepared_digest", String(80)),
    Column("memory_key", String(80)),
    Column("findings", Text, nullable=False),
    Column("origin", Text),
    Column("workspace", String(64)),
    Column("code", String(64)),
    Column("request", String(64)),
    Column("release", String(64)),
    Column("created_at", String(32), nullable=False),
    Column("updated_at", String(32), nullable=False),
    Column("lease_owner", String(64)),
    Column("lease_until", String(32)),
    Column("started_at", String(32)),
    Column("priority", String(8), nullable=False, server_default="normal"),
    Column("place", String(32), nullable=False, server_default="0"),
    Column("start_by", String(32)),
    Column("duration_class_s", Integer, nullable=False, server_default="0"),
    Index("ix_job_state", "state", "seq"),
    Index("ix_job_line", "state", "operator", "place", "seq"),
    Index("ix_job_operator", "operator", "seq"),
    Index("ix_job_memory", "memory_key"),
)

turns = Table("job_turn", metadata, Column("operator", String(64), primary_key=True), Column("turn", Integer, nullable=False))
"""When each operator was last given a turn, as a number that only rises: no clock that is set can change who comes next."""

outcomes = Table(
    "job_outcome",
    metadata,
    Column("job", String(64), primary_key=True),
    Column("fence", Integer, nullable=False),
    Column("code", String(64)),
    Column("sealed", LargeBinary),
    Column("exact_digest", String(80)),
    Column("record", Text, nullable=False),
    Column("shows_at", String(32), nullable=False),
    Column("published", Integer, nullable=False, default=0),
    Index("ix_job_outcome_due", "published", "shows_at"),
)
"""One row per job: the noisy result (sealed) or the failure. Its primary key is what makes one charge yield at most one
persisted result."""

Outcome = Row[Any]
"""A row of `job_outcome`."""

events = Table(
    "job_event",
    metadata,
    Column("job", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("type", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("state", String(16), nullable=False),
)

promotions = Table(
    "promotion",
    metadata,
    Column("agreement", String(64), primary_key=True),
    Column("canonical_digest", String(80), primary_key=True),
    Column("job", String(64), nullable=False),
    Column("person", String(64), nullable=False),
    Column("at", String(32), nullable=False),
)


def add(tx: Transaction, values: Mapping[str, Any], documents: Mapping[str, Json]) -> None:
    """Insert a job; its `documents` (query, findings, origin) are stored as canonical JSON."""
    texts = {name: canonical_bytes(document).decode() for name, document in documents.items()}
    tx.execute(insert(jobs).values(**values, **texts, fence=0))


def by_id(tx: Transaction, job: str) -> Job | None:
    """Return the job or None."""
    found = tx.execute(select(jobs).where(jobs.c.id == job)).one_or_none()
    return None if found is None else _job(found)


def page(tx: Transaction, operator: str, before: int | None, limit: int) -> tuple[Job, ...]:
    """Return an operator's jobs, newest first."""
    wanted = select(jobs).where(jobs.c.operator == operator).order_by(jobs.c.seq.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(jobs.c.seq < before)
    return tuple(_job(found) for found in tx.execute(wanted))


def past(tx: Transaction, operator: str, agreement: str, limit: int) -> tuple[PastJob, ...]:
    """Return an agreement's jobs, refused ones included, newest first; a query that cannot be read any more is None."""
    wanted = select(jobs.c.id, jobs.c.query, jobs.c.canonical_digest).where(_of(operator, agreement))
    rows = tx.execute(wanted.order_by(jobs.c.seq.desc()).limit(limit))
    return tuple(PastJob(line.id, _readable(line.query), line.canonical_digest) for line in rows)


def count(tx: Transaction, operator: str, agreement: str) -> int:
    """Count an agreement's jobs."""
    return int(tx.execute(select(func.count()).select_from(jobs).where(_of(operator, agreement))).scalar_one())


def change(tx: Transaction, job: Job, **values: Any) -> bool:
    """Change a job whose fence and state are still those of `job`; tell whether it was so."""
    stored = {name: stamp(value) if isinstance(value, datetime) else value for name, value in values.items()}
    done = tx.execute(
        update(jobs).where(jobs.c.id == job.id, jobs.c.fence == job.fence, jobs.c.state == job.state).values(**stored)
    )
    return done.rowcount == 1


def lines(tx: Transaction, now: datetime) -> tuple[Line, ...]:
    """Return every operator that has a job waiting, in one statement; a job past its `start_by` waits no more."""
    order = func.row_number().over(partition_by=jobs.c.operator, order_by=(jobs.c.place, jobs.c.seq))
    waiting = select(jobs.c.operator, jobs.c.place, jobs.c.id, order.label("number"))
    heads = waiting.where(jobs.c.state == "queued", or_(jobs.c.start_by.is_(None), jobs.c.start_by > stamp(now))).subquery()
    busy = (
        select(jobs.c.operator, func.count().label("active")).where(jobs.c.state.in_(HELD)).group_by(jobs.c.operator).subquery()
    )
    found = (
        select(heads.c.operator, func.coalesce(busy.c.active, 0), func.coalesce(turns.c.turn, 0), heads.c.place, heads.c.id)
        .outerjoin(busy, busy.c.operator == heads.c.operator)
        .outerjoin(turns, turns.c.operator == heads.c.operator)
        .where(heads.c.number == 1)
    )
    return tuple(Line(*line) for line in tx.execute(found))


def take_turn(tx: Transaction, operator: str) -> None:
    """Note that an operator was served later than all others."""
    last = int(tx.execute(select(func.coalesce(func.max(turns.c.turn), 0))).scalar_one())
    if not tx.execute(update(turns).where(turns.c.operator == operator).values(turn=last + 1)).rowcount:
        tx.execute(insert(turns).values(operator=operator, turn=last + 1))


def overdue(tx: Transaction, now: datetime) -> tuple[Job, ...]:
    """Return queued jobs whose waiting has ended."""
    wanted = select(jobs).where(jobs.c.state == "queued", jobs.c.start_by <= stamp(now)).order_by(jobs.c.seq)
    return tuple(_job(found) for found in tx.execute(wanted))


def queued_of(tx: Transaction, operator: str) -> int:
    """Count an operator's queued jobs."""
    wanted = select(func.count()).select_from(jobs).where(jobs.c.state == "queued", jobs.c.operator == operator)
    return int(tx.execute(wanted).scalar_one())


def own_line(tx: Transaction, operator: str, now: datetime) -> tuple[OwnJob, ...]:
    """Return an operator's jobs that wait or run, in the order of their turns, as they stood at the last tick."""
    wanted = select(
        jobs.c.id, jobs.c.state, jobs.c.duration_class_s, jobs.c.started_at, (jobs.c.updated_at > stamp(now)).label("fresh")
    )
    held = wanted.where(jobs.c.state.in_(("queued", *HELD)), jobs.c.operator == operator)
    return tuple(_own_job(line) for line in tx.execute(held.order_by(jobs.c.place, jobs.c.seq)))


def lost(tx: Transaction, now: datetime) -> tuple[Job, ...]:
    """Return leased or running jobs whose lease has run out and that have no outcome yet.

    A lease that ends later than any may was written before the clock went back; whoever lives has renewed it since.
    """
    late = now + timedelta(seconds=LONGEST_LEASE_S)
    out = or_(jobs.c.lease_until < stamp(now), jobs.c.lease_until > stamp(late))
    wanted = (
        select(jobs).outerjoin(outcomes, outcomes.c.job == jobs.c.id).where(jobs.c.state.in_(HELD), out, outcomes.c.job.is_(None))
    )
    return tuple(_job(found) for found in tx.execute(wanted))


def extend(tx: Transaction, owner: str, names: Collection[str], until: datetime) -> None:
    """Heartbeat: extend the leases that `owner` holds on the jobs named."""
    held = and_(jobs.c.lease_owner == owner, jobs.c.id.in_(names), jobs.c.state.in_(HELD))
    tx.execute(update(jobs).where(held).values(lease_until=stamp(until)))


def held(tx: Transaction, owner: str, names: Collection[str]) -> frozenset[str]:
    """Return which of the jobs named `owner` holds a lease on."""
    wanted = select(jobs.c.id).where(jobs.c.lease_owner == owner, jobs.c.id.in_(names), jobs.c.state.in_(HELD))
    return frozenset(tx.execute(wanted).scalars())


def answered(tx: Transaction, key: str) -> tuple[Job, ...]:
    """Return jobs in state `released` under one memory key, newest first."""
    wanted = select(jobs).where(jobs.c.memory_key == key, jobs.c.state == "released").order_by(jobs.c.seq.desc())
    return tuple(_job(found) for found in tx.execute(wanted))


def by_release(tx: Transaction, release: str) -> Job | None:
    """Return the job that made a release (the first one; later ones were answered from memory)."""
    found = tx.execute(select(jobs).where(jobs.c.release == release).order_by(jobs.c.seq).limit(1)).one_or_none()
    return None if found is None else _job(found)


def by_workspace(tx: Transaction, workspace: str) -> tuple[Job, ...]:
    """Return the jobs that read one workspace, oldest first."""
    return tuple(_job(found) for found in tx.execute(select(jobs).where(jobs.c.workspace == workspace).order_by(jobs.c.seq)))


def counts(tx: Transaction) -> dict[str, int]:
    """Return the number of jobs in each state of the table."""
    found = {str(line[0]): int(line[1]) for line in tx.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))}
    return {state: found.get(state, 0) for state in JOB.states}


def add_outcome(tx: Transaction, values: Mapping[str, Any], record: Json) -> None:
    """Insert the one outcome of a job."""
    tx.execute(insert(outcomes).values(**values, record=canonical_bytes(record).decode(), published=0))


def outcome(tx: Transaction, job: str) -> Outcome | None:
    """Return the outcome row of a job or None."""
    return tx.execute(select(outcomes).where(outcomes.c.job == job)).one_or_none()


def due(tx: Transaction, now: datetime, limit: int) -> tuple[str, ...]:
    """Return jobs whose outcome may show now."""
    wanted = select(outcomes.c.job).where(outcomes.c.published == 0, outcomes.c.shows_at <= stamp(now)).limit(limit)
    return tuple(str(line[0]) for line in tx.execute(wanted))


def mark_published(tx: Transaction, job: str) -> None:
    """Note that the outcome was published."""
    tx.execute(update(outcomes).where(outcomes.c.job == job).values(published=1))


def add_event(tx: Transaction, job: str, kind: str, at: datetime, state: str) -> None:
    """Append a visible event; `at` must lie on a tick."""
    last = tx.execute(select(func.coalesce(func.max(events.c.seq), 0)).where(events.c.job == job)).scalar_one()
    tx.execute(insert(events).values(job=job, seq=last + 1, type=kind, at=stamp(at), state=state))


def events_after(tx: Transaction, job: str, after: int) -> tuple[JobEvent, ...]:
    """Return visible events with a greater sequence number."""
    wanted = select(events).where(events.c.job == job, events.c.seq > after).order_by(events.c.seq)
    return tuple(JobEvent(line.seq, line.type, line.at, line.state) for line in tx.execute(wanted))


def promote(tx: Transaction, job: Job, person: str, now: datetime) -> bool:
    """Record that a canonical text may run in prod; tell whether it was new."""
    if promoted(tx, job.agreement, job.canonical_digest or ""):
        return False
    tx.execute(
        insert(promotions).values(
            agreement=job.agreement, canonical_digest=job.canonical_digest, job=job.id, person=person, at=stamp(now)
        )
    )
    return True


def promoted(tx: Transaction, agreement: str, canonical_digest: str) -> bool:
    """Tell whether a canonical text may run in prod under an agreement."""
    found = tx.execute(
        select(promotions.c.job).where(promotions.c.agreement == agreement, promotions.c.canonical_digest == canonical_digest)
    ).one_or_none()
    return found is not None


def _of(operator: str, agreement: str) -> ColumnElement[bool]:
    """All jobs of an agreement are its operator's, by whom they are indexed."""
    return and_(jobs.c.operator == operator, jobs.c.agreement == agreement)


def _readable(stored: str) -> SubmittedQuery | None:
    try:
        return query_of(json.loads(stored))
    except (YuneiError, ValueError, KeyError, TypeError, ArithmeticError):
        return None


def _own_job(line: Row[Any]) -> OwnJob:
    waits = line.state == "queued" or line.fresh or line.started_at is None
    return OwnJob(line.id, line.duration_class_s, None if waits else parse_stamp(line.started_at))


def _job(found: Row[Any]) -> Job:
    values = dict(found._mapping)  # noqa: SLF001 - the documented mapping view of a row
    values["query"] = query_of(json.loads(values["query"]))
    values["findings"] = json.loads(values["findings"])
    values["origin"] = json.loads(values["origin"]) if values["origin"] else None
    for name in ("created_at", "updated_at", "lease_until", "started_at", "start_by"):
        values[name] = None if values[name] is None else parse_stamp(values[name])
    return Job(**values)

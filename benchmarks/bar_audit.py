"""The audit log: appends per second in one transaction and one by one, and verifying a whole log."""

import statistics
import tempfile
import time
from pathlib import Path

from figures import Figure

from sandbox.kernel.audit import merkle
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.audit.note import open_note, parse_checkpoint
from sandbox.kernel.audit.service import LOG_KEY, AuditLog
from sandbox.kernel.clock import SystemClock
from sandbox.kernel.db import Database, metadata
from sandbox.kernel.keys import KeyRing

_BATCH, _BATCHES, _SINGLE = 1000, 100, 200
_ORIGIN = "yunei/bench"
_EVENT = AuditEvent(
    "job.submitted", "job-bench", "per-bench", ("org-operator",), {"agreement": "agr-bench", "digest": "sha256:0"}
)


def measure() -> tuple[Figure, ...]:
    """Measure on SQLite on this disk, as embedded installations run it."""
    with tempfile.TemporaryDirectory() as folder:
        keys = KeyRing(Path(folder) / "keys")
        keys.create(LOG_KEY)
        db = Database(f"sqlite:///{folder}/bench.db")
        metadata.create_all(db.engine)
        log = AuditLog(keys, SystemClock(), 1, _ORIGIN)
        try:
            return (*_append(db, log), _single(db, log), _verify(db, log, keys))
        finally:
            db.close()


def _append(db: Database, log: AuditLog) -> tuple[Figure, ...]:
    rates = []
    for _ in range(_BATCHES):
        begin = time.process_time()
        with db.write() as tx:
            log.append_all(tx, [_EVENT] * _BATCH)
        rates.append(_BATCH / (time.process_time() - begin))
    rate = statistics.median(rates) / 1000
    return (
        Figure("audit append, batches of 1000, per CPU second", rate, "k/s", 20, 100, more=True, detail={"batches": _BATCHES}),
    )


def _single(db: Database, log: AuditLog) -> Figure:
    times = []
    for _ in range(_SINGLE):
        begin = time.perf_counter()
        with db.write() as tx:
            log.append(tx, _EVENT)
        times.append(time.perf_counter() - begin)
    return Figure(
        "audit append in its own durable transaction, wall p50", statistics.median(times) * 1e3, "ms", detail={"rounds": _SINGLE}
    )


def _verify(db: Database, log: AuditLog, keys: KeyRing) -> Figure:
    """Read every leaf, recompute the whole tree and compare with the signed head, as an auditor with a copy does."""
    with db.write() as tx:
        note = log.checkpoint(tx)
    head = parse_checkpoint(open_note(note, _ORIGIN, keys.signer(LOG_KEY).public))
    begin = time.process_time()
    with db.read() as tx:
        leaves = log.leaves(tx, -1, head.size)
    tree = dict(merkle.grow(0, [], [merkle.leaf_hash(leaf) for leaf in leaves]))
    root = merkle.range_hash((0, len(leaves)), tree)
    spent = time.process_time() - begin
    if root != head.root:
        raise RuntimeError("the log does not verify")
    per_million = spent / head.size * 1e6
    return Figure(
        "audit verify, scaled to 1M events, CPU",
        per_million,
        "s",
        20,
        5,
        detail={"events": head.size, "spent_s": round(spent, 3)},
    )

"""The audit log: append in the transaction of the act, sign heads, prove what stands in it."""

import secrets
from collections.abc import Sequence

from sandbox.kernel.audit import merkle, store
from sandbox.kernel.audit.model import NONCE_BYTES, AuditEvent, Opening, Sealed, StoredEvent, entry, shown
from sandbox.kernel.audit.note import Checkpoint, TlogProof, sign_note
from sandbox.kernel.clock import Clock, next_tick, stamp
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing

LOG_KEY = "log"


class AuditLog:
    """One log per deployment.

    Args:
        keys: holds the signing key `log`.
        clock: source of time.
        tick_s: seconds between the moments that evidence may name; finer times would tell how long a run took.
        origin: name of the log in its checkpoints, a URL without schema, spaces or `+`.

    """

    def __init__(self, keys: KeyRing, clock: Clock, tick_s: int, origin: str) -> None:
        self.keys = keys
        self.clock = clock
        self.tick_s = tick_s
        self.origin = origin

    def append(self, tx: Transaction, event: AuditEvent) -> int:
        """Log `event` in `tx` and return its index; if this fails, the act fails with it."""
        return self.append_all(tx, (event,))

    def append_all(self, tx: Transaction, events: Sequence[AuditEvent]) -> int:
        """Log several events of one act in order and return the index of the first."""
        size = store.size(tx)
        if not events:
            return size
        tick = stamp(next_tick(self.clock.now(), self.tick_s))
        entries = [entry(index, tick, secrets.token_bytes(NONCE_BYTES), event) for index, event in enumerate(events, size)]
        frontier = merkle.cover((0, size))
        known = store.hashes(tx, frontier)
        grown = merkle.grow(size, [known[place] for place in frontier], [merkle.leaf_hash(one.leaf) for one in entries])
        store.add(tx, entries, grown)
        return size

    def checkpoint(self, tx: Transaction) -> str:
        """Return the signed head of the present tree; a new head is kept, so this takes a write transaction."""
        latest, size = store.latest_checkpoint(tx), store.size(tx)
        if latest is not None and latest[0] == size:
            return latest[1]
        note = self._sign(tx, size)
        store.add_checkpoint(tx, size, note)
        return note

    def proof(self, tx: Transaction, index: int) -> str:
        """Return the C2SP tlog-proof of leaf `index` in the present tree; writes nothing.

        Raises:
            YuneiError: `NOT_FOUND`, the log has no such leaf.

        """
        size = store.size(tx)
        if not 0 <= index < size:
            raise YuneiError("NOT_FOUND")
        hashes = self._hashes(tx, merkle.inclusion_ranges(index, size))
        return TlogProof(index, hashes, self._sign(tx, size)).text()

    def consistency(self, tx: Transaction, old: int, new: int) -> tuple[bytes, ...]:
        """Return the RFC 6962 proof that the tree of `new` leaves only appended to that of `old`.

        Raises:
            YuneiError: `NOT_FOUND` unless 0 < old ≤ new ≤ size of the log.

        """
        if not 0 < old <= new <= store.size(tx):
            raise YuneiError("NOT_FOUND")
        return self._hashes(tx, merkle.consistency_ranges(old, new))

    def events(
        self, tx: Transaction, tenants: frozenset[str] | None, after: int, limit: int, subject: str | None = None
    ) -> tuple[StoredEvent, ...]:
        """Return events with index > `after`, oldest first.

        Args:
            tx: a transaction.
            tenants: organisations whose events may be opened; None opens all, for the service itself and for auditors
                whose scope is the whole platform.
            after: index after which to begin, -1 for the beginning.
            limit: most events to return.
            subject: only events of this object.

        """
        return store.page(tx, tenants, after, limit, subject)

    def openings(self, tx: Transaction, reader: str, after: int, limit: int, subject: str | None = None) -> tuple[Opening, ...]:
        """Return the openings of events that organisation `reader` takes part in; see `events`."""
        return store.openings(tx, frozenset({reader}), after, limit, subject)

    def audited(
        self, tx: Transaction, reader: str, after: int, limit: int, subject: str | None = None
    ) -> tuple[Opening | Sealed, ...]:
        """Return every leaf for an auditor of organisation `reader`: opened, or sealed where the event is not theirs to open.

        Under one subject too, so that a page tells of each of its events that there is one.
        """
        return tuple(shown(found, reader) for found in store.openings(tx, None, after, limit, subject))

    def latest(self, tx: Transaction, subject: str) -> StoredEvent | None:
        """Return the newest event of one object."""
        return store.latest(tx, subject)

    def opening(self, tx: Transaction, index: int) -> Opening:
        """Return event and nonce of leaf `index`; the caller decides who may see it.

        Raises:
            YuneiError: `NOT_FOUND`, no such leaf or its opening was erased.

        """
        found = store.opening(tx, index)
        if found is None:
            raise YuneiError("NOT_FOUND")
        return found

    def leaves(self, tx: Transaction, after: int, limit: int) -> tuple[bytes, ...]:
        """Return leaves with index > `after`, in order, for auditors' own copies."""
        return store.all_leaves(tx, after, limit)

    def _sign(self, tx: Transaction, size: int) -> str:
        root = merkle.range_hash((0, size), store.hashes(tx, merkle.cover((0, size))))
        return sign_note(Checkpoint(self.origin, size, root).text(), self.origin, self.keys.signer(LOG_KEY))

    def _hashes(self, tx: Transaction, spans: Sequence[merkle.Range]) -> tuple[bytes, ...]:
        known = store.hashes(tx, [place for span in spans for place in merkle.cover(span)])
        return tuple(merkle.range_hash(span, known) for span in spans)

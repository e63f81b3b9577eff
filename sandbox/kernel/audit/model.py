"""What is logged, how it is committed to, and how one leaf is opened. Pure.

A leaf tells nothing but its place and its tick: the event is committed to under a secret nonce. Whoever holds all leaves
can check the whole tree, yet opens only the events whose nonces it was given.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.kernel.audit.merkle import leaf_hash, verify_inclusion
from sandbox.kernel.audit.note import open_note, parse_checkpoint, parse_proof
from sandbox.kernel.canonical import Json, canonical_bytes

NONCE_BYTES = 32

CLOSED_TYPES = frozenset(
    {
        "job.measured",
        "snapshot.checked",
        "snapshot.quarantined",
        "extract.built",
        "review.approved",
        "review.returned",
        "review.rejected",
    }
)
"""Events that nobody opens but the organisations which they name, whatever scope an auditor has: exact measures of runs,
exact counts of an institution's faulty rows, and votes with their comments. Auditors hold the leaves all the same."""

_STAMP, _HEX = frozenset("0123456789-:.TZ"), frozenset("0123456789abcdef")


@dataclass(frozen=True)
class AuditEvent:
    """One act.

    `type` is `<noun>.<verb>`, `subject` the object acted on, `actor` a person or `system`, `tenants` the organisations
    that may open the event. `payload` holds digests, names and states; never a data value, a result or SQL literals.
    """

    type: str
    subject: str
    actor: str
    tenants: tuple[str, ...]
    payload: Mapping[str, Json]

    def as_json(self) -> Mapping[str, Json]:
        """Return what the leaf commits to."""
        return {
            "type": self.type,
            "subject": self.subject,
            "actor": self.actor,
            "tenants": sorted(set(self.tenants)),
            "payload": self.payload,
        }


@dataclass(frozen=True)
class StoredEvent:
    """An event at its place in the log. `tick` is RFC 3339 text on the deployment's tick."""

    index: int
    tick: str
    event: AuditEvent


@dataclass(frozen=True)
class Sealed:
    """A leaf as everybody may have it: its place, its tick, and the commitment that only a nonce opens."""

    index: int
    tick: str
    commit: str

    def as_json(self) -> Mapping[str, Json]:
        """Return the leaf's content, beside what an opening would add."""
        return {"v": 1, "index": self.index, "tick": self.tick, "nonce": None, "event": None, "commit": self.commit}

    def leaf(self) -> bytes:
        """Return the leaf."""
        return leaf_bytes(self.index, self.tick, self.commit)


@dataclass(frozen=True)
class Entry:
    """One event on its way into the log: `text` is its canonical form, `leaf` commits to it under `nonce`."""

    index: int
    tick: str
    nonce: bytes
    event: AuditEvent
    text: bytes
    leaf: bytes


@dataclass(frozen=True)
class Opening:
    """An event with the nonce that proves which leaf it is."""

    index: int
    tick: str
    nonce: bytes
    event: Mapping[str, Json]

    def as_json(self) -> Mapping[str, Json]:
        """Return the opening as a document that `parse_opening` reads."""
        nonce = base64.b64encode(self.nonce).decode("ascii")
        return {"v": 1, "index": self.index, "tick": self.tick, "nonce": nonce, "event": self.event}

    def leaf(self) -> bytes:
        """Return the leaf that this opening belongs to."""
        return leaf_bytes(self.index, self.tick, commitment(self.nonce, canonical_bytes(self.event)))


def shown(opening: Opening, reader: str) -> Opening | Sealed:
    """Return what an auditor of organisation `reader`, who may read the whole log, gets of one event."""
    named = opening.event["tenants"]
    if opening.event["type"] not in CLOSED_TYPES or (isinstance(named, (list, tuple)) and reader in named):
        return opening
    return Sealed(opening.index, opening.tick, commitment(opening.nonce, canonical_bytes(opening.event)))


def entry(index: int, tick: str, nonce: bytes, event: AuditEvent) -> Entry:
    """Commit to `event` at its place."""
    text = canonical_bytes(event.as_json())
    return Entry(index, tick, nonce, event, text, leaf_bytes(index, tick, commitment(nonce, text)))


def commitment(nonce: bytes, payload: bytes) -> str:
    """Commit to `payload` with HMAC-SHA256 under a 256-bit nonce: binding, and silent without the nonce."""
    return hmac.digest(nonce, payload, "sha256").hex()


def leaf_bytes(index: int, tick: str, commit: str) -> bytes:
    """Return the leaf, RFC 8785 JSON of `{v, index, tick, commit}`, of which no text needs an escape.

    Args:
        index: place in the log, ≥ 0.
        tick: RFC 3339 stamp.
        commit: 64 hexadecimal digits.

    Raises:
        ValueError: `tick` or `commit` has characters that would need an escape.

    """
    if not (set(tick) <= _STAMP and set(commit) <= _HEX):
        raise ValueError("not a stamp, or not a commitment")
    return b'{"commit":"%b","index":%d,"tick":"%b","v":1}' % (commit.encode(), index, tick.encode())


def parse_opening(document: Json) -> Opening:
    """Read what `Opening.as_json` wrote.

    Raises:
        ValueError: a field is missing, unknown or of another type.

    """
    match document:
        case {"v": 1, "index": int(index), "tick": str(tick), "nonce": str(nonce), "event": Mapping() as event}:
            opening = Opening(int(index), tick, base64.b64decode(nonce.encode(), validate=True), event)
        case _:
            raise ValueError("not an opening")
    try:
        # Compared as bytes: to Python `True` is 1, to a reader of the document it is not.
        respelt = canonical_bytes(opening.as_json()) == canonical_bytes(document)
    except TypeError:
        raise ValueError("an opening holds no floats") from None
    if len(opening.nonce) != NONCE_BYTES or not respelt:
        raise ValueError("not an opening as it is written")
    opening.leaf()
    return opening


def proves(proof: str, opening: Opening, origin: str, public: bytes) -> bool:
    """Tell whether `proof` shows that `opening` stands in the log `origin`, whose checkpoint key is `public`."""
    try:
        parsed = parse_proof(proof)
        head = parse_checkpoint(open_note(parsed.checkpoint, origin, public))
    except ValueError:
        return False
    if head.origin != origin or parsed.index != opening.index:
        return False
    return verify_inclusion(leaf_hash(opening.leaf()), parsed.index, head.size, parsed.hashes, head.root)

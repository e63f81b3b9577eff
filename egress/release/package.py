"""From an approved request to a signed package. Everything that approval rested on is computed again first."""

import base64
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidTag

from egress.release.bundle import MANIFEST, OPENING, PROOF, pack
from egress.release.dsse import Envelope, sign
from egress.release.files import ReleasedTable, arrow_bytes, csv_bytes, json_bytes, parquet_bytes
from egress.release.manifest import Circumstances, required_signers, statement_bytes
from egress.release.model import LogEvidence, PriorEvent, Reviewer
from egress.review import store as reviews
from egress.review.ballot import is_whole
from egress.review.decide import consolidate, duties_separate
from egress.review.model import ReleaseRequest, Vote
from egress.review.opening import bound, unsealed
from sandbox.kernel.audit.model import StoredEvent
from sandbox.kernel.audit.note import parse_proof
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import canonical_bytes, digest_bytes
from sandbox.kernel.db import Transaction
from sandbox.kernel.keys import KeyRing
from tenants import store as tenants

_PAGE = 500


@dataclass(frozen=True)
class Unfit:
    """The request may not be packaged.

    `bytes` differ from those approved; the `evidence` changed since the votes; or the `votes` that still count, with
    duties separate, do not approve.
    """

    reason: Literal["bytes", "evidence", "votes"]


def files_of(table: ReleasedTable) -> dict[str, bytes]:
    """Write the table in every packaged format."""
    return {
        "data.csv": csv_bytes(table),
        "data.parquet": parquet_bytes(table),
        "data.arrow": arrow_bytes(table),
        "data.json": json_bytes(table),
    }


def fit(tx: Transaction, request: ReleaseRequest, keys: KeyRing) -> ReleasedTable | Unfit:
    """Recompute whether `request` may be packaged, and return the table to release."""
    try:
        table = unsealed(request, keys)
    except InvalidTag:
        return Unfit("bytes")
    if table is None or not digest_bytes(csv_bytes(table)) == request.result_digest == request.report.get("result_digest"):
        return Unfit("bytes")
    if bound(request).etag != request.etag:
        return Unfit("evidence")
    by_checks = request.route == "auto" and request.report.get("outcome") == "pass"
    return (
        table
        if by_checks or consolidate(counting_votes(tx, request, keys), request.institutions) == "approve"
        else Unfit("votes")
    )


def counting_votes(tx: Transaction, request: ReleaseRequest, keys: KeyRing) -> tuple[Vote, ...]:
    """Return the votes that count: whole, of this version, binding this evidence, by people who were free to vote."""
    return tuple(
        vote
        for vote in reviews.votes_of(tx, request.id, request.version)
        if vote.etag == request.etag and is_whole(vote, keys) and duties_separate(request, vote, tenants.history(tx, vote.person))
    )


def reviewers_of(votes: Sequence[Vote], keys: KeyRing) -> list[Reviewer]:
    """Name voters by keyed pseudonym: the domain can tell who they are, a recipient cannot."""
    secret = keys.secret("reviewer")
    return [
        Reviewer(
            pseudonym=hmac.digest(secret, vote.person.encode(), "sha256").hex()[:16],
            role=str(vote.role),
            decision=vote.decision,
            digest=vote.digest,
        )
        for vote in votes
    ]


def history(tx: Transaction, request: ReleaseRequest, audit: AuditLog) -> LogEvidence:
    """Prove that every decision on the way here stands in the log. Leaves tell nothing; their openings stay inside."""
    checkpoint = audit.checkpoint(tx)
    events = []
    for stored in _acts(tx, request, audit):
        leaf = audit.leaves(tx, stored.index - 1, 1)[0].decode()
        hashes = [base64.b64encode(step).decode() for step in parse_proof(audit.proof(tx, stored.index)).hashes]
        events.append(PriorEvent(type=stored.event.type, index=stored.index, leaf=leaf, hashes=hashes))
    return LogEvidence(origin=audit.origin, checkpoint=checkpoint, events=events)


def _acts(tx: Transaction, request: ReleaseRequest, audit: AuditLog) -> Iterator[StoredEvent]:
    """Yield what happened to the request; views are evidence for auditors, not for the recipient."""
    page = audit.events(tx, None, -1, _PAGE, request.id)
    while page:
        yield from (stored for stored in page if stored.event.type != "review.viewed")
        page = audit.events(tx, None, page[-1].index, _PAGE, request.id)


def envelope_of(request: ReleaseRequest, facts: Circumstances, files: Mapping[str, bytes], keys: KeyRing) -> Envelope:
    """Sign the statement of the release by the service and every data owner.

    Raises:
        YuneiError: `KEY_MISSING`.

    """
    signers = [keys.signer(name) for name in required_signers(request.institutions)]
    return sign(statement_bytes(request, facts, files), signers)


def bundle_of(tx: Transaction, audit: AuditLog, index: int, envelope: bytes, files: Mapping[str, bytes]) -> bytes:
    """Pack files, manifest, and the proof that the log holds this very manifest."""
    audit.checkpoint(tx)
    members = {
        MANIFEST: envelope,
        OPENING: canonical_bytes(audit.opening(tx, index).as_json()),
        PROOF: audit.proof(tx, index).encode(),
    }
    return pack({**files, **members})

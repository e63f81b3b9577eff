"""Steps 1, 2 and 8 of a replay: what the log, the votes and the delivered bytes prove, without touching data."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from egress.release.dsse import Envelope, decode
from egress.release.manifest import required_signers
from egress.release.model import Release
from egress.release.package import Unfit, counting_votes, fit
from egress.review.model import ReleaseRequest
from egress.review.opening import bound
from sandbox.jobs import store as jobs
from sandbox.jobs.parts import Parts
from sandbox.jobs.replay.model import StepResult, failed, passed
from sandbox.jobs.replay.records import (
    deliveries_as_logged,
    events_of,
    job_as_logged,
    package_holds,
    request_as_logged,
    rows_as_stated,
)
from sandbox.kernel.audit.merkle import leaf_hash, verify_consistency
from sandbox.kernel.audit.model import StoredEvent, proves
from sandbox.kernel.audit.note import open_note, parse_checkpoint, parse_proof
from sandbox.kernel.audit.service import LOG_KEY
from sandbox.kernel.canonical import Json, digest_bytes
from sandbox.kernel.db import Transaction
from sandbox.kernel.objects import ObjectStore


@dataclass(frozen=True)
class Evidence:
    """One release with everything that was stored about it; `envelope` is None where its bytes are gone or changed."""

    release: Release
    request: ReleaseRequest
    envelope: Envelope | None
    predicate: Mapping[str, Json]
    subjects: Mapping[str, str]


def read_evidence(release: Release, request: ReleaseRequest, objects: ObjectStore) -> Evidence:
    """Open the stored manifest of a release, as far as it is whole."""
    stored = objects.get(release.envelope)
    if stored is None:
        return Evidence(release, request, None, {}, {})
    try:
        envelope = decode(stored)
        statement = json.loads(envelope.payload)
        subjects = {str(found["name"]): "sha256:" + str(found["digest"]["sha256"]) for found in statement["subject"]}
    except (ValueError, KeyError, TypeError):
        return Evidence(release, request, None, {}, {})
    return Evidence(release, request, envelope, statement["predicate"], subjects)


def log(parts: Parts, tx: Transaction, found: Evidence) -> StepResult:
    """Step 1: every event of job, request and release stands in the log, and the log only grew since the release."""
    audit, public = parts.audit, parts.keys.signer(LOG_KEY).public
    evidence = found.predicate.get("log")
    if found.envelope is None or not isinstance(evidence, Mapping):
        return failed(1, "the stored manifest is missing or changed")
    try:
        then = parse_checkpoint(open_note(str(evidence["checkpoint"]), audit.origin, public))
        head = parse_proof(audit.proof(tx, found.release.event)).checkpoint
        now = parse_checkpoint(open_note(head, audit.origin, public))
    except ValueError:
        return failed(1, "a checkpoint is not signed by the log")
    proof = audit.consistency(tx, then.size, now.size)
    if not verify_consistency(then.size, then.root, now.size, now.root, proof):
        return failed(1, "the log is not an extension of the one in the manifest")
    fault = _events_fault(parts, tx, found, evidence, public)
    return passed(1) if fault is None else failed(1, fault)


def _events_fault(parts: Parts, tx: Transaction, found: Evidence, evidence: Mapping[str, Json], public: bytes) -> str | None:
    """Say what is wrong with the events of job and request, or with the rows that they led to."""
    audit = parts.audit
    of_job, of_request = (tuple(events_of(parts, tx, name)) for name in (found.release.job, found.request.id))
    for stored in (*of_job, *of_request):
        opening = audit.opening(tx, stored.index)
        kept = audit.leaves(tx, stored.index - 1, 1)
        if not kept or leaf_hash(kept[0]) != leaf_hash(opening.leaf()):
            return "an event differs from its leaf"
        if not proves(audit.proof(tx, stored.index), opening, audit.origin, public):
            return "an event is not proved by the log"
    if not _history_open(evidence, of_request):
        return "an event of the history that was signed cannot be opened"
    job = jobs.by_id(tx, found.release.job)
    as_logged = job_as_logged(job, of_job) and request_as_logged(found.request, found.release, of_request)
    return None if as_logged else "a stored state is not the one that the log ends with"


def _history_open(evidence: Mapping[str, Json], events: Sequence[StoredEvent]) -> bool:
    """Tell whether every event that the manifest lists is still there under its index and type."""
    stated = evidence["events"]
    found = {(stored.index, stored.event.type) for stored in events}
    return isinstance(stated, list) and {(line["index"], line["type"]) for line in stated} <= found


def people(parts: Parts, tx: Transaction, found: Evidence) -> StepResult:
    """Step 2: required signatures, and a quorum of people whose duties were separate when they voted."""
    envelope = found.envelope
    if envelope is None:
        return failed(2, "the stored manifest is missing or changed")
    for name in required_signers(found.request.institutions):
        if not envelope.signed_by(name, parts.keys.signer(name).public):
            return failed(2, "a required signature is missing")
    if bound(found.request).etag != found.request.etag or found.predicate.get("evidence_digest") != found.request.etag:
        return failed(2, "the evidence is not what the votes bound")
    votes = counting_votes(tx, found.request, parts.keys)
    stated = found.predicate.get("reviewers")
    digests = [line["digest"] for line in stated if isinstance(line, Mapping)] if isinstance(stated, list) else []
    unfit = isinstance(fit(tx, found.request, parts.keys), Unfit)
    if unfit or sorted(vote.digest for vote in votes) != sorted(map(str, digests)):
        return failed(2, "what approval rested on does not approve, or is not what the manifest states")
    return passed(2)


def delivery(parts: Parts, tx: Transaction, objects: ObjectStore, found: Evidence) -> StepResult:
    """Step 8: the stored bytes are those of the manifest, and the log holds this manifest."""
    if found.envelope is None:
        return failed(8, "the stored manifest is missing or changed")
    for name, digest in found.subjects.items():
        if found.release.objects.get(name) != digest or objects.get(digest) is None:
            return failed(8, "a released file is missing or changed")
    bundle = objects.get(found.release.bundle)
    if bundle is None or not package_holds(parts, bundle, found.envelope.encode()):
        return failed(8, "the package is missing, changed, or another one")
    stated = rows_as_stated(found.release, found.request, found.predicate)
    if not stated or not deliveries_as_logged(tx, found.release, tuple(events_of(parts, tx, found.request.id))):
        return failed(8, "the stored release, or who fetched it, is not what was signed and logged")
    opening = parts.audit.opening(tx, found.release.event)
    payload = opening.event.get("payload")
    logged = payload.get("manifest") if isinstance(payload, Mapping) else None
    same = logged == digest_bytes(found.envelope.encode())
    return passed(8) if same else failed(8, "the log holds another manifest")

"""Whether the rows that the service works from say what the signed manifest and the log say. Part of steps 1 and 8."""

from collections.abc import Iterator, Mapping, Sequence

from egress.release import store as releases
from egress.release.bundle import MANIFEST, unpack
from egress.release.model import Release
from egress.release.verify import public_keys, verify
from egress.review.model import ReleaseRequest
from sandbox.jobs.model import JOB, Job
from sandbox.jobs.parts import Parts
from sandbox.kernel.audit.model import StoredEvent
from sandbox.kernel.canonical import Json
from sandbox.kernel.db import Transaction

PAGE = 1000

_REACHED = {line.audit: line.target for line in JOB.rows}


def events_of(parts: Parts, tx: Transaction, subject: str) -> Iterator[StoredEvent]:
    """Yield every event about an object that can be opened, oldest first."""
    page = parts.audit.events(tx, None, -1, PAGE, subject)
    while page:
        yield from page
        page = parts.audit.events(tx, None, page[-1].index, PAGE, subject)


def job_as_logged(job: Job | None, events: Sequence[StoredEvent]) -> bool:
    """Tell whether the job's row is where its events left it, and whose they say it is."""
    moves = [stored.event for stored in events if stored.event.type in _REACHED]
    if job is None or not moves or moves[0].type != "job.submitted":
        return False
    submitted = moves[0]
    return (
        _REACHED[moves[-1].type] == job.state
        and (submitted.actor, submitted.tenants) == (job.person, (job.operator,))
        and submitted.payload.get("agreement") == job.agreement
        and submitted.payload.get("prepared_digest") == job.prepared_digest
    )


def plan_as_logged(parts: Parts, tx: Transaction, job: str) -> Json:
    """Return the plan that the log says a job was admitted with, None where it says none."""
    submitted = (stored.event for stored in events_of(parts, tx, job) if stored.event.type == "job.submitted")
    return next((event.payload.get("plan") for event in submitted), None)


def request_as_logged(request: ReleaseRequest, release: Release, events: Sequence[StoredEvent]) -> bool:
    """Tell whether the request is in the state that its last event names, and recalled if and only if the log says so."""
    if not events or events[-1].event.payload.get("state") != request.state:
        return False
    recalls = [stored.event.payload.get("statement") for stored in events if stored.event.type == "release.recalled"]
    opened = [stored.event.payload.get("submitter") for stored in events if stored.event.type == "review.opened"]
    return recalls == ([] if release.recall is None else [release.recall]) and opened == [request.submitter]


def deliveries_as_logged(tx: Transaction, release: Release, events: Sequence[StoredEvent]) -> bool:
    """Tell whether the list of who fetched what is that of the log; a recall asks it who must be told."""
    logged = [
        (stored.event.actor, str(stored.event.payload.get("format")), str(stored.event.payload.get("digest")))
        for stored in events
        if stored.event.type == "release.delivered"
    ]
    return logged == [(one.person, one.format, one.digest) for one in releases.deliveries_of(tx, release.id)]


def rows_as_stated(release: Release, request: ReleaseRequest, predicate: Mapping[str, Json]) -> bool:
    """Tell whether the row by which downloads are decided names what the manifest names."""
    validity = predicate.get("validity")
    stated = {name: predicate.get(name) for name in ("release", "job", "request", "recipient", "operator", "environment")}
    kept = {
        "release": release.id,
        "job": release.job,
        "request": release.request,
        "recipient": release.recipient,
        "operator": release.operator,
        "environment": release.environment,
    }
    return (
        stated == kept
        and isinstance(validity, Mapping)
        and validity.get("expires") == release.expires
        and predicate.get("released_at") == release.released_at
        and predicate.get("owners") == list(release.institutions)
        and predicate.get("agreement") == request.agreement
    )


def package_holds(parts: Parts, bundle: bytes, manifest: bytes) -> bool:
    """Tell whether the package that the recipient fetches is about this manifest and passes offline verification."""
    return verify(bundle, public_keys(parts.keys)).passed and unpack(bundle)[MANIFEST] == manifest

"""Releases: packaged once, delivered to their recipient only, recalled for everybody."""

import json
from collections.abc import Mapping
from typing import cast

from pydantic import ValidationError

from egress.model import ProtectedColumn
from egress.release import access, store
from egress.release.bundle import MANIFEST
from egress.release.dsse import decode, sign
from egress.release.files import read_arrow
from egress.release.manifest import Circumstances
from egress.release.model import MEDIA_TYPES, RECALL_TYPE, STATEMENT_TYPE, Delivery, Release, Statement
from egress.release.package import Unfit, bundle_of, counting_votes, envelope_of, files_of, fit, history, reviewers_of
from egress.release.workbook import xlsx_bytes
from egress.review import store as reviews
from egress.review.model import ReleaseRequest
from egress.review.steps import Steps
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import Json, canonical_bytes, digest_bytes
from sandbox.kernel.clock import Clock, civil_date, next_tick, stamp
from sandbox.kernel.db import Database, Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.idempotency import store as idempotency
from sandbox.kernel.ids import new_id
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.objects import ObjectStore
from sandbox.kernel.outbox.service import publish
from sandbox.kernel.page import Page
from tenants import store as tenants
from tenants.model import Principal

REASON_LIMIT = 2000


class ReleaseService:
    """Packages approved requests and delivers releases. The only way out of the domain."""

    def __init__(self, db: Database, clock: Clock, audit: AuditLog, keys: KeyRing, objects: ObjectStore) -> None:
        self._db = db
        self._clock = clock
        self._audit = audit
        self._keys = keys
        self._objects = objects
        self._steps = Steps(audit)

    def package(self, tx: Transaction, body: Mapping[str, Json]) -> None:
        """Package the approved request `body["request"]`; the handler of `release.approved`.

        Handling the message again changes nothing. Whatever approval rested on is recomputed; where it no longer holds
        the request is `packaging_failed`. A fault of ours (no disk, no key) raises, and the message is tried again.

        Raises:
            YuneiError: `NOT_FOUND`, `ILLEGAL_TRANSITION`, `DISK_FULL`, `KEY_MISSING`, `PACKAGING_FAILED`.

        """
        request = reviews.by_id(tx, str(body["request"]))
        if request is None:
            raise YuneiError("NOT_FOUND")
        if store.of_request(tx, request.id) is not None or request.state == "packaging_failed":
            return
        self._package(tx, request)

    def retry(self, principal: Principal, request_id: str) -> str:
        """Package a request again whose packaging failed, once its cause is gone; return its state.

        Raises:
            YuneiError: `NOT_FOUND`, `ILLEGAL_TRANSITION`, as for `package`.

        """
        with self._db.write() as tx:
            request = reviews.by_id(tx, request_id)
            if request is None or not access.sees_all(principal) or "reviews:vote" not in principal.scopes:
                raise YuneiError("NOT_FOUND")
            self._steps.log(tx, request, "release.retried", {}, principal)
            return self._package(tx, request).state

    def list(self, principal: Principal, after: str | None, limit: int) -> Page[Mapping[str, Json]]:
        """Return the releases that exist for `principal`, by identifier."""
        organisation = None if access.sees_all(principal) else principal.organisation
        with self._db.read() as tx:
            found = store.page(tx, organisation, after, limit + 1)
            items = tuple(self._summary(tx, release) for release in found[:limit] if access.may_see(principal, release))
        return Page(items, found[limit - 1].id if len(found) > limit else None)

    def get(self, principal: Principal, release_id: str) -> Mapping[str, Json]:
        """Return state and facts of a release.

        Raises:
            YuneiError: `NOT_FOUND`.

        """
        with self._db.read() as tx:
            return self._summary(tx, self._seen(tx, principal, release_id))

    def manifest(self, principal: Principal, release_id: str) -> Mapping[str, Json]:
        """Return a release with its signed envelope, the statement in clear, and the recall statement if there is one.

        Raises:
            YuneiError: `NOT_FOUND`.

        """
        with self._db.read() as tx:
            release = self._seen(tx, principal, release_id)
            envelope = self._object(release.envelope)
            return {
                **self._summary(tx, release),
                "envelope": json.loads(envelope),
                "statement": json.loads(decode(envelope).payload),
                "recall": None if release.recall is None else json.loads(self._object(release.recall)),
            }

    def content(self, principal: Principal, release_id: str, name: str) -> bytes:
        """Return the table as `csv`, `parquet`, `arrow`, `json` or `xlsx`; every download is counted and logged.

        Raises:
            YuneiError: `NOT_FOUND`, `MALFORMED`, `RELEASE_RECALLED`, `RELEASE_EXPIRED`, `AGREEMENT_SUSPENDED`,
                `AGREEMENT_EXPIRED`, `STORED_BYTES_CHANGED`.

        """
        if name not in MEDIA_TYPES:
            raise YuneiError("MALFORMED", field="format")
        with self._db.write() as tx:
            release = self._fetchable(tx, principal, release_id)
            data = self._workbook(release) if name == "xlsx" else self._object(release.objects[f"data.{name}"])
            self._deliver(tx, principal, release, name, data)
        return data

    def bundle(self, principal: Principal, release_id: str) -> bytes:
        """Return the package that `yunei verify` takes.

        Raises:
            YuneiError: as for `content`.

        """
        with self._db.write() as tx:
            release = self._fetchable(tx, principal, release_id)
            data = self._object(release.bundle)
            self._deliver(tx, principal, release, "bundle", data)
        return data

    def recall(self, principal: Principal, release_id: str, reason: str, idempotency_key: str) -> Mapping[str, Json]:
        """Recall a release: from this transaction on nobody fetches it; returns the signed statement and who has it.

        Args:
            principal: a reviewer of an owner, or the authority.
            release_id: the release.
            reason: text for the recipient, at most 2000 characters; it names no value.
            idempotency_key: makes a repetition return the first answer.

        Raises:
            YuneiError: `NOT_FOUND`, `NOT_PERMITTED`, `COMMENT_REQUIRED`, `TOO_LARGE`, `ILLEGAL_TRANSITION`,
                `IDEMPOTENCY_CLASH`.

        """
        if not reason.strip():
            raise YuneiError("COMMENT_REQUIRED")
        if len(reason) > REASON_LIMIT:
            raise YuneiError("TOO_LARGE", limit=REASON_LIMIT)
        body: dict[str, Json] = {"release": release_id, "reason": reason}
        with self._db.write() as tx:
            release = store.by_id(tx, release_id)
            allowed = "unseen" if release is None else access.may_recall(principal, release)
            if release is None or allowed == "unseen":
                raise YuneiError("NOT_FOUND")
            if allowed == "no":
                raise YuneiError("NOT_PERMITTED")
            if idempotency.known(tx, principal.person, "release.recall", idempotency_key, body) is None:
                self._recall(tx, principal, release, reason)
                idempotency.remember(tx, principal.person, "release.recall", idempotency_key, body, release_id)
            recalled = store.by_id(tx, release_id) or release
            envelope = self._object(str(recalled.recall))
        return {"envelope": json.loads(envelope), **json.loads(decode(envelope).payload)["predicate"]}

    def is_active(self, tx: Transaction, release_id: str) -> bool:
        """Tell whether a release may still be delivered, apart from who asks."""
        release = store.by_id(tx, release_id)
        if release is None or release.recall is not None or self._state(tx, release) != "released":
            return False
        return bool(civil_date(self._clock.now()).isoformat() <= release.expires)

    def _package(self, tx: Transaction, request: ReleaseRequest) -> ReleaseRequest:
        request = self._steps.move(tx, request, "package", {"etag": request.etag})
        table = fit(tx, request, self._keys)
        if isinstance(table, Unfit):
            return self._steps.move(tx, request, "fail", {"reason": table.reason})
        files, release_id = files_of(table), new_id("rel")
        at = stamp(next_tick(self._clock.now(), self._audit.tick_s))
        voters = reviewers_of(counting_votes(tx, request, self._keys), self._keys)
        facts = Circumstances(release_id, at, len(table.rows), voters, history(tx, request, self._audit))
        try:
            envelope = envelope_of(request, facts, files, self._keys).encode()
        except (ValidationError, KeyError):
            raise YuneiError("PACKAGING_FAILED") from None
        logged: dict[str, Json] = {"release": release_id, "manifest": digest_bytes(envelope), "etag": request.etag}
        request, event = self._steps.step(tx, request, "release", logged)
        bundle = bundle_of(tx, self._audit, event, envelope, files)
        objects = {name: self._objects.put(data) for name, data in files.items()}
        release = Release(
            id=release_id,
            request=request.id,
            job=request.job,
            recipient=request.recipient,
            operator=request.operator,
            institutions=request.institutions,
            environment=request.environment,
            expires=request.expires,
            released_at=at,
            envelope=self._objects.put(envelope),
            bundle=self._objects.put(bundle),
            objects=objects,
            event=event,
        )
        store.add(tx, release)
        publish(tx, "release.ended", {"job": request.job, "state": "released", "release": release_id})
        return request

    def _recall(self, tx: Transaction, principal: Principal, release: Release, reason: str) -> None:
        fetched: list[Json] = [
            {"organisation": one.organisation, "person": one.person, "format": one.format, "at": one.at}
            for one in store.deliveries_of(tx, release.id)
        ]
        predicate: dict[str, Json] = {
            "release": release.id,
            "reason": reason,
            "recalled_at": stamp(next_tick(self._clock.now(), self._audit.tick_s)),
            "fetched": fetched,
        }
        statement: dict[str, Json] = {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": MANIFEST, "digest": {"sha256": release.envelope.removeprefix("sha256:")}}],
            "predicateType": RECALL_TYPE,
            "predicate": predicate,
        }
        envelope = sign(canonical_bytes(statement), [self._keys.signer("service")]).encode()
        request = self._request(tx, release)
        logged: dict[str, Json] = {"release": release.id, "statement": digest_bytes(envelope), "reason": reason}
        self._steps.move(tx, request, "recall", logged, principal)
        store.set_recall(tx, release.id, self._objects.put(envelope))

    def _fetchable(self, tx: Transaction, principal: Principal, release_id: str) -> Release:
        release = store.by_id(tx, release_id)
        if release is None:
            raise YuneiError("NOT_FOUND")
        request = self._request(tx, release)
        agreement = tenants.agreement(tx, request.agreement)
        today = civil_date(self._clock.now()).isoformat()
        decision = access.may_fetch(principal, release, request.state, agreement, today)
        if isinstance(decision, access.Denied):
            raise YuneiError(decision.code)
        return release

    def _deliver(self, tx: Transaction, principal: Principal, release: Release, name: str, data: bytes) -> None:
        at, found = stamp(self._clock.now()), digest_bytes(data)
        store.add_delivery(tx, Delivery(release.id, principal.person, principal.organisation, name, at, found))
        facts: dict[str, Json] = {"release": release.id, "format": name, "digest": found, "token": principal.token}
        self._steps.log(tx, self._request(tx, release), "release.delivered", facts, principal)

    def _workbook(self, release: Release) -> bytes:
        statement = Statement.model_validate_json(decode(self._object(release.envelope)).payload)
        columns = tuple(ProtectedColumn(one.name, one.kind, one.type) for one in statement.predicate.columns)  # type: ignore[arg-type]
        return xlsx_bytes(read_arrow(columns, self._object(release.objects["data.arrow"])), statement.predicate)

    def _summary(self, tx: Transaction, release: Release) -> Mapping[str, Json]:
        return {
            "id": release.id,
            "state": self._state(tx, release),
            "job": release.job,
            "request": release.request,
            "recipient": release.recipient,
            "operator": release.operator,
            "institutions": list(release.institutions),
            "environment": release.environment,
            "synthetic": release.environment == "dev",
            "expires": release.expires,
            "released_at": release.released_at,
            "envelope_digest": release.envelope,
            "audit_index": release.event,
            "formats": list(MEDIA_TYPES),
            "deliveries": store.count_deliveries(tx, release.id),
        }

    def _seen(self, tx: Transaction, principal: Principal, release_id: str) -> Release:
        release = store.by_id(tx, release_id)
        if release is None or not access.may_see(principal, release):
            raise YuneiError("NOT_FOUND")
        return release

    def _state(self, tx: Transaction, release: Release) -> str:
        return self._request(tx, release).state

    def _request(self, tx: Transaction, release: Release) -> ReleaseRequest:
        return cast("ReleaseRequest", reviews.by_id(tx, release.request))

    def _object(self, name: str) -> bytes:
        data = self._objects.get(name)
        if data is None:
            raise YuneiError("STORED_BYTES_CHANGED")
        return data

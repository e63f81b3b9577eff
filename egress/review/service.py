"""Release requests from the sealed result to the decision. Every act, and every view of evidence, is an audit event."""

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

from egress.checks import check
from egress.release.files import csv_bytes
from egress.review import decide, store, view
from egress.review.ballot import committed
from egress.review.model import Decision, ReleaseOpening, ReleaseRequest, Vote
from egress.review.opening import bound, sealed_request, timed, unsealed
from egress.review.steps import Steps
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import Json
from sandbox.kernel.clock import Clock, civil_date, stamp
from sandbox.kernel.db import Database, Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.idempotency import store as idempotency
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.page import Page
from sandbox.kernel.roles import Role
from tenants.model import Principal

NOTE_LIMIT = 4000


class ReviewService:
    """Keeps release requests. Nothing but `approved` leads from here to a package."""

    def __init__(self, db: Database, clock: Clock, audit: AuditLog, keys: KeyRing) -> None:
        self._db = db
        self._clock = clock
        self._keys = keys
        self._steps = Steps(audit)

    def open(self, tx: Transaction, opening: ReleaseOpening, canaries: tuple[str, ...]) -> str:
        """Check a protected result and start its request, in the caller's transaction; return the request's id.

        A result that fails a check is not kept. One that passes all of them on the `auto` route is approved at once.
        """
        report = check(opening.result, opening.plan, opening.output, canaries)
        request = sealed_request(opening, report, self._keys, self._clock.now())
        store.add(tx, request)
        request = self._steps.move(tx, request, "check", {"policy": request.policy_digest, "submitter": request.submitter})
        # The ETag commits to report and bytes under a salt; their own digests would tell a guessed result from others.
        self._steps.move(tx, request, decide.route(report, opening.route), {"etag": request.etag})
        return request.id

    def list(self, principal: Principal, after: str | None, limit: int) -> Page[Mapping[str, Json]]:
        """Return the requests that exist for `principal`, by identifier; the submitting side sees coarse states."""
        owner = principal.organisation if Role.REVIEWER_OWNER in principal.roles else None
        operator = principal.organisation if Role.OPERATOR in principal.roles else None
        if owner is None and operator is None and Role.REVIEWER_AUTHORITY not in principal.roles:
            return Page((), None)
        with self._db.read() as tx:
            found = store.queue(tx, owner, operator, after, limit + 1)
        shown = found[:limit]
        show = view.summary if operator is None else lambda request: view.applicant(request, ())
        return Page(tuple(show(request) for request in shown), shown[-1].id if len(found) > limit else None)

    def get(self, principal: Principal, request_id: str) -> Mapping[str, Json]:
        """Return the evidence of a request, exact bytes included; the view itself becomes evidence.

        Raises:
            YuneiError: `NOT_FOUND`.

        """
        with self._db.write() as tx:
            request = self._found(tx, request_id)
            votes = store.votes_of(tx, request.id, request.version)
            if _submits(principal, request):
                return view.applicant(request, votes)
            if not decide.is_reviewer(principal, request):
                raise YuneiError("NOT_FOUND")
            self._steps.log(tx, request, "review.viewed", {"etag": request.etag}, principal)
            return view.evidence(request, votes, principal.person, self._content(request))

    def vote(
        self, principal: Principal, request_id: str, decision: str, comment: str, etag: str, idempotency_key: str
    ) -> Mapping[str, Json]:
        """Cast one person's blind vote on exactly the evidence `etag`, and decide once the quorum is in.

        Raises:
            YuneiError: `NOT_FOUND`, `SEPARATION_OF_DUTIES`, `MALFORMED`, `COMMENT_REQUIRED`, `IF_MATCH_FAILED`,
                `ALREADY_VOTED`, `ILLEGAL_TRANSITION`, `IDEMPOTENCY_CLASH`.

        """
        body = {"request": request_id, "decision": decision, "comment": comment, "etag": etag}
        with self._db.write() as tx:
            request = self._found(tx, request_id)
            held = decide.seat(principal, request)
            if isinstance(held, decide.NoSeat):
                raise YuneiError(held.code)
            if idempotency.known(tx, principal.person, "review.vote", idempotency_key, body) is None:
                self._check_vote(tx, request, principal, decision, comment, etag)
                vote = self._vote(request, principal, held.role, decision, comment)
                request = self._cast(tx, request, principal, vote)
                idempotency.remember(tx, principal.person, "review.vote", idempotency_key, body, request.id)
            else:
                self._steps.log(tx, request, "review.viewed", {"etag": request.etag}, principal)
            votes = store.votes_of(tx, request.id, request.version)
            return view.evidence(request, votes, principal.person, self._content(request))

    def revise(self, principal: Principal, request_id: str, note: str) -> Mapping[str, Json]:
        """Answer a return with an explanation: a new version of the same bytes, on which everybody votes anew.

        The noise is not drawn again: one charge yields one result.

        Raises:
            YuneiError: `NOT_FOUND`, `COMMENT_REQUIRED`, `TOO_LARGE`, `ILLEGAL_TRANSITION`.

        """
        if not note.strip():
            raise YuneiError("COMMENT_REQUIRED")
        if len(note) > NOTE_LIMIT:
            raise YuneiError("TOO_LARGE", limit=NOTE_LIMIT)
        with self._db.write() as tx:
            request = self._submitted(tx, principal, request_id)
            answered = replace(
                request, version=request.version + 1, dossier={**request.dossier, "notes": [*_notes(request), note]}
            )
            revised = timed(bound(answered), self._clock.now())
            facts: dict[str, Json] = {"version": revised.version, "etag": revised.etag}
            revised = self._steps.move(tx, revised, "revise", facts, principal)
            return view.applicant(self._steps.move(tx, revised, "admit", facts), ())

    def withdraw(self, principal: Principal, request_id: str) -> Mapping[str, Json]:
        """Give up a returned request; its job ends without a release.

        Raises:
            YuneiError: `NOT_FOUND`, `ILLEGAL_TRANSITION`.

        """
        with self._db.write() as tx:
            request = self._submitted(tx, principal, request_id)
            return view.applicant(self._steps.move(tx, request, "withdraw", {}, principal), ())

    def expire(self, tx: Transaction) -> int:
        """Apply deadlines and return how many requests changed: reviews are escalated, then rejected; releases end."""
        moment, changed = self._clock.now(), 0
        now, today = stamp(moment), civil_date(moment).isoformat()
        for request in store.overdue(tx, now, today):
            due = decide.timer(request, now, today)
            if due == "expire":
                self._steps.move(tx, request, "expire", {"close_at": request.close_at, "expires": request.expires})
            elif due == "escalate":
                store.save(tx, replace(request, escalated=True))
                self._steps.log(tx, request, "review.escalated", {"due_at": request.due_at})
            changed += due is not None
        return changed

    def _cast(self, tx: Transaction, request: ReleaseRequest, principal: Principal, vote: Vote) -> ReleaseRequest:
        store.add_vote(tx, vote)
        votes = store.votes_of(tx, request.id, request.version)
        outcome = decide.consolidate(votes, request.institutions)
        # Until the quorum is in, others may open this event: it carries a keyed commitment, not the decision.
        facts: dict[str, Json] = {"vote": vote.digest, "etag": vote.etag, "version": vote.version}
        request = self._steps.move(tx, request, "vote" if outcome is None else "complete", facts, principal)
        if outcome is None:
            return request
        if outcome == "conflict":  # a third person votes next, as blindly as the first two
            return self._steps.move(tx, self._steps.move(tx, request, outcome, {"etag": vote.etag}), "reopen", {})
        return self._steps.move(tx, request, outcome, {"votes": [view.vote_json(each) for each in votes], "etag": vote.etag})

    def _check_vote(
        self, tx: Transaction, request: ReleaseRequest, principal: Principal, decision: str, comment: str, etag: str
    ) -> None:
        if decision not in get_args(Decision):
            raise YuneiError("MALFORMED", field="decision")
        if etag != request.etag:
            raise YuneiError("IF_MATCH_FAILED")
        if any(vote.person == principal.person for vote in store.votes_of(tx, request.id, request.version)):
            raise YuneiError("ALREADY_VOTED")
        if decision != "approve" and not comment.strip():
            raise YuneiError("COMMENT_REQUIRED")

    def _vote(self, request: ReleaseRequest, principal: Principal, role: Role, decision: str, comment: str) -> Vote:
        vote = Vote(
            request=request.id,
            version=request.version,
            person=principal.person,
            organisation=principal.organisation,
            role=role,
            decision=decision,  # type: ignore[arg-type]  # `_check_vote` has held it to the closed list
            comment=comment,
            etag=request.etag,
            at=stamp(self._clock.now()),
            digest="",
        )
        return committed(vote, self._keys)

    def _content(self, request: ReleaseRequest) -> str | None:
        table = unsealed(request, self._keys)
        return None if table is None else csv_bytes(table).decode()

    def _found(self, tx: Transaction, request_id: str) -> ReleaseRequest:
        request = store.by_id(tx, request_id)
        if request is None:
            raise YuneiError("NOT_FOUND")
        return request

    def _submitted(self, tx: Transaction, principal: Principal, request_id: str) -> ReleaseRequest:
        request = self._found(tx, request_id)
        if not _submits(principal, request):
            raise YuneiError("NOT_FOUND")
        return request


def _submits(principal: Principal, request: ReleaseRequest) -> bool:
    return Role.OPERATOR in principal.roles and principal.organisation == request.operator


def _notes(request: ReleaseRequest) -> list[Json]:
    notes = request.dossier.get("notes", [])
    return list(notes) if isinstance(notes, list) else []

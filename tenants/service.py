"""People, tokens and agreements: who someone is, what exists for them, and how that changes."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import TypeVar

from policies.store import institutions_of
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import Json
from sandbox.kernel.clock import Clock, civil_date, stamp
from sandbox.kernel.db import Database, Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.idempotency import store as idempotency
from sandbox.kernel.ids import new_id
from sandbox.kernel.outbox.service import publish
from sandbox.kernel.roles import Role
from sandbox.kernel.states import advance
from tenants import store
from tenants.decide import MAX_TOKEN_DAYS, Refused, may_hold, may_issue, scopes_of, sees
from tenants.model import AGREEMENT, SYSTEM_ACTOR, Assignment, IssuedToken, Organisation, Person, Principal, ServiceAgreement

TOKEN_PREFIX = "yn_"  # noqa: S105 - a public prefix by which scanners find leaked tokens
_TOKEN_BYTES = 32

T = TypeVar("T")


class TenantService:
    """Authenticates tokens and keeps the register of parties. Every change is one audit event in its transaction."""

    def __init__(self, db: Database, clock: Clock, audit: AuditLog) -> None:
        self._db = db
        self._clock = clock
        self._audit = audit

    def today(self) -> date:
        """Return the calendar day by which terms are counted."""
        return civil_date(self._clock.now())

    def authenticate(self, text: str) -> Principal:
        """Return whom a bearer token speaks for, with the scopes that the person's roles still carry.

        Raises:
            YuneiError: `UNAUTHENTICATED`, the same for unknown, expired and revoked tokens.

        """
        # The lookup compares SHA-256 values: its timing tells nothing about a text whose hash nobody can steer.
        hashed = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        with self._db.read() as tx:
            token = store.token_by_hash(tx, hashed)
            if token is None or token.revoked_at is not None or token.expires_at <= stamp(self._clock.now()):
                raise YuneiError("UNAUTHENTICATED")
            person = store.person(tx, token.person)
            home = None if person is None else store.organisation(tx, person.organisation)
        if person is None or home is None:
            raise YuneiError("UNAUTHENTICATED")
        return Principal(person.id, home.id, home.kind, person.roles, token.scopes & scopes_of(person.roles), token.id)

    def issue_token(self, person: str, scopes: frozenset[str] | None, days: int, actor: str = SYSTEM_ACTOR) -> str:
        """Make a token and return its text, which is shown this once; only its SHA-256 is kept.

        Args:
            person: whose token it is.
            scopes: what it carries; None for everything the person's roles carry.
            days: its life, 1 to 366.
            actor: who issues it.

        Raises:
            YuneiError: `NOT_FOUND`, `SCOPE_MISSING` or `MALFORMED`.

        """
        with self._db.write() as tx:
            return self._issue(tx, person, scopes, days, actor).text

    def issue_once(
        self, principal: Principal, person: str, scopes: frozenset[str] | None, days: int, idempotency_key: str
    ) -> IssuedToken:
        """Let the security administrator make a token for somebody else; see `issue_token`.

        A repetition under the same key is refused: the text is not kept, so the first answer cannot be given again.

        Raises:
            YuneiError: `NOT_PERMITTED` for oneself, `IDEMPOTENCY_CLASH`, and the codes of `issue_token`.

        """
        if person == principal.person:
            raise YuneiError("NOT_PERMITTED", object="token")
        body: Mapping[str, Json] = {"person": person, "scopes": None if scopes is None else sorted(scopes), "days": days}
        with self._db.write() as tx:
            if idempotency.known(tx, principal.person, "tokens", idempotency_key, body) is not None:
                raise YuneiError("IDEMPOTENCY_CLASH")
            issued = self._issue(tx, person, scopes, days, principal.person)
            idempotency.remember(tx, principal.person, "tokens", idempotency_key, body, issued.id)
        return issued

    def revoke(self, token: str, actor: str = SYSTEM_ACTOR) -> bool:
        """End a token at once, named by its identifier or by its text; returns whether it was still valid until now.

        Raises:
            YuneiError: `NOT_FOUND`.

        """
        hashed = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        with self._db.write() as tx:
            found = _found(store.token(tx, token) or store.token_by_hash(tx, hashed))
            if found.revoked_at is not None:
                return False
            store.revoke_token(tx, found.id, stamp(self._clock.now()))
            home = _found(store.person(tx, found.person)).organisation
            self._audit.append(tx, AuditEvent("token.revoked", found.id, actor, (home,), {"person": found.person}))
        return True

    def organisation(self, tx: Transaction, name: str) -> Organisation:
        """Return an organisation; raises `NOT_FOUND`."""
        return _found(store.organisation(tx, name))

    def person(self, tx: Transaction, name: str) -> Person:
        """Return a person with present roles; raises `NOT_FOUND`."""
        return _found(store.person(tx, name))

    def agreement(self, tx: Transaction, name: str) -> ServiceAgreement | None:
        """Return an agreement whoever asks; what a person asks for goes through `visible`."""
        return store.agreement(tx, name)

    def visible(self, tx: Transaction, principal: Principal, name: str) -> ServiceAgreement:
        """Return an agreement that exists for `principal`.

        Raises:
            YuneiError: `NOT_FOUND`, the same whether it does not exist or is not theirs to see.

        """
        found = _found(store.agreement(tx, name))
        if not sees(principal, found, institutions_of(tx, name)):
            raise YuneiError("NOT_FOUND")
        return found

    def agreements(self, tx: Transaction, principal: Principal) -> tuple[ServiceAgreement, ...]:
        """Return the agreements that exist for `principal`, by identifier."""
        return tuple(item for item in store.all_agreements(tx) if sees(principal, item, institutions_of(tx, item.id)))

    def change_state(self, principal: Principal, agreement: str, event: str, reason: str) -> ServiceAgreement:
        """Suspend, resume or end an agreement; access closes or opens with this transaction, the reason is logged.

        Raises:
            YuneiError: `NOT_FOUND`, `COMMENT_REQUIRED`, `ILLEGAL_TRANSITION` or `NOT_PERMITTED`.

        """
        if not reason.strip():
            raise YuneiError("COMMENT_REQUIRED")
        with self._db.write() as tx:
            before = self.visible(tx, principal, agreement)
            line = advance(AGREEMENT, before.state, event, principal.roles)
            after = replace(before, state=line.target)
            store.save_agreement(tx, after, new=False)
            told = _agreement_event(tx, line.audit, after, principal.person, reason)
            self._audit.append(tx, told)
            if after.state == "ended":
                publish(tx, "agreement.ended", {"agreement": after.id, "parties": list(told.tenants)})
        return after

    def put_organisation(self, tx: Transaction, value: Organisation, actor: str) -> bool:
        """Register or rename an organisation; returns whether anything changed.

        Raises:
            YuneiError: `OBJECT_FIXED`, its kind may not change: what it sees and which roles it has depend on it.

        """
        known = store.organisation(tx, value.id)
        if known == value:
            return False
        if known is not None and known.kind != value.kind:
            raise YuneiError("OBJECT_FIXED", object=value.id, field="kind")
        store.save_organisation(tx, value, new=known is None)
        self._audit.append(tx, AuditEvent("organisation.registered", value.id, actor, (value.id,), value.as_json()))
        return True

    def put_person(self, tx: Transaction, value: Person, actor: str) -> bool:
        """Register a person or change their roles; returns whether anything changed.

        Roles that end are closed, not deleted. Roles follow the person's organisation: a move ends those of the old one.

        Raises:
            YuneiError: `NOT_FOUND` (organisation), `ROLES_EXCLUSIVE` or `ROLE_NOT_OF_ORGANISATION`.

        """
        home = _found(store.organisation(tx, value.organisation))
        roles = may_hold(value.roles, home.kind)
        if isinstance(roles, Refused):
            raise YuneiError(roles.code, person=value.id)
        known = store.person(tx, value.id)
        if known == value:
            return False
        store.save_person(tx, value, new=known is None)
        self._assign(tx, value)
        self._audit.append(tx, AuditEvent("person.registered", value.id, actor, (value.organisation,), value.as_json()))
        return True

    def put_agreement(self, tx: Transaction, value: ServiceAgreement, actor: str) -> bool:
        """Register an agreement, signed and therefore active, or change its term; returns whether anything changed.

        The state of a known agreement stays: what was suspended or ended is not revived by registering it again.

        Raises:
            YuneiError: `OBJECT_FIXED`, the parties or the operation agreement differ: budgets and recipients hang on them;
                `ILLEGAL_TRANSITION`, an ended agreement has no new term.

        """
        known = store.agreement(tx, value.id)
        if known is None:
            line = advance(AGREEMENT, AGREEMENT.initial, "activate", frozenset({Role.SYSTEM}))
            value, event = replace(value, state=line.target), line.audit
        else:
            _refuse_new_parties(known, value)
            value, event = replace(value, state=known.state), "agreement.term_changed"
        if known == value:
            return False
        if known is not None and known.state in AGREEMENT.final:
            raise YuneiError("ILLEGAL_TRANSITION", object=AGREEMENT.name)
        store.save_agreement(tx, value, new=known is None)
        self._audit.append(tx, _agreement_event(tx, event, value, actor))
        return True

    def _issue(self, tx: Transaction, person: str, scopes: frozenset[str] | None, days: int, actor: str) -> IssuedToken:
        if not 1 <= days <= MAX_TOKEN_DAYS:
            raise YuneiError("MALFORMED", field="days", maximum=MAX_TOKEN_DAYS)
        holder = _found(store.person(tx, person))
        granted = may_issue(holder, scopes)
        if isinstance(granted, Refused):
            raise YuneiError(granted.code, person=person, scopes=sorted(scopes or ()))
        now, text = self._clock.now(), TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
        hashed = hashlib.sha256(text.encode()).hexdigest()
        token = store.Token(new_id("tok"), hashed, person, granted, stamp(now), stamp(now + timedelta(days=days)))
        store.add_token(tx, token)
        facts: Mapping[str, Json] = {"person": person, "scopes": sorted(granted), "expires_at": token.expires_at}
        self._audit.append(tx, AuditEvent("token.issued", token.id, actor, (holder.organisation,), facts))
        return IssuedToken(token.id, text, person, granted, token.expires_at)

    def _assign(self, tx: Transaction, value: Person) -> None:
        now = stamp(self._clock.now())
        held = [line for line in store.history(tx, value.id) if line.until is None]
        kept = {line.role for line in held if line.organisation == value.organisation} & value.roles
        for line in held:
            if line.role not in kept or line.organisation != value.organisation:
                store.close_role(tx, line, now)
        for role in sorted(value.roles - kept):
            store.open_role(tx, Assignment(value.id, value.organisation, role, now, None))


def _found(value: T | None) -> T:
    if value is None:
        raise YuneiError("NOT_FOUND")
    return value


def _refuse_new_parties(known: ServiceAgreement, value: ServiceAgreement) -> None:
    for field in ("operation_agreement", "operator", "application"):
        if getattr(known, field) != getattr(value, field):
            raise YuneiError("OBJECT_FIXED", object=value.id, field=field)


def _agreement_event(tx: Transaction, event: str, value: ServiceAgreement, actor: str, reason: str | None = None) -> AuditEvent:
    tenants = {value.operator, value.application, *institutions_of(tx, value.id)}
    payload = value.as_json() if reason is None else {**value.as_json(), "reason": reason}
    return AuditEvent(event, value.id, actor, tuple(sorted(tenants)), payload)

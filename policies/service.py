"""Policies in force: published once per version, resolved against the catalog, kept for ever."""

import json

from policies import store
from policies.catalog import Catalog, Strict
from policies.grant import Grant
from policies.policy import Policy
from policies.query import Refused
from policies.resolve import declaring, resolve
from policies.vocabularies import AS_STORED
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import Json, canonical_bytes
from sandbox.kernel.clock import Clock, stamp
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError

_CACHED = 256


class PolicyService:
    """Publishes policies and answers what an agreement grants."""

    def __init__(self, clock: Clock, audit: AuditLog) -> None:
        self._clock = clock
        self._audit = audit
        self._grants: dict[str, Grant] = {}

    def publish(self, tx: Transaction, policy: Policy, catalog: Catalog, actor: str, parties: tuple[str, ...] = ()) -> bool:
        """Put `policy` in force for its agreement, resolved against the catalog items on which it rests.

        Publishing what is in force already changes nothing. The same version with a changed catalog is bound anew, so
        that a stricter catalog takes effect; every version and binding stays.

        Args:
            tx: the act's write transaction.
            policy: the version to publish.
            catalog: all items known now; those on which the grant rests are kept with it.
            actor: who publishes, for the evidence.
            parties: organisations beside the granting institutions that may open the audit event.

        Returns:
            Whether anything changed.

        Raises:
            YuneiError: `POLICY_REFUSED` with findings where catalog and policy do not resolve; `POLICY_VERSION_USED`
                where the version is not new and its content is, or a later version is in force.

        """
        grant = resolve(policy, catalog)
        if isinstance(grant, Refused):
            raise YuneiError("POLICY_REFUSED", policy=policy.policy, findings=[item.as_json() for item in grant.findings])
        new = self._is_new_version(tx, policy)
        bound = _binding(grant, catalog)
        if not new and store.binding_digest(tx, policy.agreement) == bound.digest:
            return False
        at = stamp(self._clock.now())
        if new:
            store.add_version(tx, store.Version(policy.agreement, policy.version, policy.policy, bound.document), actor, at)
        store.add_binding(tx, bound, actor, at)
        institutions = frozenset().union(*(table.institutions for table in grant.tables.values()))
        store.add_institutions(tx, policy.agreement, institutions)
        self._audit.append(tx, _published(grant, bound, actor, tuple(sorted(institutions.union(parties)))))
        return True

    def grant(self, tx: Transaction, agreement: str) -> Grant | None:
        """Return what the agreement grants now, or None where nothing was published.

        Raises:
            YuneiError: `DEFECT`, the stored documents do not give the grant that was published.

        """
        name = store.binding_digest(tx, agreement)
        if name is None:
            return None
        if name not in self._grants:
            self._grants[name] = _load(tx, agreement, name)
            for oldest in list(self._grants)[:-_CACHED]:
                self._grants.pop(oldest, None)
        return self._grants[name]

    def documents(self, tx: Transaction, agreement: str) -> tuple[Policy, ...]:
        """Return every published version, oldest first."""
        return tuple(Policy.model_validate_json(line.document, context=AS_STORED) for line in store.all_versions(tx, agreement))

    def _is_new_version(self, tx: Transaction, policy: Policy) -> bool:
        known = self.documents(tx, policy.agreement)
        if not known or policy.version > known[-1].version:
            return True
        if policy != known[-1]:
            raise YuneiError("POLICY_VERSION_USED", policy=policy.policy, version=policy.version, newest=known[-1].version)
        return False


def as_document(model: Strict) -> Json:
    """Return a policy or catalog as JSON that reads back equal and is the same for equal models: sets are sorted."""
    plain: Json = json.loads(json.dumps(model.model_dump(by_alias=True), default=_plain))
    return plain


def _plain(value: object) -> Json:
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _binding(grant: Grant, catalog: Catalog) -> store.Binding:
    policy = grant.policy
    items = Catalog(items={name: catalog.items[name] for name in declaring(grant.tables, catalog)})
    document, kept = (canonical_bytes(as_document(model)).decode() for model in (policy, items))
    return store.Binding(policy.agreement, policy.version, document, kept, grant.digest)


def _load(tx: Transaction, agreement: str, name: str) -> Grant:
    """Resolve what was published; the stored documents must give the very grant that they gave then."""
    row = store.binding(tx, agreement)
    if row is None:
        raise YuneiError("DEFECT")
    policy = Policy.model_validate_json(row.document, context=AS_STORED)
    grant = resolve(policy, Catalog.model_validate_json(row.catalog, context=AS_STORED))
    if isinstance(grant, Refused) or grant.digest != name:
        raise YuneiError("DEFECT")
    return grant


def _published(grant: Grant, bound: store.Binding, actor: str, tenants: tuple[str, ...]) -> AuditEvent:
    payload: dict[str, Json] = {
        "agreement": bound.agreement,
        "version": bound.version,
        "digest": grant.digest,
        "policy_digest": grant.policy_digest,
        "catalog_digest": grant.catalog_digest,
    }
    return AuditEvent("policy.published", grant.policy.policy, actor, tenants, payload)

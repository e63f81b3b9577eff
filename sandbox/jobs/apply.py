"""Apply a directory: organisations, people, catalog, agreements, policies, budgets and data, in one act or not at all."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from connectors.intake import Intake, Taken
from connectors.progress import Progress
from connectors.service import CatalogService, SupplyService
from egress.ledger.model import Scope
from egress.ledger.service import Ledger
from policies.catalog import Catalog, CatalogItem
from policies.grant import Grant
from policies.policy import Environment, Policy
from policies.service import PolicyService
from sandbox.jobs.apply_check import check
from sandbox.jobs.apply_copy import private_copy
from sandbox.jobs.apply_model import ApplyReport, Declaration
from sandbox.jobs.apply_read import Reader
from sandbox.jobs.apply_signed import (
    SIGNERS_NEEDED,
    Signed,
    Step,
    Unsigned,
    last_step,
    next_step,
    read_signatures,
    signers_allowed,
    tree_digest,
)
from sandbox.jobs.simulate import Simulation
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.audit.service import LOG_KEY, AuditLog
from sandbox.kernel.canonical import Json
from sandbox.kernel.db import Database, Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.settings import Settings
from tenants.service import TenantService


class Outlook(Protocol):
    """Tells what a policy would change for past jobs."""

    def foresee(self, policy: Policy, catalog: Catalog) -> Simulation | None:
        """Return it, or None where there is nothing to tell."""
        ...


class Deps(Protocol):
    """What applying needs; the container of a process has all of it."""

    @property
    def settings(self) -> Settings: ...  # noqa: D102 - the types say it
    @property
    def db(self) -> Database: ...  # noqa: D102
    @property
    def keys(self) -> KeyRing: ...  # noqa: D102
    @property
    def audit(self) -> AuditLog: ...  # noqa: D102
    @property
    def tenants(self) -> TenantService: ...  # noqa: D102
    @property
    def policies(self) -> PolicyService: ...  # noqa: D102
    @property
    def catalog(self) -> CatalogService: ...  # noqa: D102
    @property
    def intake(self) -> Intake: ...  # noqa: D102
    @property
    def supply(self) -> SupplyService: ...  # noqa: D102
    @property
    def ledger(self) -> Ledger: ...  # noqa: D102


def read_declaration(directory: Path) -> Declaration:
    """Read and check a directory without applying anything.

    Raises:
        YuneiError: `APPLY_INVALID` with every fault found.

    """
    reader = Reader(directory)
    declared = reader.read()
    faults = tuple(reader.faults) or check(declared)
    if faults:
        raise YuneiError("APPLY_INVALID", faults=[fault.as_json() for fault in faults])
    return declared


def apply(
    deps: Deps,
    directory: Path,
    actor: str,
    progress: Progress | None = None,
    outlook: Outlook | None = None,
) -> ApplyReport:
    """Bring a directory in. Applying the same directory again changes nothing and logs nothing.

    Data are taken in first, so that other work need not wait. Everything but the extracts is one transaction then, one audit
    event per object that changes. Extracts follow, one transaction each; until an agreement's extracts are built its jobs are
    refused as stale, and applying again builds them.
    What is absent from the directory stays as it is: nothing is removed by leaving it out. What is applied is a copy:
    nothing that is written to the directory meanwhile has an effect. With an `outlook`, what new versions of policies change
    for past jobs is told before they are in force, and reported.

    Raises:
        YuneiError: `APPLY_INVALID` with every fault, and nothing was applied; in production `APPLY_UNSIGNED`; or what an
            object's own register refuses, such as `OBJECT_FIXED` and `POLICY_VERSION_USED`, and nothing was applied;
            `DISK_FULL` and `SUPPLY_FAILED`.

    """
    progress = progress or Progress()
    progress.begin("read", str(directory))
    read_declaration(directory)  # so that a fault is named before anything is copied; what was read here is not used
    with private_copy(directory, deps.settings.data_dir) as copy:
        declared = read_declaration(copy)
        tree = tree_digest(copy) if deps.settings.deployment == "production" else None
        return _Run(deps, declared, actor, progress).run(copy, tree, outlook)


class _Run:
    """One apply of one declaration."""

    def __init__(self, deps: Deps, declared: Declaration, actor: str, progress: Progress) -> None:
        self._deps = deps
        self._declared = declared
        self._actor = actor
        self._progress = progress
        self._changed: dict[str, list[str]] = defaultdict(list)
        self._simulated: dict[str, Simulation] = {}
        self._quarantined: dict[str, Mapping[str, Json]] = {}

    def run(self, copy: Path, tree: str | None, outlook: Outlook | None) -> ApplyReport:
        if outlook is not None:
            self._foresee(outlook)
        with self._deps.db.read() as tx:
            self._authorised(tx, copy, tree)
        taken = self._take()
        self._progress.begin("register", str(len(self._declared.policies)))
        with self._deps.db.write() as tx:
            self._authorise(tx, copy, tree)
            names = _key_names(self._declared)
            self._deps.keys.create(*names)
            for name in names:
                public = self._deps.keys.signer(name).public.hex()
                self._note("keys", name, self._note_once(tx, "key.created", f"key:{name}", {"public": public}))
            self._register(tx)
            self._ingest(tx, taken)
            self._publish(tx)
        self._build()
        return self._report()

    def _foresee(self, outlook: Outlook) -> None:
        for policy in (entry.value for entry in self._declared.policies):
            found = outlook.foresee(policy, self._declared.catalog)
            if found is not None:
                self._progress.begin("simulate", f"{policy.policy}: {found.text['zh']} / {found.text['en']}")
                self._simulated[policy.policy] = found

    def _authorised(self, tx: Transaction, copy: Path, tree: str | None) -> tuple[Signed, Step | None] | None:
        """Demand two signatures in production, where `tree` is given, and return them with the step before."""
        if tree is None:
            return None
        deps = self._deps
        last = last_step(tx, deps.audit)
        step = next_step(tree, last)
        decision = read_signatures(copy, deps.keys.directory, step, signers_allowed(tx, self._declared))
        if isinstance(decision, Unsigned):
            facts: dict[str, Json] = {"digest": tree, "after": step.after, "signers": list(decision.signers)}
            raise YuneiError("APPLY_UNSIGNED", **facts, needed=SIGNERS_NEEDED)
        return decision, last

    def _authorise(self, tx: Transaction, copy: Path, tree: str | None) -> None:
        """Demand the signatures once more in the transaction in which the step is taken, and log it."""
        found = self._authorised(tx, copy, tree)
        if found is not None and found[0].step != found[1]:
            self._deps.audit.append(tx, found[0].event(self._actor))

    def _register(self, tx: Transaction) -> None:
        deps, declared = self._deps, self._declared
        for organisation in (entry.value.value() for entry in declared.organisations):
            self._note("organisations", organisation.id, deps.tenants.put_organisation(tx, organisation, self._actor))
        for person in (entry.value.value() for entry in declared.people):
            self._note("people", person.id, deps.tenants.put_person(tx, person, self._actor))
        for agreement in (entry.value.value() for entry in declared.agreements):
            self._note("agreements", agreement.id, deps.tenants.put_agreement(tx, agreement, self._actor))
        for item in (entry.value for entry in declared.items):
            self._note("catalog", item.table, deps.catalog.put(tx, item, self._actor))
        self._note("canaries", "canaries", self._plant(tx))

    def _plant(self, tx: Transaction) -> bool:
        new = set(self._declared.canaries) - set(self._deps.supply.canaries(tx))
        if new:
            self._deps.supply.put_canaries(tx, sorted(new))
            self._deps.audit.append(tx, AuditEvent("canaries.planted", "canaries", self._actor, (), {"count": len(new)}))
        return bool(new)

    def _take(self) -> tuple[tuple[CatalogItem, Taken], ...]:
        """Take the data in, which may take long, before the write transaction."""
        deps, data = self._deps, self._declared.data
        wanted = [entry.value for entry in self._declared.items if entry.value.table in data]
        return tuple((item, deps.intake.take(item, data[item.table], self._progress)) for item in wanted)

    def _ingest(self, tx: Transaction, taken: tuple[tuple[CatalogItem, Taken], ...]) -> None:
        for item, one in taken:
            self._note("snapshots", item.table, self._deps.intake.register(tx, one, item, self._actor))
            if one.quarantined is not None:
                self._quarantined[item.table] = one.quarantined

    def _publish(self, tx: Transaction) -> None:
        deps, catalog = self._deps, self._declared.catalog
        parties = {entry.value.id: (entry.value.operator, entry.value.application) for entry in self._declared.agreements}
        for policy in (entry.value for entry in self._declared.policies):
            changed = deps.policies.publish(tx, policy, catalog, self._actor, parties[policy.agreement])
            self._note("policies", policy.policy, changed)
            terms = policy.protection
            granted = deps.ledger.set_agreement_budget(tx, policy.agreement, terms.epsilon, terms.delta, self._actor)
            self._note("budgets", policy.agreement, granted)
        for cap in (entry.value for entry in self._declared.budgets):
            scope = Scope("dataset", cap.lineage, cap.unit_kind)
            capped = deps.ledger.set_dataset_cap(tx, scope, cap.epsilon, cap.delta, self._actor)
            self._note("budgets", f"{cap.lineage} {cap.unit_kind}", capped)

    def _build(self) -> None:
        for policy in (entry.value for entry in self._declared.policies):
            with self._deps.db.read() as tx:
                grant = self._deps.policies.grant(tx, policy.agreement)
                agreement = self._deps.tenants.agreement(tx, policy.agreement)
            if grant is not None and agreement is not None and agreement.state != "ended":
                for environment in sorted(policy.environment):
                    self._build_one(grant, environment)

    def _build_one(self, grant: Grant, environment: Environment) -> None:
        name = f"{grant.policy.agreement} {environment}"
        self._progress.begin("build", name)
        before = self._workspace(grant.policy.agreement, environment)
        self._deps.supply.build(grant, environment, self._actor, self._progress)
        self._note("extracts", name, self._workspace(grant.policy.agreement, environment) != before)

    def _workspace(self, agreement: str, environment: Environment) -> str | None:
        with self._deps.db.read() as tx:
            workspace = self._deps.supply.workspace(tx, agreement, environment)
        return None if workspace is None else workspace.id

    def _note(self, kind: str, name: str, changed: bool) -> None:
        if changed:
            self._changed[kind].append(name)

    def _note_once(self, tx: Transaction, event: str, subject: str, payload: Mapping[str, Json]) -> bool:
        """Log what happens once per subject: a key made before a crash is still logged by the apply after it."""
        if self._deps.audit.events(tx, None, -1, 1, subject):
            return False
        self._deps.audit.append(tx, AuditEvent(event, subject, self._actor, (), payload))
        return True

    def _report(self) -> ApplyReport:
        declared = self._declared
        return ApplyReport(
            changed={kind: tuple(names) for kind, names in self._changed.items()},
            declared={
                "organisations": len(declared.organisations),
                "people": len(declared.people),
                "catalog": len(declared.items),
                "agreements": len(declared.agreements),
                "policies": len(declared.policies),
                "budgets": len(declared.budgets) + len(declared.policies),
                "canaries": len(declared.canaries),
                "snapshots": len(declared.data),
            },
            simulated=self._simulated,
            quarantined=self._quarantined,
        )


def _key_names(declared: Declaration) -> tuple[str, ...]:
    """Name the signing keys: the log's, the service's, and one per institution for its own part in reviews."""
    owners = (f"owner-{entry.value.id}" for entry in declared.organisations if entry.value.kind == "institution")
    return LOG_KEY, "service", *owners

"""Steps 3 to 7 of a replay: the same SQL from the same documents, the same data, the same exact answer, the same noise.

Reasons are constant texts. A difference, a residual or a count would tell what the released table hides.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version

from cryptography.exceptions import InvalidTag

from egress.ledger.model import Amount, Entry
from egress.model import ProtectedResult
from egress.protect import bound_check, replay_post
from egress.recompute import Recomputed, recompute, total
from egress.release.files import csv_bytes, released_table
from sandbox.isolation.port import IsolationRuntime, RunFailed
from sandbox.jobs.model import Job
from sandbox.jobs.parts import Parts
from sandbox.jobs.pipeline import exact_digest, run_all, run_specs
from sandbox.jobs.prepare import NotPrepared, Prepared
from sandbox.jobs.replay.model import StepResult, failed, not_checkable, passed
from sandbox.jobs.sealed import result_json, result_of
from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import ExactTable, ExtractRef

NOT_KEPT = "the extracts are no longer kept"


@dataclass(frozen=True, eq=False)
class Derived:
    """What can be derived again: the query as prepared now, None where its policy is no longer in force."""

    job: Job
    prepared: Prepared | NotPrepared | None
    extracts: tuple[ExtractRef, ...]
    exact_digest: str
    sealed: bytes
    entry: Entry | None
    account: tuple[tuple[Entry, Json], ...]
    """Every committed charge of the agreement with the plan that was logged when its job was submitted."""
    balanced: bool
    manifest: Mapping[str, Json]
    csv: str


def derivation(found: Derived) -> StepResult:
    """Step 3: documents and software of then give the SQL, the plan and the digests of then."""
    if found.manifest["software"] != version("yunei"):
        return not_checkable(3, "the release was made by another version of the software")
    if found.prepared is None:
        return not_checkable(3, "the policy version of the release is no longer in force")
    query, now = found.manifest["query"], found.prepared
    if isinstance(now, NotPrepared):
        return failed(3, "the stored query is refused now")
    same = (
        isinstance(query, Mapping)
        and query["canonical_digest"] == now.governed.canonical_digest
        and query["rewritten_sql"] == now.rewritten_sql
        and query["rewritten_digest"] == now.rewritten_digest
        and found.manifest["policy_digest"] == now.governed.grant.policy_digest
        and found.manifest["catalog_digest"] == now.governed.grant.catalog_digest
        and found.job.prepared_digest == now.digest
    )
    return passed(3) if same else failed(3, "the derived query is not the one that was released")


def extracts(parts: Parts, found: Derived) -> StepResult:
    """Step 4: the extracts on disk are those that the job read."""
    if not found.extracts:
        return not_checkable(4, NOT_KEPT)
    vault = parts.supply.vault
    try:
        changed = vault.changed(found.extracts)
    except YuneiError:
        return not_checkable(4, "the extracts cannot be read now")
    if not changed:
        return passed(4)
    if not vault.live(found.job.agreement, found.job.environment):  # destroyed meanwhile: nobody changed them
        return not_checkable(4, NOT_KEPT)
    return failed(4, "an extract differs from its recorded digest")


def execution(
    parts: Parts, runtime: IsolationRuntime, found: Derived, before: tuple[StepResult, ...]
) -> tuple[StepResult, tuple[ExactTable, ...] | None]:
    """Step 5: running again gives the same exact aggregates, compared by keyed digest only."""
    if not isinstance(found.prepared, Prepared) or any(step.verdict != "pass" for step in before if step.number in {3, 4}):
        return not_checkable(5, "steps 3 and 4 did not pass"), None
    try:
        with parts.supply.vault.opened(found.extracts) as opened:
            outcome = run_all(runtime, run_specs(parts, found.job, found.prepared, opened))
    except YuneiError:  # a key destroyed meanwhile, full memory: no answer about the release, but one to the auditor
        return not_checkable(5, "the extracts could not be opened for a run"), None
    if isinstance(outcome, RunFailed):
        return not_checkable(5, "the run did not finish"), None
    tables = tuple(result.table for result in outcome)
    again = exact_digest(parts.keys, found.job.id, tables)
    if not hmac.compare_digest(again, found.exact_digest):
        return failed(5, "the exact aggregates differ"), None
    return passed(5), tables


def accounting(found: Derived) -> StepResult:
    """Step 6: an independent library composes the stated noise, and that of the whole agreement, to no more than was charged."""
    privacy = found.manifest["privacy"]
    if not isinstance(privacy, Mapping) or not isinstance(privacy["plan"], Mapping):
        return failed(6, "the manifest states no plan")
    try:
        cost = recompute(privacy["plan"])
    except YuneiError:
        return failed(6, "the manifest states no plan")
    if cost.disagreements:
        return failed(6, "the stated cost does not hold: " + ", ".join(cost.disagreements))
    fault = _ledger_fault(found, cost)
    return passed(6) if fault is None else failed(6, fault)


def _ledger_fault(found: Derived, cost: Recomputed) -> str | None:
    """Say what is wrong with the ledger: its sums, or the charge of this job."""
    if not found.balanced:
        return "an account of the ledger is not the sum of its entries"
    if found.job.environment == "dev":
        return None
    if found.entry is None or found.entry.state != "committed":
        return "the ledger has no committed charge for the job"
    amount = found.entry.charge.amount
    if (amount.rho, amount.delta_tau) != (cost.rho, cost.delta_tau):
        return "the charge differs"
    return _account_fault(found.account, cost.delta_conv)


def _account_fault(account: tuple[tuple[Entry, Json], ...], delta_conv: Fraction) -> str | None:
    """Hold all that the agreement was charged against the plans of its jobs, exactly and by loss distributions."""
    plans = [plan for _, plan in account if isinstance(plan, Mapping)]
    if len(plans) != len(account) or not plans:
        return "a charge of the agreement has no plan"
    try:
        spent = total(plans, delta_conv)
    except YuneiError:
        return "a charge of the agreement has no plan"
    charged = sum((entry.charge.amount for entry, _ in account), Amount())
    if charged != Amount(spent.rho, spent.delta_tau):
        return "the charges of the agreement are not the cost of its plans"
    return None if spent.epsilon_pld <= spent.epsilon_zcdp else "the noise of the agreement costs more than its charges"


def noise(parts: Parts, found: Derived, exact: tuple[ExactTable, ...], released: bytes | None) -> StepResult:
    """Step 7: the sealed noisy integers can stem from the exact ones, and the table from the integers.

    The caller asks once per release and only after every other step passed: each further answer about exact values would
    add to what is known of the noise.
    """
    if not isinstance(found.prepared, Prepared):
        return not_checkable(7, "the query is not prepared")
    try:
        sealed = result_of(json.loads(parts.keys.open("result", found.job.id, found.sealed)))
    except InvalidTag:
        return failed(7, "the sealed result was changed")
    plan, governed = found.prepared.plan, found.prepared.governed
    if result_json(replay_post(plan, governed, sealed.primitives)) != result_json(sealed):
        return failed(7, "the table does not follow from the noisy integers")
    if released is None or released != _csv(sealed):
        return failed(7, "the released file does not follow from the sealed table")
    return passed(7) if bound_check(sealed.primitives, exact, plan) else failed(7, "noise outside its bound")


def _csv(sealed: ProtectedResult) -> bytes:
    return csv_bytes(released_table(sealed))

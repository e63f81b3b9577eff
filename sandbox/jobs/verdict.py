"""The answer of a dry run: one JSON object for allowed and refused alike."""

from egress.ledger.model import LedgerView
from egress.preview import preview
from policies.explain import explain
from policies.grant import Grant
from policies.policy import Environment
from sandbox.jobs.prepare import NotPrepared, Prepared
from sandbox.kernel.canonical import Json


def verdict_json(prepared: Prepared | NotPrepared, grant: Grant, environment: Environment, budget: LedgerView | None) -> Json:
    """Return the verdict of `POST /sql/check`.

    Args:
        prepared: the query as it would run, or why it would not.
        grant: what its agreement grants.
        environment: where it would run.
        budget: what is left in the scopes that it would charge; None for a refused query and where there is no ledger.

    """
    policy = grant.policy
    if isinstance(prepared, NotPrepared):
        return {"allowed": False, "findings": [found.as_json() for found in prepared.findings]}
    plan = prepared.plan
    return {
        "allowed": True,
        "findings": [notice.as_json() for notice in prepared.notices],
        "canonical_digest": prepared.governed.canonical_digest,
        "rewritten_sql": prepared.rewritten_sql,
        "explanation": explain(prepared.governed),
        "protection": {**_object(plan.as_json()), "mode": policy.protection.mode, "expected_error": dict(plan.expected_error)},
        "output": {"max_rows": policy.output.max_rows, "min_units": policy.output.min_units},
        "review": {"route": policy.review.in_environment(environment)},
        "policy": {"id": policy.policy, "version": policy.version, "digest": grant.policy_digest},
        "preview": None if budget is None else preview(prepared.governed, plan, budget),
        "budget": None if budget is None else budget.as_json(),
    }


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise TypeError("a plan is a JSON object")
    return value

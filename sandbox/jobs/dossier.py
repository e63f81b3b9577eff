"""What reviewers see beside the exact bytes, and what the release manifest is made from. No row-level fact enters."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from egress.model import ProtectedResult
from egress.review.model import ReleaseOpening
from policies.explain import explain
from sandbox.jobs.admission import Standing
from sandbox.jobs.model import Job, query_json
from sandbox.jobs.prepare import Prepared
from sandbox.kernel.canonical import Json
from sandbox.kernel.run import RunResult


def run_record(results: Sequence[RunResult]) -> dict[str, Json]:
    """Return how the runs of a job were isolated and what they used, for the platform's audit record: the weakest, the sum."""
    weakest = min(results, key=lambda result: result.level)
    return {
        "level": weakest.level,
        "layers": list(weakest.layers),
        "wall_ms": sum(result.usage.wall_ms for result in results),
        "cpu_ms": sum(result.usage.cpu_ms for result in results),
        "peak_memory_bytes": max(result.usage.peak_memory_bytes for result in results),
    }


def dossier(
    job: Job, standing: Standing, prepared: Prepared, commitments: Mapping[str, str], record: Mapping[str, Json]
) -> dict[str, Json]:
    """Lay out purpose, SQL as submitted and as run, policy, plan, extracts and isolation of one job.

    Args:
        job: a job that has run.
        standing: its agreement and grant.
        prepared: what ran.
        commitments: by table, of the workspace that the run read, which need not be the newest by now.
        record: how the run was isolated.

    """
    grant = standing.grant
    used = {use.table for use in prepared.governed.tables}
    return {
        "job": job.id,
        "submitted": query_json(job.query),
        "canonical_sql": prepared.governed.canonical_sql,
        "canonical_digest": prepared.governed.canonical_digest,
        "rewritten_sql": prepared.rewritten_sql,
        "rewritten_digest": prepared.rewritten_digest,
        "prepared_digest": prepared.digest,
        "policy": {"id": grant.policy.policy, "version": grant.policy.version, "digest": grant.policy_digest},
        "catalog_digest": grant.catalog_digest,
        "explanation": explain(prepared.governed),
        "plan": prepared.plan.as_json(),
        "expected_error": dict(prepared.plan.expected_error),
        "extracts": [{"table": table, "extract": job.workspace, "commitment": commitments[table]} for table in sorted(used)],
        "isolation": {"level": record["level"], "layers": record["layers"]},
        "agreement": standing.agreement.as_json(),
        "synthetic": job.environment == "dev",
        "software": version("yunei"),
    }


def release_opening(
    job: Job, standing: Standing, prepared: Prepared, result: ProtectedResult, facts: Mapping[str, Json]
) -> ReleaseOpening:
    """Put together what a release request is opened with."""
    policy = standing.grant.policy
    tables = (standing.grant.tables[use.table] for use in prepared.governed.tables)
    institutions = {name for table in tables if not table.public for name in table.institutions}
    return ReleaseOpening(
        job=job.id,
        agreement=job.agreement,
        operator=job.operator,
        application=job.application,
        institutions=tuple(sorted(institutions)),
        purpose=job.query.purpose,
        environment=job.environment,
        submitter=job.person,
        dossier=facts,
        result=result,
        plan=prepared.plan,
        output=policy.output,
        route=policy.review.in_environment(job.environment),
        policy_digest=standing.grant.policy_digest,
        expires=min(policy.valid.until, standing.agreement.valid_until).isoformat(),
    )

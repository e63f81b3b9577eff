"""The signed statement of a release: built from the request as approved, checked against its own schema. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from egress.release.model import (
    ALLOWED_USE,
    GROUPS_NOTICE,
    INTERVAL_NOTICE,
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    SYNTHETIC_NOTICE,
    Column,
    Digest,
    Extract,
    LogEvidence,
    Notice,
    Predicate,
    Privacy,
    Query,
    Reviewer,
    Statement,
    Subject,
    Validity,
)
from egress.review.model import ReleaseRequest
from sandbox.kernel.canonical import Json, canonical_bytes, digest, digest_bytes
from sandbox.kernel.paths import PREFIX


@dataclass(frozen=True)
class Circumstances:
    """What packaging adds to the request: identity, time, size, who approved, and the log's evidence."""

    release: str
    released_at: str
    rows: int
    reviewers: Sequence[Reviewer]
    log: LogEvidence


def required_signers(owners: Sequence[str]) -> tuple[str, ...]:
    """Name the keys that must sign: the service, and every institution whose data was used."""
    return ("service", *(f"owner-{owner}" for owner in sorted(owners)))


def statement_bytes(request: ReleaseRequest, facts: Circumstances, files: Mapping[str, bytes]) -> bytes:
    """Return the canonical in-toto statement over `files` (member name → bytes).

    Raises:
        pydantic.ValidationError: the dossier lacks something that every release must state.

    """
    subjects = [
        Subject(name=name, digest=Digest(sha256=digest_bytes(files[name]).removeprefix("sha256:"))) for name in sorted(files)
    ]
    statement = Statement(
        _type=STATEMENT_TYPE, subject=subjects, predicateType=PREDICATE_TYPE, predicate=_predicate(request, facts)
    )
    return canonical_bytes(cast("Json", statement.model_dump(mode="json", by_alias=True)))


def _predicate(request: ReleaseRequest, facts: Circumstances) -> Predicate:
    dossier, plan = request.dossier, request.plan
    query = {name: dossier.get(name) for name in Query.model_fields} | {"parameters": _parameters(dossier["submitted"])}
    return Predicate(
        release=facts.release,
        job=request.job,
        request=request.id,
        agreement=request.agreement,
        operator=request.operator,
        recipient=request.recipient,
        owners=list(request.institutions),
        purpose=request.purpose,
        allowed_use=Notice.model_validate(ALLOWED_USE),
        environment="dev" if request.environment == "dev" else "prod",
        synthetic=request.environment == "dev",
        released_at=facts.released_at,
        validity=Validity(expires=request.expires, status=f"{PREFIX}/releases/{facts.release}"),
        policy_digest=request.policy_digest,
        catalog_digest=str(dossier["catalog_digest"]),
        query=Query.model_validate(query),
        privacy=Privacy.model_validate(
            {"plan": dict(plan), **{name: plan[name] for name in ("epsilon", "delta", "rho", "delta_tau")}}
        ),
        columns=[Column(name=name, kind=kind, type=kind_of) for name, kind, kind_of in request.columns],
        rows=facts.rows,
        notices=[Notice.model_validate(text) for text in _notices(request)],
        extracts=[Extract.model_validate(extract) for extract in _items(dossier["extracts"])],
        check_report_digest=digest(request.report),
        evidence_digest=request.etag,
        reviewers=list(facts.reviewers),
        log=facts.log,
        software=str(dossier["software"]),
    )


def _parameters(submitted: Json) -> Json:
    return submitted["parameters"] if isinstance(submitted, Mapping) else None


def _notices(request: ReleaseRequest) -> list[Mapping[str, str]]:
    """Constant texts, by the form of the query alone: the groups notice stands whether or not a group is missing."""
    notices = [INTERVAL_NOTICE]
    if any(isinstance(core, Mapping) and core["threshold"] is not None for core in _items(request.plan["cores"])):
        notices.append(GROUPS_NOTICE)
    if request.environment == "dev":
        notices.append(SYNTHETIC_NOTICE)
    return [*notices]


def _items(value: Json) -> Sequence[Json]:
    return value if isinstance(value, (list, tuple)) else ()

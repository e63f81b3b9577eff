"""A release request: what it is opened with, its life, its votes. Frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from egress.model import ProtectedResult, ProtectionPlan
from policies.policy import Output
from sandbox.kernel.canonical import Json
from sandbox.kernel.roles import Role
from sandbox.kernel.states import Lifecycle, row

Decision = Literal["approve", "return", "reject"]

REVIEWERS = (Role.REVIEWER_OWNER, Role.REVIEWER_AUTHORITY)

REQUEST = Lifecycle(
    "release_request",
    "sealed",
    (
        row("sealed", "check", "checking", Role.SYSTEM, "review.opened"),
        row("checking", "block", "auto_blocked", Role.SYSTEM, "review.blocked"),
        row("checking", "approve", "approved", Role.SYSTEM, "review.approved"),
        row("checking", "admit", "in_review", Role.SYSTEM, "review.admitted"),
        row("in_review", "vote", "partially_reviewed", REVIEWERS, "review.voted"),
        row("in_review", "complete", "reviewed", REVIEWERS, "review.voted"),
        row("partially_reviewed", "vote", "partially_reviewed", REVIEWERS, "review.voted"),
        row("partially_reviewed", "complete", "reviewed", REVIEWERS, "review.voted"),
        row("reviewed", "approve", "approved", Role.SYSTEM, "review.approved"),
        row("reviewed", "return", "returned", Role.SYSTEM, "review.returned"),
        row("reviewed", "reject", "rejected", Role.SYSTEM, "review.rejected"),
        row("reviewed", "conflict", "conflicted", Role.SYSTEM, "review.conflicted"),
        row("conflicted", "reopen", "in_review", Role.SYSTEM, "review.reopened"),
        row("in_review", "expire", "rejected", Role.SYSTEM, "review.expired"),
        row("partially_reviewed", "expire", "rejected", Role.SYSTEM, "review.expired"),
        row("returned", "revise", "checking", Role.OPERATOR, "review.revised"),
        row("returned", "withdraw", "withdrawn", Role.OPERATOR, "review.withdrawn"),
        row("returned", "expire", "withdrawn", Role.SYSTEM, "review.expired"),
        row("approved", "package", "packaging", Role.SYSTEM, "release.packaging"),
        row("packaging", "fail", "packaging_failed", Role.SYSTEM, "release.packaging_failed"),
        row("packaging_failed", "package", "packaging", Role.SYSTEM, "release.packaging"),
        row("packaging_failed", "expire", "rejected", Role.SYSTEM, "review.expired"),
        row("packaging", "release", "released", Role.SYSTEM, "release.released"),
        row("released", "recall", "recalled", REVIEWERS, "release.recalled"),
        row("released", "expire", "expired", Role.SYSTEM, "release.expired"),
    ),
)
"""From the sealed result to the end of its release. Nothing reaches `released` but through `approved`."""

OPEN_STATES = ("in_review", "partially_reviewed")
"""States in which people may vote."""

WAITING_STATES = (*OPEN_STATES, "returned", "packaging_failed")
"""States in which a request waits for somebody, and which therefore end by themselves."""

BLOCKED_STATES = frozenset({"auto_blocked", "rejected", "withdrawn"})
"""Final states in which the job ends without a release."""


@dataclass(frozen=True)
class ReleaseOpening:
    """Everything a release request is opened with.

    `dossier` is what reviewers read beside the bytes; `institutions` own the data; `expires` is an ISO date, the last
    day of use. `route` `auto` asks for release without people, which only a result that passes every check gets.
    """

    job: str
    agreement: str
    operator: str
    application: str
    institutions: tuple[str, ...]
    purpose: str
    environment: Literal["dev", "prod"]
    submitter: str
    dossier: Mapping[str, Json]
    result: ProtectedResult
    plan: ProtectionPlan
    output: Output
    route: Literal["auto", "two_person", "panel"]
    policy_digest: str
    expires: str


@dataclass(frozen=True)
class ReleaseRequest:
    """One request as stored. `etag` is the digest of all evidence, which votes bind; `version` counts revisions.

    Stamps are RFC 3339 text. `result` holds the sealed Arrow file, None where the checks blocked it: then nothing is kept.
    """

    id: str
    job: str
    agreement: str
    operator: str
    application: str
    institutions: tuple[str, ...]
    purpose: str
    environment: str
    submitter: str
    route: str
    state: str
    version: int
    policy_digest: str
    expires: str
    opened_at: str
    due_at: str
    escalate_at: str
    close_at: str
    escalated: bool
    dossier: Mapping[str, Json]
    plan: Mapping[str, Json]
    columns: tuple[tuple[str, str, str], ...]
    report: Mapping[str, Json]
    result_digest: str
    etag: str
    result: bytes | None

    @property
    def recipient(self) -> str:
        """The organisation that may fetch the release: a dev result is synthetic and stays with the operator."""
        return self.operator if self.environment == "dev" else self.application


@dataclass(frozen=True)
class Vote:
    """One person's decision on one version, bound to the evidence `etag`. `digest` is a keyed commitment to it."""

    request: str
    version: int
    person: str
    organisation: str
    role: Role
    decision: Decision
    comment: str
    etag: str
    at: str
    digest: str

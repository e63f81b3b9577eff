"""Who may see, fetch and recall a release. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from egress.release.model import Release
from sandbox.kernel.roles import Role
from tenants.model import Principal, ServiceAgreement


@dataclass(frozen=True)
class Granted:
    """Yes."""


@dataclass(frozen=True)
class Denied:
    """No; `code` is of the error catalogue."""

    code: str


_ENDED: Mapping[str, str] = {"recalled": "RELEASE_RECALLED", "expired": "RELEASE_EXPIRED"}


def may_see(principal: Principal, release: Release) -> bool:
    """Tell whether the release exists for `principal`: its parties, the owners' side, the authority and auditors."""
    if principal.roles & {Role.REVIEWER_AUTHORITY, Role.AUDITOR}:
        return True
    if principal.roles & {Role.OPERATOR, Role.APPLICATION}:
        return principal.organisation in {release.operator, release.recipient}
    return Role.REVIEWER_OWNER in principal.roles and principal.organisation in release.institutions


def sees_all(principal: Principal) -> bool:
    """Tell whether every release exists for `principal`."""
    return bool(principal.roles & {Role.REVIEWER_AUTHORITY, Role.AUDITOR})


def may_fetch(
    principal: Principal, release: Release, state: str, agreement: ServiceAgreement | None, today: str
) -> Granted | Denied:
    """Decide one download, at every download anew.

    Returns:
        `NOT_FOUND` for everybody but the recipient organisation; `RELEASE_RECALLED` once there is a recall statement,
        whatever the state says; `RELEASE_EXPIRED`; `AGREEMENT_SUSPENDED` once the agreement is not active and
        `AGREEMENT_EXPIRED` outside its term, which may have been shortened since (articles 17, 23).

    """
    fetches: Role = Role.OPERATOR if release.environment == "dev" else Role.APPLICATION
    if principal.organisation != release.recipient or fetches not in principal.roles or agreement is None:
        return Denied("NOT_FOUND")
    if release.recall is not None or state != "released":
        return Denied("RELEASE_RECALLED" if release.recall is not None else _ENDED.get(state, "NOT_FOUND"))
    if today > release.expires:
        return Denied("RELEASE_EXPIRED")
    if agreement.state != "active":
        return Denied("AGREEMENT_SUSPENDED")
    inside = agreement.valid_from.isoformat() <= today <= agreement.valid_until.isoformat()
    return Granted() if inside else Denied("AGREEMENT_EXPIRED")


def may_recall(principal: Principal, release: Release) -> Literal["yes", "no", "unseen"]:
    """Tell whether `principal` may recall: the authority and the owners' delegates. What one cannot see is `unseen`."""
    if not may_see(principal, release):
        return "unseen"
    return "yes" if principal.roles & {Role.REVIEWER_AUTHORITY, Role.REVIEWER_OWNER} else "no"

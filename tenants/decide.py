"""Pure decisions about people and agreements: which roles go together, what a token may carry, who is admitted, who sees."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from policies.policy import Policy
from sandbox.kernel.roles import EXCLUSIVE, Role
from tenants.model import OrganisationKind, Person, Principal, ServiceAgreement

SCOPES: Mapping[Role, frozenset[str]] = {
    Role.OPERATOR: frozenset(
        {
            "sql:check",
            "jobs:read",
            "jobs:write",
            "promotions:write",
            "reviews:read",
            "reviews:answer",
            "releases:read",
            "budgets:read",
            "audit:read",
            "lineage:read",
            "agreements:read",
        }
    ),
    Role.APPLICATION: frozenset({"releases:read", "audit:read", "lineage:read", "agreements:read"}),
    Role.REVIEWER_OWNER: frozenset(
        {
            "reviews:read",
            "reviews:vote",
            "releases:read",
            "releases:recall",
            "budgets:read",
            "audit:read",
            "lineage:read",
            "agreements:read",
        }
    ),
    Role.REVIEWER_AUTHORITY: frozenset(
        {
            "reviews:read",
            "reviews:vote",
            "releases:read",
            "releases:recall",
            "budgets:read",
            "audit:read",
            "lineage:read",
            "replay:write",
            "agreements:read",
            "agreements:write",
        }
    ),
    Role.AUDITOR: frozenset(
        {"releases:read", "budgets:read", "audit:read", "audit:read_all", "lineage:read", "replay:write", "agreements:read"}
    ),
    Role.ADMIN_SYSTEM: frozenset({"system:read"}),
    Role.ADMIN_SECURITY: frozenset({"tokens:write", "policies:simulate"}),
    Role.ADMIN_AUDIT: frozenset({"audit:read", "audit:read_all"}),
    Role.SYSTEM: frozenset(),
}
"""What each role may do over the API; a scope that stands nowhere here exists for nobody."""

ROLES: Mapping[OrganisationKind, frozenset[Role]] = {
    "institution": frozenset({Role.REVIEWER_OWNER}),
    "operator": frozenset({Role.OPERATOR}),
    "application": frozenset({Role.APPLICATION}),
    "authority": frozenset({Role.REVIEWER_AUTHORITY}),
    "auditor": frozenset({Role.AUDITOR}),
    "platform": EXCLUSIVE,
}
"""Which roles people of one kind of organisation may hold. Each role has one home, so the reviewing and the submitting
side never meet in one person, nor an administrator with either."""

MAX_TOKEN_DAYS = 366


@dataclass(frozen=True)
class Refused:
    """No; `code` is of the error catalogue."""

    code: str


@dataclass(frozen=True)
class Admitted:
    """The agreement and its policy admit this use today."""

    agreement: ServiceAgreement
    policy: Policy


def scopes_of(roles: Iterable[Role]) -> frozenset[str]:
    """Return every scope that the roles carry together."""
    return frozenset[str]().union(*(SCOPES[role] for role in roles))


def may_hold(roles: frozenset[Role], kind: OrganisationKind) -> frozenset[Role] | Refused:
    """Decide whether one person of such an organisation may hold these roles together.

    Returns:
        The roles, or `ROLES_EXCLUSIVE` (三员 hold exactly one role), or `ROLE_NOT_OF_ORGANISATION`.

    """
    if roles & EXCLUSIVE and len(roles) > 1:
        return Refused("ROLES_EXCLUSIVE")
    if not roles <= ROLES[kind]:
        return Refused("ROLE_NOT_OF_ORGANISATION")
    return roles


def may_issue(person: Person, scopes: frozenset[str] | None) -> frozenset[str] | Refused:
    """Decide what a token for `person` carries: the scopes asked, or all of the person's where None is asked.

    Returns:
        The scopes, never empty, never more than the person's roles carry; else `SCOPE_MISSING`.

    """
    held = scopes_of(person.roles)
    granted = held if scopes is None else scopes
    return granted if granted and granted <= held else Refused("SCOPE_MISSING")


def in_force(agreement: ServiceAgreement, policy: Policy, today: date) -> Admitted | Refused:
    """Decide whether agreement and policy are in force; asked at every job and at every download (articles 17, 23).

    Returns:
        `AGREEMENT_SUSPENDED` where a decision closed it (suspended, ended), `AGREEMENT_EXPIRED` where it has not begun,
        is not active, or the term of the agreement or of the policy does not contain `today`.

    """
    if agreement.state in {"suspended", "ended"}:
        return Refused("AGREEMENT_SUSPENDED")
    inside = agreement.valid_from <= today <= agreement.valid_until and policy.valid.from_ <= today <= policy.valid.until
    if agreement.state != "active" or not inside:
        return Refused("AGREEMENT_EXPIRED")
    return Admitted(agreement, policy)


def admit(agreement: ServiceAgreement, policy: Policy, purpose: str, environment: str, today: date) -> Admitted | Refused:
    """Decide whether the agreement admits one use today.

    Returns:
        What `in_force` refuses, then `PURPOSE_NOT_GRANTED`, then `ENVIRONMENT_NOT_GRANTED`; a policy that is not this
        agreement's grants no purpose.

    """
    decision = in_force(agreement, policy, today)
    if isinstance(decision, Refused):
        return decision
    if policy.agreement != agreement.id or purpose not in policy.purpose:
        return Refused("PURPOSE_NOT_GRANTED")
    if environment not in policy.environment:
        return Refused("ENVIRONMENT_NOT_GRANTED")
    return decision


def sees(principal: Principal, agreement: ServiceAgreement, institutions: frozenset[str]) -> bool:
    """Tell whether the agreement exists for `principal`; where not, the answer is `NOT_FOUND` and nothing else.

    It exists for its two parties, for the `institutions` whose data it grants, for the authority and for auditors.
    Administrators run the platform and see no agreement.
    """
    match principal.kind:
        case "authority" | "auditor":
            return True
        case "operator":
            return principal.organisation == agreement.operator
        case "application":
            return principal.organisation == agreement.application
        case "institution":
            return principal.organisation in institutions
        case _:
            return False

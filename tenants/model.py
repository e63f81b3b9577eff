"""Who takes part: organisations, people with roles, service agreements, and the principal that a token speaks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from sandbox.kernel.canonical import Json
from sandbox.kernel.roles import Role
from sandbox.kernel.states import Lifecycle, row

OrganisationKind = Literal["institution", "operator", "application", "authority", "auditor", "platform"]

SYSTEM_ACTOR = "system"
"""Who acts in evidence where no person does."""


@dataclass(frozen=True)
class Organisation:
    """A party: 公共管理和服务机构, 运营主体, 应用主体, 主管部门, an outside auditor, or whoever runs the platform."""

    id: str
    kind: OrganisationKind
    name: str

    def as_json(self) -> Mapping[str, Json]:
        """Return the organisation for audit and the API."""
        return {"id": self.id, "kind": self.kind, "name": self.name}


@dataclass(frozen=True)
class Person:
    """A natural person. Belongs to one organisation at a time, so nobody submits for one and reviews for another."""

    id: str
    organisation: str
    name: str
    roles: frozenset[Role]

    def as_json(self) -> Mapping[str, Json]:
        """Return the person for audit; the name stays out, the log is read by outsiders."""
        return {"id": self.id, "organisation": self.organisation, "roles": sorted(self.roles)}


@dataclass(frozen=True)
class Assignment:
    """One role that a person held in an organisation from `since` until `until` (RFC 3339 stamps; None: still held)."""

    person: str
    organisation: str
    role: Role
    since: str
    until: str | None


@dataclass(frozen=True)
class ServiceAgreement:
    """The contract of the operator with one application entity, under an operation agreement. Both days are inclusive."""

    id: str
    operation_agreement: str
    operator: str
    application: str
    valid_from: date
    valid_until: date
    state: str

    def as_json(self) -> Mapping[str, Json]:
        """Return the agreement for audit and the API."""
        return {
            "id": self.id,
            "operation_agreement": self.operation_agreement,
            "operator": self.operator,
            "application": self.application,
            "from": self.valid_from.isoformat(),
            "until": self.valid_until.isoformat(),
            "state": self.state,
        }


@dataclass(frozen=True)
class Principal:
    """A person as authenticated by one token; `token` is the token's id, never its text.

    `scopes` are those of the token that the person's present roles still carry.
    """

    person: str
    organisation: str
    kind: OrganisationKind
    roles: frozenset[Role]
    scopes: frozenset[str]
    token: str


@dataclass(frozen=True)
class IssuedToken:
    """A token at the moment it is made, the only one at which its text exists outside its holder's hands."""

    id: str
    text: str = field(repr=False)
    person: str
    scopes: frozenset[str]
    expires_at: str

    def as_json(self) -> Mapping[str, Json]:
        """Return the token for the one answer that carries it."""
        return {
            "id": self.id,
            "token": self.text,
            "person": self.person,
            "scopes": sorted(self.scopes),
            "expires_at": self.expires_at,
        }


_SUPERVISION = (Role.REVIEWER_AUTHORITY, Role.SYSTEM)

AGREEMENT = Lifecycle(
    "service_agreement",
    "draft",
    (
        row("draft", "activate", "active", _SUPERVISION, "agreement.activated"),
        row("draft", "end", "ended", _SUPERVISION, "agreement.ended"),
        row("active", "suspend", "suspended", _SUPERVISION, "agreement.suspended"),
        row("suspended", "resume", "active", _SUPERVISION, "agreement.resumed"),
        row("active", "end", "ended", _SUPERVISION, "agreement.ended"),
        row("suspended", "end", "ended", _SUPERVISION, "agreement.ended"),
    ),
)
"""Life of a service agreement (articles 17 and 23). `ended` is final: what follows is a new agreement with its own budget."""

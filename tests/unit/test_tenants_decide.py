"""Decisions on people and agreements, without a database."""

from datetime import date
from itertools import combinations

import pytest

from policies.policy import Policy
from sandbox.kernel.roles import EXCLUSIVE, Role
from tenants.decide import (
    ROLES,
    SCOPES,
    Admitted,
    Refused,
    admit,
    in_force,
    may_hold,
    may_issue,
    scopes_of,
    sees,
)
from tenants.model import AGREEMENT, Person, Principal, ServiceAgreement

AGREED = ServiceAgreement("agr-a", "opa-1", "org-operator", "org-insurer", date(2026, 1, 1), date(2026, 12, 31), "active")


def policy(**changes: object) -> Policy:
    document = {
        "policy": "clinic-usage",
        "version": 1,
        "agreement": "agr-a",
        "purpose": ["pricing"],
        "valid": {"from": "2026-03-01", "until": "2026-11-30", "max_jobs": 10},
        "environment": ["dev"],
        "protection": {"mode": "dp", "epsilon": "8", "delta": "0.000001", "per_job_epsilon_max": "1"},
        "output": {"max_rows": 10, "max_cells": 100},
        "review": {"route": "two_person"},
        "tables": {"codes": {"public": True, "columns": {"code": {"use": ["group"]}}}},
    }
    return Policy.model_validate(document | changes)


def principal(kind: str, organisation: str) -> Principal:
    return Principal("per-x", organisation, kind, frozenset(), frozenset(), "tok-x")  # type: ignore[arg-type]


@pytest.mark.parametrize("pair", list(combinations(sorted(EXCLUSIVE), 2)))
def test_nobody_holds_two_administrator_roles(pair: tuple[Role, Role]) -> None:
    assert may_hold(frozenset(pair), "platform") == Refused("ROLES_EXCLUSIVE")


@pytest.mark.parametrize("admin", sorted(EXCLUSIVE))
@pytest.mark.parametrize("other", sorted(set(Role) - EXCLUSIVE))
@pytest.mark.parametrize("kind", sorted(ROLES))
def test_an_administrator_holds_no_other_role_in_any_organisation(admin: Role, other: Role, kind: str) -> None:
    assert may_hold(frozenset({admin, other}), kind) == Refused("ROLES_EXCLUSIVE")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", sorted(ROLES))
@pytest.mark.parametrize("role", sorted(Role))
def test_each_role_has_one_home(kind: str, role: Role) -> None:
    expected = role in ROLES[kind]  # type: ignore[index]
    decision = may_hold(frozenset({role}), kind)  # type: ignore[arg-type]
    assert decision == (frozenset({role}) if expected else Refused("ROLE_NOT_OF_ORGANISATION"))
    homes = [name for name, roles in ROLES.items() if role in roles]
    assert len(homes) == (0 if role is Role.SYSTEM else 1)


def test_nobody_is_the_service_itself() -> None:
    assert SCOPES[Role.SYSTEM] == frozenset()
    assert all(Role.SYSTEM not in roles for roles in ROLES.values())


def test_every_role_has_its_line_of_scopes() -> None:
    assert set(SCOPES) == set(Role)


@pytest.mark.parametrize(
    ("scope", "roles"),
    [
        ("jobs:write", {Role.OPERATOR}),
        ("promotions:write", {Role.OPERATOR}),
        ("sql:check", {Role.OPERATOR}),
        ("reviews:answer", {Role.OPERATOR}),
        ("reviews:vote", {Role.REVIEWER_OWNER, Role.REVIEWER_AUTHORITY}),
        ("releases:recall", {Role.REVIEWER_OWNER, Role.REVIEWER_AUTHORITY}),
        ("audit:read_all", {Role.AUDITOR, Role.ADMIN_AUDIT}),
        ("agreements:write", {Role.REVIEWER_AUTHORITY}),
        ("tokens:write", {Role.ADMIN_SECURITY}),
        ("policies:simulate", {Role.ADMIN_SECURITY}),
        ("replay:write", {Role.AUDITOR, Role.REVIEWER_AUTHORITY}),
    ],
)
def test_who_carries_a_scope_that_changes_or_opens_something(scope: str, roles: set[Role]) -> None:
    assert {role for role, scopes in SCOPES.items() if scope in scopes} == roles


def test_no_administrator_reaches_jobs_reviews_or_releases() -> None:
    reach = scopes_of(EXCLUSIVE)
    assert not {scope for scope in reach if scope.split(":")[0] in {"sql", "jobs", "reviews", "releases", "replay", "lineage"}}


def test_a_token_never_carries_more_than_its_person() -> None:
    analyst = Person("per-a", "org-operator", "A", frozenset({Role.OPERATOR}))
    assert may_issue(analyst, frozenset({"jobs:read"})) == frozenset({"jobs:read"})
    assert may_issue(analyst, None) == SCOPES[Role.OPERATOR]
    assert may_issue(analyst, frozenset({"jobs:read", "reviews:vote"})) == Refused("SCOPE_MISSING")
    assert may_issue(analyst, frozenset({"everything"})) == Refused("SCOPE_MISSING")
    assert may_issue(analyst, frozenset()) == Refused("SCOPE_MISSING")
    assert may_issue(Person("per-b", "org-operator", "B", frozenset()), None) == Refused("SCOPE_MISSING")


@pytest.mark.parametrize(
    ("state", "day", "code"),
    [
        ("active", date(2026, 3, 1), None),
        ("active", date(2026, 11, 30), None),
        ("active", date(2026, 2, 28), "AGREEMENT_EXPIRED"),  # the policy has not begun
        ("active", date(2026, 12, 1), "AGREEMENT_EXPIRED"),  # the policy is over
        ("active", date(2025, 12, 31), "AGREEMENT_EXPIRED"),
        ("active", date(2027, 1, 1), "AGREEMENT_EXPIRED"),
        ("draft", date(2026, 6, 1), "AGREEMENT_EXPIRED"),
        ("suspended", date(2026, 6, 1), "AGREEMENT_SUSPENDED"),
        ("ended", date(2026, 6, 1), "AGREEMENT_SUSPENDED"),
        ("invented", date(2026, 6, 1), "AGREEMENT_EXPIRED"),
    ],
)
def test_terms_and_state_decide_whether_an_agreement_is_in_force(state: str, day: date, code: str | None) -> None:
    agreement = ServiceAgreement(*(AGREED.id, "opa-1", "o", "a"), AGREED.valid_from, AGREED.valid_until, state)
    decision = in_force(agreement, policy(), day)
    assert decision == (Admitted(agreement, policy()) if code is None else Refused(code))


def test_the_agreements_own_term_counts_where_the_policy_is_longer() -> None:
    longer = policy(valid={"from": "2020-01-01", "until": "2030-01-01", "max_jobs": 1})
    assert in_force(AGREED, longer, date(2027, 1, 1)) == Refused("AGREEMENT_EXPIRED")
    assert in_force(AGREED, longer, date(2025, 12, 31)) == Refused("AGREEMENT_EXPIRED")


@pytest.mark.parametrize(
    ("purpose", "environment", "code"),
    [
        ("pricing", "dev", None),
        ("Pricing", "dev", "PURPOSE_NOT_GRANTED"),
        ("marketing", "dev", "PURPOSE_NOT_GRANTED"),
        ("marketing", "prod", "PURPOSE_NOT_GRANTED"),
        ("pricing", "prod", "ENVIRONMENT_NOT_GRANTED"),
        ("pricing", "", "ENVIRONMENT_NOT_GRANTED"),
    ],
)
def test_admission_asks_for_purpose_then_environment(purpose: str, environment: str, code: str | None) -> None:
    decision = admit(AGREED, policy(), purpose, environment, date(2026, 6, 1))
    assert decision == (Admitted(AGREED, policy()) if code is None else Refused(code))


def test_another_agreements_policy_grants_nothing() -> None:
    assert admit(AGREED, policy(agreement="agr-b"), "pricing", "dev", date(2026, 6, 1)) == Refused("PURPOSE_NOT_GRANTED")


def test_a_closed_agreement_tells_nothing_about_purposes() -> None:
    assert admit(AGREED, policy(), "marketing", "prod", date(2030, 1, 1)) == Refused("AGREEMENT_EXPIRED")


@pytest.mark.parametrize(
    ("kind", "organisation", "seen"),
    [
        ("operator", "org-operator", True),
        ("operator", "org-other", False),
        ("application", "org-insurer", True),
        ("application", "org-operator", False),
        ("application", "org-other", False),
        ("institution", "org-health", True),
        ("institution", "org-transport", False),
        ("authority", "org-bureau", True),
        ("auditor", "org-auditor", True),
        ("platform", "org-platform", False),
        ("platform", "org-operator", False),
        ("invented", "org-operator", False),
    ],
)
def test_for_whom_an_agreement_exists(kind: str, organisation: str, seen: bool) -> None:
    assert sees(principal(kind, organisation), AGREED, frozenset({"org-health"})) is seen


def test_an_ended_agreement_is_final_and_only_supervision_moves_one() -> None:
    assert AGREEMENT.final == frozenset({"ended"})
    assert {role for line in AGREEMENT.rows for role in line.who} == {Role.REVIEWER_AUTHORITY, Role.SYSTEM}

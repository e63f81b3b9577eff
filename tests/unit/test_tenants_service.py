"""Tokens, the register of parties and the life of agreements, over a database."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import policies.store
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.clock import ManualClock
from sandbox.kernel.db import Database, Transaction, metadata
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.roles import Role
from tenants.decide import SCOPES
from tenants.model import Organisation, Person, Principal, ServiceAgreement
from tenants.service import TenantService
from tenants.store import history

DAY = 86_400
ORGANISATIONS = {
    "org-operator": "operator",
    "org-insurer": "application",
    "org-bank": "application",
    "org-health": "institution",
    "org-transport": "institution",
    "org-bureau": "authority",
    "org-auditor": "auditor",
    "org-platform": "platform",
}
PEOPLE = {
    "per-analyst": ("org-operator", Role.OPERATOR),
    "per-buyer": ("org-insurer", Role.APPLICATION),
    "per-banker": ("org-bank", Role.APPLICATION),
    "per-owner": ("org-health", Role.REVIEWER_OWNER),
    "per-other-owner": ("org-transport", Role.REVIEWER_OWNER),
    "per-authority": ("org-bureau", Role.REVIEWER_AUTHORITY),
    "per-auditor": ("org-auditor", Role.AUDITOR),
    "per-admin": ("org-platform", Role.ADMIN_SECURITY),
}
TERMS = date(2026, 1, 1), date(2026, 12, 31)


@dataclass
class World:
    db: Database
    clock: ManualClock
    tenants: TenantService
    audit: AuditLog

    def events(self) -> list[tuple[str, str]]:
        with self.db.read() as tx:
            return [(line.event.type, line.event.subject) for line in self.audit.events(tx, None, -1, 1000)]

    def principal(self, person: str) -> Principal:
        return self.tenants.authenticate(self.tenants.issue_token(person, None, 1))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    db = Database(f"sqlite:///{tmp_path / 'y.db'}")
    metadata.create_all(db.engine)
    keys = KeyRing(tmp_path / "keys")
    keys.create("log")
    clock = ManualClock(datetime(2026, 6, 1, 12, tzinfo=UTC))
    audit = AuditLog(keys, clock, 1, "yunei.test/log")
    tenants = TenantService(db, clock, audit)
    with db.write() as tx:
        for name, kind in ORGANISATIONS.items():
            tenants.put_organisation(tx, Organisation(name, kind, name), "system")  # type: ignore[arg-type]
        for name, (home, role) in PEOPLE.items():
            tenants.put_person(tx, Person(name, home, name, frozenset({role})), "system")
        for name, application in (("agr-a", "org-insurer"), ("agr-b", "org-bank")):
            tenants.put_agreement(tx, ServiceAgreement(name, "opa-1", "org-operator", application, *TERMS, "draft"), "system")
        policies.store.add_institutions(tx, "agr-a", frozenset({"org-health"}))
    yield World(db, clock, tenants, audit)
    db.close()


def _known(world: World, tx: Transaction) -> ServiceAgreement:
    found = world.tenants.agreement(tx, "agr-a")
    assert found is not None
    return found


def refused(code: str) -> object:
    return pytest.raises(YuneiError, match=rf"^{code}:")


def test_a_token_speaks_for_its_person(world: World) -> None:
    who = world.tenants.authenticate(world.tenants.issue_token("per-analyst", frozenset({"jobs:read"}), 1))
    assert (who.person, who.organisation, who.kind) == ("per-analyst", "org-operator", "operator")
    assert who.roles == frozenset({Role.OPERATOR})
    assert who.scopes == frozenset({"jobs:read"})


def test_only_the_hash_of_a_token_is_kept(world: World, tmp_path: Path) -> None:
    text = world.tenants.issue_token("per-analyst", None, 1)
    assert text.startswith("yn_")
    assert len(text) == 46
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("y.db*"))
    assert text.encode() not in stored
    assert hashlib.sha256(text.encode()).hexdigest().encode() in stored


def test_two_tokens_never_share_their_text(world: World) -> None:
    assert world.tenants.issue_token("per-analyst", None, 1) != world.tenants.issue_token("per-analyst", None, 1)


@pytest.mark.parametrize("text", ["", "yn_", "yn_" + "A" * 43, "x" * 10_000, "张", "\ud800", "' OR 1=1 --"])
def test_unknown_texts_are_not_authenticated(world: World, text: str) -> None:
    with refused("UNAUTHENTICATED"):
        world.tenants.authenticate(text)


def test_neither_the_id_nor_the_hash_nor_another_spelling_of_a_token_authenticates(world: World) -> None:
    text = world.tenants.issue_token("per-analyst", None, 1)
    known = world.tenants.authenticate(text)
    for other in (known.token, hashlib.sha256(text.encode()).hexdigest(), text + "=", " " + text, text.swapcase()):
        with refused("UNAUTHENTICATED"):
            world.tenants.authenticate(other)


def test_a_token_ends_with_its_last_second(world: World) -> None:
    text = world.tenants.issue_token("per-analyst", None, 2)
    world.clock.advance(2 * DAY - 1)
    assert world.tenants.authenticate(text).person == "per-analyst"
    world.clock.advance(1)
    with refused("UNAUTHENTICATED"):
        world.tenants.authenticate(text)


@pytest.mark.parametrize("by_text", [True, False])
def test_a_revoked_token_is_not_authenticated(world: World, by_text: bool) -> None:
    text, other = (world.tenants.issue_token("per-analyst", None, 1) for _ in range(2))
    name = world.tenants.authenticate(text).token
    assert world.tenants.revoke(text if by_text else name, "per-admin")
    assert not world.tenants.revoke(name, "per-admin")
    with refused("UNAUTHENTICATED"):
        world.tenants.authenticate(text)
    assert world.tenants.authenticate(other).person == "per-analyst"
    assert world.events().count(("token.revoked", name)) == 1


def test_revoking_nothing_is_not_found(world: World) -> None:
    with refused("NOT_FOUND"):
        world.tenants.revoke("tok-unknown")


@pytest.mark.parametrize("days", [0, -1, 367, 10**9])
def test_a_token_lives_a_year_at_most(world: World, days: int) -> None:
    with refused("MALFORMED"):
        world.tenants.issue_token("per-analyst", None, days)


def test_a_token_with_a_foreign_scope_is_refused_and_leaves_nothing(world: World) -> None:
    before = world.events()
    with refused("SCOPE_MISSING"):
        world.tenants.issue_token("per-analyst", frozenset({"jobs:read", "reviews:vote"}), 1)
    with refused("NOT_FOUND"):
        world.tenants.issue_token("per-nobody", None, 1)
    assert world.events() == before


def test_taking_a_role_away_takes_its_scopes_from_tokens_at_once(world: World) -> None:
    text = world.tenants.issue_token("per-owner", None, 1)
    with world.db.write() as tx:
        world.tenants.put_person(tx, Person("per-owner", "org-health", "per-owner", frozenset()), "per-admin")
    who = world.tenants.authenticate(text)
    assert who.roles == who.scopes == frozenset()


def test_a_token_issued_under_an_old_role_never_grows_with_a_new_one(world: World) -> None:
    text = world.tenants.issue_token("per-owner", None, 1)
    with world.db.write() as tx:
        world.tenants.put_person(tx, Person("per-owner", "org-bureau", "o", frozenset({Role.REVIEWER_AUTHORITY})), "per-admin")
    assert world.tenants.authenticate(text).scopes <= SCOPES[Role.REVIEWER_OWNER]


def test_registering_the_same_again_changes_and_logs_nothing(world: World) -> None:
    before = world.events()
    with world.db.write() as tx:
        assert not world.tenants.put_organisation(tx, Organisation("org-bank", "application", "org-bank"), "system")
        banker = Person("per-banker", "org-bank", "per-banker", frozenset({Role.APPLICATION}))
        assert not world.tenants.put_person(tx, banker, "system")
        again = ServiceAgreement("agr-b", "opa-1", "org-operator", "org-bank", *TERMS, "draft")
        assert not world.tenants.put_agreement(tx, again, "system")
    assert world.events() == before


def test_an_organisation_keeps_its_kind(world: World) -> None:
    with refused("OBJECT_FIXED"), world.db.write() as tx:
        world.tenants.put_organisation(tx, Organisation("org-bank", "authority", "org-bank"), "system")
    with world.db.write() as tx:
        assert world.tenants.put_organisation(tx, Organisation("org-bank", "application", "New name"), "system")
        assert world.tenants.organisation(tx, "org-bank").name == "New name"


@pytest.mark.parametrize(
    ("home", "roles", "code"),
    [
        ("org-platform", {Role.ADMIN_SYSTEM, Role.ADMIN_AUDIT}, "ROLES_EXCLUSIVE"),
        ("org-operator", {Role.ADMIN_SYSTEM, Role.OPERATOR}, "ROLES_EXCLUSIVE"),
        ("org-operator", {Role.REVIEWER_OWNER}, "ROLE_NOT_OF_ORGANISATION"),
        ("org-insurer", {Role.REVIEWER_AUTHORITY}, "ROLE_NOT_OF_ORGANISATION"),
        ("org-bureau", {Role.SYSTEM}, "ROLE_NOT_OF_ORGANISATION"),
        ("org-nowhere", {Role.OPERATOR}, "NOT_FOUND"),
    ],
)
def test_forbidden_roles_are_never_stored(world: World, home: str, roles: set[Role], code: str) -> None:
    with refused(code), world.db.write() as tx:
        world.tenants.put_person(tx, Person("per-new", home, "N", frozenset(roles)), "system")
    with refused("NOT_FOUND"), world.db.read() as tx:
        world.tenants.person(tx, "per-new")


def test_roles_once_held_stay_on_record(world: World) -> None:
    begin = world.clock.now()
    world.clock.advance(DAY)
    with world.db.write() as tx:
        world.tenants.put_person(tx, Person("per-owner", "org-bureau", "o", frozenset({Role.REVIEWER_AUTHORITY})), "per-admin")
    with world.db.read() as tx:
        first, second = history(tx, "per-owner")
    moved = (begin + timedelta(days=1)).strftime("%Y-%m-%d")
    assert (first.organisation, first.role) == ("org-health", Role.REVIEWER_OWNER)
    assert first.until is not None
    assert first.until == second.since
    assert first.until.startswith(moved)
    assert (second.organisation, second.role, second.until) == ("org-bureau", Role.REVIEWER_AUTHORITY, None)


def test_terms_are_counted_in_chinese_days(world: World) -> None:
    world.clock.moment = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)
    assert world.tenants.today() == date(2026, 12, 31)
    world.clock.advance(1)
    assert world.tenants.today() == date(2027, 1, 1)


VISIBLE = {
    "per-analyst": {"agr-a", "agr-b"},
    "per-buyer": {"agr-a"},
    "per-banker": {"agr-b"},
    "per-owner": {"agr-a"},
    "per-other-owner": set(),
    "per-authority": {"agr-a", "agr-b"},
    "per-auditor": {"agr-a", "agr-b"},
    "per-admin": set(),
}


@pytest.mark.parametrize(("person", "seen"), list(VISIBLE.items()))
def test_what_is_not_yours_does_not_exist(world: World, person: str, seen: set[str]) -> None:
    who = world.principal(person)
    with world.db.read() as tx:
        assert {item.id for item in world.tenants.agreements(tx, who)} == seen
        answers = {}
        for name in ("agr-a", "agr-b", "agr-missing"):
            try:
                answers[name] = world.tenants.visible(tx, who, name).id
            except YuneiError as error:
                answers[name] = (error.code, dict(error.facts))  # type: ignore[assignment]
    assert answers == {name: name if name in seen else ("NOT_FOUND", {}) for name in ("agr-a", "agr-b", "agr-missing")}


def test_supervision_suspends_resumes_and_ends(world: World) -> None:
    authority = world.principal("per-authority")
    states = [world.tenants.change_state(authority, "agr-a", event, "inspection").state for event in ("suspend", "resume", "end")]
    assert states == ["suspended", "active", "ended"]
    kinds = [kind for kind, subject in world.events() if subject == "agr-a"]
    assert kinds == ["agreement.activated", "agreement.suspended", "agreement.resumed", "agreement.ended"]
    with refused("ILLEGAL_TRANSITION"):
        world.tenants.change_state(authority, "agr-a", "resume", "inspection")


@pytest.mark.parametrize(
    ("person", "code"),
    [
        ("per-analyst", "NOT_PERMITTED"),
        ("per-buyer", "NOT_PERMITTED"),
        ("per-owner", "NOT_PERMITTED"),
        ("per-auditor", "NOT_PERMITTED"),
        ("per-banker", "NOT_FOUND"),
        ("per-admin", "NOT_FOUND"),
    ],
)
def test_nobody_else_moves_an_agreement(world: World, person: str, code: str) -> None:
    with refused(code):
        world.tenants.change_state(world.principal(person), "agr-a", "suspend", "inspection")
    with world.db.read() as tx:
        assert _known(world, tx).state == "active"


def test_registering_again_does_not_revive_a_suspended_agreement(world: World) -> None:
    world.tenants.change_state(world.principal("per-authority"), "agr-a", "suspend", "inspection")
    with world.db.write() as tx:
        same = ServiceAgreement("agr-a", "opa-1", "org-operator", "org-insurer", *TERMS, "active")
        assert not world.tenants.put_agreement(tx, same, "system")
        assert world.tenants.put_agreement(tx, replace(same, valid_until=date(2027, 6, 30)), "system")
        assert _known(world, tx).state == "suspended"
        assert _known(world, tx).valid_until == date(2027, 6, 30)


def test_an_ended_agreement_gets_no_new_term(world: World) -> None:
    world.tenants.change_state(world.principal("per-authority"), "agr-a", "end", "inspection")
    with refused("ILLEGAL_TRANSITION"), world.db.write() as tx:
        later = ServiceAgreement("agr-a", "opa-1", "org-operator", "org-insurer", TERMS[0], date(2028, 1, 1), "active")
        world.tenants.put_agreement(tx, later, "system")


@pytest.mark.parametrize("change", [{"application": "org-bank"}, {"operator": "org-bank"}, {"operation_agreement": "opa-2"}])
def test_the_parties_of_an_agreement_are_fixed(world: World, change: dict[str, str]) -> None:
    same = ServiceAgreement("agr-a", "opa-1", "org-operator", "org-insurer", *TERMS, "active")
    with refused("OBJECT_FIXED"), world.db.write() as tx:
        world.tenants.put_agreement(tx, replace(same, **change), "system")  # type: ignore[arg-type]


def test_every_registration_is_one_event_without_the_persons_name(world: World) -> None:
    assert world.events().count(("person.registered", "per-analyst")) == 1
    with world.db.write() as tx:
        world.tenants.put_person(tx, Person("per-li", "org-bank", "李四", frozenset({Role.APPLICATION})), "system")
    with world.db.read() as tx:
        last = world.audit.events(tx, None, -1, 1000)[-1].event
    assert last.payload == {"id": "per-li", "organisation": "org-bank", "roles": ["application"]}


def test_a_failed_act_leaves_neither_row_nor_event(world: World) -> None:
    before = world.events()

    def act() -> None:
        with world.db.write() as tx:
            world.tenants.put_organisation(tx, Organisation("org-new", "application", "n"), "system")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        act()
    assert world.events() == before
    with refused("NOT_FOUND"), world.db.read() as tx:
        world.tenants.organisation(tx, "org-new")

"""What the platform's own people reach over HTTP, and the outlook of a dry run, over the real services."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from sandbox.api.app import create_app
from sandbox.cli.verdict import show
from sandbox.jobs.model import JOB
from sandbox.kernel.audit.merkle import leaf_hash
from sandbox.kernel.audit.model import CLOSED_TYPES, leaf_bytes, parse_opening
from sandbox.kernel.ids import new_id
from sandbox.kernel.paths import PREFIX
from tests.small_city import AGREEMENT, COUNT_SQL, PURPOSE, City, small_city

SYSTEM_ADMIN, SECURITY_ADMIN, AUDIT_ADMIN = "per-xi", "per-mi", "per-shen"
ANALYST, AUDITOR, OWNER = "per-an", "per-zhou", "per-ning"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with small_city(tmp_path_factory.mktemp("platform"), residents=500, visits=1500) as made:
        made.promote(COUNT_SQL)
        made.release(COUNT_SQL, "prod", OWNER, "per-li")
        yield made


@pytest.fixture(scope="module")
def client(city: City) -> Iterator[TestClient]:
    with TestClient(create_app(city.container)) as made:
        yield made


@pytest.fixture
def ask(city: City, client: TestClient) -> Any:
    """Send one request as a person of the city."""

    def send(person: str, method: str, path: str, body: object = None, key: str = "k"):
        text = city.container.tenants.issue_token(person, None, 1)
        headers = {"Authorization": f"Bearer {text}", "Idempotency-Key": key}
        return client.request(method, PREFIX + path, headers=headers, json=body)

    return send


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# --- the outlook of a dry run


def test_a_dry_run_tells_other_epsilons_and_how_many_more(ask: Any, capsys: pytest.CaptureFixture[str]) -> None:
    query = {"agreement": AGREEMENT, "purpose": PURPOSE, "environment": "prod", "sql": COUNT_SQL, "parameters": {}}
    verdict = ask(ANALYST, "POST", "/sql/check", query).json()
    assert {"curve", "tau", "more"} <= set(verdict["preview"])
    assert len(verdict["preview"]["curve"]) > 1
    assert verdict["preview"]["more"] > 0
    show(verdict)
    printed = capsys.readouterr().out
    assert f"about {verdict['preview']['more']} more queries" in printed
    assert all(f"at ε = {point['epsilon']}: n: " in printed for point in verdict["preview"]["curve"])


# --- the installation


def test_the_system_administrator_sees_the_installation_and_no_tenant(ask: Any, city: City) -> None:
    seen = ask(SYSTEM_ADMIN, "GET", "/system")
    assert seen.status_code == 200
    assert set(seen.json()["jobs"]) == set(JOB.states)
    assert seen.json()["jobs"]["released"] == 2
    assert seen.json()["required_level"] == city.container.settings.required_level
    assert not re.search(r"(org|per|agr|job|rel)-", seen.text)


# --- tokens


def test_an_issued_token_works_until_it_is_revoked(ask: Any, client: TestClient) -> None:
    made = ask(SECURITY_ADMIN, "POST", "/tokens", {"person": ANALYST, "scopes": ["jobs:read"], "days": 1}, "one")
    assert (made.status_code, made.json()["scopes"]) == (201, ["jobs:read"])
    bearer = {"Authorization": f"Bearer {made.json()['token']}"}
    assert client.get(f"{PREFIX}/me", headers=bearer).json()["scopes"] == ["jobs:read"]
    path = f"/tokens/{made.json()['id']}"
    assert [ask(SECURITY_ADMIN, "DELETE", path).json()["revoked"] for _ in range(2)] == [True, False]
    assert client.get(f"{PREFIX}/me", headers=bearer).status_code == 401


def test_both_acts_are_logged_with_the_administrator(ask: Any, city: City) -> None:
    made = ask(SECURITY_ADMIN, "POST", "/tokens", {"person": ANALYST, "days": 1}, "logged").json()
    ask(SECURITY_ADMIN, "DELETE", f"/tokens/{made['id']}")
    with city.container.db.read() as tx:
        events = city.container.audit.events(tx, None, -1, 10, made["id"])
    assert [(one.event.type, one.event.actor) for one in events] == [
        ("token.issued", SECURITY_ADMIN),
        ("token.revoked", SECURITY_ADMIN),
    ]
    assert made["token"] not in str(events)


def test_a_text_is_sent_once(ask: Any) -> None:
    body = {"person": ANALYST, "days": 1}
    assert ask(SECURITY_ADMIN, "POST", "/tokens", body, "once").status_code == 201
    assert code_of(ask(SECURITY_ADMIN, "POST", "/tokens", body, "once")) == (409, "IDEMPOTENCY_CLASH")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"person": SECURITY_ADMIN, "days": 1}, (403, "NOT_PERMITTED")),
        ({"person": AUDIT_ADMIN, "scopes": ["tokens:write"], "days": 1}, (403, "SCOPE_MISSING")),
        ({"person": ANALYST, "scopes": ["reviews:vote"], "days": 1}, (403, "SCOPE_MISSING")),
        ({"person": "per-nobody", "days": 1}, (404, "NOT_FOUND")),
        ({"person": ANALYST, "days": 367}, (422, "MALFORMED")),
        ({"person": ANALYST, "scopes": [], "days": 1}, (422, "MALFORMED")),
    ],
)
def test_no_token_for_oneself_nor_beyond_the_persons_roles(ask: Any, body: object, refusal: tuple[int, str]) -> None:
    assert code_of(ask(SECURITY_ADMIN, "POST", "/tokens", body, new_id("key"))) == refusal


def test_an_unknown_token_is_not_found(ask: Any) -> None:
    assert code_of(ask(SECURITY_ADMIN, "DELETE", f"/tokens/tok-{'a' * 26}")) == (404, "NOT_FOUND")


# --- the log


def items_of(ask: Any, person: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = -1
    while after is not None:
        page = ask(person, "GET", f"/audit/events?limit=100&after={after}").json()
        found += page["items"]
        after = page["next"]
    return found


def leaf_of(item: dict[str, Any]) -> bytes:
    return leaf_bytes(item["index"], item["tick"], item["commit"]) if item["event"] is None else parse_opening(item).leaf()


@pytest.mark.parametrize("person", [AUDITOR, AUDIT_ADMIN])
def test_an_auditor_gets_every_leaf_and_opens_no_measure_count_or_vote_of_others(ask: Any, city: City, person: str) -> None:
    items = items_of(ask, person)
    with city.container.db.read() as tx:
        leaves = city.container.audit.leaves(tx, -1, 10_000)
        types = {one.index: one.event.type for one in city.container.audit.events(tx, None, -1, 10_000)}
    assert [leaf_hash(leaf_of(item)) for item in items] == [leaf_hash(leaf) for leaf in leaves[: len(items)]]
    sealed = {types[item["index"]] for item in items if item["event"] is None}
    closed = {"job.measured", "snapshot.checked", "extract.built", "review.approved"}
    assert sealed == {types[item["index"]] for item in items} & CLOSED_TYPES == closed
    assert not re.search(r"violations|wall_ms|\"comment\"", str([item["event"] for item in items]))


def test_the_institution_opens_its_own_counts_and_votes(ask: Any) -> None:
    types = {item["event"]["type"] for item in items_of(ask, OWNER)}
    assert {"snapshot.checked", "extract.built", "review.approved"} <= types
    assert "job.measured" not in types

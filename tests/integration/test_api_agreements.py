"""Agreements over HTTP: what exists for whom, and supervision closing access at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from sandbox.api.app import create_app
from sandbox.jobs.apply import apply
from tests.apply_directory import AGREEMENT, Site, documents, open_site, write_directory

V1 = "/api/v1/agreements"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = open_site(tmp_path)
    files = documents()
    files["organisations.yaml"].append({"id": "org-other", "kind": "application", "name": "别的公司"})
    files["people.yaml"].append({"id": "per-zhao", "organisation": "org-insurer", "name": "赵", "roles": ["application"]})
    files["people.yaml"].append({"id": "per-sun", "organisation": "org-other", "name": "孙", "roles": ["application"]})
    apply(site, write_directory(tmp_path / "dir", files), "system")
    yield site
    site.db.close()


@pytest.fixture
def ask(site: Site) -> Iterator[Any]:
    with TestClient(create_app(site)) as client:  # type: ignore[arg-type]

        def call(person: str, method: str, path: str = "", body: object = None) -> Any:
            token = site.tenants.issue_token(person, None, 1)
            return client.request(method, V1 + path, json=body, headers={"Authorization": f"Bearer {token}"})

        yield call


@pytest.mark.parametrize(
    ("person", "seen"), [("per-an", True), ("per-zhao", True), ("per-wang", True), ("per-li", True), ("per-sun", False)]
)
def test_an_agreement_exists_for_its_parties_and_supervision(ask: Any, person: str, seen: bool) -> None:
    assert [one["id"] for one in ask(person, "GET").json()["items"]] == ([AGREEMENT] if seen else [])
    assert ask(person, "GET", f"/{AGREEMENT}").status_code == (200 if seen else 404)
    missing, foreign = ask(person, "GET", "/agr-missing").json(), ask("per-sun", "GET", f"/{AGREEMENT}").json()
    assert missing == foreign


def test_supervision_suspends_resumes_and_ends_with_a_reason(ask: Any, site: Site) -> None:
    for event, state in (("suspend", "suspended"), ("resume", "active"), ("end", "ended")):
        answer = ask("per-li", "POST", f"/{AGREEMENT}/{event}", {"reason": "检查"})
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    assert ask("per-li", "POST", f"/{AGREEMENT}/resume", {"reason": "检查"}).json()["code"] == "ILLEGAL_TRANSITION"
    with site.db.read() as tx:
        last = site.audit.events(tx, None, -1, 1000, AGREEMENT)[-1].event
    assert (last.type, last.actor, last.payload["reason"]) == ("agreement.ended", "per-li", "检查")


@pytest.mark.parametrize("person", ["per-an", "per-zhao", "per-wang", "per-xi", "per-mi", "per-shen"])
@pytest.mark.parametrize("event", ["suspend", "resume", "end"])
def test_nobody_else_closes_or_opens(ask: Any, site: Site, person: str, event: str) -> None:
    answer = ask(person, "POST", f"/{AGREEMENT}/{event}", {"reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "SCOPE_MISSING")
    with site.db.read() as tx:
        found = site.tenants.agreement(tx, AGREEMENT)
    assert found is not None
    assert found.state == "active"


@pytest.mark.parametrize(
    "body", [None, {}, {"reason": ""}, {"reason": " \n "}, {"reason": "x" * 2001}, {"reason": "x", "state": "active"}]
)
def test_a_reason_is_required(ask: Any, body: object) -> None:
    assert ask("per-li", "POST", f"/{AGREEMENT}/suspend", body).status_code in {415, 422}

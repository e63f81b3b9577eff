"""Reviews, releases and evidence, over services in memory."""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sandbox.api.app import create_app
from sandbox.kernel.audit.model import parse_opening, proves
from sandbox.kernel.roles import Role
from tests.api_steps import AUDITOR, OPERATOR, OWNER, V1, problem_of, submit
from tests.fakes_api import CANARY, ETAG, RELEASE, REVIEW, FakeContainer, bearer, fake_container


@pytest.fixture
def container(tmp_path: Path) -> Iterator[FakeContainer]:
    made = fake_container(tmp_path)
    yield made
    made.db.close()


@pytest.fixture
def client(container: FakeContainer) -> Iterator[TestClient]:
    with TestClient(create_app(container)) as made:
        yield made


# --- reviews


def test_evidence_carries_the_digest_that_votes_bind(client):
    assert client.get(f"{V1}/reviews/{REVIEW}", headers=OWNER).headers["etag"] == f'"{ETAG}"'


def vote(client, if_match: str | None = f'"{ETAG}"', path: str = "votes", **body: str):
    headers = OWNER | {"Idempotency-Key": "k"} | ({} if if_match is None else {"If-Match": if_match})
    return client.post(f"{V1}/reviews/{REVIEW}/{path}", headers=headers, json=body)


def test_a_vote_needs_the_digest_that_was_read(client):
    problem_of(vote(client, None, decision="approve"), "IF_MATCH_MISSING")
    for stale in (f'"sha256:{"1" * 64}"', "*", f'W/"{ETAG}"', ETAG, f'"{ETAG}", "{ETAG}"', "", "\xe9"):
        problem_of(vote(client, stale.encode("latin-1"), decision="approve"), "IF_MATCH_FAILED")
    assert vote(client, decision="approve").status_code == 200


def test_a_return_needs_a_comment(client):
    problem_of(vote(client, decision="return"), "COMMENT_REQUIRED")
    problem_of(vote(client, path="return", comment=""), "MALFORMED")
    assert vote(client, path="return", comment="分组过细").status_code == 200


def test_the_applicant_answers_a_return(client):
    revised = client.post(f"{V1}/reviews/{REVIEW}/revise", headers=OPERATOR, json={"comment": "已说明用途"})
    assert (revised.json()["state"], revised.headers["etag"]) == ("in_review", f'"{ETAG}"')
    assert client.post(f"{V1}/reviews/{REVIEW}/withdraw", headers=OPERATOR).json()["state"] == "withdrawn"


def test_a_failed_packaging_is_tried_again(client):
    answer = client.post(f"{V1}/reviews/{REVIEW}/package", headers=bearer(Role.REVIEWER_AUTHORITY))
    assert answer.json() == {"id": REVIEW, "state": "released"}


def test_only_declared_members_are_sent(client):
    assert CANARY not in submit(client).text
    assert set(client.get(f"{V1}/reviews", headers=OWNER).json()["items"][0]) == {"id", "job", "agreement", "state"}
    assert CANARY not in client.get(f"{V1}/releases", headers=OWNER).text
    assert CANARY not in client.get(f"{V1}/releases/{RELEASE}", headers=OWNER).text


# --- releases


@pytest.mark.parametrize(
    ("chosen", "media"),
    [
        ("csv", "text/csv; charset=utf-8"),
        ("json", "application/json"),
        ("parquet", "application/vnd.apache.parquet"),
        ("arrow", "application/vnd.apache.arrow.file"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_content_comes_as_an_attachment(client, chosen, media):
    answer = client.get(f"{V1}/releases/{RELEASE}/content?format={chosen}", headers=bearer(Role.APPLICATION))
    assert answer.headers["content-type"] == media
    assert answer.headers["content-disposition"] == f'attachment; filename="{RELEASE}.{chosen}"'
    assert answer.headers["content-digest"] == f"sha-256=:{b64encode(sha256(answer.content).digest()).decode()}:"


def test_a_recalled_release_is_gone(client):
    recalled = client.post(f"{V1}/releases/{RELEASE}/recall", headers=OWNER | {"Idempotency-Key": "k"}, json={"reason": "错误"})
    assert recalled.json()["fetched"][0]["organisation"] == "org-application"
    problem_of(client.get(f"{V1}/releases/{RELEASE}/content", headers=bearer(Role.APPLICATION)), "RELEASE_RECALLED")


def test_a_replay_is_demanded_and_looked_at(client):
    demanded = client.post(f"{V1}/releases/{RELEASE}/replay", headers=AUDITOR | {"Idempotency-Key": "k"})
    assert demanded.status_code == 202
    assert client.get(demanded.headers["location"], headers=AUDITOR).json()["state"] == "requested"


# --- evidence


def test_an_auditor_opens_all_events_and_others_their_own(client, container):
    everything = client.get(f"{V1}/audit/events", headers=AUDITOR).json()
    own = client.get(f"{V1}/audit/events", headers=OPERATOR).json()
    assert [item["event"]["type"] for item in everything["items"]] == ["job.submitted", "release.packaged"]
    assert [item["event"]["type"] for item in own["items"]] == ["job.submitted"]


def test_audit_events_come_in_pages(client):
    first = client.get(f"{V1}/audit/events?limit=1", headers=AUDITOR).json()
    assert first["next"] == 0
    second = client.get(f"{V1}/audit/events?limit=1&after=0", headers=AUDITOR).json()
    assert (second["items"][0]["index"], second["next"]) == (1, None)


def test_an_outsider_proves_an_event_from_answers_alone(client):
    opening = parse_opening(client.get(f"{V1}/audit/events", headers=OPERATOR).json()["items"][0])
    proof = client.get(f"{V1}/audit/proof?index={opening.index}", headers=OPERATOR)
    assert proof.headers["content-type"] == "text/plain; charset=utf-8"
    keys = client.get(f"{V1}/keys").json()
    assert proves(proof.text, opening, "yunei/test", b64decode(keys["log"]))


def test_the_log_gives_heads_and_consistency(client):
    assert client.get(f"{V1}/audit/checkpoint", headers=AUDITOR).text.startswith("yunei/test\n2\n")
    proof = client.get(f"{V1}/audit/consistency?old=1&new=2", headers=AUDITOR).json()
    assert (proof["old"], proof["new"], len(proof["hashes"])) == (1, 2, 1)
    problem_of(client.get(f"{V1}/audit/consistency?old=2&new=1", headers=AUDITOR), "NOT_FOUND")


def test_me_keys_health_budgets_and_lineage(client):
    assert client.get(f"{V1}/me", headers=OPERATOR).json()["roles"] == ["operator"]
    assert client.get(f"{V1}/health").json() == {"status": "ok"}
    assert set(client.get(f"{V1}/keys").json()) == {"log", "service", "owner-org-institution"}
    assert client.get(f"{V1}/budgets", headers=OPERATOR).json() == {"agreements": [], "datasets": []}
    down = client.get(f"{V1}/lineage/{RELEASE}?direction=down", headers=AUDITOR).json()
    assert down["edges"] == [{"from": RELEASE, "to": "org-application"}]

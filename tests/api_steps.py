"""Steps that the unit tests of the HTTP shell share."""

from starlette.testclient import TestClient

from sandbox.kernel.errors import CATALOGUE
from sandbox.kernel.roles import Role
from tests.fakes_api import bearer

V1 = "/api/v1"
OPERATOR, OWNER, AUDITOR = bearer(Role.OPERATOR), bearer(Role.REVIEWER_OWNER), bearer(Role.AUDITOR)
QUERY = {
    "agreement": "agr-1",
    "purpose": "planning",
    "environment": "dev",
    "sql": "SELECT count(*) FROM residents",
    "parameters": {},
}


def submit(client: TestClient, key: str = "key-1", **changes: object):
    return client.post(f"{V1}/jobs", json=QUERY | changes, headers=OPERATOR | {"Idempotency-Key": key})


def problem_of(answer, code: str) -> dict:
    """Check the whole shape of one refusal."""
    kind = CATALOGUE[code]
    body = answer.json()
    assert answer.status_code == kind.status == body["status"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["code"] == code
    assert body["titles"] == {"zh": kind.zh, "en": kind.en}
    assert body["title"] in {kind.zh, kind.en}
    assert body["type"] == f"/docs/errors.md#{code.lower()}"
    assert set(body) <= {"type", "title", "status", "code", "titles", "rule", "span", "findings", "facts", "trace_id"}
    assert ("trace_id" in body) == (kind.status == 500)
    return body

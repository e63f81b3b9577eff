"""The form of every request and answer, over services in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sandbox.api.app import create_app
from sandbox.api.guard import SECURITY_HEADERS
from sandbox.api.routes import ROUTES
from tests.api_steps import OPERATOR, V1, problem_of
from tests.fakes_api import FakeContainer, fake_container


@pytest.fixture
def container(tmp_path: Path) -> Iterator[FakeContainer]:
    made = fake_container(tmp_path)
    yield made
    made.db.close()


@pytest.fixture
def client(container: FakeContainer) -> Iterator[TestClient]:
    with TestClient(create_app(container)) as made:
        yield made


# --- form


@pytest.mark.parametrize("query", ["?stat=queued", "?limit=1&limit=2", "?limit=0", "?limit=101", "?limit=x", "?after=%00"])
def test_query_parameters_that_are_not_declared_are_refused(client, query):
    problem_of(client.get(f"{V1}/jobs{query}", headers=OPERATOR), "MALFORMED")


@pytest.mark.parametrize(
    "name", ["%00", "a%00b", "..%2f..", "%0a", "job-%E5%BC%A0", "JOB-" + "a" * 26, "job-" + "a" * 27, "%ff%fe"]
)
def test_odd_identifiers_never_reach_a_service(client, name):
    answer = client.get(f"{V1}/jobs/{name}", headers=OPERATOR)
    assert answer.status_code in {404, 422}


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods_are_answered_with_what_is_allowed(client, method):
    answer = client.request(method, f"{V1}/jobs", headers=OPERATOR | {"Origin": "https://example.org"})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/health", "/jobs", "/nothing", "/openapi.json"])
def test_every_answer_carries_the_security_headers(client, path):
    answer = client.get(V1 + path)
    assert {name: answer.headers.get_list(name) for name in SECURITY_HEADERS} == {k: [v] for k, v in SECURITY_HEADERS.items()}


@pytest.mark.parametrize("path", ["/docs", "/redoc", f"{V1}/docs"])
def test_no_page_is_served(client, path):
    problem_of(client.get(path), "NOT_FOUND")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "zh"),
        ("en", "en"),
        ("en-GB,zh;q=0.5", "en"),
        ("zh-CN, en;q=0.9", "zh"),
        ("fr, en;q=0.2", "en"),
        ("en;q=0, zh;q=0", "zh"),
        ("*", "zh"),
        ("en;q=9", "zh"),
        ("," * 5000, "zh"),
    ],
)
def test_titles_come_in_the_language_asked_for(client, accept, chosen):
    answer = client.get(f"{V1}/nothing", headers={} if accept is None else {"Accept-Language": accept})
    assert answer.headers["content-language"] == chosen
    assert answer.json()["title"] == answer.json()["titles"][chosen]


def test_the_document_is_complete_and_stable(client):
    document = client.get(f"{V1}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) == len(ROUTES)
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for operation in operations:
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"]

"""The HTTP client against a recorded server: paths, headers, refusals."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from sandbox.client import Client
from sandbox.kernel.errors import YuneiError

Handler = Callable[[httpx2.Request], httpx2.Response]
QUERY = {"agreement": "agr-a", "purpose": "p", "environment": "dev", "sql": "SELECT 1", "parameters": {}}


class Server:
    """Records requests and answers with one response."""

    def __init__(self, *answers: httpx2.Response) -> None:
        self.answers = list(answers)
        self.seen: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def client(self) -> Client:
        return Client("http://127.0.0.1:1", "yn_token", httpx2.MockTransport(self))


def ok(body: Any = None) -> httpx2.Response:
    return httpx2.Response(200, json={} if body is None else body)


CALLS: list[tuple[Callable[[Client], object], str, str]] = [
    (lambda c: c.me(), "GET", "/me"),
    (lambda c: c.keys(), "GET", "/keys"),
    (lambda c: c.check(QUERY), "POST", "/sql/check"),
    (lambda c: c.submit(QUERY), "POST", "/jobs"),
    (lambda c: c.jobs("job-x", 5), "GET", "/jobs?limit=5&after=job-x"),
    (lambda c: c.job("job-x"), "GET", "/jobs/job-x"),
    (lambda c: c.cancel("job-x"), "POST", "/jobs/job-x/cancel"),
    (lambda c: c.promote("job-x"), "POST", "/jobs/job-x/promote"),
    (lambda c: c.reviews(), "GET", "/reviews?limit=20"),
    (lambda c: c.review("req-x"), "GET", "/reviews/req-x"),
    (lambda c: c.vote("req-x", "approve", "", '"e"'), "POST", "/reviews/req-x/votes"),
    (lambda c: c.releases(), "GET", "/releases?limit=20"),
    (lambda c: c.manifest("rel-x"), "GET", "/releases/rel-x"),
    (lambda c: c.content("rel-x", "parquet"), "GET", "/releases/rel-x/content?format=parquet"),
    (lambda c: c.bundle("rel-x"), "GET", "/releases/rel-x/bundle"),
    (lambda c: c.recall("rel-x", "why"), "POST", "/releases/rel-x/recall"),
    (lambda c: c.replay("rel-x"), "POST", "/releases/rel-x/replay"),
    (lambda c: c.replay_report("rpl-x"), "GET", "/replays/rpl-x"),
    (lambda c: c.agreements("agr-x", 3), "GET", "/agreements?limit=3&after=agr-x"),
    (lambda c: c.agreement("agr-x"), "GET", "/agreements/agr-x"),
    (lambda c: c.change_agreement("agr-x", "suspend", "why"), "POST", "/agreements/agr-x/suspend"),
    (lambda c: c.simulate_policy("agr-x", {"policy": "p"}), "POST", "/policies/simulate"),
    (lambda c: c.budgets(), "GET", "/budgets"),
    (lambda c: c.lineage("job-x", "down"), "GET", "/lineage/job-x?direction=down"),
    (lambda c: c.system(), "GET", "/system"),
    (lambda c: c.issue_token("per-x", 7), "POST", "/tokens"),
    (lambda c: c.revoke_token("tok-x"), "DELETE", "/tokens/tok-x"),
    (lambda c: c.audit_events(3, 7, "job-x"), "GET", "/audit/events?after=3&limit=7&subject=job-x"),
    (lambda c: c.checkpoint(), "GET", "/audit/checkpoint"),
    (lambda c: c.proof(4), "GET", "/audit/proof?index=4"),
]


@pytest.mark.parametrize(("call", "method", "path"), CALLS, ids=[f"{method} {path}" for _, method, path in CALLS])
def test_each_operation_has_its_route(call: Callable[[Client], object], method: str, path: str) -> None:
    server = Server(ok())
    call(server.client())
    (request,) = server.seen
    assert (request.method, request.url.raw_path.decode()) == (method, "/api/v1" + path)
    assert request.headers["authorization"] == "Bearer yn_token"


@pytest.mark.parametrize(
    "call",
    [
        call
        for call, method, path in CALLS
        if method == "POST" and not path.endswith(("/check", "/cancel", "/suspend", "/simulate"))
    ],
)
def test_what_creates_carries_an_idempotency_key(call: Callable[[Client], object]) -> None:
    server = Server(ok())
    call(server.client())
    call(server.client())
    keys = {request.headers["idempotency-key"] for request in server.seen}
    assert len(keys) == 2


def test_a_given_key_is_used_and_a_vote_binds_its_etag() -> None:
    server = Server(ok())
    server.client().vote("req-x", "reject", "no", '"sha256:a"', "k1")
    (request,) = server.seen
    assert request.headers["idempotency-key"] == "k1"
    assert request.headers["if-match"] == '"sha256:a"'
    assert json.loads(request.content) == {"decision": "reject", "comment": "no"}


def test_an_identifier_stays_one_segment_of_the_path() -> None:
    server = Server(ok())
    server.client().job("../keys?x=1")
    assert server.seen[0].url.raw_path == b"/api/v1/jobs/..%2Fkeys%3Fx%3D1"


def test_a_refusal_keeps_its_code_findings_and_facts() -> None:
    problem = {"code": "POLICY_REFUSED", "findings": [{"code": "X"}], "facts": {"policy": "p"}, "title": "…"}
    server = Server(httpx2.Response(403, json=problem))
    with pytest.raises(YuneiError) as caught:
        server.client().submit(QUERY)
    assert caught.value.code == "POLICY_REFUSED"
    assert caught.value.facts == {"policy": "p", "findings": [{"code": "X"}]}


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(502, text="<html>gateway</html>"),
        httpx2.Response(500, json={"code": "INVENTED"}),
        httpx2.Response(404, json=["x"]),
        httpx2.Response(302, headers={"location": "https://elsewhere.invalid"}),
    ],
)
def test_what_is_no_answer_of_the_service_is_unavailable(answer: httpx2.Response) -> None:
    with pytest.raises(YuneiError, match="UNAVAILABLE"):
        Server(answer).client().me()


def test_a_dead_service_is_unavailable() -> None:
    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    client = Client("http://127.0.0.1:1", "t", httpx2.MockTransport(refuse))
    for call in (client.me, lambda: list(client.job_events("job-x"))):
        with pytest.raises(YuneiError, match="UNAVAILABLE"):
            call()


@pytest.mark.parametrize(
    "url", ["http://example.org", "http://10.0.0.1:8420", "ftp://127.0.0.1", "127.0.0.1:8420", "http://127.0.0.1.evil.org"]
)
def test_a_token_travels_in_clear_only_on_this_machine(url: str) -> None:
    with pytest.raises(YuneiError, match="SETTING_UNSAFE"):
        Client(url, "t")


@pytest.mark.parametrize("url", ["https://example.org", "http://localhost:1", "http://[::1]:1"])
def test_encrypted_or_local_addresses_are_fine(url: str) -> None:
    with Client(url, "t") as client:
        assert client


def test_waiting_polls_until_the_state_is_reached() -> None:
    server = Server(*(ok({"state": state}) for state in ("queued", "running", "released")))
    assert server.client().wait("job-x", frozenset({"released"}), 5)["state"] == "released"
    assert len(server.seen) == 3


def test_waiting_ends() -> None:
    server = Server(ok({"state": "queued"}))
    with pytest.raises(YuneiError, match="UNAVAILABLE"):
        server.client().wait("job-x", frozenset({"released"}), 0)


def test_progress_is_read_event_by_event() -> None:
    text = 'event: queued\nid: 1\ndata: {"type": "queued"}\n\n: comment\nevent: released\ndata: {"type": "released"}\n\n'
    server = Server(httpx2.Response(200, text=text, headers={"content-type": "text/event-stream"}))
    assert [event["type"] for event in server.client().job_events("job-x", 4)] == ["queued", "released"]
    assert server.seen[0].headers["last-event-id"] == "4"


def test_a_refused_stream_keeps_its_code() -> None:
    server = Server(httpx2.Response(404, json={"code": "NOT_FOUND"}))
    with pytest.raises(YuneiError, match="NOT_FOUND"):
        list(server.client().job_events("job-x"))

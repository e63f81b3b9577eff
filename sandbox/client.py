"""The HTTP API from Python: one method per operation, refusals as `YuneiError` with the server's code."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self, cast
from urllib.parse import quote, urlsplit

import httpx2

from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import CATALOGUE, YuneiError
from sandbox.kernel.ids import new_id
from sandbox.kernel.paths import PREFIX

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
TIMEOUT_S = 60.0
STREAM_TIMEOUT_S = 330.0
POLL_S = 0.2

Document = Mapping[str, Json]


class Client:
    """Speaks for one bearer token to one service.

    Args:
        base_url: where the service listens; plain `http` only on this machine, since the token travels with each request.
        token: the bearer token's text.
        transport: in place of the network, for tests.

    Raises:
        YuneiError: `SETTING_UNSAFE`, plain http to another machine.

    """

    def __init__(self, base_url: str, token: str, transport: httpx2.BaseTransport | None = None) -> None:
        parts = urlsplit(base_url)
        local = parts.hostname in LOOPBACK
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise YuneiError("SETTING_UNSAFE", setting="YUNEI_URL")
        self._http = httpx2.Client(
            base_url=base_url.rstrip("/") + PREFIX,
            headers={"Authorization": f"Bearer {token}", "Accept-Language": "zh, en;q=0.5"},
            timeout=TIMEOUT_S,
            transport=transport,
            trust_env=not local,  # a proxy named in the environment has no business with loopback
        )

    def __enter__(self) -> Self:
        """Use the client as a context that closes its connections."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connections."""
        self._http.close()

    def me(self) -> Document:
        """Return who the token speaks for."""
        return self._json("GET", "/me")

    def keys(self) -> Document:
        """Return the public half of every signing key."""
        return self._json("GET", "/keys")

    def check(self, query: Document) -> Document:
        """Dry-run a query: `{agreement, purpose, environment, sql, parameters, epsilon?}`."""
        return self._json("POST", "/sql/check", query)

    def submit(self, query: Document, key: str | None = None) -> Document:
        """Submit a job: a query with `priority?` and `deadline_s?`; the same `key` makes one job however often it is sent."""
        return self._json("POST", "/jobs", query, _once(key))

    def jobs(self, after: str | None = None, limit: int = 20) -> Document:
        """Return a page of jobs, newest first."""
        return self._json("GET", "/jobs" + _page(after, limit))

    def job(self, job: str) -> Document:
        """Return one job."""
        return self._json("GET", f"/jobs/{_name(job)}")

    def cancel(self, job: str) -> Document:
        """Cancel a job."""
        return self._json("POST", f"/jobs/{_name(job)}/cancel")

    def promote(self, job: str, key: str | None = None) -> Document:
        """Let the SQL of a released dev job run in prod."""
        return self._json("POST", f"/jobs/{_name(job)}/promote", None, _once(key))

    def wait(self, job: str, states: frozenset[str], timeout_s: float) -> Document:
        """Return the job once its state is one of `states`.

        Raises:
            YuneiError: `UNAVAILABLE`, it was not within `timeout_s` seconds.

        """
        return _poll(lambda: self.job(job), lambda view: view["state"] in states, timeout_s)

    def job_events(self, job: str, after: int = 0) -> Iterator[Document]:
        """Yield the steps of a job as they become visible, until it ends or the server closes the stream."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        request = self._http.stream("GET", f"/jobs/{_name(job)}/events", headers=headers, timeout=STREAM_TIMEOUT_S)
        try:
            with request as answer:
                if answer.is_error:
                    answer.read()
                    raise _refusal(answer)
                data = (text.removeprefix("data:") for text in answer.iter_lines() if text.startswith("data:"))
                yield from (cast("Document", json.loads(text)) for text in data)
        except httpx2.TransportError:
            raise YuneiError("UNAVAILABLE") from None

    def reviews(self, after: str | None = None, limit: int = 20) -> Document:
        """Return a page of release requests that the caller may review."""
        return self._json("GET", "/reviews" + _page(after, limit))

    def review(self, review: str) -> tuple[Document, str]:
        """Return the evidence and the ETag that a vote on exactly this evidence binds."""
        answer = self._send("GET", f"/reviews/{_name(review)}")
        return _document(answer), answer.headers.get("etag", "")

    def vote(self, review: str, decision: str, comment: str, etag: str, key: str | None = None) -> Document:
        """Vote `approve`, `return` or `reject` on the evidence with this ETag."""
        body = {"decision": decision, "comment": comment}
        return self._json("POST", f"/reviews/{_name(review)}/votes", body, {**_once(key), "If-Match": etag})

    def releases(self, after: str | None = None, limit: int = 20) -> Document:
        """Return a page of releases that the caller may see."""
        return self._json("GET", "/releases" + _page(after, limit))

    def manifest(self, release: str) -> Document:
        """Return the signed manifest of a release."""
        return self._json("GET", f"/releases/{_name(release)}")

    def content(self, release: str, form: str = "csv") -> bytes:
        """Return the released table as `csv`, `parquet`, `arrow`, `xlsx` or `json`."""
        return self._send("GET", f"/releases/{_name(release)}/content?format={quote(form, safe='')}").content

    def bundle(self, release: str) -> bytes:
        """Return the package that `yunei verify` checks offline."""
        return self._send("GET", f"/releases/{_name(release)}/bundle").content

    def recall(self, release: str, reason: str, key: str | None = None) -> Document:
        """Recall a release."""
        return self._json("POST", f"/releases/{_name(release)}/recall", {"reason": reason}, _once(key))

    def replay(self, release: str, key: str | None = None) -> Document:
        """Demand a replay of a release inside the domain."""
        return self._json("POST", f"/releases/{_name(release)}/replay", None, _once(key))

    def replay_report(self, replay: str) -> Document:
        """Return a replay; its `report` is null until a worker has made it."""
        return self._json("GET", f"/replays/{_name(replay)}")

    def wait_replay(self, replay: str, timeout_s: float) -> Document:
        """Return the replay once it has finished.

        Raises:
            YuneiError: `UNAVAILABLE`, it was not within `timeout_s` seconds.

        """
        return _poll(lambda: self.replay_report(replay), lambda view: view["state"] == "finished", timeout_s)

    def agreements(self, after: str | None = None, limit: int = 20) -> Document:
        """Return a page of the agreements that exist for the caller."""
        return self._json("GET", "/agreements" + _page(after, limit))

    def agreement(self, agreement: str) -> Document:
        """Return one agreement."""
        return self._json("GET", f"/agreements/{_name(agreement)}")

    def change_agreement(self, agreement: str, event: str, reason: str) -> Document:
        """Let supervision `suspend`, `resume` or `end` an agreement."""
        return self._json("POST", f"/agreements/{_name(agreement)}/{_name(event)}", {"reason": reason})

    def simulate_policy(self, agreement: str, policy: Document, newest: int | None = None) -> Document:
        """Judge past jobs of an agreement under a policy that is not in force; it may take minutes."""
        wanted: Document = {} if newest is None else {"newest": newest}
        body: Document = {"agreement": agreement, "policy": policy, **wanted}
        return _document(self._send("POST", "/policies/simulate", body, timeout_s=STREAM_TIMEOUT_S))

    def budgets(self) -> Document:
        """Return privacy budgets by agreement and by data set."""
        return self._json("GET", "/budgets")

    def lineage(self, node: str, direction: str = "up") -> Document:
        """Return where an object came from (`up`) or what was made of it (`down`)."""
        return self._json("GET", f"/lineage/{_name(node)}?direction={quote(direction, safe='')}")

    def audit_events(self, after: int = -1, limit: int = 20, subject: str | None = None) -> Document:
        """Return audit events after an index, with the openings of their leaves."""
        wanted = "" if subject is None else f"&subject={_name(subject)}"
        return self._json("GET", f"/audit/events?after={after}&limit={limit}{wanted}")

    def system(self) -> Document:
        """Return versions, the required isolation level and the queue, for the system administrator."""
        return self._json("GET", "/system")

    def issue_token(self, person: str, days: int, scopes: Sequence[str] | None = None, key: str | None = None) -> Document:
        """Let the security administrator make a token; its text is in this answer and in no later one."""
        return self._json("POST", "/tokens", {"person": person, "scopes": scopes, "days": days}, _once(key))

    def revoke_token(self, token: str) -> Document:
        """End a token, named by its identifier."""
        return self._json("DELETE", f"/tokens/{_name(token)}")

    def checkpoint(self) -> str:
        """Return the signed head of the audit log."""
        return self._send("GET", "/audit/checkpoint").text

    def proof(self, index: int) -> str:
        """Return the inclusion proof of one leaf."""
        return self._send("GET", f"/audit/proof?index={index}").text

    def _json(self, method: str, path: str, body: Document | None = None, headers: Mapping[str, str] | None = None) -> Document:
        return _document(self._send(method, path, body, headers))

    def _send(
        self,
        method: str,
        path: str,
        body: Document | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> httpx2.Response:
        try:
            answer = self._http.request(method, path, json=body, headers=headers, timeout=timeout_s)
        except httpx2.TransportError:
            raise YuneiError("UNAVAILABLE") from None
        if answer.is_success:
            return answer
        raise _refusal(answer)


def _poll(read: Callable[[], Document], done: Callable[[Document], bool], timeout_s: float) -> Document:
    deadline = time.monotonic() + timeout_s
    while not done(view := read()):
        if time.monotonic() >= deadline:
            raise YuneiError("UNAVAILABLE", state=view.get("state"))
        time.sleep(POLL_S)
    return view


def _refusal(answer: httpx2.Response) -> YuneiError:
    """Turn a problem document into the error it came from; what is no such document is the service being unavailable."""
    try:
        problem = answer.json()
    except ValueError:
        return YuneiError("UNAVAILABLE", status=answer.status_code)
    if not isinstance(problem, dict) or problem.get("code") not in CATALOGUE:
        return YuneiError("UNAVAILABLE", status=answer.status_code)
    facts = problem.get("facts") or {}
    for name in ("findings", "trace_id"):
        if problem.get(name) is not None:
            facts[name] = problem[name]
    return YuneiError(problem["code"], **facts)


def _document(answer: httpx2.Response) -> Document:
    try:
        document = answer.json()
    except ValueError:
        raise YuneiError("UNAVAILABLE", status=answer.status_code) from None
    return cast("Document", document)


def _once(key: str | None) -> Mapping[str, str]:
    return {"Idempotency-Key": key or new_id("key")}


def _page(after: str | None, limit: int) -> str:
    return f"?limit={limit}" + ("" if after is None else f"&after={_name(after)}")


def _name(text: str) -> str:
    """Quote an identifier so that it stays one segment of a path."""
    return quote(text, safe="")

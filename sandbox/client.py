"""The HTTP API from Python: one class, one method per kind of request, problems as typed errors."""

import secrets
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

PREFIX = "/api/v1"
TIMEOUT_S = 60.0


class Problem(Exception):  # noqa: N818 - the name of RFC 9457
    """A refusal of the service: its code, HTTP status and whole problem document."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        self.status = status
        self.document = document
        self.code = str(document.get("code", "UNKNOWN"))
        super().__init__(f"{self.code}: {document.get('title', '')}")


class Client:
    """Speaks to one service as one person."""

    def __init__(self, url: str, token: str, *, language: str = "en", transport: httpx2.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self._http = httpx2.Client(base_url=url + PREFIX, headers=headers, timeout=TIMEOUT_S, transport=transport)

    def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON document at `path`.

        Raises:
            Problem: the service refused.

        """
        return _checked(self._http.get(path, params=query)).json()

    def tagged(self, path: str) -> tuple[Any, str]:
        """Return a document and its ETag, for a later `If-Match`."""
        response = _checked(self._http.get(path))
        return response.json(), response.headers["ETag"]

    def download(self, path: str, **query: str) -> bytes:
        """Return the bytes at `path`."""
        return _checked(self._http.get(path, params=query)).content

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, etag: str | None = None, key: str | None = None) -> Any:
        """Send `body` and return the answer.

        Args:
            path: below `/api/v1`.
            body: JSON object.
            etag: the version that the caller has seen.
            key: idempotency key; a fresh one by default, so give one to make a retry safe.

        Raises:
            Problem: the service refused.

        """
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        if etag is not None:
            headers["If-Match"] = etag
        return _checked(self._http.post(path, json=dict(body or {}), headers=headers)).json()

    def events(self, job: str, after: int = 0) -> Iterator[tuple[str, str]]:
        """Yield (type, data) of a job's progress as it comes, until the service ends the stream."""
        headers = {"Last-Event-ID": str(after), "Accept": "text/event-stream"}
        with self._http.stream("GET", f"/jobs/{job}/events", headers=headers) as response:
            if response.status_code != 200:
                response.read()
            _checked(response)
            kind = "message"
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, value

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        """Use the client as a context that closes itself."""
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        """Close it."""
        self.close()


def _checked(response: httpx2.Response) -> httpx2.Response:
    if response.status_code < 400:
        return response
    try:
        document = response.json()
    except ValueError:
        document = {}
    raise Problem(response.status_code, document if isinstance(document, dict) else {})

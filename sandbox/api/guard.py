"""The outermost layer: one trace id, one log line, the same security headers, and no defect's text ever leaves."""

import secrets

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.api.problems import defect

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class Guard:
    """Wraps the whole application.

    The log line carries method, route template, status and trace id only: a path, a query or a header may hold a token
    or a value. An exception is logged by class name and trace id; its message is dropped here, because the server
    beneath would print it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; anything that is not HTTP passes through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        try:
            await self.app(scope, receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - the one place where every defect ends
            await exchange.fail(error, receive)
        finally:
            exchange.log()


class _Exchange:
    """One request and its answer, as far as the log and the headers need them."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.trace = secrets.token_hex(16)
        self.status: int | None = None
        self._send = send
        self._logger = structlog.get_logger("yunei.api")
        scope.setdefault("state", {})["trace"] = self.trace

    async def send(self, message: Message) -> None:
        """Pass the answer on, with the headers that every answer carries."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
        await self._send(message)

    async def fail(self, error: Exception, receive: Receive) -> None:
        """Log the defect and answer 500; a stream that has begun is cut off by the server, without a word."""
        self._logger.error("defect", kinds=_kinds(error), trace=self.trace)
        if self.status is None:
            answer = defect(self.trace, Headers(scope=self.scope).get("accept-language"))
            await answer(self.scope, receive, self.send)

    def log(self) -> None:
        """Write the one line."""
        method = self.scope["method"]
        facts = {
            "method": method if method in _METHODS else "other",
            "route": getattr(self.scope.get("route"), "path", "unmatched"),
            "status": self.status,
            "trace": self.trace,
        }
        code = self.scope["state"].get("defect")
        self._logger.info("request", **facts, **({"code": code} if code else {}))


def _kinds(error: BaseException) -> list[str]:
    """Return the class names of an exception and, for a group, of what is inside it."""
    if isinstance(error, BaseExceptionGroup):
        return sorted({kind for inner in error.exceptions for kind in _kinds(inner)})
    return [type(error).__name__]

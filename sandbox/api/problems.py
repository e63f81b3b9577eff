"""Every refusal and failure leaves as RFC 9457 `application/problem+json`, made here and nowhere else."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from sandbox.kernel.canonical import Json
from sandbox.kernel.db import DatabaseAwayError
from sandbox.kernel.errors import CATALOGUE, ErrorKind, YuneiError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

_OF_STATUS = {400: "MALFORMED", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "TOO_LARGE", 415: "UNSUPPORTED_MEDIA"}
_OF_MISSING_HEADER = {"idempotency-key": "IDEMPOTENCY_KEY_MISSING", "if-match": "IF_MATCH_MISSING"}
_LANGUAGE = re.compile(r"^\s*(zh|en)\b[^;,]*(?:;\s*q=([01](?:\.\d{1,3})?))?\s*$", re.IGNORECASE)
_OPEN_FAULTS = frozenset({"STORED_BYTES_CHANGED"})
"""Faults of ours that are told by name: who fetches must know that trying again will not help."""

_SHOWN_FIELDS = 20
_NAME_CHARS = 64


class Titles(BaseModel):
    """The constant title of a code, in both languages."""

    zh: str
    en: str


class SpanView(BaseModel):
    """A place in the submitted SQL: 0-based offsets [start, end), 1-based line and column."""

    start: int
    end: int
    line: int
    column: int


class FixView(BaseModel):
    """What would be accepted instead."""

    zh: str
    en: str
    sql: str | None


class FindingView(BaseModel):
    """One reason why a query is refused, or one notice."""

    code: str
    rule: str
    severity: str
    span: SpanView | None
    object: str | None
    article: str
    message: Titles
    fix: FixView | None


class Problem(BaseModel):
    """RFC 9457 problem details. `code` is of one closed catalogue; nothing in it is computed from data."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})

    type: str = Field(description="where the code is documented")
    title: str = Field(description="in the language of Accept-Language: zh (default) or en")
    status: int
    code: str
    titles: Titles
    rule: str | None = Field(None, description="rule that the first finding names")
    span: SpanView | None = Field(None, description="place of the first finding in the submitted SQL")
    findings: list[FindingView] | None = None
    facts: dict[str, JsonValue] | None = Field(None, description="names and limits from the request or public metadata")
    trace_id: str | None = Field(None, description="only with status 500: what to tell the operator of the service")


def language(accept: str | None) -> str:
    """Choose `zh` or `en` from an Accept-Language header; `zh` where neither is asked for.

    Source: RFC 9110, section 12.5.4 (quality values; an earlier equal one wins here).
    """
    best, chosen = 0.0, "zh"
    for part in (accept or "").split(",")[:16]:
        match = _LANGUAGE.match(part)
        if match and (quality := float(match[2] or 1)) > best:
            best, chosen = quality, match[1].lower()
    return chosen


def problem(code: str, accept_language: str | None = None, facts: Mapping[str, Json] | None = None) -> Response:
    """Return the answer for one code of the catalogue.

    `findings` among the facts stand at the top level, and `rule` and `span` are those of the first finding.
    """
    kind = CATALOGUE[code]
    chosen = language(accept_language)
    extra = dict(facts or {})
    body: dict[str, Json] = {**head(code, kind, chosen), **_policy_part(extra.pop("findings", None))}
    if (trace := extra.pop("trace_id", None)) is not None:
        body["trace_id"] = trace
    headers = {"Content-Language": chosen, "Vary": "Accept-Language", **_code_headers(code, kind, extra)}
    if extra:
        body["facts"] = extra
    return JSONResponse(body, kind.status, headers, MEDIA_TYPE)


def head(code: str, kind: ErrorKind, chosen: str) -> dict[str, Json]:
    """Return the members that depend on the code and the language alone; the documented examples are made of them."""
    return {
        "type": f"/docs/errors.md#{code.lower()}",
        "title": kind.zh if chosen == "zh" else kind.en,
        "status": kind.status,
        "code": code,
        "titles": {"zh": kind.zh, "en": kind.en},
    }


def defect(trace: str, accept_language: str | None, code: str = "DEFECT") -> Response:
    """Return the answer to our own fault: a trace id and nothing that could carry a value."""
    return problem(code if code in _OPEN_FAULTS else "DEFECT", accept_language, {"trace_id": trace})


async def on_refusal(request: Request, error: YuneiError) -> Response:
    """Answer a `YuneiError`. A code of status 500 is our fault: it and its facts stay inside, the trace id leads there."""
    accept = request.headers.get("accept-language")
    if error.kind.status == 500:
        request.state.defect = error.code
        return defect(request.state.trace, accept, error.code)
    return problem(error.code, accept, {} if error.kind.status > 500 else error.facts)


async def on_away(request: Request, _error: DatabaseAwayError) -> Response:
    """Answer that the database is away: ask again, with the same idempotency key, since the act may have happened."""
    return problem("UNAVAILABLE", request.headers.get("accept-language"))


async def on_malformed(request: Request, error: RequestValidationError) -> Response:
    """Answer a payload that does not fit its schema: where it does not fit and by which rule, never what stood there."""
    errors = error.errors()
    accept = request.headers.get("accept-language")
    for item in errors:
        place, name = item["loc"][0], str(item["loc"][-1]).lower()
        if place == "header" and item["type"] == "missing" and name in _OF_MISSING_HEADER:
            return problem(_OF_MISSING_HEADER[name], accept)
        if place == "body" and isinstance(error.body, bytes):
            return problem("UNSUPPORTED_MEDIA", accept)
    return problem("MALFORMED", accept, {"fields": tuple(_field(item) for item in errors[:_SHOWN_FIELDS])})


async def on_http_error(request: Request, error: HTTPException) -> Response:
    """Answer what the framework refuses by itself: no such route, no such method, an unreadable body."""
    code = _OF_STATUS.get(error.status_code, "MALFORMED" if error.status_code < 500 else "UNAVAILABLE")
    answer = problem(code, request.headers.get("accept-language"))
    if code == "METHOD_NOT_ALLOWED":
        answer.headers["Allow"] = ", ".join(sorted(_methods_of(request)))
    return answer


def _policy_part(findings: Json) -> dict[str, Json]:
    if not isinstance(findings, (list, tuple)) or not findings:
        return {}
    first = cast("Mapping[str, Json]", findings[0])
    return {"rule": first.get("rule"), "span": first.get("span"), "findings": findings}


def _code_headers(code: str, kind: ErrorKind, facts: Mapping[str, Json]) -> dict[str, str]:
    if code == "UNAUTHENTICATED":
        return {"WWW-Authenticate": 'Bearer realm="yunei"'}
    if code == "SCOPE_MISSING":
        return {"WWW-Authenticate": f'Bearer realm="yunei", error="insufficient_scope", scope="{facts.get("scope", "")}"'}
    if kind.status in {429, 503}:
        return {"Retry-After": str(facts.get("retry_after_s", RETRY_AFTER_S))}
    return {}


def _field(item: Mapping[str, Any]) -> Json:
    """Name the place and the broken rule. Names come from the request itself; unprintable ones are replaced."""
    place, *path = item["loc"]
    return {"in": str(place), "path": ".".join(_printable(path)), "rule": str(item["type"])}


def _printable(path: Iterable[object]) -> list[str]:
    """Cut and clean names for the answer; a lone surrogate would make it impossible to encode."""
    return ["".join(char if char.isprintable() else "�" for char in str(part)[:_NAME_CHARS]) for part in path]


def _methods_of(request: Request) -> set[str]:
    """Return every method of the asked path; the framework names only those of the first route that fits."""
    methods: set[str] = set()
    for route in request.app.routes:
        match, _ = route.matches(request.scope)
        if match != Match.NONE:
            methods |= route.methods
    return methods

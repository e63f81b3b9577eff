"""Shapes of what callers send: identifiers, headers and paging, each refused unless it fits wholly."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from sandbox.kernel.errors import YuneiError

_ENTITY_TAG = re.compile(r'"(sha256:[0-9a-f]{64})"')

ID = r"^[a-z]{2,12}-[a-z2-7]{26}$"

ObjectId = Annotated[str, Path(alias="id", pattern=ID, description="kind, dash, 26 characters")]
NodeId = Annotated[str, Path(alias="id", pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$", description="any object's identifier")]

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,255}$",
        description="chosen by the caller; the same key with the same request makes one object, however often it is sent",
        examples=["3f6c0a52-4a6f-4a83-9f0e-0d6b8a3f2c11"],
    ),
]
IfMatch = Annotated[str, Header(alias="If-Match", description="the ETag of the evidence that was read", examples=['"sha256:…"'])]

After = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9._:-]{1,128}$", description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100, description="most items on this page")]


Prose = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
"""What people write for people: line breaks and tabs, no other control character."""


class Strict(BaseModel):
    """Base of every body: unknown members are refused and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True)
class Binding:
    """What a vote is tied to: the digest of the evidence that was read, and the caller's key."""

    etag: str
    key: str


def binding_of(match: IfMatch, key: IdempotencyKey) -> Binding:
    """Return the one digest that `If-Match` names, with the key.

    `*`, weak tags and lists are refused: a vote binds to exactly the evidence that was read.

    Raises:
        YuneiError: `IF_MATCH_FAILED`.

    """
    tag = _ENTITY_TAG.fullmatch(match)
    if tag is None:
        raise YuneiError("IF_MATCH_FAILED")
    return Binding(tag[1], key)


Bound = Annotated[Binding, Depends(binding_of)]


def refuse_unknown_query(request: Request) -> None:
    """Refuse a query parameter that the route does not declare or that stands twice.

    A misspelt filter that is silently ignored would answer another question than the one asked.
    """
    declared = {field.alias for field in request.scope["route"].dependant.query_params}
    names = [name for name, _ in request.query_params.multi_items()]
    wrong = [name for name in dict.fromkeys(names) if name not in declared or names.count(name) > 1]
    if wrong:
        raise RequestValidationError([{"loc": ("query", name), "type": "extra_forbidden"} for name in wrong])


async def refuse_body(request: Request) -> None:
    """Refuse a body where the route declares none: what it says would be ignored, and the caller would not know."""
    if await request.body():
        raise RequestValidationError([{"loc": ("body",), "type": "extra_forbidden"}])

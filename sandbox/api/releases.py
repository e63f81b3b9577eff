"""Releases: manifest, content in five formats, the offline-verifiable package, recall and replay."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, cast

from fastapi import Query, Response
from pydantic import BaseModel, Field

from egress.release.model import MEDIA_TYPES, Format
from sandbox.api.auth import Caller
from sandbox.api.inputs import After, IdempotencyKey, Limit, ObjectId, Prose, Strict
from sandbox.api.services import Services
from sandbox.kernel.canonical import Json
from sandbox.kernel.paths import PREFIX

PACKAGE_TYPE = "application/zip"

ChosenFormat = Annotated[Format, Query(alias="format", description="csv is the signed master")]


class Recall(Strict):
    """Why a release must no longer be used."""

    reason: Annotated[Prose, Field(min_length=1, max_length=2000, description="read by the recipient; names no value")]


class ReleaseLine(BaseModel):
    """State and facts of a release."""

    id: str
    state: str
    job: str
    request: str
    recipient: str
    operator: str
    institutions: list[str]
    environment: str
    synthetic: bool
    expires: str
    released_at: str
    envelope_digest: str
    audit_index: int
    formats: list[str]
    deliveries: int


class ReleaseResource(ReleaseLine):
    """A release with its DSSE envelope, the in-toto statement in clear, and the recall statement if there is one."""

    envelope: dict[str, Any]
    statement: dict[str, Any]
    recall: dict[str, Any] | None


class ReleasePage(BaseModel):
    """A page of releases."""

    items: list[ReleaseLine]
    next: str | None


class Fetch(BaseModel):
    """One download made before a recall."""

    organisation: str
    person: str
    format: str
    at: str


class RecallStatement(BaseModel):
    """A recall: the signed envelope, and in clear who had fetched what."""

    release: str
    reason: str
    recalled_at: str
    fetched: list[Fetch]
    envelope: dict[str, Any]


class ReplayResource(BaseModel):
    """A replay; `report` is null until it has finished."""

    id: str
    release: str
    state: str
    requested_at: str
    report: dict[str, Any] | None


def list_releases(caller: Caller, services: Services, after: After = None, limit: Limit = 20) -> Json:
    """Return the releases that exist for the caller."""
    page = services.releases.list(caller, after, limit)
    return {"items": list(page.items), "next": page.next}


def get_release(release: ObjectId, caller: Caller, services: Services) -> Json:
    """Return a release with its signed manifest: what left, to whom, how protected and on whose decision."""
    return services.releases.manifest(caller, release)


def get_release_content(release: ObjectId, caller: Caller, services: Services, chosen: ChosenFormat = "csv") -> Response:
    """Return the released table to its recipient; every download is counted and an audit event."""
    data = services.releases.content(caller, release, chosen)
    return _attachment(data, MEDIA_TYPES[chosen], f"{release}.{chosen}")


def get_release_bundle(release: ObjectId, caller: Caller, services: Services) -> Response:
    """Return the package that `yunei verify` checks offline."""
    return _attachment(services.releases.bundle(caller, release), PACKAGE_TYPE, f"{release}.zip")


def recall_release(release: ObjectId, body: Recall, key: IdempotencyKey, caller: Caller, services: Services) -> Json:
    """Recall a release: from now on nobody fetches it; answers with the signed statement and who has it."""
    return services.releases.recall(caller, release, body.reason, key)


def replay_release(release: ObjectId, key: IdempotencyKey, response: Response, caller: Caller, services: Services) -> Json:
    """Demand that a release be derived again, step by step, inside the domain."""
    replay = cast("Mapping[str, Json]", services.replay.replay(caller, release, key))
    response.headers["Location"] = f"{PREFIX}/replays/{replay['id']}"
    return replay


def get_replay(replay: ObjectId, caller: Caller, services: Services) -> Json:
    """Return a replay that the caller's organisation demanded, with its report once it has finished."""
    return services.replay.get(caller, replay)


def _attachment(data: bytes, media_type: str, name: str) -> Response:
    """Return a file with its digest (RFC 9530), which equals the one in the signed manifest."""
    found = base64.b64encode(hashlib.sha256(data).digest()).decode()
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Digest": f"sha-256=:{found}:"}
    return Response(data, media_type=media_type, headers=headers)

"""Releases: manifest, content in five formats, the offline-verifiable bundle, recall and replay."""

from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import BaseModel, Field

from sandbox.api.auth import Caller
from sandbox.api.inputs import After, IdempotencyKey, Limit, ObjectId, Prose, Strict
from sandbox.api.services import Services
from sandbox.kernel.canonical import Json

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
BUNDLE_TYPE = "application/zip"

Format = Annotated[
    Literal["csv", "parquet", "arrow", "xlsx", "json"], Query(alias="format", description="csv is the signed master")
]


class Recall(Strict):
    """Why a release must no longer be used."""

    reason: Annotated[Prose, Field(min_length=1)]


class ReplayResource(BaseModel):
    """A replay; `report` is null until it has finished."""

    id: str
    release: str
    state: str
    requested_at: str
    report: dict[str, Any] | None


class ReleasePage(BaseModel):
    """A page of releases that the caller may see."""

    items: list[dict[str, Any]]
    next: str | None


def list_releases(caller: Caller, services: Services, after: After = None, limit: Limit = 20) -> Json:
    """Return the releases that the caller may see."""
    page = services.releases.list(caller, after, limit)
    return {"items": list(page.items), "next": page.next}


def get_release(release: ObjectId, caller: Caller, services: Services) -> Json:
    """Return the manifest: a signed statement of what was released, to whom, how protected and who approved."""
    return services.releases.manifest(caller, release)


def get_release_content(release: ObjectId, caller: Caller, services: Services, chosen: Format = "csv") -> Response:
    """Return the released table; every download is an audit event."""
    data = services.releases.content(caller, release, chosen)
    return _attachment(data, MEDIA_TYPES[chosen], f"{release}.{chosen}")


def get_release_bundle(release: ObjectId, caller: Caller, services: Services) -> Response:
    """Return the package that `yunei verify` checks offline."""
    return _attachment(services.releases.bundle(caller, release), BUNDLE_TYPE, f"{release}.zip")


def recall_release(release: ObjectId, body: Recall, key: IdempotencyKey, caller: Caller, services: Services) -> Json:
    """Recall a release: no further download, a signed statement, the list of who fetched it."""
    return services.releases.recall(caller, release, body.reason, key)


def replay_release(release: ObjectId, key: IdempotencyKey, response: Response, caller: Caller, services: Services) -> Json:
    """Demand that a release be derived again, step by step, inside the domain."""
    replay = services.replay.replay(caller, release, key)
    response.headers["Location"] = f"/api/v1/replays/{replay['id']}"
    return replay


def get_replay(replay: ObjectId, caller: Caller, services: Services) -> Json:
    """Return a replay that the caller's organisation demanded, with its report once it has finished."""
    return services.replay.get(caller, replay)


def _attachment(data: bytes, media_type: str, name: str) -> Response:
    return Response(data, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})

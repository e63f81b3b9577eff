"""Access tokens, made and ended by the security administrator; a text is sent once and kept nowhere."""

from typing import Annotated

from pydantic import BaseModel, Field

from sandbox.api.auth import Caller
from sandbox.api.inputs import IdempotencyKey, ObjectId, Strict
from sandbox.api.services import Services
from sandbox.kernel.canonical import Json
from tenants.decide import MAX_TOKEN_DAYS


class TokenRequest(Strict):
    """Whose token, for what and for how long."""

    person: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$", description="somebody else than the caller")]
    scopes: list[Annotated[str, Field(pattern=r"^[a-z_]{1,32}:[a-z_]{1,32}$")]] | None = Field(
        None, min_length=1, max_length=64, description="no more than the person's roles carry; all of them where absent"
    )
    days: int = Field(ge=1, le=MAX_TOKEN_DAYS, description="life in days")


class TokenResource(BaseModel):
    """A new token; `token` is its text, shown this once."""

    id: str
    token: str
    person: str
    scopes: list[str]
    expires_at: str


class Revocation(BaseModel):
    """A token that is no longer valid; `revoked` tells whether it was until now."""

    id: str
    revoked: bool


def issue_token(body: TokenRequest, key: IdempotencyKey, caller: Caller, services: Services) -> Json:
    """Make a token for somebody else. The same key again is refused, since the text cannot be sent a second time."""
    scopes = None if body.scopes is None else frozenset(body.scopes)
    return services.tenants.issue_once(caller, body.person, scopes, body.days, key).as_json()


def revoke_token(token: ObjectId, caller: Caller, services: Services) -> Json:
    """End a token at once."""
    return {"id": token, "revoked": services.tenants.revoke(token, caller.person)}

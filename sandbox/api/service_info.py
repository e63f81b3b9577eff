"""The service itself: liveness, public keys, and who the caller is."""

from pydantic import BaseModel

from egress.release.verify import public_keys
from sandbox.api.auth import Caller
from sandbox.api.services import Services
from sandbox.kernel.canonical import Json


class Health(BaseModel):
    """Liveness only."""

    status: str


class Identity(BaseModel):
    """Who the token speaks for and what it may do."""

    person: str
    organisation: str
    kind: str
    roles: list[str]
    scopes: list[str]


async def get_health() -> Json:
    """Tell that the process answers."""
    return {"status": "ok"}


def get_keys(services: Services) -> Json:
    """Return the trust file of `yunei verify`: key name → base64 of 32 raw Ed25519 bytes.

    Whoever verifies compares it once with a copy that came by another way.
    """
    return public_keys(services.keys)


def get_me(caller: Caller) -> Json:
    """Return who the token speaks for."""
    return {
        "person": caller.person,
        "organisation": caller.organisation,
        "kind": caller.kind,
        "roles": sorted(caller.roles),
        "scopes": sorted(caller.scopes),
    }

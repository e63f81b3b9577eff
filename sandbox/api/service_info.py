"""The service itself: liveness, public keys, and who the caller is."""

import base64

from pydantic import BaseModel

from sandbox.api.auth import Caller
from sandbox.api.services import Services
from sandbox.kernel.canonical import Json


class Health(BaseModel):
    """Liveness only."""

    status: str


class PublicKey(BaseModel):
    """One Ed25519 key that signs evidence; `public` is the base64 of its 32 raw bytes."""

    name: str
    algorithm: str
    public: str


class KeySet(BaseModel):
    """What an outsider trusts; saved as the trust file of `yunei verify`."""

    keys: list[PublicKey]


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


def list_keys(services: Services) -> Json:
    """Return the public half of every signing key."""
    ring = services.keys
    return {
        "keys": [
            {"name": name, "algorithm": "ed25519", "public": base64.b64encode(ring.signer(name).public).decode()}
            for name in ring.signer_names()
        ]
    }


def get_me(caller: Caller) -> Json:
    """Return who the token speaks for."""
    return {
        "person": caller.person,
        "organisation": caller.organisation,
        "kind": caller.kind,
        "roles": sorted(caller.roles),
        "scopes": sorted(caller.scopes),
    }

"""Who asks, and whether the token carries the scope that the route declares."""

from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from sandbox.api.rate import RateLimiter
from sandbox.api.services import Services
from sandbox.kernel.errors import YuneiError
from tenants.model import Principal

bearer = HTTPBearer(
    scheme_name="bearer", bearerFormat="opaque", description="`yunei token create` prints one once", auto_error=False
)


def authorise(
    required: SecurityScopes,
    request: Request,
    services: Services,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> None:
    """Let the request pass if its token is valid, has not asked too often and carries every scope that the route requires.

    Raises:
        YuneiError: `UNAUTHENTICATED`, `TOO_MANY`, `SCOPE_MISSING`.

    """
    if credentials is None:
        raise YuneiError("UNAUTHENTICATED")
    principal = services.tenants.authenticate(credentials.credentials)
    cast("RateLimiter", request.app.state.limiter).count(principal.token)
    for scope in required.scopes:
        if scope not in principal.scopes:
            raise YuneiError("SCOPE_MISSING", scope=scope)
    request.state.principal = principal


def principal_of(request: Request) -> Principal:
    """Return who was authenticated; `authorise` runs before it on every route that is not open."""
    return cast("Principal", request.state.principal)


Caller = Annotated[Principal, Depends(principal_of)]
"""The authenticated principal, as an endpoint's parameter."""

"""The services that the routes call, as the application holds them."""

from typing import Annotated, Any, cast

from fastapi import Depends, Request

Container = Any


def services_of(request: Request) -> Container:
    """Return the container that the application was made with."""
    return cast("Container", request.app.state.container)


Services = Annotated[Container, Depends(services_of)]
"""The container, as an endpoint's parameter."""

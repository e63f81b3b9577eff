"""The services that the routes call, as the application holds them."""

from typing import Annotated, cast

from fastapi import Depends, Request

from sandbox.bootstrap import Container


def services_of(request: Request) -> Container:
    """Return the container that the application was made with."""
    return cast("Container", request.app.state.container)


Services = Annotated[Container, Depends(services_of)]
"""The container, as an endpoint's parameter."""

"""The HTTP application over a container of services."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from sandbox.api.body_limit import BodyLimit
from sandbox.api.documentation import Application
from sandbox.api.guard import Guard
from sandbox.api.problems import on_away, on_http_error, on_malformed, on_refusal
from sandbox.api.rate import RateLimiter
from sandbox.api.routes import add_routes
from sandbox.bootstrap import Container
from sandbox.kernel.db import DatabaseAwayError
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.paths import PREFIX

NO_TELEMETRY: TelemetryConfig = {
    "auto_configure": False,
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
}
"""The framework exports spans, metrics and logs on its own when `OTEL_*` variables are set; nothing may leave the domain so."""


def create_app(container: Container) -> FastAPI:
    """Return the API over `container`. It serves no page that loads anything, and no CORS header."""
    app = Application(
        title="Yunei",
        summary="Privacy-preserving compute sandbox for public data: 原始数据不出域，数据可用不可见。",
        version="1",
        telemetry=NO_TELEMETRY,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(Guard), Middleware(BodyLimit, max_bytes=container.settings.max_body_bytes)],
        exception_handlers={
            YuneiError: on_refusal,
            DatabaseAwayError: on_away,
            RequestValidationError: on_malformed,
            HTTPException: on_http_error,
        },
    )
    app.state.container = container
    app.state.limiter = RateLimiter(container.clock, container.settings.rate_per_minute)
    add_routes(app)
    return app

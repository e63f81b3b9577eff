"""Serves the API: one process, HTTP only, no access log of the server's own (it would print query strings)."""

import uvicorn
from fastapi import FastAPI

from sandbox.api.app import create_app
from sandbox.bootstrap import build
from sandbox.kernel import logs
from sandbox.kernel.settings import Settings

GRACE_S = 5
"""Seconds that open requests and event streams get when the service is told to stop."""


def server(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """Return a server that listens where the settings say and stops gracefully on SIGTERM and SIGINT."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    return uvicorn.Server(config)


def run(settings: Settings) -> None:
    """Serve until told to stop."""
    logs.configure()
    with build(settings) as container:
        server(create_app(container), settings).run()

"""Nothing that runs in the process of the tests reaches beyond this machine, and no test fails for being slow."""

import os
import socket
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.databases import KINDS, Postgres, postgres, programs
from tests.supply_domain import Domain

# CI repeats one set of examples, so that a red run can be repeated; elsewhere each run looks at new ones.
settings.register_profile(
    "steady", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=os.environ.get("CI") == "true"
)
settings.load_profile("steady")

LOCAL_NAMES = frozenset({None, "", "localhost", b"localhost"})


def is_loopback(host: object) -> bool:
    """Tell whether a host is this machine; a name that would have to be looked up is not."""
    if host in LOCAL_NAMES:
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        return ip_address(text).is_loopback
    except ValueError:
        return False


def _stay_home(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse what would leave. An audit hook sees every Python socket, whichever library opens it, and cannot be taken away."""
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        opened, address = arguments
        if opened.family in {socket.AF_INET, socket.AF_INET6} and address is not None and not is_loopback(address[0]):
            raise RuntimeError("a test reaches beyond loopback")
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"} and not is_loopback(arguments[0]):
        raise RuntimeError("a test looks up a name")


sys.addaudithook(_stay_home)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One server for all tests that need one; each makes a database of its own in it."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres(found) as server:
        yield server


def _fresh(request: pytest.FixtureRequest, directory: Path) -> str:
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres_server")
        return server.fresh()
    return f"sqlite:///{directory / 'test.db'}"


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return an empty database for one test; the test runs on every kind."""
    return _fresh(request, tmp_path)


@pytest.fixture(scope="module", params=KINDS)
def module_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an empty database for the tests of a module; they run on every kind."""
    return _fresh(request, tmp_path_factory.mktemp("database"))


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[Domain]:
    """A small domain with the services of supply over it."""
    made = Domain(tmp_path)
    yield made
    made.close()

"""Nothing that runs in the process of the tests reaches beyond this machine, and no test fails for being slow."""

import os
import socket
import sys
from ipaddress import ip_address
from typing import Any

from hypothesis import HealthCheck, settings

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

"""Plants what the hostile probes aim at: readable files, writable directories, listeners, a process with a secret."""

import _ctypes
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sandbox.isolation.wire import ProbeSetup
from sandbox.kernel.canonical import Json
from sandbox.kernel.run import Limits

_SLEEP = "import signal; print(flush=True); signal.pause()"


@contextmanager
def planted(limits: Limits) -> Iterator[ProbeSetup]:
    """Yield the setup of `child.probes`; everything planted is gone afterwards.

    File permissions are as open as they can be, so that a probe is stopped by a layer and not by luck.
    """
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yunei-doctor-")))
        place.chmod(0o755)
        stop = limits.memory_bytes * 4
        yield {
            **_files(place),
            **_listeners(place, stack),
            "service_pid": _service(stack),
            "memory_bytes": stop,
            "scratch_bytes": limits.scratch_bytes,
        }


def _files(place: Path) -> dict[str, Json]:
    for name in ("other_tenant", "secret", "extract"):
        (place / name).write_bytes(b"a value that no probe may read")
        (place / name).chmod(0o666)
    for name in ("data", "public"):
        (place / name).mkdir()
        (place / name).chmod(0o777)
    target = place / "library.so"
    shutil.copy(_ctypes.__file__, target)
    target.chmod(0o755)
    return {
        "other_file": str(place / "other_tenant"),
        "secret_file": str(place / "secret"),
        "extract": str(place / "extract"),
        "data_directory": str(place / "data"),
        "public_directory": str(place / "public"),
        "library": str(target),
    }


def _listeners(place: Path, stack: ExitStack) -> dict[str, Json]:
    tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    udp.bind(("127.0.0.1", 0))
    named = stack.enter_context(socket.socket(socket.AF_UNIX))
    named.bind(str(place / "socket"))
    named.listen()
    (place / "socket").chmod(0o777)
    abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
    abstract_name = f"yunei-doctor-{os.getpid()}-{tcp.getsockname()[1]}"
    abstract.bind("\0" + abstract_name)
    abstract.listen()
    return {
        "tcp_port": tcp.getsockname()[1],
        "udp_port": udp.getsockname()[1],
        "unix_socket": str(place / "socket"),
        "abstract_socket": abstract_name,
    }


def _service(stack: ExitStack) -> int:
    """Start a stand-in for the service, with a secret in its environment; return its pid."""
    process = stack.enter_context(
        subprocess.Popen(  # noqa: S603 -- every word of the command is ours
            [sys.executable, "-I", "-S", "-c", _SLEEP], env={"SECRET": "planted"}, stdout=subprocess.PIPE
        )
    )
    stack.callback(process.kill)
    if process.stdout is not None:
        process.stdout.readline()
    return process.pid

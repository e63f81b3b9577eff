"""Starts API and worker as separate processes on a free loopback port, and stops exactly those."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from sandbox.kernel.errors import YuneiError
from sandbox.kernel.paths import PREFIX

START_S = 30.0
STOP_S = 15.0


@dataclass(frozen=True)
class Stage:
    """A running service."""

    url: str
    processes: tuple[subprocess.Popen[bytes], ...]


def free_port(wanted: int = 8420) -> int:
    """Return `wanted` where it is free, else any loopback port that is."""
    for port in (wanted, 0):
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                holder.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(holder.getsockname()[1])
    raise YuneiError("UNAVAILABLE")


def settings_environment(data_dir: Path, port: int, required_level: int) -> dict[str, str]:
    """Return the environment in which API and worker of one data directory run."""
    own = {
        "YUNEI_DATA_DIR": str(data_dir),
        "YUNEI_PORT": str(port),
        "YUNEI_REQUIRED_LEVEL": str(required_level),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YUNEI_")}
    return {**kept, **own}


@contextmanager
def running(environment: Mapping[str, str], logs: Path, *, keep: bool = False) -> Iterator[Stage]:
    """Start API and worker; stop both at the end unless `keep`, and always on an error.

    Raises:
        YuneiError: `UNAVAILABLE`, one of them did not come up; its log says why.

    """
    logs.mkdir(parents=True, exist_ok=True)
    processes = tuple(_start(name, environment, logs) for name in ("serve", "worker"))
    stage = Stage(f"http://127.0.0.1:{environment['YUNEI_PORT']}", processes)
    finished = False
    try:
        _wait_for_health(stage)
        yield stage
        finished = True
    finally:
        if not (finished and keep):
            stop(processes)


def stop(processes: tuple[subprocess.Popen[bytes], ...]) -> None:
    """Ask each process to end, and kill what does not."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(name: str, environment: Mapping[str, str], logs: Path) -> subprocess.Popen[bytes]:
    with (logs / f"{name}.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
            [sys.executable, "-m", "sandbox.cli.main", name],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait_for_health(stage: Stage) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in stage.processes):
            raise YuneiError("UNAVAILABLE")
        try:
            if httpx2.get(f"{stage.url}{PREFIX}/health", timeout=1.0).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise YuneiError("UNAVAILABLE")

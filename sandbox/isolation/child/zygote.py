"""Imports the engine and Arrow once, opens nothing, and forks a guard per order. One thread, empty environment."""

import json
import os
import signal
import socket
import sys
from typing import Final

os.environ.update({"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"})

import duckdb
import pyarrow as pa

from . import cgroups, guard, privileges, seccomp, syscalls

ORDER_DESCRIPTORS: Final = 3


def serve(control_fd: int) -> None:
    """Say what was loaded, then fork a guard for each order until the supervisor closes its end.

    Raises:
        SystemExit: where a second thread lives; forking it could hang the child.

    """
    if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208
        raise SystemExit(71)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control = socket.socket(fileno=control_fd)
    cgroups.sweep()
    program = seccomp.assemble(syscalls.MACHINE)
    baseline = privileges.data_in_use()
    control.send(json.dumps(_greeting()).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 16, ORDER_DESCRIPTORS)
        if not message:
            return
        if len(descriptors) == ORDER_DESCRIPTORS:
            _fork_guard(control, descriptors, baseline, program)
        for descriptor in descriptors:
            os.close(descriptor)


def _fork_guard(control: socket.socket, descriptors: list[int], baseline: int, program: bytes) -> None:
    if os.fork() != 0:
        return
    control.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    spec, result, status = descriptors
    try:
        guard.watch(spec, result, socket.socket(fileno=status), baseline=baseline, program=program)
    finally:
        os._exit(0)


def _greeting() -> dict[str, object]:
    return {
        "engine": duckdb.__version__,
        "arrow": pa.__version__,
        "modules": sorted({name.split(".")[0] for name in sys.modules}),
        "environment": sorted(os.environ),
    }

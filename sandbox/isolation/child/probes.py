"""Hostile probes: what an attacker inside a sandbox would try. Each says whether it got through, and none does harm.

The doctor plants the decoys that they aim at: another tenant's file, a service secret, listeners, a public directory.
"""

import ctypes
import errno
import json
import mmap
import os
import resource
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

from . import syscalls

Setup = Mapping[str, Any]

_PTRACE, _IO_URING_SETUP, _USERFAULTFD = {"x86_64": 101, "aarch64": 117}, 425, {"x86_64": 323, "aarch64": 282}
_KEYCTL, _BPF, _PERF = {"x86_64": 250, "aarch64": 219}, {"x86_64": 321, "aarch64": 280}, {"x86_64": 298, "aarch64": 241}
_PTRACE_SEIZE, _KEY_GET_ID, _SESSION_KEYRING = 0x4206, 0, -3
_FORKS = 80


def _read(path: str) -> None:
    with open(path, "rb") as stream:  # noqa: PTH123
        stream.read(16)


def _write(path: str) -> None:
    with open(path, "wb") as stream:  # noqa: PTH123
        stream.write(b"probe")


def _connect(family: int, kind: int, address: Any) -> None:
    with socket.socket(family, kind) as probe:
        probe.settimeout(1)
        probe.connect(address)
        probe.send(b"probe")


def _environment(_: Setup) -> None:
    names = set(os.environ) - {"OPENBLAS_NUM_THREADS", "JE_ARROW_MALLOC_CONF", "LC_CTYPE"}
    if not names:
        raise PermissionError


def _list_root(_: Setup) -> None:
    if not set(os.listdir("/")) - {"data", "scratch"}:  # noqa: PTH208
        raise PermissionError


def _host_processes(setup: Setup) -> None:
    if str(setup["service_pid"]) not in os.listdir("/proc"):  # noqa: PTH208
        raise PermissionError


def _leftover_descriptors(_: Setup) -> None:
    for descriptor in range(4, 4096):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        return
    raise PermissionError


def _executable_memory(_: Setup) -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def _load_library(setup: Setup) -> None:
    ctypes.CDLL(setup["library"])


def _execute(_: Setup) -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(pid, 0)


def _fork(_: Setup) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _fork_bomb(_: Setup) -> None:
    children: list[int] = []
    try:
        for _number in range(_FORKS):
            pid = os.fork()
            if pid == 0:
                signal.pause()
            children.append(pid)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _memory(setup: Setup) -> None:
    mmap.mmap(-1, setup["memory_bytes"], flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()


def _shared_memory(setup: Setup) -> None:
    """Fill shared memory, which no resource limit counts, in a child where one can be had: it may not survive."""
    shared = mmap.mmap(-1, setup["memory_bytes"], flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
    pid = os.fork()
    if pid == 0:
        for page in range(0, setup["memory_bytes"], mmap.PAGESIZE):
            shared[page] = 1
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    shared.close()
    if status != 0:
        raise MemoryError


def _fill(names: tuple[str, ...], size: int) -> None:
    try:
        for name in names:
            with open(name, "wb") as stream:  # noqa: PTH123
                stream.write(bytes(size))
    finally:
        for name in names:
            if os.path.exists(name):  # noqa: PTH110
                os.unlink(name)  # noqa: PTH108


def _raise_limit(_: Setup) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY:
        return
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard + 4096))


def _become_root(_: Setup) -> None:
    if os.geteuid() != 0:
        os.setuid(0)


def _raw(numbers: Mapping[str, int] | int, *words: int | None) -> None:
    """Make a raw call; one that fails in any way but a refusal reached code that no job should reach."""
    number = numbers if isinstance(numbers, int) else numbers[syscalls.MACHINE]
    buffer = ctypes.create_string_buffer(256)
    try:
        descriptor = syscalls.call(number, *(buffer if word is None else word for word in words))
    except OSError as reason:
        if reason.errno in {errno.EPERM, errno.EACCES, errno.ENOSYS}:
            raise
        return
    if descriptor > 3:
        os.close(descriptor)


PROBES: Mapping[str, Callable[[Setup], None]] = {
    "read_other_tenant": lambda setup: _read(setup["other_file"]),
    "read_service_secret": lambda setup: _read(setup["secret_file"]),
    "read_passwd": lambda _: _read("/etc/passwd"),
    "read_service_environment": lambda setup: _read(f"/proc/{setup['service_pid']}/environ"),
    "inherited_environment": _environment,
    "list_root": _list_root,
    "see_host_processes": _host_processes,
    "leftover_descriptors": _leftover_descriptors,
    "connect_tcp": lambda setup: _connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", setup["tcp_port"])),
    "send_udp": lambda setup: _connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", setup["udp_port"])),
    "connect_unix_socket": lambda setup: _connect(socket.AF_UNIX, socket.SOCK_STREAM, setup["unix_socket"]),
    "connect_abstract_socket": lambda setup: _connect(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + setup["abstract_socket"]),
    "open_netlink": lambda _: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close(),
    "write_data_directory": lambda setup: _write(f"{setup['data_directory']}/probe"),
    "write_extract": lambda setup: os.close(os.open(setup["extract"], os.O_WRONLY)),
    "write_root": lambda _: _write("/probe"),
    "write_public_directory": lambda setup: _write(f"{setup['public_directory']}/probe"),
    "execute_program": _execute,
    "fork": _fork,
    "fork_bomb": _fork_bomb,
    "load_library": _load_library,
    "executable_memory": _executable_memory,
    "trace_service": lambda setup: _raw(_PTRACE, _PTRACE_SEIZE, setup["service_pid"], 0, 0),
    "signal_service": lambda setup: os.kill(setup["service_pid"], 0),
    "io_uring": lambda _: _raw(_IO_URING_SETUP, 4, None),
    "userfaultfd": lambda _: _raw(_USERFAULTFD, os.O_CLOEXEC | 1),
    "keyring": lambda _: _raw(_KEYCTL, _KEY_GET_ID, _SESSION_KEYRING, 1),
    "bpf": lambda _: _raw(_BPF, 0, None, 72),
    "performance_events": lambda _: _raw(_PERF, None, 0, -1, -1, 0),
    "nested_user_namespace": lambda _: syscalls.unshare(syscalls.CLONE_NEWUSER),
    "mount_file_system": lambda _: syscalls.mount("tmpfs", ".", "tmpfs", 0),
    "become_root": _become_root,
    "raise_own_limit": _raise_limit,
    "allocate_memory": _memory,
    "allocate_shared_memory": _shared_memory,
    "one_file_past_scratch": lambda setup: _fill(("bomb",), setup["scratch_bytes"] + 1),
    "many_files_past_scratch": lambda setup: _fill(("bomb-1", "bomb-2", "bomb-3"), setup["scratch_bytes"] // 2),
}


def attempt(name: str, setup: Setup) -> bool:
    """Return whether the probe `name` was stopped."""
    try:
        PROBES[name](setup)
    except (OSError, MemoryError, ValueError):
        return True
    return False


def run(setup: Setup, result: int) -> None:
    """Try every probe and write `{name: stopped}` as JSON to the descriptor `result`; without a setup try none."""
    outcome = {name: attempt(name, setup) for name in PROBES} if setup else {}
    os.write(result, json.dumps(outcome).encode())

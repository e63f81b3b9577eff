"""Who the job is and what it may use: identity, capabilities, resource limits."""

import ctypes
import os
import resource
import struct

from . import syscalls
from .codes import CPU_SPENT

_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63
DESCRIPTORS = 256
PROCESSES = 64


def become(identity: int) -> None:
    """Give up root for the uid and gid `identity`, without supplementary groups."""
    os.setgroups([])
    os.setresgid(identity, identity, identity)
    os.setresuid(identity, identity, identity)


def map_self(uid: int, gid: int) -> None:
    """Map only the given uid and gid into the new user namespace, each onto itself."""
    for name, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as stream:  # noqa: PTH123 -- procfs wants one write
            stream.write(line)


def drop_capabilities() -> None:
    """Empty the bounding set where we may, the ambient, permitted, effective and inheritable sets always.

    Raises:
        OSError: where a capability would stay.

    """
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            syscalls.prctl(syscalls.PR_CAPBSET_DROP, capability)
        except OSError:
            break
    syscalls.prctl(syscalls.PR_CAP_AMBIENT, syscalls.PR_CAP_AMBIENT_CLEAR_ALL)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), 8)
    syscalls.call(syscalls.CAPSET[syscalls.MACHINE], header, ctypes.create_string_buffer(24))


def forbid_new_privileges() -> None:
    """No set-uid program or file capability can give anything back; nobody of the same uid may look inside."""
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)


def data_in_use() -> int:
    """Return the bytes that RLIMIT_DATA counts for this process now; needs /proc."""
    with open("/proc/self/status", encoding="ascii") as stream:  # noqa: PTH123
        line = next(line for line in stream if line.startswith("VmData"))
    return int(line.split()[1]) * 1024


def limit(*, memory: int, cpu_s: int, file_bytes: int, processes: bool) -> None:
    """Set hard limits.

    Args:
        memory: bytes of private memory (RLIMIT_DATA); what the zygote had already is counted too.
        cpu_s: seconds of processor time until the exit status CPU_SPENT; SIGKILL a second later.
        file_bytes: size of any one file in scratch.
        processes: whether to cap tasks; only where the count is the job's own, else threads of others would count.

    """
    limits = {
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_CPU: cpu_s + 1,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: DESCRIPTORS,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if processes:
        limits[resource.RLIMIT_NPROC] = PROCESSES
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (min(value, cpu_s) if kind == resource.RLIMIT_CPU else value, value))
    syscalls.exit_on(CPU_SPENT)

"""Runs the assembled filter in a small interpreter: what each call gets, on both architectures."""

import ctypes
import errno
import re
import struct
from pathlib import Path

import pytest

from sandbox.isolation.child import seccomp
from sandbox.isolation.child import syscall_table as table

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
COLUMN = {"x86_64": 0, "aarch64": 1}
FORBIDDEN = {
    "socket": (41, 198),
    "connect": (42, 203),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "kill": (62, 129),
    "tgkill": (234, 131),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282),
    "memfd_create": (319, 279),
    "process_vm_readv": (310, 270),
    "open_by_handle_at": (304, 265),
    "ioctl": (16, 29),
    "setuid": (105, 146),
    "perf_event_open": (298, 241),
    "chroot": (161, 51),
    "pidfd_open": (434, 434),
    "fchmod": (91, 52),
}


def decide(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """Interpret classic BPF over one `struct seccomp_data`."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *(word & (2**64 - 1) for word in (*arguments, *[0] * 6)[:6]))
    code = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator = at = 0
    while True:
        operation, when_true, when_false, constant = code[at]
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, constant)
        elif operation == 0x06:
            return constant
        else:
            holds = {0x15: accumulator == constant, 0x35: accumulator >= constant, 0x45: bool(accumulator & constant)}[operation]
            at += when_true if holds else when_false


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request) -> str:
    return request.param


def ask(machine: str, number: int, *arguments: int) -> int:
    return decide(seccomp.assemble(machine), AUDIT[machine], number, *arguments)


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_dangerous_calls_are_refused(machine, name):
    assert ask(machine, FORBIDDEN[name][COLUMN[machine]]) == EPERM


def test_every_listed_call_passes(machine):
    assert {ask(machine, number) for number in seccomp.numbers(machine)} == {ALLOW}


def test_unlisted_numbers_are_refused(machine):
    column = COLUMN[machine]
    special = {pair[column] for pair in (table.MMAP, table.MPROTECT, table.CLONE, table.CLONE3, table.PRCTL, table.PRLIMIT64)}
    unlisted = set(range(600)) - set(seccomp.numbers(machine)) - special
    assert {ask(machine, number) for number in unlisted} == {EPERM}


def test_threads_may_be_made_and_processes_not(machine):
    number = table.CLONE[COLUMN[machine]]
    assert ask(machine, number, 0x3D0F00) == ALLOW  # what pthread_create passes
    assert ask(machine, number, 17) == EPERM  # what fork passes
    assert ask(machine, number, 0x10000000) == EPERM  # a new user namespace


def test_clone3_seems_absent_so_that_libc_falls_back(machine):
    assert ask(machine, table.CLONE3[COLUMN[machine]]) == ENOSYS


@pytest.mark.parametrize("call", [table.MMAP, table.MPROTECT])
def test_memory_is_never_executable(machine, call):
    assert ask(machine, call[COLUMN[machine]], 0, 4096, 3) == ALLOW
    assert ask(machine, call[COLUMN[machine]], 0, 4096, 7) == EPERM
    assert ask(machine, call[COLUMN[machine]], 0, 4096, 4) == EPERM


def test_limits_may_be_read_and_never_set(machine):
    number = table.PRLIMIT64[COLUMN[machine]]
    assert ask(machine, number, 0, 2, 0, 12345) == ALLOW
    assert ask(machine, number, 0, 2, 12345, 0) == EPERM
    assert ask(machine, number, 0, 2, 1 << 32, 0) == EPERM


def test_prctl_names_threads_and_nothing_else(machine):
    number = table.PRCTL[COLUMN[machine]]
    assert ask(machine, number, 15) == ALLOW
    assert ask(machine, number, 38) == EPERM
    assert ask(machine, number, 4) == EPERM


def test_foreign_architecture_and_x32_kill():
    program = seccomp.assemble("x86_64")
    assert decide(program, 0x40000003, 1) == KILL  # i386, where 1 is exit but 11 is execve
    assert decide(program, AUDIT["x86_64"], 0x40000000 | 1) == KILL
    assert decide(program, AUDIT["aarch64"], 1) == KILL


def test_there_is_no_filter_for_an_unknown_machine():
    with pytest.raises(KeyError):
        seccomp.assemble("riscv64")


def test_numbers_match_the_kernel_headers():
    header = Path("/usr/include/asm-generic/unistd.h")
    if not header.exists():
        pytest.skip("the kernel's user-space headers are not installed")
    found = {name: int(number) for name, number in re.findall(r"define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())}
    named = {**table.ALLOWED, "clone": table.CLONE, "clone3": table.CLONE3, "mmap": table.MMAP, "mprotect": table.MPROTECT}
    wrong = {name for name, (_, generic) in named.items() if found[{"newfstatat": "fstatat"}.get(name, name)] != generic}
    assert wrong == set()


def test_pid_of_this_libc_agrees_with_the_table():
    """A wrong column would show here: the raw call of our table must answer what libc answers."""
    libc = ctypes.CDLL(None)
    machine = seccomp.syscalls.MACHINE
    if machine not in COLUMN:
        pytest.skip("no table for this machine")
    assert libc.syscall(table.ALLOWED["getpid"][COLUMN[machine]]) == libc.getpid()

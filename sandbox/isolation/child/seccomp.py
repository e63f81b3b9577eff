"""The system-call allow-list, assembled here into BPF: no library is needed inside the empty root.

A call that is not listed fails with EPERM, so the engine reports an ordinary failure and the run ends with a code.
`clone3` fails with ENOSYS, because its flags lie in memory where a filter cannot look: libc then falls back to
`clone`, which is allowed for threads only. A foreign architecture or the x32 table kills the process.

Source: Linux, Documentation/userspace-api/seccomp_filter.rst and include/uapi/linux/{seccomp,audit,bpf_common}.h.
"""

import ctypes
import errno
import struct

from . import syscall_table as table
from . import syscalls

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_DENY = 0x00050000 | errno.EPERM
_ABSENT = 0x00050000 | errno.ENOSYS
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16

_CLONE_THREAD = 0x00010000
_PROT_EXEC = 4
_MAP_SHARED = 1
_PR_SET_NAME = 15
_SET_MODE_FILTER = 1
_FILTER_FLAG_TSYNC = 1

Instruction = tuple[int, int, int, int]


def _argument(index: int, *, high: bool = False) -> Instruction:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * index + (4 if high else 0))


def _return(action: int) -> Instruction:
    return (_RETURN, 0, 0, action)


def _when(number: int, body: list[Instruction]) -> list[Instruction]:
    """Run `body`, which always returns, when the call is `number`; else go on behind it."""
    return [(_EQUAL, 0, len(body), number), *body]


def _guarded(machine: str) -> list[Instruction]:
    """Return the calls that are allowed for some arguments only."""
    column = list(_AUDIT_ARCH).index(machine)
    no_exec = [_argument(2), (_ANY_BIT, 0, 1, _PROT_EXEC), _return(_DENY), _return(_ALLOW)]
    # Shared memory is not counted by RLIMIT_DATA, so it would be a way around the memory limit.
    private_only = [_argument(3), (_ANY_BIT, 0, 1, _MAP_SHARED), _return(_DENY)]
    threads_only = [_argument(0), (_ANY_BIT, 0, 1, _CLONE_THREAD), _return(_ALLOW), _return(_DENY)]
    naming_only = [_argument(0), (_EQUAL, 0, 1, _PR_SET_NAME), _return(_ALLOW), _return(_DENY)]
    reading_only = [
        _argument(2),
        (_EQUAL, 0, 3, 0),
        _argument(2, high=True),
        (_EQUAL, 0, 1, 0),
        _return(_ALLOW),
        _return(_DENY),
    ]
    return [
        *_when(table.MMAP[column], [*private_only, *no_exec]),
        *_when(table.MPROTECT[column], no_exec),
        *_when(table.CLONE[column], threads_only),
        *_when(table.CLONE3[column], [_return(_ABSENT)]),
        *_when(table.PRCTL[column], naming_only),
        *_when(table.PRLIMIT64[column], reading_only),
    ]


def numbers(machine: str) -> tuple[int, ...]:
    """Return the numbers that `machine` allows whatever their arguments, the busiest first."""
    column = list(_AUDIT_ARCH).index(machine)
    legacy = tuple(table.LEGACY_X86_64.values()) if machine == "x86_64" else ()
    return tuple(pair[column] for pair in table.ALLOWED.values()) + legacy


def assemble(machine: str) -> bytes:
    """Return the filter for `machine` as an array of `struct sock_filter`.

    Args:
        machine: `x86_64` or `aarch64`, as `uname -m` spells it.

    Raises:
        KeyError: for any other machine; there is no filter that we could vouch for.

    """
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        _return(_KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, table.X32_BIT),
        _return(_KILL),
    ]
    for number in numbers(machine):
        program += _when(number, [_return(_ALLOW)])
    program += [*_guarded(machine), _return(_DENY)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def load(program: bytes) -> None:
    """Put `program` on this process, all its threads and all it starts; needs no_new_privs.

    Raises:
        OSError: where the kernel refuses the filter.

    """
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    buffer = ctypes.create_string_buffer(header, len(header))
    syscalls.call(syscalls.SECCOMP[syscalls.MACHINE], _SET_MODE_FILTER, _FILTER_FLAG_TSYNC, buffer)

"""Landlock by hand: which files may be read, where may be written, no TCP, no abstract sockets, no signals outwards.

Source: Linux, include/uapi/linux/landlock.h and Documentation/userspace-api/landlock.rst.
"""

import ctypes
import os
import struct

from . import syscalls

READ_FILE, READ_DIR = 1 << 2, 1 << 3
_EXECUTE, _WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1, 1 << 1, 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST_ABI = (1 << 13) - 1
SCRATCH = READ_FILE | READ_DIR | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG
_NET_BIND_AND_CONNECT = 0b11
_SCOPE_ABSTRACT_AND_SIGNAL = 0b11
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1


def abi() -> int:
    """Return the kernel's Landlock version; 0 where there is none."""
    try:
        return syscalls.call(syscalls.LANDLOCK_CREATE, None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def handled(version: int) -> tuple[int, int, int]:
    """Return (file rights, network rights, scopes) that a kernel of `version` can forbid."""
    files = _FIRST_ABI
    files |= _REFER if version >= 2 else 0
    files |= _TRUNCATE if version >= 3 else 0
    files |= _IOCTL_DEV if version >= 5 else 0
    return files, _NET_BIND_AND_CONNECT if version >= 4 else 0, _SCOPE_ABSTRACT_AND_SIGNAL if version >= 6 else 0


def restrict(readable: tuple[str, ...], writable: tuple[str, ...]) -> None:
    """Forbid every handled right to this process and all it starts, save reading and writing beneath the given paths.

    Raises:
        OSError: where the kernel has no Landlock or a path does not open.

    """
    version = abi()
    files, network, scopes = handled(version)
    attribute = struct.pack("=QQQ", files, network, scopes)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = syscalls.call(syscalls.LANDLOCK_CREATE, ctypes.create_string_buffer(attribute, len(attribute)), len(attribute), 0)
    for path in readable:
        _allow(ruleset, path, READ_FILE | READ_DIR)
    for path in writable:
        _allow(ruleset, path, (SCRATCH | _TRUNCATE) & files)
    syscalls.call(syscalls.LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not os.path.isdir(path):  # noqa: PTH112 -- pathlib is not needed in the zygote for one stat
        rights &= ~READ_DIR
    rule = struct.pack("=Qi", rights, descriptor)
    buffer = ctypes.create_string_buffer(rule, len(rule))
    syscalls.call(syscalls.LANDLOCK_ADD, ruleset, _RULE_PATH_BENEATH, buffer, 0)
    os.close(descriptor)

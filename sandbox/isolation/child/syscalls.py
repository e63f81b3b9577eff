"""The system calls that the standard library of Python 3.11 lacks, with their errors raised as `OSError`."""

import ctypes
import os
import platform

MACHINE = platform.machine()
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
"""Numbers of the landlock calls; from 424 on every architecture counts alike (include/uapi/asm-generic/unistd.h)."""
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
SECCOMP = {"x86_64": 317, "aarch64": 277}
CAPSET = {"x86_64": 126, "aarch64": 91}

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(outcome: int) -> int:
    if outcome < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return outcome


def call(number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make the raw system call `number`.

    Raises:
        OSError: with the kernel's errno.

    """
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *words))


def prctl(option: int, *arguments: int) -> int:
    """Set or ask a property of this process, with up to four arguments, the rest zero."""
    words = [ctypes.c_ulong(word) for word in (*arguments, 0, 0, 0, 0)][:4]
    return _checked(_libc.prctl(ctypes.c_int(option), *words))


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags`."""
    _checked(_libc.unshare(ctypes.c_int(flags)))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount, bind or remount `target`."""
    text = [part.encode() or None for part in (source, target, kind, options)]
    _checked(_libc.mount(text[0], text[1], text[2], ctypes.c_ulong(flags), text[3]))


def become_root_of_files(directory: str) -> None:
    """Make `directory`, a mount point, the only file system this process sees; the old root is detached."""
    os.chdir(directory)
    call(PIVOT_ROOT[MACHINE], b".", b".")
    _checked(_libc.umount2(b".", MNT_DETACH))
    os.chdir("/")


def exit_on(signal: int) -> None:
    """Have libc end this process with the signal's number as its exit status, without any Python in between.

    Pid 1 of a namespace ignores signals that it does not handle, and a Python handler would wait for the engine's call to
    return.
    """
    _libc.signal(ctypes.c_int(signal), ctypes.cast(_libc._exit, ctypes.c_void_p))  # noqa: SLF001 -- the name of libc's function

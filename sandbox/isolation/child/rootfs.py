"""What the job sees of the file system: at level 2 an empty root with /data and /scratch, at level 1 two directories."""

import os
import shutil
import stat
from dataclasses import dataclass

from . import syscalls
from .codes import FAILED, Refusal
from .order import Order, Table

_MOUNT_POINT = "/tmp"  # noqa: S108 -- a private tmpfs is mounted over it in the job's own mount namespace
_QUIET = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
_COPY_CHUNK = 1 << 20


@dataclass(frozen=True)
class View:
    """Paths as the job sees them: one file per table, in the order's sequence, and the scratch directory."""

    files: tuple[str, ...]
    scratch: str


def _opened(table: Table, identity: int | None) -> tuple[int, bool]:
    """Open the extract by path and check that it still is the verified file; say whether the job's uid may read it."""
    descriptor = os.open(table.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    found = os.fstat(descriptor)
    if (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns) != (
        table.device,
        table.inode,
        table.size,
        table.mtime_ns,
    ):
        raise Refusal(FAILED)
    return descriptor, identity is None or bool(found.st_mode & stat.S_IROTH)


def _copy(descriptor: int, target: str, identity: int | None) -> None:
    with open(descriptor, "rb", closefd=False) as source, open(target, "wb") as copy:  # noqa: PTH123
        shutil.copyfileobj(source, copy, _COPY_CHUNK)
        os.fchmod(copy.fileno(), 0o444)
    if identity is not None:
        os.chown(target, identity, identity)


def build(order: Order) -> View:
    """Mount the empty root and make it this process's only file system. Runs in the job's own mount namespace.

    An extract that the job's uid may not read (mode without `o+r`) is copied into the memory-backed root instead of
    mounted.

    Raises:
        OSError: where the kernel refuses a mount.
        Refusal: where an extract is no longer the file that was verified.

    """
    syscalls.mount("", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
    opened = [_opened(table, order.identity) for table in order.tables]
    syscalls.mount("tmpfs", _MOUNT_POINT, "tmpfs", _QUIET, "mode=0755")
    os.mkdir(f"{_MOUNT_POINT}/data", 0o755)  # noqa: PTH102
    os.mkdir(f"{_MOUNT_POINT}/scratch", 0o700)  # noqa: PTH102
    for number, (descriptor, readable) in enumerate(opened):
        target = f"{_MOUNT_POINT}/data/{number}.parquet"
        if readable:
            _bind(descriptor, target)
        else:
            _copy(descriptor, target, order.identity)
        os.close(descriptor)
    owner = "" if order.identity is None else f",uid={order.identity},gid={order.identity}"
    size = f"size={order.limit('scratch_bytes')},nr_inodes=4096,mode=0700{owner}"
    syscalls.mount("tmpfs", f"{_MOUNT_POINT}/scratch", "tmpfs", _QUIET, size)
    syscalls.mount("", _MOUNT_POINT, "", syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_RDONLY | _QUIET)
    syscalls.become_root_of_files(_MOUNT_POINT)
    return View(tuple(f"/data/{number}.parquet" for number in range(len(opened))), "/scratch")


def _bind(descriptor: int, target: str) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o444))
    syscalls.mount(f"/proc/self/fd/{descriptor}", target, "", syscalls.MS_BIND)
    syscalls.mount("", target, "", syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_RDONLY | _QUIET)


def stage(order: Order) -> View:
    """Make the job's own directory where there is no mount namespace; the guard removes it afterwards.

    With a separate uid the extracts are copied into it, because that uid cannot enter the data directory.
    """
    place = order.place
    data, scratch = os.path.join(place, "data"), os.path.join(place, "scratch")  # noqa: PTH118
    for directory in (place, data, scratch):
        os.mkdir(directory, 0o700)  # noqa: PTH102
    files = []
    for number, table in enumerate(order.tables):
        descriptor, _ = _opened(table, None)
        target = table.path if order.identity is None else os.path.join(data, f"{number}.parquet")  # noqa: PTH118
        if order.identity is not None:
            _copy(descriptor, target, order.identity)
        os.close(descriptor)
        files.append(target)
    if order.identity is not None:
        for directory in (place, data, scratch):
            os.chown(directory, order.identity, order.identity)
    return View(tuple(files), scratch)


def unstage(order: Order) -> None:
    """Remove what `stage` made."""
    shutil.rmtree(order.place, ignore_errors=True)

"""Small writes that outlive a power cut."""

import os
from pathlib import Path


def write_new(path: Path, data: bytes) -> None:
    """Write `data` with mode 0600 unless the file exists."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def overwrite(path: Path) -> None:
    """Put random bytes in place of a file's own, for every link to it."""
    with path.open("r+b") as file:
        file.write(os.urandom(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Make new names, renames and removals within `path` durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

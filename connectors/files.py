"""Files inside the domain: private directories, private files, whole or absent, with their digest taken while written."""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Self

from sandbox.kernel.errors import YuneiError

FORMATS = frozenset({".parquet", ".csv"})
MOST_FILES = 10_000
"""Files that a folder may hold."""

_CHUNK = 1 << 20
_STRAY_AGE_S = 3600
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DigestedFile:
    """A new file of mode 0600 that is hashed as it is written; `close` makes it durable."""

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        self._file: BinaryIO = os.fdopen(handle, "wb", buffering=_CHUNK)
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of what was written so far."""
        return "sha256:" + self._hash.hexdigest()

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._file.closed

    def write(self, data: bytes, /) -> int:
        """Append `data`."""
        view = memoryview(data)
        self._hash.update(view)
        return self._file.write(view)

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self._file.tell()

    def flush(self) -> None:
        """Hand buffered bytes to the system."""
        self._file.flush()

    def close(self) -> None:
        """Make the bytes durable and close."""
        if self._file.closed:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn a full disk into its code; any other failure of the file system keeps no path or text.

    Raises:
        YuneiError: `DISK_FULL`, `SUPPLY_FAILED`.

    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise YuneiError("DISK_FULL") from None
        raise YuneiError("SUPPLY_FAILED", rule="FILE_SYSTEM") from None


@contextmanager
def removed_unless_kept(path: Path) -> Iterator[None]:
    """Remove the file or directory `path` when the block fails, so that nothing half-made stays."""
    try:
        yield
    except BaseException:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        raise


def private_directory(root: Path, *parts: str) -> Path:
    """Create `root/parts…`, every step below `root` and `root` itself readable by the service's user only."""
    here = root
    for part in ("", *parts):
        here /= part
        here.mkdir(mode=0o700, parents=True, exist_ok=True)
        here.chmod(0o700)
    return here


def supplied_files(source: Path) -> dict[str, Path] | str:
    """Return the files of what was supplied, by the names their owner knows them by and in their order, or the rule it breaks.

    A file is itself; a folder is its plain files, all of one format and nothing beside them.
    """
    if not source.is_dir():
        return {source.name: source} if source.suffix in FORMATS else "FORMAT"
    found = sorted(source.iterdir())
    if not 0 < len(found) <= MOST_FILES:
        return "FILES"
    if any(path.is_symlink() or not path.is_file() for path in found):
        return "FILE_NOT_PLAIN"
    formats = {path.suffix for path in found}
    return {f"{source.name}/{path.name}": path for path in found} if len(formats) == 1 and formats <= FORMATS else "FORMAT"


def copy_in(source: Path, target: Path) -> str:
    """Copy `source` into the domain and return the digest of exactly the bytes copied.

    What is hashed is what is read afterwards, even where the source changes meanwhile.
    """
    with source.open("rb") as read, DigestedFile(target) as written:
        while chunk := read.read(_CHUNK):
            written.write(chunk)
    return written.digest


def file_digest(path: Path) -> str | None:
    """Return `sha256:<hex>` of a file's bytes, or None where there is no such file."""
    try:
        with path.open("rb") as file:
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def remove_strays(directory: Path, registered: frozenset[str], fresh: Path) -> None:
    """Remove what an act that died or was rolled back left in `directory`, so that no copy of data outlives its record.

    Args:
        directory: holds one entry per registered object, and entries of acts under way.
        registered: names that stay.
        fresh: an entry of the act under way; only what is an hour older can belong to no other.

    """
    oldest = fresh.stat().st_mtime - _STRAY_AGE_S
    for entry in directory.iterdir():
        with suppress(FileNotFoundError):  # another act swept it first
            if entry.name not in registered and entry.stat().st_mtime < oldest:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

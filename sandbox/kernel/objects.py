"""Bytes by digest: released files and manifests. A read proves the digest again, so a changed byte never passes."""

import errno
import os
import tempfile
from pathlib import Path

from sandbox.kernel.canonical import digest_bytes
from sandbox.kernel.errors import YuneiError


class ObjectStore:
    """Content-addressed files under one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, data: bytes) -> str:
        """Store `data` durably and return its digest; storing the same bytes twice is one object.

        Raises:
            YuneiError: `DISK_FULL`.

        """
        name = digest_bytes(data)
        try:
            _write_durably(self.path(name), data)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise YuneiError("DISK_FULL") from None
            raise
        return name

    def get(self, name: str) -> bytes | None:
        """Return the bytes of `name`, or None where they are missing or no longer match their digest."""
        try:
            data = self.path(name).read_bytes()
        except FileNotFoundError:
            return None
        return data if digest_bytes(data) == name else None

    def path(self, name: str) -> Path:
        """Where the object lies; tests and auditors look at it directly."""
        text = name.removeprefix("sha256:")
        if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
            raise YuneiError("NOT_FOUND")
        return self.root / text[:2] / text


def _write_durably(target: Path, data: bytes) -> None:
    """Write beside the target, flush to the disk, then rename; a failure leaves no file behind."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

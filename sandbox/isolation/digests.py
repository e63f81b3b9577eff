"""Checks that an extract is byte for byte the file that the run pins, before a sandbox may see it."""

import hashlib
import os
import threading
from dataclasses import dataclass

from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import ExtractRef


@dataclass(frozen=True)
class FileIdentity:
    """What tells a changed or exchanged file from the verified one without reading it again."""

    device: int
    inode: int
    size: int
    mtime_ns: int


class DigestCheck:
    """Verifies extracts; a file is read once and then known by its identity until that changes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, FileIdentity], str] = {}
        self._lock = threading.Lock()

    def verify(self, extract: ExtractRef) -> FileIdentity:
        """Return the identity of the verified file.

        Raises:
            YuneiError: SUPPLY_FAILED where the file is missing, no regular file, or has another digest.

        """
        try:
            descriptor = os.open(extract.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as stream:
                status = os.fstat(stream.fileno())
                identity = FileIdentity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
                key = (extract.path, identity)
                with self._lock:
                    digest = self._known.get(key)
                if digest is None:
                    digest = "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError:
            raise YuneiError("SUPPLY_FAILED") from None
        if digest != extract.digest:
            raise YuneiError("SUPPLY_FAILED")
        with self._lock:
            self._known[key] = digest
        return identity

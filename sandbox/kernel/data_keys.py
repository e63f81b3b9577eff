"""Data keys that can be destroyed: random, one per workspace, wrapped under the root secret, each in a file of its own.

A derived key could be derived again for ever; what must end has to be drawn at random and kept nowhere else. Whoever keeps
copies of the key directory must let them lapse as the agreement says, or what was destroyed here lives on there.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from sandbox.kernel.durable import sync_directory, write_new
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,127}", re.ASCII)
_PURPOSE = "data-key"


class DataKeys:
    """The data keys beside a ring's own keys."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._directory = ring.directory / "workspaces"

    def create(self, name: str) -> bytes:
        """Return the key, drawn now where there is none; of two that draw at once, one wins for both.

        Raises:
            YuneiError: `KEY_MISSING`, there is no root secret, or the key was destroyed: it never has a successor.

        """
        path = self._path(name, "key")
        if not path.exists():
            self._directory.mkdir(mode=0o700, exist_ok=True)
            drawn = path.with_name(f".{name}.{os.urandom(8).hex()}")
            write_new(drawn, self._ring.seal(_PURPOSE, name, os.urandom(32)))
            with suppress(FileExistsError):
                os.link(drawn, path)
            drawn.unlink()
            sync_directory(self._directory)
        if self._path(name, "destroyed").exists():  # looked at last, so that no destruction falls between
            path.unlink(missing_ok=True)
        return self.read(name)

    def read(self, name: str) -> bytes:
        """Return the 32 bytes.

        Raises:
            YuneiError: `KEY_MISSING`, never made or destroyed.

        """
        try:
            return self._ring.open(_PURPOSE, name, self._path(name, "key").read_bytes())
        except FileNotFoundError:
            raise YuneiError("KEY_MISSING", key=name) from None

    def exists(self, name: str) -> bool:
        """Tell whether the key was made and not destroyed."""
        return self._path(name, "key").exists()

    def destroy(self, name: str) -> bool:
        """Overwrite and remove the key, durably, and mark its name for ever; tell whether there was one."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        write_new(self._path(name, "destroyed"), b"")
        sync_directory(self._directory)
        path = self._path(name, "key")
        try:
            with path.open("r+b") as file:
                file.write(os.urandom(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError:
            return False
        path.unlink(missing_ok=True)
        sync_directory(self._directory)
        return True

    def _path(self, name: str, kind: str) -> Path:
        if _NAME.fullmatch(name) is None:
            raise YuneiError("KEY_MISSING", key="workspace")
        return self._directory / f"{name}.{kind}"

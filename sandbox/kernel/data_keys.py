"""Data keys that can be destroyed: random, one per workspace, wrapped under the root secret, each in a file of its own.

A derived key could be derived again for ever; what must end has to be drawn at random and kept nowhere else. Whoever keeps
copies of the key directory must let them lapse as the agreement says, or what was destroyed here lives on there.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag

from sandbox.kernel.durable import overwrite, sync_directory, write_new
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
        self._make_directory()
        if not self._path(name, "key").exists():
            self._draw(name)
        sync_directory(self._directory)  # also where another drew it: nothing is sealed with a key that a power cut undoes
        if self._path(name, "destroyed").exists():  # looked at last, so that no destruction falls between
            self._erase(name)
        return self.read(name)

    def read(self, name: str) -> bytes:
        """Return the 32 bytes.

        Raises:
            YuneiError: `KEY_MISSING`, never made, destroyed, or not to be read as it was written.

        """
        if not self._path(name, "destroyed").exists():
            with suppress(OSError, InvalidTag):
                return self._ring.open(_PURPOSE, name, self._path(name, "key").read_bytes())
        raise YuneiError("KEY_MISSING", key=name)

    def exists(self, name: str) -> bool:
        """Tell whether the key was made and not destroyed. It is destroyed from its mark on, before its bytes are gone."""
        return not self._path(name, "destroyed").exists() and self._path(name, "key").exists()

    def destroy(self, name: str) -> bool:
        """Mark the name for ever, then overwrite and remove the key, each durably; tell whether there was one."""
        mark = self._path(name, "destroyed")
        self._make_directory()
        write_new(mark, b"")
        sync_directory(self._directory)
        return self._erase(name)

    def _make_directory(self) -> None:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        sync_directory(self._directory.parent)

    def _draw(self, name: str) -> None:
        draft = self._path(name, "key").with_name(f".{name}.{os.urandom(8).hex()}")
        try:
            write_new(draft, self._ring.seal(_PURPOSE, name, os.urandom(32)))
            with suppress(FileExistsError, FileNotFoundError):  # another won, or the key was destroyed meanwhile
                os.link(draft, self._path(name, "key"))
        finally:
            draft.unlink(missing_ok=True)

    def _erase(self, name: str) -> bool:
        """Overwrite and remove a key and the drafts that a creation which died left of it; tell whether there was any."""
        found = [path for path in self._directory.iterdir() if path.name == f"{name}.key" or path.stem == f".{name}"]
        for path in found:
            with suppress(FileNotFoundError):  # another erases it, too
                overwrite(path)
                path.unlink()
        sync_directory(self._directory)
        return bool(found)

    def _path(self, name: str, kind: str) -> Path:
        if _NAME.fullmatch(name) is None:
            raise YuneiError("KEY_MISSING", key="workspace")
        return self._directory / f"{name}.{kind}"

"""Opened extracts: plain copies in memory-backed storage, for as long as jobs of this process read them.

A process has a directory of its own and holds a lock on it; one whose lock is free belonged to a process that died, and is
removed by the next that opens anything. Nothing here outlives the machine's memory, but swap does: see `docs/deployment.md`.
"""

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.files import DigestedFile, disk_errors, removed_unless_kept
from connectors.sealing import Sealer
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.ids import new_id
from sandbox.kernel.run import ExtractRef

EXTRACT_MODE = 0o444
"""A sandbox reads its extracts through a read-only mount, as a user of its own; what keeps everybody else out is the 0700
directory around them. Without this each run would have to copy them."""
MEMORY_BACKED = frozenset({"tmpfs", "ramfs"})
_PREFIX = "yunei-open-"


@dataclass(frozen=True)
class SealedExtract:
    """One sealed file: what a job pins of it, how it opens, and the name of its workspace's data key."""

    ref: ExtractRef
    sealer: Sealer
    key_name: str


@dataclass
class _Opened:
    sealed: SealedExtract
    path: Path
    users: int = 0


class Opening:
    """The opened extracts of one process.

    Args:
        parent: a memory-backed directory.
        live: tells whether a data key still exists.

    """

    def __init__(self, parent: Path, live: Callable[[str], bool]) -> None:
        self._parent, self._live = parent, live
        self._open: dict[str, _Opened] = {}
        self._lock = threading.Lock()
        self._place: tuple[Path, int] | None = None

    def check(self) -> None:
        """Refuse a directory that is not memory-backed: a plain copy on a disk would outlive its key.

        Raises:
            YuneiError: `OPEN_DIR_UNSAFE`.

        """
        if not memory_backed(self._parent):
            raise YuneiError("OPEN_DIR_UNSAFE")

    @contextmanager
    def opened(self, sealed: Iterable[SealedExtract]) -> Iterator[tuple[ExtractRef, ...]]:
        """Yield the extracts with the paths of their plain copies, which stay at least for the block.

        Raises:
            YuneiError: `OPEN_DIR_UNSAFE`; `SUPPLY_FAILED` where a file is not what was sealed; `DISK_FULL`.

        """
        try:
            with ExitStack() as held:
                yield tuple([held.enter_context(self._held(one)) for one in sealed])
        finally:
            self.sweep()

    @contextmanager
    def _held(self, sealed: SealedExtract) -> Iterator[ExtractRef]:
        found = self._take(sealed)
        try:
            yield replace(sealed.ref, path=str(found.path))
        finally:
            with self._lock:
                found.users -= 1

    def sweep(self) -> None:
        """Remove every copy that no run reads and whose key is gone."""
        with self._lock:
            self._drop(lambda one: not self._live(one.sealed.key_name))

    def close(self) -> None:
        """Remove every copy; runs under way keep what they have mounted."""
        with self._lock:
            self._open.clear()
            if self._place is not None:
                directory, handle = self._place
                shutil.rmtree(directory, ignore_errors=True)
                os.close(handle)
                self._place = None

    def _take(self, sealed: SealedExtract) -> _Opened:
        with self._lock:
            found = self._open.get(sealed.ref.path)
            if found is None:
                self._drop(lambda one: one.sealed.key_name == sealed.key_name and one.sealed.ref.extract != sealed.ref.extract)
                found = self._open[sealed.ref.path] = self._written(sealed)
            found.users += 1
            return found

    def _written(self, sealed: SealedExtract) -> _Opened:
        try:
            return self._write(sealed)
        except YuneiError as error:
            if error.code != "DISK_FULL" or not self._drop(lambda _: True):
                raise
        return self._write(sealed)

    def _write(self, sealed: SealedExtract) -> _Opened:
        with disk_errors():
            path = self._directory() / new_id("opn")
            with removed_unless_kept(path):
                with DigestedFile(path) as file:
                    for chunk in sealed.sealer.chunks(Path(sealed.ref.path), sealed.ref.table):
                        file.write(chunk)
                if file.digest != sealed.ref.digest:
                    raise YuneiError("SUPPLY_FAILED", table=sealed.ref.table, rule="EXTRACT_CHANGED")
                path.chmod(EXTRACT_MODE)
        return _Opened(sealed, path)

    def _drop(self, which: Callable[[_Opened], bool]) -> int:
        idle = [name for name, one in self._open.items() if not one.users and which(one)]
        for name in idle:
            self._open.pop(name).path.unlink(missing_ok=True)
        return len(idle)

    def _directory(self) -> Path:
        if self._place is None:
            self.check()
            remove_abandoned(self._parent)
            name = new_id("dir")
            new = self._parent / f".{_PREFIX}{name}"
            new.mkdir(mode=0o700)
            handle = os.open(new, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._place = new.rename(self._parent / f"{_PREFIX}{name}"), handle
        return self._place[0]


def remove_abandoned(parent: Path) -> None:
    """Remove the directories of processes of this user that ended without doing so."""
    for entry in parent.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError, NotADirectoryError):
            if entry.lstat().st_uid == os.geteuid() and _free(entry):
                shutil.rmtree(entry, ignore_errors=True)


def _free(directory: Path) -> bool:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def memory_backed(directory: Path) -> bool:
    """Tell whether `directory` exists and lies on a file system that lives in memory. Source: proc(5), `mountinfo`."""
    try:
        device = directory.stat().st_dev
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    lines = (line.split() for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines())
    kinds = {line[line.index("-") + 1] for line in lines if line[2] == number}
    return bool(kinds) and kinds <= MEMORY_BACKED

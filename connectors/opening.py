"""Opened extracts: plain copies in memory-backed storage, for as long as jobs of this process read them.

A process has a directory of its own and holds a lock on it; one whose lock is free belonged to a process that died, and is
removed by the next that starts or sweeps. Nothing here outlives the machine's memory, but swap does: see `docs/deployment.md`.
"""

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import structlog

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
_ATTEMPTS = 8

_log = structlog.get_logger("opening")


@dataclass(frozen=True)
class SealedExtract:
    """One sealed file: what a job pins of it, how it opens, and the name of its workspace's data key."""

    ref: ExtractRef
    sealer: Sealer
    key_name: str


@dataclass
class _Copy:
    """One file's plain copy. `users` belongs to the lock of all copies, `path` to the copy's own while it has users."""

    key_name: str
    extract: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    path: Path | None = None
    users: int = 0


class Opening:
    """The opened extracts of one process. No file is opened under the lock that destruction waits for.

    Args:
        parent: a memory-backed directory.
        live: tells whether a data key still exists.

    """

    def __init__(self, parent: Path, live: Callable[[str], bool]) -> None:
        self._parent, self._live = parent, live
        self._open: dict[str, _Copy] = {}
        self._lock = threading.Lock()
        self._place: tuple[Path, int] | None = None

    def check(self) -> None:
        """Refuse a directory that is not memory-backed, where a plain copy would outlive its key; remove what others left.

        Raises:
            YuneiError: `OPEN_DIR_UNSAFE`.

        """
        if not memory_backed(self._parent):
            raise YuneiError("OPEN_DIR_UNSAFE")
        remove_abandoned(self._parent)

    @contextmanager
    def opened(self, sealed: Iterable[SealedExtract]) -> Iterator[tuple[ExtractRef, ...]]:
        """Yield the extracts with the paths of their plain copies, which stay at least for the block.

        Raises:
            YuneiError: `OPEN_DIR_UNSAFE`; `SUPPLY_FAILED` where a file is not what was sealed; `DISK_FULL`; `KEY_MISSING`
                where a key was destroyed meanwhile.

        """
        try:
            with ExitStack() as held:
                yield tuple([held.enter_context(self._held(one)) for one in sealed])
        finally:
            self._drop_dead()

    def sweep(self) -> None:
        """Remove every copy that no run reads and whose key is gone, and what killed processes left.

        What cannot be removed is logged, costs nobody a run, and is tried again by the next sweep.
        """
        remove_abandoned(self._parent)
        self._drop_dead()

    def close(self) -> None:
        """Remove every copy; runs under way keep what they have mounted."""
        with self._lock:
            self._open.clear()
            if self._place is not None:
                directory, handle = self._place
                shutil.rmtree(directory, ignore_errors=True)
                os.close(handle)
                self._place = None

    @contextmanager
    def _held(self, sealed: SealedExtract) -> Iterator[ExtractRef]:
        copy = self._reserved(sealed)
        try:
            yield replace(sealed.ref, path=str(self._whole(copy, sealed)))
        finally:
            with self._lock:
                copy.users -= 1

    def _reserved(self, sealed: SealedExtract) -> _Copy:
        """Return the file's copy, made or not, which nobody drops now; a newer extract's first closes those before it."""
        with self._lock:
            if sealed.ref.path not in self._open:
                self._drop(lambda one: one.key_name == sealed.key_name and one.extract != sealed.ref.extract)
            copy = self._open.setdefault(sealed.ref.path, _Copy(sealed.key_name, sealed.ref.extract))
            copy.users += 1
            return copy

    def _whole(self, copy: _Copy, sealed: SealedExtract) -> Path:
        with copy.lock, disk_errors():
            if copy.path is None or not copy.path.exists():
                copy.path = self._written(sealed)
            if not self._live(copy.key_name):  # looked at last, so that no destruction falls between
                raise YuneiError("KEY_MISSING", key=copy.key_name)
            return copy.path

    def _written(self, sealed: SealedExtract) -> Path:
        try:
            return self._write(sealed)
        except YuneiError as error:
            if error.code != "DISK_FULL" or not self._dropped_idle():
                raise
        return self._write(sealed)

    def _write(self, sealed: SealedExtract) -> Path:
        with disk_errors():
            path = self._directory() / new_id("opn")
            with removed_unless_kept(path):
                with DigestedFile(path) as file:
                    for chunk in sealed.sealer.chunks(Path(sealed.ref.path), sealed.ref.table):
                        file.write(chunk)
                if file.digest != sealed.ref.digest:
                    raise YuneiError("SUPPLY_FAILED", table=sealed.ref.table, rule="EXTRACT_CHANGED")
                path.chmod(EXTRACT_MODE)
        return path

    def _drop_dead(self) -> None:
        with self._lock:
            self._drop(lambda one: one.path is None or not self._live(one.key_name))

    def _dropped_idle(self) -> int:
        with self._lock:
            return self._drop(lambda _: True)

    def _drop(self, which: Callable[[_Copy], bool]) -> int:
        """Remove idle copies and count them; the caller holds the lock. One is forgotten only once its file is gone."""
        before = len(self._open)
        for name, one in list(self._open.items()):
            with _left_for_later():
                if not one.users and which(one):
                    if one.path is not None:
                        one.path.unlink(missing_ok=True)
                    del self._open[name]
        return before - len(self._open)

    def _directory(self) -> Path:
        """Return this process's directory, made now where there is none or somebody removed it."""
        with self._lock:
            if self._place is not None and not _still(*self._place):
                os.close(self._place[1])
                self._place = None
            if self._place is None:
                self.check()
                self._place = _claimed(self._parent)
            return self._place[0]


def remove_abandoned(parent: Path) -> None:
    """Remove the directories of processes of this user that ended without doing so."""
    with _left_for_later():
        for entry in chain(parent.glob(f"{_PREFIX}*"), parent.glob(f".{_PREFIX}*")):
            with _left_for_later():
                _remove_where_free(entry)


def _remove_where_free(entry: Path) -> None:
    """Remove an abandoned directory, under its lock: a process that made it just now sees that it lost it, and makes another."""
    with suppress(FileNotFoundError):
        if entry.lstat().st_uid == os.geteuid() and (handle := _locked(entry)) is not None:
            try:
                shutil.rmtree(entry)
            finally:
                os.close(handle)


def _claimed(parent: Path) -> tuple[Path, int]:
    """Make a private directory and lock it; again where another process took it for abandoned before it was locked."""
    for _ in range(_ATTEMPTS):
        new = parent / f"{_PREFIX}{new_id('dir')}"
        new.mkdir(mode=0o700)
        with removed_unless_kept(new):
            handle = _locked(new)
        if handle is not None:
            return new, handle
    raise YuneiError("SUPPLY_FAILED", rule="FILE_SYSTEM")


def _locked(directory: Path) -> int | None:
    """Lock a directory, or return None where another has the lock or it is no directory (any more)."""
    with ExitStack() as undo, suppress(BlockingIOError, FileNotFoundError, NotADirectoryError):
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        undo.callback(os.close, handle)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _still(directory, handle):
            undo.pop_all()
            return handle
    return None


def _still(directory: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), directory.lstat())
    except FileNotFoundError:
        return False


@contextmanager
def _left_for_later() -> Iterator[None]:
    """Log a failure of the file system, without its path; what stays is tried again by the next sweep."""
    try:
        yield
    except OSError as error:
        _log.error("opening.not_removed", kind=type(error).__name__, errno=error.errno)


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

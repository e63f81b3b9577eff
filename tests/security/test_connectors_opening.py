"""Opened extracts: no plain copy outlives its key or its process, and no failure of cleaning up costs a run."""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connectors import opening as opening_module
from connectors.opening import Opening, SealedExtract, remove_abandoned
from connectors.sealing import Sealer
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import ExtractRef
from sandbox.kernel.settings import OPEN_DIR

KEY = bytes(range(32))


class Place:
    """A memory-backed directory with an opening in it, and the keys that are still there."""

    def __init__(self, memory: Path, disk: Path) -> None:
        self.memory, self.disk = memory, disk
        self.keys = {"prod.agr-a", "prod.agr-b"}
        self.opening = Opening(memory, self.keys.__contains__)

    def sealed(self, table: str, key_name: str = "prod.agr-a") -> SealedExtract:
        sealer = Sealer(KEY, f"ext-{key_name[-1]}")
        with sealer.file(self.disk, table) as file:
            file.write(b"plain rows of " + table.encode())
        ref = ExtractRef(table, sealer.extract, str(self.disk / f"{table}.sealed"), file.digest)
        return SealedExtract(ref, sealer, key_name)

    def copies(self) -> list[Path]:
        return [path for path in self.memory.rglob("*") if path.is_file()]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(dir=OPEN_DIR) as memory:
        made = Place(Path(memory), tmp_path)
        yield made
        made.opening.close()


def killed(place: Place) -> None:
    """Have a process open an extract and die."""
    sealed = place.sealed("left")
    child = os.fork()
    if not child:
        with Opening(place.memory, lambda _: True).opened([sealed]):
            os._exit(9)
    os.waitpid(child, 0)
    assert place.copies()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("act", ["check", "sweep"])
def test_what_a_killed_worker_left_goes_at_the_next_start_and_the_next_beat(place: Place, act: str) -> None:
    killed(place)
    getattr(place.opening, act)()
    assert list(place.memory.iterdir()) == []


def test_hidden_directories_of_nobody_go_too_and_others_stay(place: Place) -> None:
    for name in (".yunei-open-dir_a", "yunei-open-dir_b", "yunei-else"):
        (place.memory / name).mkdir()
    (place.memory / "yunei-open-file").touch()
    (place.memory / "yunei-open-link").symlink_to(place.disk)
    place.opening.sweep()
    assert sorted(path.name for path in place.memory.iterdir()) == ["yunei-else", "yunei-open-file", "yunei-open-link"]
    assert place.disk.exists()


def test_a_directory_that_was_taken_for_abandoned_before_its_lock_is_made_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, swept = opening_module._locked, []

    def late(directory: Path) -> int | None:
        if not swept:
            swept.append(directory)
            shutil.rmtree(directory)
        return lock(directory)

    monkeypatch.setattr(opening_module, "_locked", late)
    with place.opening.opened([place.sealed("t")]) as opened:
        assert Path(opened[0].path).exists()
        assert not swept[0].exists()
        remove_abandoned(place.memory)
        assert Path(opened[0].path).exists()


def test_a_directory_that_cannot_be_locked_leaks_neither_itself_nor_a_descriptor(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_handle: int, _kind: int) -> None:
        raise OSError(37, "no locks available")

    before = len(list(Path("/proc/self/fd").iterdir()))
    with monkeypatch.context() as patched:
        patched.setattr(opening_module.fcntl, "flock", refused)
        with pytest.raises(YuneiError, match="SUPPLY_FAILED"), place.opening.opened([place.sealed("t")]):
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert list(place.memory.iterdir()) == []


@pytest.mark.parametrize("emptied", ["file", "directory"])
def test_a_copy_that_vanished_is_opened_again(place: Place, emptied: str) -> None:
    sealed = place.sealed("t")
    with place.opening.opened([sealed]) as opened:
        first = Path(opened[0].path)
    first.unlink() if emptied == "file" else shutil.rmtree(first.parent)
    with place.opening.opened([sealed]) as opened:
        assert Path(opened[0].path).read_bytes() == b"plain rows of t"
    assert len(place.copies()) == 1


def test_a_failure_to_clean_up_costs_no_run_and_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = place.sealed("one"), place.sealed("two", "prod.agr-b")
    unlink = Path.unlink

    def stubborn(path: Path, *, missing_ok: bool = False) -> None:
        if path == stuck:
            raise OSError(5, "input/output error", str(path))
        unlink(path, missing_ok=missing_ok)

    with capture_logs() as logs, monkeypatch.context() as patched:
        with place.opening.opened([one, two]) as opened:
            stuck = Path(opened[0].path)
            patched.setattr(Path, "unlink", stubborn)
            place.keys.clear()
            outcome = "kept"
        assert (outcome, place.copies()) == ("kept", [stuck]), "the other went"
    assert [line["event"] for line in logs] == ["opening.not_removed"]
    assert str(place.memory) not in str(logs)
    place.opening.sweep()
    assert place.copies() == []


def test_a_key_store_that_does_not_answer_costs_no_finished_run(place: Place) -> None:
    def silent(_name: str) -> bool:
        raise OSError(5, "input/output error", "/keys")

    with capture_logs() as logs, place.opening.opened([place.sealed("t")]):
        place.opening._live = silent
    assert logs[0]["event"] == "opening.not_removed"
    assert "/keys" not in str(logs)


class Slow:
    """Holds a decryption open after its first chunk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on, self.times = threading.Event(), threading.Event(), 0
        chunks = Sealer.chunks

        def slow(sealer: Sealer, path: Path, table: str) -> Iterator[bytes]:
            for chunk in chunks(sealer, path, table):
                yield chunk
                if table == "slow":
                    self.times += 1
                    self.reached.set()
                    assert self.go_on.wait(60)

        monkeypatch.setattr(Sealer, "chunks", slow)


def opened_beside(place: Place, sealed: SealedExtract, found: list[object]) -> threading.Thread:
    def act() -> None:
        try:
            with place.opening.opened([sealed]) as opened:
                found.append(Path(opened[0].path).read_bytes())
        except YuneiError as error:
            found.append(error.code)

    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_a_long_decryption_holds_up_neither_destruction_nor_other_files(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, found = Slow(monkeypatch), []
    thread = opened_beside(place, place.sealed("slow"), found)
    assert slow.reached.wait(60)
    with place.opening.opened([place.sealed("other", "prod.agr-b")]):
        pass
    place.keys.clear()
    place.opening.sweep()  # returns while the decryption goes on
    slow.go_on.set()
    thread.join()
    assert found == ["KEY_MISSING"], "nothing is handed out whose key went meanwhile"
    assert place.copies() == []


def test_all_who_open_a_file_at_once_share_one_decryption(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, found, sealed = Slow(monkeypatch), [], place.sealed("slow")
    threads = [opened_beside(place, sealed, found) for _ in range(3)]
    assert slow.reached.wait(60)
    slow.go_on.set()
    for thread in threads:
        thread.join()
    assert found == [b"plain rows of slow"] * 3
    assert (slow.times, len(place.copies())) == (1, 1)


def test_a_copy_kept_from_before_is_not_handed_out_after_its_key_went(place: Place) -> None:
    sealed = place.sealed("t")
    with place.opening.opened([sealed]):
        pass
    place.keys.clear()  # destroyed by another process: nothing was swept here
    with pytest.raises(YuneiError, match="KEY_MISSING"), place.opening.opened([sealed]):
        pass
    assert place.copies() == []


def test_a_failed_opening_leaves_nothing_and_can_be_repeated(place: Place) -> None:
    sealed = place.sealed("t")
    whole = (place.disk / "t.sealed").read_bytes()
    (place.disk / "t.sealed").write_bytes(whole[:-1])
    with pytest.raises(YuneiError, match="SUPPLY_FAILED"), place.opening.opened([sealed]):
        pass
    assert (place.copies(), place.opening._open) == ([], {})
    (place.disk / "t.sealed").write_bytes(whole)
    with place.opening.opened([sealed]):
        assert len(place.copies()) == 1


def test_no_key_stands_in_a_representation(place: Place) -> None:
    sealed = place.sealed("t")
    assert repr(KEY) not in repr(sealed)
    with place.opening.opened([sealed]):
        assert not any(KEY in vars(one).values() for one in place.opening._open.values())

"""Data keys: random, wrapped, one for all who draw at once, and gone for good once destroyed."""

import errno
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox.kernel import data_keys
from sandbox.kernel.data_keys import DataKeys
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    ring = KeyRing(tmp_path / "keys")
    ring.create()
    return ring


def test_a_key_is_drawn_once_and_read_back_by_another_process(ring: KeyRing) -> None:
    first = DataKeys(ring).create("prod.agr-a")
    assert len(first) == 32
    assert DataKeys(ring).create("prod.agr-a") == first == DataKeys(ring).read("prod.agr-a")
    assert DataKeys(ring).create("dev.agr-a") != first


def test_all_who_draw_at_once_get_the_same_key(ring: KeyRing) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(DataKeys(ring).create("prod.agr-a"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1
    assert [path.name for path in (ring.directory / "workspaces").iterdir()] == ["prod.agr-a.key"]


def test_the_file_does_not_hold_the_key_and_is_bound_to_its_name(ring: KeyRing) -> None:
    keys = DataKeys(ring)
    key = keys.create("prod.agr-a")
    kept = ring.directory / "workspaces" / "prod.agr-a.key"
    assert key not in kept.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.with_name("prod.agr-b.key").write_bytes(kept.read_bytes())
    with pytest.raises(YuneiError, match="KEY_MISSING"):
        keys.read("prod.agr-b")


@pytest.mark.parametrize("bytes_kept", [b"", b"short", bytes(60), bytes(4096)])
def test_a_file_that_is_no_wrapped_key_is_no_key_and_stays_for_repair(ring: KeyRing, bytes_kept: bytes) -> None:
    keys = DataKeys(ring)
    keys.create("prod.agr-a")
    kept = ring.directory / "workspaces" / "prod.agr-a.key"
    kept.write_bytes(bytes_kept)
    for act in (keys.read, keys.create):
        with pytest.raises(YuneiError, match="KEY_MISSING"):
            act("prod.agr-a")
    assert kept.read_bytes() == bytes_kept, "a key that might come back from a backup is not replaced"


def test_from_the_mark_on_the_key_counts_as_destroyed_though_the_act_died_there(ring: KeyRing) -> None:
    keys = DataKeys(ring)
    keys.create("prod.agr-a")
    (ring.directory / "workspaces" / "prod.agr-a.destroyed").touch()
    assert not keys.exists("prod.agr-a")
    with pytest.raises(YuneiError, match="KEY_MISSING"):
        keys.read("prod.agr-a")


@pytest.mark.parametrize("act", ["create", "destroy"])
def test_whoever_meets_a_marked_key_overwrites_every_link_of_it(ring: KeyRing, act: str) -> None:
    keys, directory = DataKeys(ring), ring.directory / "workspaces"
    keys.create("prod.agr-a")
    near = keys.create("prod.agr-a.b")
    kept, outside = directory / "prod.agr-a.key", ring.directory / "linked"
    sealed = kept.read_bytes()
    outside.hardlink_to(kept)
    left = directory / ".prod.agr-a.0123456789abcdef"  # a creation that died after its link
    left.write_bytes(sealed)
    other = directory / ".prod.agr-a.b.0123456789abcdef"
    other.write_bytes(b"of another key")
    (directory / "prod.agr-a.destroyed").touch()
    with suppress(YuneiError):
        getattr(keys, act)("prod.agr-a")
    assert outside.read_bytes() != sealed
    assert not kept.exists()
    assert not left.exists()
    assert other.exists()
    assert keys.read("prod.agr-a.b") == near


def test_a_link_left_behind_is_overwritten_though_the_key_itself_is_gone(ring: KeyRing) -> None:
    keys, directory = DataKeys(ring), ring.directory / "workspaces"
    keys.create("prod.agr-a")
    left, outside = directory / ".prod.agr-a.0123456789abcdef", ring.directory / "linked"
    (directory / "prod.agr-a.key").rename(left)
    outside.hardlink_to(left)
    sealed = left.read_bytes()
    keys.destroy("prod.agr-a")
    assert not left.exists()
    assert outside.read_bytes() != sealed


def test_a_key_whose_draft_is_destroyed_meanwhile_is_missing(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, write = DataKeys(ring), data_keys.write_new

    def overtaken(path: Path, data: bytes) -> None:
        write(path, data)
        if path.name.startswith("."):
            DataKeys(ring).destroy("prod.agr-a")

    monkeypatch.setattr(data_keys, "write_new", overtaken)
    with pytest.raises(YuneiError, match="KEY_MISSING"):
        keys.create("prod.agr-a")
    assert [path.name for path in (ring.directory / "workspaces").iterdir()] == ["prod.agr-a.destroyed"]


def test_a_full_disk_leaves_no_draft(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, _data: bytes) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(data_keys, "write_new", full)
    with pytest.raises(OSError, match="full"):
        DataKeys(ring).create("prod.agr-a")
    assert list((ring.directory / "workspaces").iterdir()) == []


def test_every_step_is_durable_before_the_next(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(data_keys, "sync_directory", synced.append)
    workspaces = ring.directory / "workspaces"
    keys = DataKeys(ring)
    keys.create("prod.agr-a")
    assert synced == [ring.directory, workspaces]
    keys.create("prod.agr-a")
    assert synced[2:] == [ring.directory, workspaces]
    synced.clear()
    for _ in range(2):  # the second finds nothing, and might be the first one's successor after a power cut
        keys.destroy("prod.agr-a")
        assert synced[-2:] == [workspaces, workspaces]


def test_a_destroyed_key_is_gone_and_has_no_successor(ring: KeyRing) -> None:
    keys = DataKeys(ring)
    keys.create("prod.agr-a")
    kept = ring.directory / "workspaces" / "prod.agr-a.key"
    other = ring.directory / "linked"
    other.hardlink_to(kept)
    sealed = kept.read_bytes()
    assert keys.destroy("prod.agr-a")
    assert not keys.destroy("prod.agr-a")
    assert not keys.exists("prod.agr-a")
    assert other.read_bytes() != sealed, "its bytes were overwritten, not only unlinked"
    for act in (keys.read, keys.create):
        with pytest.raises(YuneiError, match="KEY_MISSING"):
            act("prod.agr-a")
    assert not kept.exists()


def test_a_key_destroyed_before_it_was_made_is_never_made(ring: KeyRing) -> None:
    assert not DataKeys(ring).destroy("dev.agr-a")
    with pytest.raises(YuneiError, match="KEY_MISSING"):
        DataKeys(ring).create("dev.agr-a")


@pytest.mark.parametrize("name", ["../root", "a/b", "", ".hidden", "A", "a" * 129])
def test_a_name_is_no_path(ring: KeyRing, name: str) -> None:
    for act in (DataKeys(ring).create, DataKeys(ring).read, DataKeys(ring).destroy):
        with pytest.raises(YuneiError, match="KEY_MISSING"):
            act(name)

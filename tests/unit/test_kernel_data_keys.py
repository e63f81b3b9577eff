"""Data keys: random, wrapped, one for all who draw at once, and gone for good once destroyed."""

import threading
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

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
    with pytest.raises(InvalidTag):
        keys.read("prod.agr-b")


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

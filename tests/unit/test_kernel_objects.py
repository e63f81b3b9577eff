import errno
from pathlib import Path

import pytest

from sandbox.kernel.errors import YuneiError
from sandbox.kernel.objects import ObjectStore


def test_bytes_come_back_by_digest_and_a_changed_byte_does_not(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    name = store.put(b"released")
    assert store.put(b"released") == name
    assert store.get(name) == b"released"
    store.path(name).write_bytes(b"reLeased")
    assert store.get(name) is None


def test_a_missing_object_is_none_and_a_strange_name_is_refused(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    assert store.get("sha256:" + "0" * 64) is None
    for name in ("../../etc/passwd", "sha256:short", "sha256:" + "g" * 64):
        with pytest.raises(YuneiError, match="NOT_FOUND"):
            store.path(name)


def test_a_full_disk_has_its_own_code_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(YuneiError, match="DISK_FULL"):
        ObjectStore(tmp_path).put(b"x" * 100)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

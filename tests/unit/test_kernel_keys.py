import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing, verify


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    made = KeyRing(tmp_path / "keys")
    made.create("log", "service")
    return made


def test_keys_are_private_files_and_never_overwritten(ring: KeyRing) -> None:
    before = {path.name: path.read_bytes() for path in ring.directory.iterdir()}
    ring.create("log", "service", "owner-org")
    assert {name: (ring.directory / name).read_bytes() for name in before} == before
    assert ring.signer_names() == ("log", "owner-org", "service")
    assert stat.S_IMODE(ring.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in ring.directory.iterdir()} == {0o600}


def test_a_missing_key_is_named_and_not_made(ring: KeyRing) -> None:
    with pytest.raises(YuneiError, match="KEY_MISSING"):
        ring.signer("witness")
    assert "witness" not in ring.signer_names()


def test_signatures_verify_and_nothing_else_does(ring: KeyRing) -> None:
    signer = ring.signer("log")
    signature = signer.sign(b"head")
    assert verify(signer.public, signature, b"head")
    assert not verify(signer.public, signature, b"heaD")
    assert not verify(ring.signer("service").public, signature, b"head")
    assert not verify(b"short", signature, b"head")


def test_secrets_differ_by_purpose_and_part_boundaries(ring: KeyRing, tmp_path: Path) -> None:
    found = {ring.secret("a", "b"), ring.secret("ab"), ring.secret("a"), ring.secret("a", "b", "")}
    assert len(found) == 4
    assert ring.secret("a") == ring.secret("a")
    other = KeyRing(tmp_path / "other")
    other.create()
    assert other.secret("a") != ring.secret("a")


def test_what_is_sealed_opens_only_under_its_purpose_and_context(ring: KeyRing) -> None:
    sealed = ring.seal("result", "job-1", b"42")
    assert ring.open("result", "job-1", sealed) == b"42"
    assert ring.seal("result", "job-1", b"42") != sealed
    for purpose, context, data in [
        ("result", "job-2", sealed),
        ("other", "job-1", sealed),
        ("result", "job-1", sealed[:-1] + bytes([sealed[-1] ^ 1])),
    ]:
        with pytest.raises(InvalidTag):
            ring.open(purpose, context, data)

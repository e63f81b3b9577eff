"""Text formats: what is written is read back, and nothing else is."""

import base64
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.kernel.audit import note
from sandbox.kernel.keys import Signer

NAME = "yunei.example/log"
SIGNER = Signer("log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
HEAD = note.Checkpoint(NAME, 7, hashlib.sha256(b"root").digest())
SIGNED = note.sign_note(HEAD.text(), NAME, SIGNER)


def test_key_id_is_as_c2sp_says() -> None:
    # The key of the Go sumdb: name, id and public key are published in the Go source.
    public = base64.b64decode("Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
    assert public[:1] == b"\x01"
    assert note.key_id("sum.golang.org", public[1:]).hex() == "033de0ae"
    assert (
        note.verifier_key("sum.golang.org", public[1:]) == "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    )


def test_checkpoint_round_trip() -> None:
    assert note.parse_checkpoint(note.open_note(SIGNED, NAME, SIGNER.public)) == HEAD


def test_lines_of_other_keys_are_ignored() -> None:
    witness = Signer("w", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    extra = note.sign_note(HEAD.text(), "witness.example", witness).rpartition("\n\n")[2]
    assert note.open_note(SIGNED + extra, NAME, SIGNER.public) == HEAD.text()
    assert note.open_note(SIGNED + extra, "witness.example", witness.public) == HEAD.text()


def test_changing_any_byte_of_a_note_is_noticed() -> None:
    data = SIGNED.encode()
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(ValueError):
            note.open_note(bytes(changed).decode("utf-8"), NAME, SIGNER.public)


@pytest.mark.parametrize("text", ["", "a\n", "a\n\n", "a\n\nb\n", SIGNED[:-1], SIGNED + "\n", SIGNED.replace("\n", "\r\n")])
def test_malformed_notes(text: str) -> None:
    with pytest.raises(ValueError):
        note.open_note(text, NAME, SIGNER.public)


@pytest.mark.parametrize(
    "text",
    [
        "", "o\n1\n", HEAD.text() + "extension\n", HEAD.text().replace("\n7\n", "\n07\n"), HEAD.text().replace("\n7\n", "\n-7\n"),
        HEAD.text().replace("\n7\n", "\n٧\n"), "\n" + HEAD.text().split("\n", 1)[1], HEAD.text()[:-3] + "\n", "o\n1\nAAAA\n", "o\n1\n====\n", "o\n1\né\n",
    ],
)  # fmt: skip
def test_malformed_checkpoints(text: str) -> None:
    with pytest.raises(ValueError):
        note.parse_checkpoint(text)


def test_base64_has_one_spelling() -> None:
    # 32 bytes leave two unused bits in the last letter; a lax reader takes four spellings for one hash.
    text = base64.b64encode(HEAD.root).decode()
    other = text[:-2] + chr(ord(text[-2]) + 1) + "="
    assert base64.b64decode(other) == HEAD.root
    with pytest.raises(ValueError):
        note.parse_checkpoint(HEAD.text().replace(text, other))


def test_proof_round_trip() -> None:
    proof = note.TlogProof(3, (b"\x01" * 32, b"\x02" * 32), SIGNED)
    assert note.parse_proof(proof.text()) == proof
    assert proof.text().startswith("c2sp.org/tlog-proof@v1\nindex 3\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\nindex 3\n",
        "x\nindex 3\n\nc",
        "c2sp.org/tlog-proof@v1\nindex 03\n\nc",
        "c2sp.org/tlog-proof@v1\n\nc",
    ],
)
def test_malformed_proofs(text: str) -> None:
    with pytest.raises(ValueError):
        note.parse_proof(text)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_accepts_the_checkpoint(tmp_path: Path) -> None:
    text, _, tail = SIGNED.rpartition("\n\n")
    (tmp_path / "text").write_text(text + "\n")
    (tmp_path / "sig").write_bytes(base64.b64decode(tail.split(" ")[2])[4:])
    (tmp_path / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + SIGNER.public)
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-keyform",
        "DER",
        "-inkey",
        "key.der",
        "-rawin",
        "-in",
        "text",
        "-sigfile",
        "sig",
    ]
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    (tmp_path / "text").write_text(text + "!\n")
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode != 0

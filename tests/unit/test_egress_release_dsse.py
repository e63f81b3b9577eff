"""Envelopes: one spelling, and signatures that openssl and another library accept."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope as OtherEnvelope
from securesystemslib.signer import SSlibKey

from egress.release.dsse import PAYLOAD_TYPE, decode, pae, sign
from sandbox.kernel.keys import Signer

SERVICE = Signer("service", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OWNER = Signer("owner-org-health", Ed25519PrivateKey.from_private_bytes(bytes(32)))
ENVELOPE = sign(b'{"a":1}', [SERVICE, OWNER])


def test_pae_is_that_of_the_protocol() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_round_trip() -> None:
    assert decode(ENVELOPE.encode()) == ENVELOPE
    assert ENVELOPE.signed_by("service", SERVICE.public)
    assert not ENVELOPE.signed_by("service", OWNER.public)
    assert not ENVELOPE.signed_by("owner-org-other", OWNER.public)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + b" ", lambda text: text.replace(b":", b": "), lambda _: b"[]", lambda _: b"{}", lambda _: b"", lambda text: text.replace(b"keyid", b"key"),
        lambda text: text.replace(b'"payload":"ey', b'"payload":"*y'), lambda text: b"[" * 100_000, lambda text: text.replace(b'{"payload"', b'{"extra":1,"payload"'),
    ],
)  # fmt: skip
def test_other_spellings_are_refused(change: object) -> None:
    with pytest.raises(ValueError):
        decode(change(ENVELOPE.encode()))  # type: ignore[operator]


def test_another_library_verifies() -> None:
    document = json.loads(ENVELOPE.encode())
    keys = [SSlibKey(one.name, "ed25519", "ed25519", {"public": one.public.hex()}) for one in (SERVICE, OWNER)]
    assert set(OtherEnvelope.from_dict(document).verify(keys, 2)) == {"service", "owner-org-health"}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_verifies(tmp_path: Path) -> None:
    document = json.loads(ENVELOPE.encode())
    (tmp_path / "message").write_bytes(pae(PAYLOAD_TYPE, base64.b64decode(document["payload"])))
    (tmp_path / "sig").write_bytes(base64.b64decode(document["signatures"][1]["sig"]))
    (tmp_path / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + SERVICE.public)
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
        "message",
        "-sigfile",
        "sig",
    ]
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    (tmp_path / "message").write_bytes(b"another message")
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode != 0

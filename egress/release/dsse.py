"""DSSE envelopes with Ed25519 signatures. Pure but for the keys it is handed.

Source: DSSE protocol v1.0.2 (https://github.com/secure-systems-lab/dsse). The envelope is RFC 8785 JSON, so that one set
of signatures has one spelling.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.kernel.canonical import Json, canonical_bytes
from sandbox.kernel.keys import Signer, verify

PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Envelope:
    """A payload and its signatures by key name."""

    payload_type: str
    payload: bytes
    signatures: Mapping[str, bytes]

    def encode(self) -> bytes:
        """Return the envelope as a document, signatures sorted by key name."""
        signatures: list[Json] = [{"keyid": name, "sig": _base64(self.signatures[name])} for name in sorted(self.signatures)]
        return canonical_bytes({"payloadType": self.payload_type, "payload": _base64(self.payload), "signatures": signatures})

    def signed_by(self, name: str, public: bytes) -> bool:
        """Tell whether the key `name` signed this payload."""
        signature = self.signatures.get(name)
        return signature is not None and verify(public, signature, pae(self.payload_type, self.payload))


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed; `openssl pkeyutl -verify -rawin` takes them as they are."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, signers: Sequence[Signer], payload_type: str = PAYLOAD_TYPE) -> Envelope:
    """Sign `payload` with every signer."""
    message = pae(payload_type, payload)
    return Envelope(payload_type, payload, {signer.name: signer.sign(message) for signer in signers})


def decode(data: bytes) -> Envelope:
    """Read an envelope.

    Raises:
        ValueError: malformed, or spelt otherwise than `Envelope.encode` spells it.

    """
    try:
        match json.loads(data):
            case {"payloadType": str(kind), "payload": str(payload), "signatures": list(lines)}:
                signatures = {line["keyid"]: base64.b64decode(line["sig"], validate=True) for line in lines}
                envelope = Envelope(kind, base64.b64decode(payload, validate=True), signatures)
            case _:
                raise ValueError("not an envelope")
        respelt = envelope.encode()
    except (KeyError, TypeError, binascii.Error, RecursionError):
        raise ValueError("not an envelope") from None
    if respelt != data:
        raise ValueError("not the canonical spelling of an envelope")
    return envelope


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

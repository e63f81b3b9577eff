"""Signed notes, checkpoints and proofs as plain text, readable by any C2SP tool. Pure.

Source: C2SP signed-note, tlog-checkpoint and tlog-proof (https://c2sp.org). Every parser accepts exactly what the writer
writes: a second spelling of the same proof would let bytes change without notice.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from sandbox.kernel.keys import Signer, verify

_DASH = "— "
_ED25519 = b"\x01"
_PROOF_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: who it is, how many leaves it has, and the root over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the note text that is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


@dataclass(frozen=True)
class TlogProof:
    """That leaf `index` stands in the tree of the signed `checkpoint` (a whole signed note)."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    def text(self) -> str:
        """Return the `.tlog-proof` file."""
        lines = [_PROOF_HEADER, f"index {self.index}", *map(_base64, self.hashes)]
        return "\n".join(lines) + "\n\n" + self.checkpoint


def key_id(name: str, public: bytes) -> bytes:
    """Return the 4-byte id of an Ed25519 note key."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def verifier_key(name: str, public: bytes) -> str:
    """Return the key in the one-line form that Go's `note.NewVerifier` reads."""
    return f"{name}+{key_id(name, public).hex()}+{_base64(_ED25519 + public)}"


def sign_note(text: str, name: str, signer: Signer) -> str:
    """Sign `text` (ending in a newline) as the key `name`."""
    line = _base64(key_id(name, signer.public) + signer.sign(text.encode()))
    return f"{text}\n{_DASH}{name} {line}\n"


def open_note(note: str, name: str, public: bytes) -> str:
    """Return the text of `note` once a signature of the key (`name`, `public`) over it is verified.

    Signature lines of other keys are ignored, so that witnesses and further algorithms may be added.

    Raises:
        ValueError: malformed, not signed by this key, or the signature is wrong.

    """
    head, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise ValueError("not a signed note")
    text = head + "\n"
    if any(ord(letter) < 32 and letter != "\n" for letter in note):
        raise ValueError("a signed note has no control characters")
    wanted = key_id(name, public)
    for line in tail[:-1].split("\n"):
        signer, signature = _signature(line)
        if signer == name and signature[:4] == wanted:
            if not verify(public, signature[4:], text.encode()):
                raise ValueError("the signature is wrong")
            return text
    raise ValueError("not signed by this key")


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint.

    Raises:
        ValueError: malformed, or spelt otherwise than `Checkpoint.text` spells it.

    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise ValueError("not a checkpoint")
    checkpoint = Checkpoint(lines[0], _number(lines[1]), _hash(lines[2]))
    if not checkpoint.origin:
        raise ValueError("a checkpoint names its origin")
    return checkpoint


def parse_proof(text: str) -> TlogProof:
    """Read a `.tlog-proof` file without extra data.

    Raises:
        ValueError: malformed, or spelt otherwise than `TlogProof.text` spells it.

    """
    head, separator, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or len(lines) < 2 or lines[0] != _PROOF_HEADER or not lines[1].startswith("index "):
        raise ValueError("not a tlog-proof")
    return TlogProof(_number(lines[1][6:]), tuple(_hash(line) for line in lines[2:]), checkpoint)


def _signature(line: str) -> tuple[str, bytes]:
    if not line.startswith(_DASH):
        raise ValueError("not a signature line")
    name, _, encoded = line[len(_DASH) :].partition(" ")
    signature = _decode(encoded)
    if not name or len(signature) < 5:
        raise ValueError("not a signature line")
    return name, signature


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or (len(text) > 1 and text[0] == "0") or len(text) > 19:
        raise ValueError("not a canonical decimal")
    return int(text)


def _hash(text: str) -> bytes:
    data = _decode(text)
    if len(data) != 32:
        raise ValueError("not a SHA-256 hash")
    return data


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("not base64") from None
    if _base64(data) != text:
        raise ValueError("not canonical base64")
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

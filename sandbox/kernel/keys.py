"""Keys on disk, outside the data directory in production: Ed25519 signing keys and one root secret for derived keys."""

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sandbox.kernel.durable import write_new
from sandbox.kernel.errors import YuneiError

_NONCE = 12


@dataclass(frozen=True)
class Signer:
    """An Ed25519 key under a name; the name stands in every signature made with it."""

    name: str
    _private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """The 32 raw public bytes."""
        return self._private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`."""
        return self._private.sign(message)


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether `signature` is `public`'s over `message`; malformed input is simply not a signature."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class KeyRing:
    """Opens keys of one directory. Missing keys are created only by `create`, once, at set-up."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def create(self, *names: str) -> None:
        """Create the root secret and the named signing keys where they are missing; never overwrite."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(self.directory / "root.secret", os.urandom(32))
        for name in names:
            write_new(self._path(name), Ed25519PrivateKey.generate().private_bytes_raw())

    def signer(self, name: str) -> Signer:
        """Open the signing key `name`.

        Raises:
            YuneiError: `KEY_MISSING`.

        """
        return Signer(name, Ed25519PrivateKey.from_private_bytes(self._read(self._path(name))))

    def signer_names(self) -> tuple[str, ...]:
        """Name every signing key, sorted."""
        return tuple(sorted(path.stem for path in self.directory.glob("*.ed25519")))

    def secret(self, *purpose: str) -> bytes:
        """Derive a 32-byte secret for one purpose, e.g. `secret("replay")` or `secret("pseudonym", agreement)`.

        Source: RFC 5869 (HKDF-SHA256); the purpose parts are length-prefixed so that no two lists collide.

        Raises:
            YuneiError: `KEY_MISSING`.

        """
        info = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in purpose)
        return HKDF(SHA256(), 32, salt=None, info=b"yunei/v1" + info).derive(self._read(self.directory / "root.secret"))

    def seal(self, purpose: str, context: str, plain: bytes) -> bytes:
        """Encrypt with AES-256-GCM under the derived key of `purpose`, bound to `context`; 12-byte random nonce first."""
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self.secret("seal", purpose)).encrypt(nonce, plain, context.encode())

    def open(self, purpose: str, context: str, sealed: bytes) -> bytes:
        """Decrypt what `seal` made.

        Raises:
            cryptography.exceptions.InvalidTag: a byte, the length or the context differs.

        """
        if len(sealed) < _NONCE:
            raise InvalidTag
        return AESGCM(self.secret("seal", purpose)).decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())

    def _path(self, name: str) -> Path:
        return self.directory / f"{name}.ed25519"

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise YuneiError("KEY_MISSING", key=path.stem) from None

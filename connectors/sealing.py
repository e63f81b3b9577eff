"""Extracts at rest: Parquet in chunks of AES-256-GCM, written without a plain byte on disk, read only as a whole.

Each file has a key of its own, HKDF-SHA256 (RFC 5869) of the workspace's data key, a random salt and the file's name; the
nonce counts chunks and marks the last, so that a chunk lost, moved, repeated or cut off does not open. Source: the STREAM
construction of Hoang, Reyhanitabar, Rogaway and Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", CRYPTO 2015, section 6.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from connectors.files import DigestedFile
from sandbox.kernel.errors import YuneiError

SUFFIX = ".sealed"
MAGIC = b"yunei-sealed-1\n"
CHUNK = 1 << 20
_SALT, _TAG = 32, 16


class SealedFile(DigestedFile):
    """A new file of mode 0600 that is sealed as it is written. `digest` and `tell` are of the plain bytes."""

    def __init__(self, path: Path, key: bytes, name: str) -> None:
        super().__init__(path)
        salt = os.urandom(_SALT)
        self._cipher, self._chunks = AESGCM(_file_key(key, salt, name)), 0
        self._held, self._plain = bytearray(), 0
        self._file.write(MAGIC + salt)

    def write(self, data: bytes) -> int:
        """Append `data`; the last chunk is held back until more follows or the file is closed."""
        view = memoryview(data).cast("B")
        self._hash.update(view)
        self._held += view
        self._plain += len(view)
        while len(self._held) > CHUNK:
            self._seal(bytes(self._held[:CHUNK]), last=False)
            del self._held[:CHUNK]
        return len(view)

    def tell(self) -> int:
        """Return the number of plain bytes written."""
        return self._plain

    def close(self) -> None:
        """Seal what is held, make the bytes durable and close."""
        try:
            if not self.closed:
                self._seal(bytes(self._held), last=True)
                self._held.clear()
        finally:
            super().close()

    def _seal(self, plain: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._chunks, last=last), plain, None))
        self._chunks += 1


@dataclass(frozen=True)
class Sealer:
    """Seals the files of one extract with the data key of its workspace."""

    key: bytes = field(repr=False)
    extract: str

    def file(self, directory: Path, table: str) -> SealedFile:
        """Begin the sealed file of one table."""
        return SealedFile(directory / f"{table}{SUFFIX}", self.key, f"{self.extract}/{table}")

    def chunks(self, path: Path, table: str) -> Iterator[bytes]:
        """Yield the plain bytes of one table's file, each chunk after its tag was checked.

        Raises:
            YuneiError: `SUPPLY_FAILED` where the file is missing, cannot be read, or is not what was sealed, whole, under this
                key and name; chunks yielded before are genuine, but the file as a whole is not.

        """
        try:
            with path.open("rb") as file:
                yield from self._opened(file, table)
        except FileNotFoundError:
            raise YuneiError("SUPPLY_FAILED", table=table, rule="EXTRACT_MISSING") from None
        except InvalidTag:
            raise YuneiError("SUPPLY_FAILED", table=table, rule="EXTRACT_CHANGED") from None
        except OSError:
            raise YuneiError("SUPPLY_FAILED", table=table, rule="FILE_SYSTEM") from None

    def digest(self, path: Path, table: str) -> str | None:
        """Return `sha256:<hex>` of the plain bytes, or None where the file is missing or changed.

        Raises:
            YuneiError: `SUPPLY_FAILED`, it cannot be read, which says nothing about its bytes.

        """
        found = hashlib.sha256()
        try:
            for chunk in self.chunks(path, table):
                found.update(chunk)
        except YuneiError as error:
            if error.facts["rule"] == "FILE_SYSTEM":
                raise
            return None
        return "sha256:" + found.hexdigest()

    def _opened(self, file: BinaryIO, table: str) -> Iterator[bytes]:
        if file.read(len(MAGIC)) != MAGIC:
            raise InvalidTag
        cipher = AESGCM(_file_key(self.key, file.read(_SALT), f"{self.extract}/{table}"))
        number, sealed = 0, file.read(CHUNK + _TAG)
        while sealed:
            following = file.read(CHUNK + _TAG)
            yield cipher.decrypt(_nonce(number, last=not following), sealed, None)
            number, sealed = number + 1, following
        if not number:
            raise InvalidTag


def remove_unsealed(directory: Path) -> None:
    """Remove what earlier versions left plain in the extracts within `directory`: nothing reads it, and no key ends it."""
    for path in directory.glob("*/*"):
        if path.suffix != SUFFIX:
            path.unlink(missing_ok=True)


def _file_key(key: bytes, salt: bytes, name: str) -> bytes:
    return HKDF(SHA256(), 32, salt=salt, info=b"yunei/sealed/v1/" + name.encode()).derive(key)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])

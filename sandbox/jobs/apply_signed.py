"""Four eyes for production: two administrators sign the very bytes that are applied, with tools of their own.

An administrator makes a key once (`openssl genpkey -algorithm ed25519 -out admin.pem`); the public part lies as
`<keys_dir>/administrators/<person>.pem`, outside the directory to apply. They sign the text of `signed_text`
(`openssl pkeyutl -sign -rawin -inkey admin.pem -in text`) into `signatures/<person>.sig`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sandbox.jobs.apply_model import Declaration
from sandbox.kernel.canonical import digest
from sandbox.kernel.keys import verify
from sandbox.kernel.roles import Role

SIGNERS_NEEDED = 2
SIGNERS = frozenset({Role.ADMIN_SYSTEM, Role.ADMIN_SECURITY})
SIGNATURES = "signatures"


@dataclass(frozen=True)
class Signed:
    """Who signed which digest."""

    digest: str
    signers: tuple[str, ...]

    @property
    def subject(self) -> str:
        """What the audit event is about: a name as short as identifiers are, of 128 bits of the digest."""
        return "apply:" + self.digest.removeprefix("sha256:")[:32]


@dataclass(frozen=True)
class Unsigned:
    """Too few valid signatures over `digest`."""

    digest: str
    signers: tuple[str, ...]


def tree_digest(directory: Path) -> str:
    """Return one digest over path and bytes of every file but the signatures themselves."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
    names = {path.relative_to(directory).as_posix(): path for path in files}
    return digest({name: _sha256(path) for name, path in names.items() if not name.startswith(f"{SIGNATURES}/")})


def signed_text(tree: str) -> bytes:
    """Return the exact bytes to sign; the first line keeps the signature from meaning anything else."""
    return f"yunei apply v1\n{tree}\n".encode()


def read_signatures(directory: Path, keys_dir: Path, declared: Declaration) -> Signed | Unsigned:
    """Decide whether two administrators signed the directory.

    A signer is declared in `people.yaml` as system or security administrator, has a key of their own in `keys_dir`, and
    shares it with no other signer.
    """
    tree = tree_digest(directory)
    allowed = {entry.value.id for entry in declared.people if SIGNERS & set(entry.value.roles)}
    valid: dict[bytes, str] = {}
    for person, public in _administrators(keys_dir / "administrators", allowed).items():
        signature = directory / SIGNATURES / f"{person}.sig"
        if signature.is_file() and not signature.is_symlink() and verify(public, signature.read_bytes(), signed_text(tree)):
            valid.setdefault(public, person)
    signers = tuple(sorted(valid.values()))
    return Signed(tree, signers) if len(signers) >= SIGNERS_NEEDED else Unsigned(tree, signers)


def _administrators(directory: Path, allowed: set[str]) -> Mapping[str, bytes]:
    """Read the public keys of the administrators named; whatever is no Ed25519 key is nobody's."""
    read = {person: _public(directory / f"{person}.pem") for person in sorted(allowed)}
    return {person: public for person, public in read.items() if public is not None}


def _public(path: Path) -> bytes | None:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError):
        return None
    return key.public_bytes_raw() if isinstance(key, Ed25519PublicKey) else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Four eyes for production: two administrators sign the very bytes that are applied, and what they follow on.

An administrator makes a key once (`openssl genpkey -algorithm ed25519 -out admin.pem`); the public part lies as
`<keys_dir>/administrators/<person>.pem`, outside the directory to apply. They sign the text of `signed_text`
(`openssl pkeyutl -sign -rawin -inkey admin.pem -in text`) into `signatures/<person>.sig`. The text names the step before,
so that a signed directory cannot be applied once more later on, to bring back what has changed since.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sandbox.jobs.apply_model import Declaration
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import Json, digest, digest_bytes
from sandbox.kernel.db import Transaction
from sandbox.kernel.keys import verify
from sandbox.kernel.roles import Role
from tenants.store import holders

SIGNERS_NEEDED = 2
SIGNERS = frozenset({Role.ADMIN_SYSTEM, Role.ADMIN_SECURITY})
SIGNATURES = "signatures"
SUBJECT = "apply"
"""What the events of signed applies are about."""


@dataclass(frozen=True)
class Step:
    """A directory by its digest, and the digest of the step before: None for the first.

    Steps form a chain, so that a step stays used up even where a later one brings back the directory that it followed on.
    """

    tree: str
    after: str | None

    @property
    def text(self) -> bytes:
        """The exact bytes to sign; the first line keeps the signature from meaning anything else."""
        return f"yunei apply v2\nafter {self.after or 'none'}\n{self.tree}\n".encode()

    @property
    def digest(self) -> str:
        """The name of this step in the next."""
        return digest_bytes(self.text)


@dataclass(frozen=True)
class Signed:
    """Who signed which step."""

    step: Step
    signers: tuple[str, ...]

    def event(self, actor: str) -> AuditEvent:
        """Return the event from which the next step will know this one."""
        payload: dict[str, Json] = {"digest": self.step.tree, "after": self.step.after, "signers": list(self.signers)}
        return AuditEvent("apply.signed", SUBJECT, actor, (), payload)


@dataclass(frozen=True)
class Unsigned:
    """Too few valid signatures over a step."""

    step: Step
    signers: tuple[str, ...]


def tree_digest(directory: Path) -> str:
    """Return one digest over path and bytes of every file but the signatures themselves."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
    names = {path.relative_to(directory).as_posix(): path for path in files}
    return digest({name: _sha256(path) for name, path in names.items() if not name.startswith(f"{SIGNATURES}/")})


def last_step(tx: Transaction, audit: AuditLog) -> Step | None:
    """Return the step that was applied last."""
    last = audit.latest(tx, SUBJECT)
    if last is None:
        return None
    after = last.event.payload["after"]
    return Step(str(last.event.payload["digest"]), None if after is None else str(after))


def next_step(tree: str, last: Step | None) -> Step:
    """Return the step that applying `tree` now would be; the directory applied last is still the same step."""
    if last is None:
        return Step(tree, None)
    return last if tree == last.tree else Step(tree, last.digest)


def signers_allowed(tx: Transaction, declared: Declaration) -> frozenset[str]:
    """Name who may sign: the administrators on the register, which nobody enters by a directory of their own.

    Only while the register holds none, before the first apply, are they those whom `people.yaml` declares.
    """
    return holders(tx, SIGNERS) or frozenset(entry.value.id for entry in declared.people if SIGNERS & set(entry.value.roles))


def read_signatures(directory: Path, keys_dir: Path, step: Step, allowed: frozenset[str]) -> Signed | Unsigned:
    """Decide whether two administrators of those `allowed` signed the step.

    A signer has a key of their own in `keys_dir` and shares it with no other signer.
    """
    valid: dict[bytes, str] = {}
    for person, public in _administrators(keys_dir / "administrators", allowed).items():
        signature = directory / SIGNATURES / f"{person}.sig"
        if signature.is_file() and not signature.is_symlink() and verify(public, signature.read_bytes(), step.text):
            valid.setdefault(public, person)
    signers = tuple(sorted(valid.values()))
    return Signed(step, signers) if len(signers) >= SIGNERS_NEEDED else Unsigned(step, signers)


def _administrators(directory: Path, allowed: frozenset[str]) -> Mapping[str, bytes]:
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

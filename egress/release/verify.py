"""Checks a release package offline: nothing is needed but the package and public keys.

Every step says `pass`, `fail` with a reason, or `not_checkable` where a step before it took its ground away. The same
signatures can be checked with openssl (`dsse.pae` are the signed bytes) and the log proof with any C2SP tool.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from egress.model import ProtectedColumn
from egress.recompute import recompute
from egress.release.bundle import MANIFEST, OPENING, PROOF, unpack
from egress.release.dsse import PAYLOAD_TYPE, Envelope, decode
from egress.release.files import arrow_table, csv_bytes, json_bytes, read_arrow
from egress.release.manifest import required_signers
from egress.release.model import Predicate, PriorEvent, Statement
from sandbox.kernel.audit.merkle import fold, leaf_hash, verify_inclusion
from sandbox.kernel.audit.model import Opening, parse_opening, proves
from sandbox.kernel.audit.note import Checkpoint, open_note, parse_checkpoint, parse_proof
from sandbox.kernel.canonical import Json, canonical_bytes, digest_bytes
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing

Verdict = Literal["pass", "fail", "not_checkable"]

FILES = frozenset({"data.csv", "data.parquet", "data.arrow", "data.json"})


@dataclass(frozen=True)
class Step:
    """One step; `reason` says what was found, in words that quote no cell."""

    name: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class VerifyReport:
    """All steps, and what the package says of itself once its signatures hold (else None)."""

    steps: tuple[Step, ...]
    predicate: Predicate | None

    @property
    def passed(self) -> bool:
        """Whether every step passed."""
        return all(step.verdict == "pass" for step in self.steps)

    def as_json(self) -> Mapping[str, Json]:
        """Return the report for `--json`."""
        steps: list[Json] = [{"name": step.name, "verdict": step.verdict, "reason": step.reason} for step in self.steps]
        shown = None if self.predicate is None else cast("Json", self.predicate.model_dump(mode="json"))
        return {"passed": self.passed, "steps": steps, "predicate": shown}


def public_keys(keys: KeyRing) -> Mapping[str, str]:
    """Return the trust file, name → base64 of 32 public bytes: of the log, the service and every data owner."""
    shown = [name for name in keys.signer_names() if name in {"log", "service"} or name.startswith("owner-")]
    return {name: base64.b64encode(keys.signer(name).public).decode("ascii") for name in shown}


class _Broken(Exception):  # noqa: N818 - it never leaves this module; it ends one step
    """A step failed, for a reason."""


@dataclass(frozen=True)
class _Package:
    members: Mapping[str, bytes]
    envelope: Envelope
    statement: Statement
    trust: Mapping[str, bytes]

    @property
    def predicate(self) -> Predicate:
        return self.statement.predicate


def verify(bundle: bytes, trust: Mapping[str, str]) -> VerifyReport:
    """Verify a release package.

    Args:
        bundle: the zip file.
        trust: public keys, name → base64 of 32 bytes: `log`, `service` and `owner-<institution>` of each owner. They must
            have come by another way than the package.

    """
    try:
        members = unpack(bundle)
        envelope, statement = _statement(members)
        package = _Package(members, envelope, statement, _keys(trust))
    except _Broken as broken:
        return _ended("package", str(broken))
    except ValueError as error:
        return _ended("package", str(error))
    steps = [Step("package", "pass", f"{len(members)} files, canonical bytes")]
    for name, act in _STEPS:
        if name not in _INDEPENDENT and any(step.verdict != "pass" for step in steps):
            steps.append(Step(name, "not_checkable", "an earlier step failed"))
            continue
        steps.append(_run(name, act, package))
    signed = all(step.verdict == "pass" for step in steps if step.name in {"package", "signatures"})
    return VerifyReport(tuple(steps), package.predicate if signed else None)


def _run(name: str, act: Callable[[_Package], str], package: _Package) -> Step:
    try:
        return Step(name, "pass", act(package))
    except _Broken as broken:
        return Step(name, "fail", str(broken))


def _ended(name: str, reason: str) -> VerifyReport:
    rest = (Step(later, "not_checkable", "the package cannot be read") for later, _ in _STEPS)
    return VerifyReport((Step(name, "fail", reason), *rest), None)


def _statement(members: Mapping[str, bytes]) -> tuple[Envelope, Statement]:
    if set(members) != FILES | {MANIFEST, OPENING, PROOF}:
        raise _Broken("a file is missing or does not belong")
    envelope = decode(members[MANIFEST])
    if envelope.payload_type != PAYLOAD_TYPE:
        raise _Broken("the envelope holds something else")
    try:
        statement = Statement.model_validate_json(envelope.payload)
    except ValidationError:
        raise _Broken("the statement has not the form of a release") from None
    try:
        canonical = canonical_bytes(cast("Json", statement.model_dump(mode="json", by_alias=True)))
    except (TypeError, RecursionError):
        raise _Broken("the statement holds what evidence may not hold") from None
    if canonical != envelope.payload:
        raise _Broken("the statement is not in canonical form")
    return envelope, statement


def _keys(trust: Mapping[str, str]) -> Mapping[str, bytes]:
    try:
        return {name: base64.b64decode(text, validate=True) for name, text in trust.items()}
    except (binascii.Error, ValueError, TypeError, AttributeError):
        raise _Broken("the trust file is malformed") from None


def _signatures(package: _Package) -> str:
    if not package.predicate.owners:
        raise _Broken("no data owner is named, and none signs")
    required = required_signers(package.predicate.owners)
    if set(package.envelope.signatures) != set(required):
        raise _Broken("the signers are not the service and the data owners")
    for name in required:
        if name not in package.trust:
            raise _Broken(f"no trusted key {name}")
        if not package.envelope.signed_by(name, package.trust[name]):
            raise _Broken(f"the signature of {name} is wrong")
    return ", ".join(required)


def _files(package: _Package) -> str:
    stated = {subject.name: "sha256:" + subject.digest.sha256 for subject in package.statement.subject}
    if len(stated) != len(package.statement.subject) or set(stated) != FILES:
        raise _Broken("the statement does not name exactly the data files")
    for name, expected in stated.items():
        if digest_bytes(package.members[name]) != expected:
            raise _Broken(f"{name} differs from the statement")
    return f"{len(stated)} files equal the statement"


def _formats(package: _Package) -> str:
    columns = tuple(ProtectedColumn(one.name, one.kind, one.type) for one in package.predicate.columns)  # type: ignore[arg-type]
    try:
        table = read_arrow(columns, package.members["data.arrow"])
        parquet = pq.read_table(pa.py_buffer(package.members["data.parquet"]))
        same = (
            csv_bytes(table) == package.members["data.csv"]
            and json_bytes(table) == package.members["data.json"]
            and parquet.equals(arrow_table(table))
            and len(table.rows) == package.predicate.rows
        )
    except (pa.ArrowException, KeyError, ValueError, TypeError):
        same = False
    if not same:
        raise _Broken("the formats do not hold the same table")
    return f"{package.predicate.rows} rows, the same in every format"


def _logged(package: _Package) -> str:
    opening = _opening(package)
    event = opening.event
    payload = event.get("payload")
    expected = {"release": package.predicate.release, "manifest": digest_bytes(package.members[MANIFEST])}
    if event.get("type") != "release.released" or event.get("subject") != package.predicate.request:
        raise _Broken("the logged event is not this release")
    if not isinstance(payload, Mapping) or any(payload.get(name) != value for name, value in expected.items()):
        raise _Broken("the log holds another manifest")
    return f"leaf {opening.index} commits to this manifest"


def _included(package: _Package) -> str:
    opening, origin = _opening(package), package.predicate.log.origin
    try:
        proof = package.members[PROOF].decode()
    except UnicodeDecodeError:
        raise _Broken("the proof is not text") from None
    if not proves(proof, opening, origin, _log_key(package)):
        raise _Broken("the log proof does not hold")
    return f"leaf {opening.index} stands in {origin}"


def _history(package: _Package) -> str:
    evidence = package.predicate.log
    try:
        head = parse_checkpoint(open_note(evidence.checkpoint, evidence.origin, _log_key(package)))
        held = head.origin == evidence.origin and all(_holds(event, head) for event in evidence.events)
    except ValueError:
        held = False
    approved = any(event.type == "review.approved" for event in evidence.events)
    if not held or not approved:
        raise _Broken("the history does not stand in the log, or shows no approval before the release")
    if not _continues(package, head):
        raise _Broken("the release does not follow its history in one and the same log")
    return f"{len(evidence.events)} earlier events stand in the log"


def _continues(package: _Package, head: Checkpoint) -> bool:
    """Tell whether the release is the next leaf after the tree of its history.

    The inclusion path of a last leaf is made of the complete subtrees before it, so it proves the older head as well: a
    service that keeps two logs cannot show the history from one and the release from the other.
    """
    proof = parse_proof(package.members[PROOF].decode())
    size = parse_checkpoint(open_note(proof.checkpoint, head.origin, _log_key(package))).size
    return (proof.index, size) == (head.size, head.size + 1) and fold(proof.hashes[::-1]) == head.root


def _holds(event: PriorEvent, head: Checkpoint) -> bool:
    hashes: Sequence[bytes] = [base64.b64decode(text, validate=True) for text in event.hashes]
    return verify_inclusion(leaf_hash(event.leaf.encode()), event.index, head.size, hashes, head.root)


def _reviewed(package: _Package) -> str:
    approvals = [one for one in package.predicate.reviewers if one.decision == "approve"]
    people = {one.pseudonym for one in approvals}
    if not package.predicate.reviewers and package.predicate.synthetic:
        return "synthetic data, released by checks alone"
    if not package.predicate.reviewers:
        return "released by checks alone, as the policy allows"
    delegates = {one.pseudonym for one in approvals if one.role == "reviewer_owner"}
    if len(people) < 2 or len(delegates) < len(package.predicate.owners):
        raise _Broken("fewer than two people approved, or a data owner's delegate is missing")
    return f"{len(people)} people approved, a delegate of each data owner among them"


def _cost(package: _Package) -> str:
    privacy = package.predicate.privacy
    if any(privacy.plan.get(name) != getattr(privacy, name) for name in ("epsilon", "delta", "rho", "delta_tau")):
        raise _Broken("the stated cost is not that of the plan")
    try:
        found = recompute(cast("Mapping[str, Json]", privacy.plan))
    except YuneiError:
        raise _Broken("the plan cannot be read") from None
    if found.disagreements:
        raise _Broken("recomputed cost disagrees: " + ", ".join(found.disagreements))
    derived = (
        f"rho {float(found.rho):.6g}, that is epsilon {found.epsilon_zcdp:.4f}, by loss distributions {found.epsilon_pld:.4f}"
    )
    return f"epsilon {privacy.epsilon} at delta {privacy.delta} covers what was derived again: {derived}"


def _validity(package: _Package) -> str:
    validity = package.predicate.validity
    return f"usable until {validity.expires}; ask {validity.status} whether it was recalled"


def _opening(package: _Package) -> Opening:
    data = package.members[OPENING]
    try:
        opening = parse_opening(json.loads(data))
    except (ValueError, RecursionError):
        raise _Broken("the opening is malformed") from None
    if canonical_bytes(opening.as_json()) != data:
        raise _Broken("the opening is not in canonical form")
    return opening


def _log_key(package: _Package) -> bytes:
    key = package.trust.get("log")
    if key is None:
        raise _Broken("no trusted key log")
    return key


_STEPS: tuple[tuple[str, Callable[[_Package], str]], ...] = (
    ("signatures", _signatures),
    ("files", _files),
    ("formats", _formats),
    ("logged", _logged),
    ("inclusion", _included),
    ("history", _history),
    ("reviewers", _reviewed),
    ("cost", _cost),
    ("validity", _validity),
)
_INDEPENDENT = frozenset({"signatures", "files", "logged", "inclusion"})
"""Steps that can be judged whatever else failed; the others speak of a statement that must first be believed."""

"""Offline verification against an adversary who owns the package, the disk, or one of the keys."""

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from egress.release.bundle import MANIFEST, OPENING, PROOF, pack, unpack
from egress.release.dsse import PAYLOAD_TYPE, Envelope, decode, pae, sign
from egress.release.verify import VerifyReport, public_keys, verify
from sandbox.kernel.canonical import canonical_bytes, digest_bytes
from sandbox.kernel.keys import KeyRing
from tests.fakes_release import PRIVATE_PLAN, Stage, keyed, stage


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = stage(tmp_path_factory.mktemp("town"))
    yield made
    made.db.close()


@pytest.fixture(scope="module")
def package(town: Stage) -> bytes:
    return town.releases.bundle(town.who("per-zhao"), town.released(result=keyed("甲", "乙"), plan=PRIVATE_PLAN))


@pytest.fixture(scope="module")
def trust(town: Stage) -> Mapping[str, str]:
    return public_keys(town.keys)


def failing(report: VerifyReport) -> set[str]:
    return {step.name for step in report.steps if step.verdict == "fail"}


def test_an_untouched_package_passes_every_step(package: bytes, trust: Mapping[str, str]) -> None:
    report = verify(package, trust)
    assert report.passed
    assert [step.name for step in report.steps] == [
        "package",
        "signatures",
        "files",
        "formats",
        "logged",
        "inclusion",
        "history",
        "reviewers",
        "cost",
        "validity",
    ]
    assert report.as_json()["passed"] is True
    assert report.predicate is not None


def test_a_flip_of_any_byte_fails(package: bytes, trust: Mapping[str, str]) -> None:
    ends = 1_000  # headers, names and the directory: all of them; of the contents, which digests cover, every seventh
    for place in {*range(ends), *range(len(package) - ends, len(package)), *range(0, len(package), 7)}:
        changed = bytearray(package)
        changed[place] ^= 1 << (place % 8)
        assert not verify(bytes(changed), trust).passed, place


@pytest.mark.parametrize("member", ["data.csv", "data.parquet", "data.arrow", "data.json", MANIFEST, OPENING, PROOF])
def test_a_flip_of_any_byte_fails_even_when_repacked(package: bytes, trust: Mapping[str, str], member: str) -> None:
    members = unpack(package)
    data = members[member]
    for place in range(0, len(data), max(1, len(data) // 150)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert not verify(pack({**members, member: changed}), trust).passed, place


@pytest.mark.parametrize(
    "cut",
    [
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda _: b"",
        lambda data: data[: len(data) // 2],
        lambda _: b"PK\x05\x06" + b"\0" * 18,
    ],
)
def test_other_files_are_not_packages(package: bytes, trust: Mapping[str, str], cut: Callable[[bytes], bytes]) -> None:
    report = verify(cut(package), trust)
    assert failing(report) == {"package"}
    assert report.predicate is None


def test_files_may_neither_lack_nor_be_added(package: bytes, trust: Mapping[str, str]) -> None:
    members = unpack(package)
    for name in members:
        assert not verify(pack({other: data for other, data in members.items() if other != name}), trust).passed
    assert not verify(pack({**members, "read.me": b"trust me"}), trust).passed


@pytest.mark.parametrize("name", ["log", "service", "owner-org-health"])
def test_every_trusted_key_is_needed(package: bytes, trust: Mapping[str, str], name: str, tmp_path: Path) -> None:
    assert not verify(package, {other: key for other, key in trust.items() if other != name}).passed
    foreign = KeyRing(tmp_path)
    foreign.create(name)
    assert not verify(package, {**trust, **public_keys(foreign)}).passed
    assert not verify(package, {**trust, name: "not base64!"}).passed


def resigned(town: Stage, package: bytes, change: Callable[[dict[str, Any]], object], *signers: str) -> bytes:
    """What somebody who holds signing keys, but not the log's past, can make of a package."""
    members = unpack(package)
    statement = json.loads(decode(members[MANIFEST]).payload)
    change(statement)
    chosen = [town.keys.signer(name) for name in signers or ("service", "owner-org-health")]
    return pack({**members, MANIFEST: sign(canonical_bytes(statement), chosen).encode()})


def test_a_signature_of_the_owner_is_not_optional(town: Stage, package: bytes, trust: Mapping[str, str]) -> None:
    assert "signatures" in failing(verify(resigned(town, package, lambda _: None, "service"), trust))
    extra = resigned(town, package, lambda _: None, "service", "owner-org-health", "owner-org-other")
    assert "signatures" in failing(verify(extra, trust))


def test_a_second_manifest_is_not_in_the_log(town: Stage, package: bytes, trust: Mapping[str, str]) -> None:
    other = resigned(town, package, lambda statement: statement["predicate"].update(purpose="marketing"))
    assert failing(verify(other, trust)) == {"logged"}


def test_a_foreign_log_entry_does_not_pass(town: Stage, package: bytes, trust: Mapping[str, str]) -> None:
    other = unpack(
        town.releases.bundle(town.who("per-zhao"), town.released(job="job-2", result=keyed("甲", "乙"), plan=PRIVATE_PLAN))
    )
    mixed = pack({**unpack(package), OPENING: other[OPENING], PROOF: other[PROOF]})
    assert "logged" in failing(verify(mixed, trust))
    assert "inclusion" in failing(verify(pack({**unpack(package), PROOF: other[PROOF]}), trust))


def _understate(statement: dict[str, Any]) -> None:
    statement["predicate"]["privacy"]["epsilon"] = "0.1"
    statement["predicate"]["privacy"]["plan"]["epsilon"] = "0.1"


def relogged(
    town: Stage,
    package: bytes,
    change: Callable[[dict[str, Any]], object],
    then: Callable[[Stage], object] = lambda _: None,
    signers: tuple[str, ...] = (),
) -> bytes:
    """What a dishonest service could make that also writes the log: only the content itself can betray it.

    `then` happens between history and release, where an honest service does nothing.
    """
    from sandbox.kernel.audit.model import AuditEvent
    from sandbox.kernel.audit.note import parse_proof

    with town.db.write() as tx:
        checkpoint = town.audit.checkpoint(tx)

        def told_anew(statement: dict[str, Any]) -> None:
            log = statement["predicate"]["log"]
            log["checkpoint"] = checkpoint
            for event in log["events"]:
                hashes = parse_proof(town.audit.proof(tx, event["index"])).hashes
                event["hashes"] = [base64.b64encode(step).decode() for step in hashes]
            change(statement)

        members = unpack(resigned(town, package, told_anew, *signers))
    opening = json.loads(members[OPENING])["event"]
    opening["payload"]["manifest"] = digest_bytes(members[MANIFEST])
    then(town)
    with town.db.write() as tx:
        index = town.audit.append(
            tx, AuditEvent(opening["type"], opening["subject"], opening["actor"], tuple(opening["tenants"]), opening["payload"])
        )
        found, proof = town.audit.opening(tx, index), town.audit.proof(tx, index)
    return pack({**members, OPENING: canonical_bytes(found.as_json()), PROOF: proof.encode()})


def test_a_relogged_package_is_built_right(town: Stage, package: bytes, trust: Mapping[str, str]) -> None:
    assert verify(relogged(town, package, lambda _: None), trust).passed


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (_understate, "cost"),
        (lambda s: s["predicate"]["privacy"].update(epsilon="0.5"), "cost"),
        (lambda s: s["predicate"]["privacy"]["plan"].pop("cores"), "cost"),
        (lambda s: s["predicate"]["privacy"]["plan"]["cores"][0].pop("parts"), "cost"),
        (lambda s: s["predicate"]["privacy"]["plan"]["cores"].append(s["predicate"]["privacy"]["plan"]["cores"][0]), "cost"),
        (lambda s: s["predicate"]["reviewers"].pop(), "reviewers"),
        (lambda s: s["predicate"]["reviewers"][1].update(pseudonym=s["predicate"]["reviewers"][0]["pseudonym"]), "reviewers"),
        (lambda s: s["predicate"].update(rows=7), "formats"),
        (lambda s: s["predicate"]["columns"].pop(), "formats"),
        (lambda s: s["predicate"]["columns"][0].update(type="nothing"), "formats"),
        (lambda s: s["subject"].pop(), "files"),
        (lambda s: s["subject"].append({"name": "data.csv", "digest": {"sha256": "0" * 64}}), "files"),
        (lambda s: s["predicate"]["log"]["events"][0].update(leaf="{}"), "history"),
        (lambda s: s["predicate"]["log"]["events"][0].update(hashes=["no base64"]), "history"),
        (lambda s: s["predicate"]["log"].update(checkpoint="nothing"), "history"),
        (lambda s: s["predicate"]["log"].update(events=[e for e in s["predicate"]["log"]["events"] if e["type"] != "review.approved"]), "history"),
        (lambda s: s["predicate"].update(surprise=1), "package"),
        (lambda s: s.update(predicateType="https://other.example/v1"), "package"),
    ],
)  # fmt: skip
def test_a_false_statement_is_found_though_signed_and_logged(
    town: Stage, package: bytes, trust: Mapping[str, str], change: Callable[[dict[str, Any]], object], step: str
) -> None:
    assert step in failing(verify(relogged(town, package, change), trust))


def test_a_release_far_from_its_history_is_found(town: Stage, package: bytes, trust: Mapping[str, str]) -> None:
    late = relogged(town, package, lambda _: None, lambda stage: stage.open(job="job-between"))
    assert failing(verify(late, trust)) == {"history"}


def test_history_from_one_log_and_release_from_another_is_found(
    town: Stage, package: bytes, trust: Mapping[str, str], tmp_path: Path
) -> None:
    """Two trees of the same size under the same key: each proof holds, but not both in one log."""
    from sandbox.kernel.audit.model import AuditEvent

    other = stage(tmp_path)
    try:
        (tmp_path / "keys" / "log.ed25519").write_bytes((town.keys.directory / "log.ed25519").read_bytes())
        members = unpack(relogged(town, package, lambda _: None))
        event = json.loads(members[OPENING])["event"]
        facts = (event["type"], event["subject"], event["actor"], tuple(event["tenants"]), event["payload"])
        with other.db.write() as tx:
            while (index := other.audit.append(tx, AuditEvent(*facts))) < json.loads(members[OPENING])["index"]:
                pass
            opening, proof = other.audit.opening(tx, index), other.audit.proof(tx, index)
    finally:
        other.db.close()
    forked = pack({**members, OPENING: canonical_bytes(opening.as_json()), PROOF: proof.encode()})
    assert failing(verify(forked, trust)) == {"history"}


def test_without_a_data_owner_nothing_is_a_release(town: Stage, package: bytes, trust: Mapping[str, str]) -> None:
    def change(statement: dict[str, Any]) -> None:
        statement["predicate"].update(owners=[], reviewers=[])

    assert "signatures" in failing(verify(resigned(town, package, change, "service"), trust))


def test_each_data_owner_needs_its_own_delegate(town: Stage, package: bytes, trust: Mapping[str, str]) -> None:
    def change(statement: dict[str, Any]) -> None:
        statement["predicate"].update(owners=["org-health", "org-other"])

    forged = relogged(town, package, change, signers=("service", "owner-org-health", "owner-org-other"))
    assert failing(verify(forged, trust)) == {"reviewers"}


@pytest.mark.parametrize("value", [None, 5, ["x"], "ünicode"])
def test_a_trust_file_of_another_form_is_reported_never_raised(package: bytes, trust: Mapping[str, str], value: Any) -> None:
    assert failing(verify(package, {**trust, "log": value})) == {"package"}


def test_formats_that_tell_two_stories_are_found(town: Stage, package: bytes, trust: Mapping[str, str]) -> None:
    members = unpack(package)
    csv = members["data.csv"].replace(b"100", b"900")

    def change(statement: dict[str, Any]) -> None:
        for subject in statement["subject"]:
            if subject["name"] == "data.csv":
                subject["digest"]["sha256"] = digest_bytes(csv).removeprefix("sha256:")

    assert failing(verify(relogged(town, pack({**members, "data.csv": csv}), change), trust)) == {"formats"}


def test_verification_needs_neither_database_nor_private_key(package: bytes, trust: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "release.zip").write_bytes(package)
    (tmp_path / "trust.json").write_text(json.dumps(trust))
    program = (
        "import json, sys\nfrom pathlib import Path\nfrom egress.release.verify import verify\n"
        "report = verify(Path('release.zip').read_bytes(), json.loads(Path('trust.json').read_text()))\n"
        "assert report.passed\nassert 'sqlalchemy' not in sys.modules\nprint('ok')"
    )
    import sys

    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "ok", ran.stderr[-500:]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release.zip", "trust.json"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("name", ["service", "owner-org-health"])
def test_openssl_alone_verifies_the_manifest(package: bytes, trust: Mapping[str, str], tmp_path: Path, name: str) -> None:
    document = json.loads(unpack(package)[MANIFEST])
    (tmp_path / "message").write_bytes(pae(document["payloadType"], base64.b64decode(document["payload"])))
    signature = next(line["sig"] for line in document["signatures"] if line["keyid"] == name)
    (tmp_path / "sig").write_bytes(base64.b64decode(signature))
    (tmp_path / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + base64.b64decode(trust[name]))
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


HOSTILE = [
    b"", b"\xff\xfe", b"[]", b"{}", b"null", b"[" * 100_000, b'{"a":' * 100_000, b"1e999", b'{"v":1}', b'{"v":1.0,"index":0,"tick":"","nonce":"","event":{}}',
    b'{"event":{"x":1.5},"index":0,"nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","tick":"2026","v":1}',
    b'{"event":{},"index":0,"nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","tick":"\\u0000","v":1}',
    b'{"event":{},"index":-1,"nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","tick":"2026","v":1}',
    b"c2sp.org/tlog-proof@v1\nindex 99999999999999999999\n\nx", b"c2sp.org/tlog-proof@v1\nindex 0\n\n\n\n",
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(HOSTILE)))
@pytest.mark.parametrize("member", [MANIFEST, OPENING, PROOF, "data.csv", "data.arrow"])
def test_hostile_members_are_reported_never_raised(package: bytes, trust: Mapping[str, str], member: str, place: int) -> None:
    assert failing(verify(pack({**unpack(package), member: HOSTILE[place]}), trust))


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["predicate"]["privacy"]["plan"].update(epsilon=1.5),
        lambda s: s["predicate"]["privacy"]["plan"].update(extra=2**60),
        lambda s: s["predicate"]["privacy"]["plan"].update(extra="\ud800"),
        lambda s: s.update(_type=1),
        lambda s: s["predicate"].update(rows=True),
    ],
)
def test_hostile_statements_are_reported_never_raised(
    package: bytes, trust: Mapping[str, str], change: Callable[[dict[str, Any]], object]
) -> None:
    members = unpack(package)
    statement = json.loads(decode(members[MANIFEST]).payload)
    change(statement)
    envelope = Envelope(
        PAYLOAD_TYPE, json.dumps(statement, sort_keys=True, separators=(",", ":")).encode(), {"service": bytes(64)}
    )
    assert failing(verify(pack({**members, MANIFEST: envelope.encode()}), trust)) == {"package"}


def test_another_payload_type_is_no_release(package: bytes, trust: Mapping[str, str]) -> None:
    members = unpack(package)
    envelope = decode(members[MANIFEST])
    other = Envelope("text/plain", envelope.payload, envelope.signatures)
    assert failing(verify(pack({**members, MANIFEST: other.encode()}), trust)) == {"package"}


def test_entries_that_share_bytes_do_not_fill_the_memory(trust: Mapping[str, str]) -> None:
    import io
    import zipfile

    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("a", b"x" * 100_000)
        archive.filelist.extend([archive.filelist[0]] * 30)
    assert failing(verify(sink.getvalue(), trust)) == {"package"}

"""Applying a directory: whole or not at all, once or again, signed in production."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select

from connectors.progress import Progress
from connectors.store import snapshots
from policies.store import institutions_of
from sandbox.jobs.apply import apply
from sandbox.jobs.apply_model import ApplyReport
from sandbox.jobs.apply_signed import Step, last_step, next_step, tree_digest
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.settings import Settings
from tests.apply_directory import AGREEMENT, CANARY, CSV, Site, documents, open_site, write_directory


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = open_site(tmp_path)
    yield site
    site.db.close()


def apply_to(site: Site, directory: Path) -> ApplyReport:
    return apply(site, directory, "system")


def refused(code: str) -> Any:
    return pytest.raises(YuneiError, match=rf"^{code}:")


def test_a_directory_is_brought_in_whole(site: Site, tmp_path: Path) -> None:
    report = apply_to(site, write_directory(tmp_path / "dir"))
    assert report.changed["keys"] == ("log", "service", "owner-org-health")
    assert report.changed["extracts"] == (f"{AGREEMENT} dev", f"{AGREEMENT} prod")
    with site.db.read() as tx:
        agreement, grant = site.tenants.agreement(tx, AGREEMENT), site.policies.grant(tx, AGREEMENT)
        assert agreement is not None
        assert agreement.state == "active"
        assert grant is not None
        assert institutions_of(tx, AGREEMENT) == frozenset({"org-health"})
        assert set(site.catalog.items(tx).items) == {"residents"}
        assert site.supply.canaries(tx) == (CANARY,)
        view = site.ledger.agreement(tx, AGREEMENT)
        for environment in ("dev", "prod"):
            workspace = site.supply.workspace(tx, AGREEMENT, environment)  # type: ignore[arg-type]
            assert workspace is not None
            assert workspace.grant_digest == grant.digest
    assert view is not None
    assert site.tenants.authenticate(site.tenants.issue_token("per-an", None, 1)).organisation == "org-operator"


def test_the_files_of_a_table_may_lie_in_a_folder(site: Site, tmp_path: Path) -> None:
    head, *lines = CSV.splitlines(keepends=True)
    parts = {f"residents/{number:02}.csv": head + line for number, line in enumerate(lines)}
    apply_to(site, write_directory(tmp_path / "parts", data=parts))
    apply_to(site, write_directory(tmp_path / "whole", data={"residents.csv": CSV}))
    with site.db.read() as tx:
        found = tx.execute(select(snapshots.c.digest, snapshots.c.row_count).order_by(snapshots.c.id)).all()
    assert len(found) == 2
    assert len(set(found)) == 1
    assert found[0].row_count == len(lines) > 1


def test_every_object_is_one_event(site: Site, tmp_path: Path) -> None:
    apply_to(site, write_directory(tmp_path / "dir"))
    events = Counter(site.events())
    assert set(events.values()) == {1}
    kinds = Counter(kind for kind, _ in events)
    assert kinds == {
        "key.created": 3,
        "organisation.registered": 5,
        "person.registered": 6,
        "agreement.activated": 1,
        "catalog.put": 1,
        "canaries.planted": 1,
        "snapshot.ingested": 1,
        "snapshot.checked": 1,
        "policy.published": 1,
        "budget.granted": 2,
        "extract.built": 2,
    }


def test_the_same_directory_again_changes_and_logs_nothing(site: Site, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    apply_to(site, directory)
    before = site.events()
    assert apply_to(site, directory).changed == {}
    assert site.events() == before


def test_what_changed_is_brought_in_and_nothing_else(site: Site, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    apply_to(site, directory)
    files = documents()
    files["people.yaml"][1]["roles"] = []
    files["policies/clinic.yaml"]["version"] = 2
    files["policies/clinic.yaml"]["protection"]["epsilon"] = "5"
    report = apply_to(site, write_directory(directory, files, {"residents.csv": CSV + "r999,男,x\n"}))
    assert report.changed == {
        "people": ("per-wang",),
        "snapshots": ("residents",),
        "policies": ("clinic",),
        "budgets": (AGREEMENT,),
        "extracts": (f"{AGREEMENT} dev", f"{AGREEMENT} prod"),
    }


def test_leaving_an_object_out_does_not_remove_it(site: Site, tmp_path: Path) -> None:
    apply_to(site, write_directory(tmp_path / "one"))
    files = documents()
    files["people.yaml"].pop(0)
    assert apply_to(site, write_directory(tmp_path / "two", files)).changed == {}
    with site.db.read() as tx:
        assert site.tenants.person(tx, "per-an").roles


def test_a_directory_with_a_fault_applies_nothing(site: Site, tmp_path: Path) -> None:
    files = documents()
    files["budgets.yaml"] = []
    with refused("APPLY_INVALID"):
        apply_to(site, write_directory(tmp_path / "dir", files))
    assert site.events() == []
    assert not site.settings.keys.exists()


def test_data_that_do_not_fit_apply_nothing(site: Site, tmp_path: Path) -> None:
    with refused("DATA_INVALID") as caught:
        apply_to(site, write_directory(tmp_path / "dir", data={"residents.csv": "resident_id,gender\nr1,男\n"}))
    assert CANARY not in str(caught.value.facts)
    assert site.events() == []
    with site.db.read() as tx:
        assert site.tenants.agreement(tx, AGREEMENT) is None


@pytest.mark.parametrize(
    ("file", "index", "field", "value", "code"),
    [
        ("organisations.yaml", 3, "kind", "auditor", "OBJECT_FIXED"),
        ("agreements.yaml", 0, "operation_agreement", "opa-other", "OBJECT_FIXED"),
        ("policies/clinic.yaml", None, "purpose", ["marketing"], "POLICY_VERSION_USED"),
    ],
)
def test_what_is_fixed_stays_and_the_rest_is_not_applied(
    site: Site, tmp_path: Path, file: str, index: int | None, field: str, value: object, code: str
) -> None:
    files = documents()
    files["people.yaml"] = files["people.yaml"][:2]
    apply_to(site, write_directory(tmp_path / "one", files))
    before = site.events()
    target = files[file] if index is None else files[file][index]
    target[field] = value
    files["people.yaml"].append({"id": "per-new", "organisation": "org-operator", "name": "新", "roles": ["operator"]})
    with refused(code):
        apply_to(site, write_directory(tmp_path / "two", files))
    assert site.events() == before


def test_a_policy_version_never_goes_back(site: Site, tmp_path: Path) -> None:
    files = documents()
    files["policies/clinic.yaml"]["version"] = 3
    apply_to(site, write_directory(tmp_path / "dir", files))
    files["policies/clinic.yaml"]["version"] = 2
    with refused("POLICY_VERSION_USED"):
        apply_to(site, write_directory(tmp_path / "dir", files))


def test_a_key_made_before_a_crash_is_logged_by_the_next_apply(site: Site, tmp_path: Path) -> None:
    site.keys.create("log", "service", "owner-org-health")
    apply_to(site, write_directory(tmp_path / "dir"))
    assert [kind for kind, _ in site.events()].count("key.created") == 3


def test_no_planted_value_reaches_the_log(site: Site, tmp_path: Path) -> None:
    apply_to(site, write_directory(tmp_path / "dir"))
    with site.db.read() as tx:
        assert CANARY not in str(site.audit.events(tx, None, -1, 1000))


def test_progress_names_steps_in_order(site: Site, tmp_path: Path) -> None:
    steps: list[str] = []

    class Heard(Progress):
        def begin(self, step: str, subject: str, rows: int | None = None) -> None:
            steps.append(f"{step} {subject} {rows}" if step in {"ingest", "extract"} else step)

        def done(self, rows: int) -> None:
            steps.append(f"{rows} done")

    apply(site, write_directory(tmp_path / "dir"), "system", Heard())
    rows = len(CSV.splitlines()) - 1
    taken = ["ingest residents None", f"ingest residents {rows}", f"{rows} done"]
    assert steps == ["read", *taken, "register", "build", "build", f"extract residents {rows}", f"{rows} done"]


def test_what_is_written_to_the_directory_meanwhile_has_no_effect(site: Site, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")

    class Meanwhile(Progress):
        def begin(self, step: str, subject: str, rows: int | None = None) -> None:
            if step == "ingest" and rows is None:
                write_directory(directory, data={"residents.csv": CSV.replace("r001", "r101")})

    apply(site, directory, "system", Meanwhile())
    assert apply_to(site, write_directory(tmp_path / "again")).changed == {}
    assert list((site.settings.data_dir / "apply").iterdir()) == []


def test_nothing_of_an_apply_that_failed_stays(site: Site, tmp_path: Path) -> None:
    with refused("DATA_INVALID"):
        apply_to(site, write_directory(tmp_path / "dir", data={"residents.csv": "resident_id,gender\nr1,男\n"}))
    assert list((site.settings.data_dir / "apply").iterdir()) == []


# production


def production(tmp_path: Path) -> Site:
    settings = Settings(data_dir=tmp_path / "var").model_copy(update={"deployment": "production", "keys_dir": tmp_path / "keys"})
    return open_site(tmp_path, settings)


def text_to_sign(site: Site, directory: Path) -> bytes:
    with site.db.read() as tx:
        return next_step(tree_digest(directory), last_step(tx, site.audit)).text


def sign(site: Site, directory: Path, person: str, key: Ed25519PrivateKey, text: bytes | None = None) -> None:
    administrators = site.settings.keys / "administrators"
    administrators.mkdir(parents=True, exist_ok=True)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (administrators / f"{person}.pem").write_bytes(pem)
    (directory / "signatures").mkdir(exist_ok=True)
    (directory / "signatures" / f"{person}.sig").write_bytes(key.sign(text or text_to_sign(site, directory)))


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Site]:
    site = production(tmp_path)
    yield site
    site.db.close()


def test_production_applies_what_two_administrators_signed(guarded: Site, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    for person in ("per-xi", "per-mi"):
        sign(guarded, directory, person, Ed25519PrivateKey.generate())
    apply_to(guarded, directory)
    before = guarded.events()
    assert before[0] == ("apply.signed", "apply")
    assert apply_to(guarded, directory).changed == {}
    assert guarded.events() == before


def signed(site: Site, directory: Path, files: dict[str, Any], keys: dict[str, Ed25519PrivateKey]) -> Path:
    write_directory(directory, files)
    for person, key in keys.items():
        sign(site, directory, person, key)
    return directory


def test_a_signed_directory_is_not_applied_again_after_another(guarded: Site, tmp_path: Path) -> None:
    keys = {person: Ed25519PrivateKey.generate() for person in ("per-xi", "per-mi")}
    generous, files = documents(), documents()
    files["people.yaml"][0]["roles"] = []
    old = signed(guarded, tmp_path / "old", generous, keys)
    apply_to(guarded, old)
    new = signed(guarded, tmp_path / "new", files, keys)
    assert apply_to(guarded, new).changed["people"] == ("per-an",)
    before = guarded.events()
    with refused("APPLY_UNSIGNED") as caught:
        apply_to(guarded, old)
    assert caught.value.facts["after"] == Step(tree_digest(new), Step(tree_digest(old), None).digest).digest
    assert guarded.events() == before
    assert apply_to(guarded, new).changed == {}
    assert apply_to(guarded, signed(guarded, old, generous, keys)).changed == {"people": ("per-an",)}
    with refused("APPLY_UNSIGNED"):
        apply_to(guarded, new)


def test_a_text_signed_for_another_place_in_the_order_is_refused(guarded: Site, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    for person in ("per-xi", "per-mi"):
        text = Step(tree_digest(directory), "sha256:" + "0" * 64).text
        sign(guarded, directory, person, Ed25519PrivateKey.generate(), text)
    with refused("APPLY_UNSIGNED"):
        apply_to(guarded, directory)


def test_nobody_becomes_a_signer_by_the_directory_that_they_sign(guarded: Site, tmp_path: Path) -> None:
    keys = {person: Ed25519PrivateKey.generate() for person in ("per-xi", "per-mi")}
    apply_to(guarded, signed(guarded, tmp_path / "dir", documents(), keys))
    files = documents()
    for person in ("per-eve", "per-eva"):
        files["people.yaml"].append({"id": person, "organisation": "org-platform", "name": "新", "roles": ["admin_system"]})
    newcomers = {person: Ed25519PrivateKey.generate() for person in ("per-eve", "per-eva")}
    with refused("APPLY_UNSIGNED"):
        apply_to(guarded, signed(guarded, tmp_path / "taken", files, newcomers))
    assert apply_to(guarded, signed(guarded, tmp_path / "given", files, keys)).changed == {"people": ("per-eve", "per-eva")}
    files["people.yaml"][3]["roles"] = []
    apply_to(guarded, signed(guarded, tmp_path / "left", files, newcomers))
    with refused("APPLY_UNSIGNED"):
        apply_to(guarded, signed(guarded, tmp_path / "back", documents(), keys))


def test_one_signature_is_not_enough(guarded: Site, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    sign(guarded, directory, "per-xi", Ed25519PrivateKey.generate())
    with refused("APPLY_UNSIGNED") as caught:
        apply_to(guarded, directory)
    assert caught.value.facts == {"digest": tree_digest(directory), "after": None, "signers": ["per-xi"], "needed": 2}
    assert guarded.events() == []


def test_one_key_under_two_names_is_one_signature(guarded: Site, tmp_path: Path) -> None:
    directory, key = write_directory(tmp_path / "dir"), Ed25519PrivateKey.generate()
    for person in ("per-xi", "per-mi"):
        sign(guarded, directory, person, key)
    with refused("APPLY_UNSIGNED"):
        apply_to(guarded, directory)


@pytest.mark.parametrize("second", ["per-shen", "per-an", "per-stranger"])
def test_only_system_and_security_administrators_sign(guarded: Site, tmp_path: Path, second: str) -> None:
    directory = write_directory(tmp_path / "dir")
    for person in ("per-xi", second):
        sign(guarded, directory, person, Ed25519PrivateKey.generate())
    with refused("APPLY_UNSIGNED"):
        apply_to(guarded, directory)


def test_a_byte_changed_after_signing_is_noticed(guarded: Site, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    for person in ("per-xi", "per-mi"):
        sign(guarded, directory, person, Ed25519PrivateKey.generate())
    write_directory(directory, data={"residents.csv": CSV.replace("r001", "r101")})
    with refused("APPLY_UNSIGNED"):
        apply_to(guarded, directory)


def test_a_key_inside_the_directory_proves_nothing(guarded: Site, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    for person in ("per-xi", "per-mi"):
        sign(guarded, directory, person, Ed25519PrivateKey.generate())
        (guarded.settings.keys / "administrators" / f"{person}.pem").write_text("not a key")
    with refused("APPLY_UNSIGNED"):
        apply_to(guarded, directory)


def test_openssl_makes_the_signatures(guarded: Site, tmp_path: Path) -> None:
    directory = write_directory(tmp_path / "dir")
    administrators = guarded.settings.keys / "administrators"
    administrators.mkdir(parents=True)
    (directory / "signatures").mkdir()
    text = tmp_path / "text"
    text.write_bytes(text_to_sign(guarded, directory))
    for person in ("per-xi", "per-mi"):
        key = tmp_path / f"{person}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
        public = administrators / f"{person}.pem"
        subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True)
        signature = directory / "signatures" / f"{person}.sig"
        command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", text, "-out", signature]
        subprocess.run(command, check=True, capture_output=True)
    assert apply_to(guarded, directory).changed["policies"] == ("clinic",)

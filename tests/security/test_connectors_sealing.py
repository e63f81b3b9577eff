"""Extracts at rest: no plain byte on disk, no change that opens, no copy that outlives its key."""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import opening as opening_module
from connectors.opening import Opening, memory_backed, remove_abandoned
from connectors.sealing import CHUNK, MAGIC, Sealer
from connectors.service import SupplyService
from sandbox.kernel.canonical import digest_bytes
from sandbox.kernel.db import Transaction
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.settings import OPEN_DIR
from tests.supply_domain import AGREEMENT, VISITS, Domain, resident, visit, visits

KEY, SALT, TAG = bytes(range(32)), 32, 16


def sealed(directory: Path, plain: bytes) -> Path:
    with Sealer(KEY, "ext-a").file(directory, "visits") as file:
        for start in range(0, len(plain), 300_001):
            file.write(plain[start : start + 300_001])
        assert file.tell() == len(plain)
    assert file.digest == digest_bytes(plain)
    return directory / "visits.sealed"


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 17])
def test_what_is_sealed_opens_to_the_same_bytes(tmp_path: Path, size: int) -> None:
    plain = os.urandom(size)
    path = sealed(tmp_path, plain)
    assert b"".join(Sealer(KEY, "ext-a").chunks(path, "visits")) == plain
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_same_bytes_are_sealed_differently_each_time(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert sealed(tmp_path, bytes(64)).read_bytes()[-80:] != sealed(tmp_path / "other", bytes(64)).read_bytes()[-80:]


HEADER = len(MAGIC) + SALT
ATTACKS = {
    "cut off at a chunk": lambda whole: whole[: HEADER + CHUNK + TAG],
    "cut off within a chunk": lambda whole: whole[:-1],
    "without any chunk": lambda whole: whole[:HEADER],
    "empty": lambda _: b"",
    "longer by a byte": lambda whole: whole + b"\0",
    "a chunk twice": lambda whole: whole[: HEADER + CHUNK + TAG] + whole[HEADER:],
    "chunks exchanged": lambda whole: (
        whole[:HEADER]
        + whole[HEADER + CHUNK + TAG : HEADER + 2 * (CHUNK + TAG)]
        + whole[HEADER : HEADER + CHUNK + TAG]
        + whole[HEADER + 2 * (CHUNK + TAG) :]
    ),
    "first chunk lost": lambda whole: whole[:HEADER] + whole[HEADER + CHUNK + TAG :],
    "another salt": lambda whole: whole[: len(MAGIC)] + bytes(SALT) + whole[HEADER:],
    "another format": lambda whole: b"x" + whole[1:],
    "last bit": lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_changed_opens(tmp_path: Path, attack: str) -> None:
    path = sealed(tmp_path, os.urandom(2 * CHUNK + 5))
    path.write_bytes(ATTACKS[attack](path.read_bytes()))
    with pytest.raises(YuneiError) as refused:
        list(Sealer(KEY, "ext-a").chunks(path, "visits"))
    assert (refused.value.code, refused.value.facts["rule"]) == ("SUPPLY_FAILED", "EXTRACT_CHANGED")


@given(st.data())
def test_no_bit_anywhere_may_change(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = sealed(tmp_path_factory.mktemp("bits"), b"thirty-two plain bytes and some " * 3)
    whole = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[place // 8] ^= 1 << place % 8
    path.write_bytes(whole)
    assert Sealer(KEY, "ext-a").digest(path, "visits") is None


@pytest.mark.parametrize(
    ("sealer", "table"),
    [(Sealer(bytes(32), "ext-a"), "visits"), (Sealer(KEY, "ext-b"), "visits"), (Sealer(KEY, "ext-a"), "residents")],
)
def test_a_file_opens_only_under_its_key_extract_and_table(tmp_path: Path, sealer: Sealer, table: str) -> None:
    assert sealer.digest(sealed(tmp_path, b"rows"), table) is None


def test_no_plain_byte_of_an_extract_is_on_disk(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a", code="J06.9")])
    tables = domain.build()
    assert "J06" in str(tables["visits"]["code"].to_pylist())
    files = [path for path in (domain.data / "extracts").rglob("*") if path.is_file()]
    assert len(files) == 3
    for path in files:
        whole = path.read_bytes()
        assert not any(found in whole for found in (b"J06", b"code", b"PAR1", b"ARROW"))


def test_ending_an_agreement_makes_what_was_sealed_noise_everywhere(domain: Domain, tmp_path: Path) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    domain.build(environment="dev")
    workspace, vault = domain.workspace(), domain.supply.vault
    backup = {ref.path: Path(ref.path).read_bytes() for ref in workspace.extracts}
    with vault.opened(workspace.extracts) as opened:
        copies = [Path(ref.path) for ref in opened]
    assert all(copy.exists() for copy in copies), "kept open for the next run"
    with domain.db.write() as tx:
        domain.supply.destroy(tx, {"agreement": AGREEMENT, "parties": ["org-a"]})
    assert not any(copy.exists() for copy in copies)
    assert not [path for path in (domain.data / "extracts").rglob("*") if path.is_file()]
    for path, whole in backup.items():  # a backup of the data directory comes back
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(whole)
    with pytest.raises(YuneiError, match="KEY_MISSING"), vault.opened(workspace.extracts):
        pass
    with domain.db.read() as tx:
        assert domain.supply.extracts_of(tx, workspace.id) == ()
    with pytest.raises(YuneiError, match="KEY_MISSING"):
        domain.build()
    records = [event for event in domain.audit.events if event.type == "workspace.destroyed"]
    assert [(one.subject, one.tenants, one.payload["environment"]) for one in records] == [
        (AGREEMENT, ("org-a",), "dev"),
        (AGREEMENT, ("org-a",), "prod"),
    ]
    assert records[1].payload["extracts"] == [workspace.id]


def test_what_was_built_while_its_agreement_ended_is_not_registered(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    domain.load([resident("a")], [visit("a")])
    register = SupplyService._register

    def overtaken(self: SupplyService, tx: Transaction, *given: object) -> None:
        domain.supply.vault.destroy(AGREEMENT, "prod")
        register(self, tx, *given)

    monkeypatch.setattr(SupplyService, "_register", overtaken)
    with pytest.raises(YuneiError, match="KEY_MISSING"):
        domain.build()
    with domain.db.read() as tx:
        assert domain.supply.workspace(tx, AGREEMENT, "prod") is None
    assert not [path for path in (domain.data / "extracts").rglob("*") if path.is_file()]
    assert not [event for event in domain.audit.events if event.type == "extract.built"]


def test_a_file_that_cannot_be_read_gives_a_code_and_no_path(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    ref = domain.workspace().extracts[0]
    Path(ref.path).unlink()
    Path(ref.path).mkdir()
    for act in (lambda: domain.supply.vault.changed([ref]), domain.build):
        with pytest.raises(YuneiError, match="SUPPLY_FAILED") as refused:
            act()
        assert refused.value.facts == {"table": ref.table, "rule": "FILE_SYSTEM"}
        assert refused.value.__cause__ is None


def test_what_earlier_versions_left_unsealed_goes_when_its_workspace_is_made_anew(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    old = Path(domain.workspace().extracts[0].path).parents[1] / "ext_before"
    old.mkdir()
    (old / "visits.parquet").write_bytes(b"plain")
    domain.ingest(VISITS, visits([visit("a"), visit("a", 2)]))
    domain.build()
    files = [path for path in (domain.data / "extracts").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".sealed"}
    assert len(files) == 6, "the sealed ones before it stay for replay"


@pytest.mark.parametrize("failing", [False, True])
def test_a_copy_that_a_run_reads_goes_when_the_run_ends(domain: Domain, *, failing: bool) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    paths: list[Path] = []

    def run() -> None:
        with domain.supply.vault.opened(domain.workspace().extracts) as opened:
            paths.extend(Path(ref.path) for ref in opened)
            domain.supply.vault.destroy(AGREEMENT, "prod")
            assert all(pq.read_metadata(path).num_rows >= 0 for path in paths)
            if failing:
                raise InterruptedError

    with pytest.raises(InterruptedError) if failing else nullcontext():
        run()
    assert len(paths) == 3
    assert not any(path.exists() for path in paths)


def test_a_newer_extract_closes_the_copies_of_the_one_before(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    with domain.supply.vault.opened(domain.workspace().extracts) as opened:
        before = [Path(ref.path) for ref in opened]
    domain.ingest(VISITS, visits([visit("a"), visit("a", 2)]))
    domain.build()
    assert not any(path.exists() for path in before)


def test_a_copy_is_memory_backed_and_private(domain: Domain) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    with domain.supply.vault.opened(domain.workspace().extracts) as opened:
        for ref in opened:
            assert memory_backed(Path(ref.path))
            assert Path(ref.path).parent.stat().st_mode & 0o777 == 0o700


def test_a_directory_on_a_disk_is_refused(domain: Domain, tmp_path: Path) -> None:
    if memory_backed(tmp_path):
        pytest.skip("the temporary directory is in memory here")
    with pytest.raises(YuneiError, match="OPEN_DIR_UNSAFE"):
        Opening(tmp_path, lambda _: True).check()
    with pytest.raises(YuneiError, match="OPEN_DIR_UNSAFE"):
        Opening(tmp_path / "absent", lambda _: True).check()


def test_a_full_memory_gives_up_idle_copies_first(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    domain.load([resident("a")], [visit("a")])
    domain.build()
    domain.build(environment="dev")
    vault = domain.supply.vault
    vault.opening.close()
    with vault.opened(domain.workspace().extracts) as opened:
        idle = [Path(ref.path) for ref in opened]
    write, full = Opening._write, [True]

    def sometimes(self: Opening, one: opening_module.SealedExtract) -> object:
        if full.pop() if full else False:
            raise YuneiError("DISK_FULL")
        return write(self, one)

    monkeypatch.setattr(Opening, "_write", sometimes)
    with vault.opened(domain.workspace("dev").extracts) as opened:
        assert len(opened) == 3
        assert not any(path.exists() for path in idle)
        full.append(True)
        vault.opening._open.pop(next(iter(vault.opening._open)))
        with pytest.raises(YuneiError, match="DISK_FULL"), vault.opened(domain.workspace("dev").extracts):
            pass


DIES = """
import os, sys
from pathlib import Path
from connectors.opening import Opening
one = Opening(Path(sys.argv[1]), lambda _: True)
print(one._directory(), flush=True)
(one._directory() / "rows").write_bytes(b"plain")
sys.stdin.read(1)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_left_is_removed_by_the_next_and_not_while_it_lives() -> None:
    parent = OPEN_DIR
    command = [sys.executable, "-c", DIES, str(parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        remove_abandoned(parent)
        assert left.exists(), "it lives"
        process.stdin.write("x")
        process.stdin.close()
        assert process.wait() == -9
    assert (left / "rows").exists()
    remove_abandoned(parent)
    assert not left.exists()

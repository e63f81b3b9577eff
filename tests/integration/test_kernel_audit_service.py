"""The log over a real database: one transaction, insert-only, scoped openings, proofs."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from sandbox.kernel.audit import merkle
from sandbox.kernel.audit.model import AuditEvent, parse_opening, proves
from sandbox.kernel.audit.note import open_note, parse_checkpoint, parse_proof
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import canonical_bytes
from sandbox.kernel.clock import ManualClock
from sandbox.kernel.db import Database, Transaction, metadata
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing

ORIGIN = "yunei.example/log"


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    keys = KeyRing(tmp_path / "keys")
    keys.create("log")
    return AuditLog(keys, ManualClock(datetime(2026, 11, 23, 8, 0, 0, 250_000, UTC)), 5, ORIGIN)


def event(number: int, *tenants: str) -> AuditEvent:
    return AuditEvent("job.submitted", f"job-{number}", "per-wang", tenants, {"number": number})


def test_every_event_is_provable(db: Database, log: AuditLog) -> None:
    public = log.keys.signer("log").public
    with db.write() as tx:
        for number in range(13):
            assert log.append(tx, event(number)) == number
    with db.read() as tx:
        for number in range(13):
            opening = log.opening(tx, number)
            assert parse_opening(json.loads(canonical_bytes(opening.as_json()))) == opening
            assert proves(log.proof(tx, number), opening, ORIGIN, public)
            assert not proves(log.proof(tx, (number + 1) % 13), opening, ORIGIN, public)
            assert not proves(log.proof(tx, number), opening, "other.example/log", public)
            assert not proves("nonsense", opening, ORIGIN, public)


def test_a_leaf_tells_only_place_tick_and_commitment(db: Database, log: AuditLog) -> None:
    with db.write() as tx:
        log.append_all(tx, [event(1, "org-a"), event(1, "org-a")])
        first, second = (json.loads(leaf) for leaf in log.leaves(tx, -1, 10))
    assert set(first) == {"v", "index", "tick", "commit"}
    assert first["tick"] == "2026-11-23T08:00:05.000000Z"
    assert first["commit"] != second["commit"], "equal events must not look equal"


def test_rollback_takes_the_event_with_it(db: Database, log: AuditLog) -> None:
    with pytest.raises(RuntimeError), db.write() as tx:  # noqa: PT012 - the block is the act
        log.append(tx, event(1))
        raise RuntimeError
    with db.read() as tx:
        assert log.events(tx, None, -1, 10) == ()


def full_disk(tx: Transaction) -> None:
    """Let every further leaf fail, as a full disk would."""
    if tx.dialect.name == "sqlite":
        tx.execute(text("CREATE TRIGGER full BEFORE INSERT ON audit_leaf BEGIN SELECT RAISE(ABORT, 'no'); END"))
    else:
        tx.execute(text('CREATE TRIGGER "full" BEFORE INSERT ON audit_leaf EXECUTE FUNCTION yunei_insert_only()'))


def test_a_failing_append_fails_the_act(db: Database, log: AuditLog) -> None:
    with db.write() as tx:
        tx.execute(text("CREATE TABLE act (id INTEGER)"))
        full_disk(tx)
    with pytest.raises(IntegrityError), db.write() as tx:  # noqa: PT012 - the block is the act
        tx.execute(text("INSERT INTO act VALUES (1)"))
        log.append(tx, event(1))
    with db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM act")).scalar_one() == 0


@pytest.mark.parametrize("table", ["audit_leaf", "audit_node", "audit_checkpoint", "audit_tenant", "audit_event"])
def test_rows_are_insert_only(db: Database, log: AuditLog, table: str) -> None:
    with db.write() as tx:
        log.append(tx, event(1, "org-a"))
        log.checkpoint(tx)
        column = inspect(tx).get_columns(table)[0]["name"]
    with pytest.raises(IntegrityError, match="insert only"), db.write() as tx:
        tx.execute(text(f"UPDATE {table} SET {column} = {column}"))
    emptying = [] if table == "audit_event" else [f"DELETE FROM {table}"]  # an opening may be erased
    if db.engine.dialect.name == "postgresql":
        emptying.append(f"TRUNCATE {table} CASCADE")
    for act in emptying:
        with pytest.raises(IntegrityError, match="insert only"), db.write() as tx:
            tx.execute(text(act))


def test_an_erased_opening_leaves_the_tree_valid(db: Database, log: AuditLog) -> None:
    with db.write() as tx:
        log.append_all(tx, [event(number) for number in range(5)])
        kept = log.opening(tx, 3)
        tx.execute(text("DELETE FROM audit_event WHERE leaf_index = 2"))
        with pytest.raises(YuneiError, match="NOT_FOUND"):
            log.opening(tx, 2)
        assert proves(log.proof(tx, 3), kept, ORIGIN, log.keys.signer("log").public)


def test_tenants_open_only_their_own(db: Database, log: AuditLog) -> None:
    with db.write() as tx:
        log.append_all(tx, [event(0, "org-a"), event(1, "org-b"), event(2, "org-a", "org-b"), event(3)])
        seen = {
            who: [one.index for one in log.events(tx, frozenset(who), -1, 10)]
            for who in (("org-a",), ("org-b",), ("org-c",), ("org-a", "org-b"))
        }
        assert seen == {("org-a",): [0, 2], ("org-b",): [1, 2], ("org-c",): [], ("org-a", "org-b"): [0, 1, 2]}
        assert log.events(tx, frozenset(), -1, 10) == ()
        assert [one.index for one in log.events(tx, None, 0, 2)] == [1, 2]
        assert [one.event.subject for one in log.events(tx, None, -1, 10, "job-2")] == ["job-2"]


def test_checkpoints_are_consistent_as_the_log_grows(db: Database, log: AuditLog) -> None:
    public = log.keys.signer("log").public
    heads = []
    with db.write() as tx:
        empty = parse_checkpoint(open_note(log.checkpoint(tx), ORIGIN, public))
        assert (empty.size, empty.root) == (0, merkle.EMPTY_ROOT)
        for number in range(20):
            log.append(tx, event(number))
            note = log.checkpoint(tx)
            assert note == log.checkpoint(tx)
            heads.append(parse_checkpoint(open_note(note, ORIGIN, public)))
        for old in heads:
            for new in heads[old.size - 1 :]:
                proof = log.consistency(tx, old.size, new.size)
                assert merkle.verify_consistency(old.size, old.root, new.size, new.root, proof)
        for old_size, new_size in ((0, 4), (5, 4), (1, 21)):
            with pytest.raises(YuneiError, match="NOT_FOUND"):
                log.consistency(tx, old_size, new_size)
        with pytest.raises(YuneiError, match="NOT_FOUND"):
            log.proof(tx, 20)
        assert log.append_all(tx, ()) == 20


def test_changing_a_stored_leaf_breaks_its_proof(db: Database, log: AuditLog, tmp_path: Path) -> None:
    with db.write() as tx:
        log.append_all(tx, [event(number) for number in range(4)])
        on_table = " ON audit_event" if db.engine.dialect.name == "postgresql" else ""
        tx.execute(text(f"DROP TRIGGER audit_event_no_update{on_table}"))
        tx.execute(text("UPDATE audit_event SET event = replace(event, 'per-wang', 'per-li00') WHERE leaf_index = 1"))
        assert not proves(log.proof(tx, 1), log.opening(tx, 1), ORIGIN, log.keys.signer("log").public)


def test_writers_at_once_make_one_log_without_gaps(db: Database, log: AuditLog) -> None:
    def write(worker: int) -> None:
        for number in range(10):
            with db.write() as tx:
                log.append(tx, event(worker * 100 + number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    with db.read() as tx:
        stored = log.events(tx, None, -1, 1_000)
        assert [one.index for one in stored] == list(range(40))
        assert len({one.event.subject for one in stored}) == 40
        assert all(
            proves(log.proof(tx, index), log.opening(tx, index), ORIGIN, log.keys.signer("log").public) for index in range(40)
        )


@pytest.mark.parametrize("document", [None, {}, {"v": 2}, {"v": True}, []])
def test_malformed_openings(document: object) -> None:
    with pytest.raises(ValueError):
        parse_opening(document)  # type: ignore[arg-type]


@pytest.mark.skipif(shutil.which("go") is None, reason="go is not installed")
def test_go_sumdb_accepts_note_and_proof(db: Database, log: AuditLog, tmp_path: Path) -> None:
    import subprocess

    from sandbox.kernel.audit.note import verifier_key

    with db.write() as tx:
        log.append_all(tx, [event(number) for number in range(9)])
        proof, leaf = log.proof(tx, 4), log.leaves(tx, 3, 1)[0]
    program = """package main
import ("encoding/base64";"fmt";"os";"strconv";"strings";"golang.org/x/mod/sumdb/note";"golang.org/x/mod/sumdb/tlog")
func main() {
 raw, _ := os.ReadFile(os.Args[1]); leaf, _ := os.ReadFile(os.Args[2])
 v, err := note.NewVerifier(os.Args[3]); if err != nil { panic(err) }
 head, body, _ := strings.Cut(string(raw), "\\n\\n")
 n, err := note.Open([]byte(body), note.VerifierList(v)); if err != nil { panic(err) }
 text := strings.Split(n.Text, "\\n"); size, _ := strconv.ParseInt(text[1], 10, 64)
 var root tlog.Hash; b, _ := base64.StdEncoding.DecodeString(text[2]); copy(root[:], b)
 lines := strings.Split(head, "\\n"); index, _ := strconv.ParseInt(lines[1][6:], 10, 64)
 var p tlog.RecordProof
 for _, l := range lines[2:] { var h tlog.Hash; b, _ := base64.StdEncoding.DecodeString(l); copy(h[:], b); p = append(p, h) }
 if err := tlog.CheckRecord(p, size, root, index, tlog.RecordHash(leaf)); err != nil { panic(err) }
 fmt.Print("ok")
}"""
    (tmp_path / "main.go").write_text(program)
    (tmp_path / "proof").write_text(proof)
    (tmp_path / "leaf").write_bytes(leaf)
    key = verifier_key(ORIGIN, log.keys.signer("log").public)
    ran = subprocess.run(
        ["go", "run", "main.go", "proof", "leaf", key],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert ran.stdout == "ok", ran.stderr
    assert parse_proof(proof).index == 4

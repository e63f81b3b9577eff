"""Somebody with the database and the disk changes what is stored; the step of the replay that covers it fails."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import text

from sandbox.jobs.replay.run import Replayer
from sandbox.kernel.audit.store import trigger_ddl
from sandbox.kernel.ids import new_id
from tests.small_city import AVERAGE_SQL, City, ask, small_city


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory):
    with small_city(tmp_path_factory.mktemp("tamper"), residents=500, visits=1500) as made:
        made.promote(AVERAGE_SQL)
        made.released = made.release(AVERAGE_SQL, "tamper")
        made.container.releases.content(made.person("per-zhao"), made.released["release"], "csv")
        with made.container.db.write() as tx:
            names = tx.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            assert names, "evidence has no insert-only triggers"
            for name in names:
                tx.execute(text(f"DROP TRIGGER {name}"))
        yield made


def verdicts(city: City) -> dict[int, str]:
    return city.replayed(city.released["release"])


def flipped(value: object) -> object:
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    if isinstance(value, int):
        return value + 1
    text = str(value)
    place = max((p for p, c in enumerate(text) if c.isalnum()), key=lambda p: -abs(p - len(text) // 2))
    return text[:place] + ("1" if text[place] != "1" else "2") + text[place + 1 :]


@contextmanager
def changed(city: City, table: str, column: str, where: str) -> Iterator[None]:
    with city.container.db.write() as tx:
        key, value = tx.execute(text(f"SELECT rowid, {column} FROM {table} WHERE {where} LIMIT 1")).one()
        assert value is not None
        tx.execute(text(f"UPDATE {table} SET {column} = :v WHERE rowid = :k"), {"v": flipped(value), "k": key})
    try:
        yield
    finally:
        with city.container.db.write() as tx:
            tx.execute(text(f"UPDATE {table} SET {column} = :v WHERE rowid = :k"), {"v": value, "k": key})


ROWS = [
    (1, "audit_event", "event", "subject = '{job}'"),
    (1, "audit_leaf", "leaf", "leaf_index = (SELECT leaf_index FROM audit_event WHERE subject = '{job}' LIMIT 1)"),
    (2, "release_vote", "comment", "request = '{review}'"),
    (2, "release_request", "dossier", "id = '{review}'"),
    (2, "release_request", "report", "id = '{review}'"),
    (3, "job", "query", "id = '{job}'"),
    (5, "job_outcome", "exact_digest", "job = '{job}'"),
    (6, "ledger_entry", "rho", "job = '{job}'"),
    (7, "job_outcome", "sealed", "job = '{job}'"),
    (1, "job", "state", "id = '{job}'"),
    (1, "job", "operator", "id = '{job}'"),
    (1, "job", "person", "id = '{job}'"),
    (1, "release_request", "state", "id = '{review}'"),
    (1, "release_request", "submitter", "id = '{review}'"),
    (2, "release_request", "route", "id = '{review}'"),
    (2, "release_request", "result", "id = '{review}'"),
    (6, "ledger_account", "committed_rho", "scope = 'agreement//agr-clinic-usage'"),
    (6, "ledger_account", "jobs", "scope = 'agreement//agr-clinic-usage'"),
    (8, "release", "recipient", "id = '{release}'"),
    (8, "release", "operator", "id = '{release}'"),
    (8, "release", "institutions", "id = '{release}'"),
    (8, "release", "environment", "id = '{release}'"),
    (8, "release", "expires", "id = '{release}'"),
    (8, "release", "bundle", "id = '{release}'"),
    (8, "release_delivery", "digest", "release = '{release}'"),
    (8, "release_delivery", "person", "release = '{release}'"),
    (8, "release", "event", "id = '{release}'"),
    (8, "release", "envelope", "id = '{release}'"),
]


@pytest.mark.parametrize(("step", "table", "column", "where"), ROWS, ids=[f"{row[1]}.{row[2]}" for row in ROWS])
def test_a_changed_row_fails_the_step_that_covers_it(city: City, step: int, table: str, column: str, where: str) -> None:
    names = {"job": city.released["id"], "review": city.released["review"], "release": city.released["release"]}
    with changed(city, table, column, where.format(**names)):
        found = verdicts(city)
        assert found[step] == "fail", found


def test_a_charge_of_another_job_that_was_lowered_everywhere_is_found(city: City) -> None:
    """Entry and accounts still agree with each other; the plan that was logged for that job costs more than they say."""
    other = city.submit(ask(AVERAGE_SQL, epsilon="0.13"), "lowered")["id"]
    city.until(other, frozenset({"in_egress"}))
    assert verdicts(city)[6] == "pass"
    with city.container.db.write() as tx:
        before = Fraction(tx.execute(text("SELECT rho FROM ledger_entry WHERE job = :j"), {"j": other}).scalar_one())
        scopes = tx.execute(text("SELECT scope FROM ledger_charge WHERE job = :j"), {"j": other}).scalars().all()

    def move(amount: Fraction) -> None:
        with city.container.db.write() as tx:
            for scope in scopes:
                held = tx.execute(text("SELECT committed_rho FROM ledger_account WHERE scope = :s"), {"s": scope}).scalar_one()
                tx.execute(
                    text("UPDATE ledger_account SET committed_rho = :v WHERE scope = :s"),
                    {"v": str(Fraction(held) + amount), "s": scope},
                )
            left = Fraction(tx.execute(text("SELECT rho FROM ledger_entry WHERE job = :j"), {"j": other}).scalar_one()) + amount
            tx.execute(text("UPDATE ledger_entry SET rho = :v WHERE job = :j"), {"v": str(left), "j": other})
            assert city.container.ledger.balanced(tx)

    move(-before / 2)
    try:
        assert verdicts(city)[6] == "fail"
    finally:
        move(before / 2)
    assert verdicts(city)[6] == "pass"


@contextmanager
def gone(city: City, table: str, where: str) -> Iterator[None]:
    with city.container.db.write() as tx:
        tx.execute(text("PRAGMA defer_foreign_keys = ON"))
        tx.execute(text(f"CREATE TABLE kept AS SELECT * FROM {table} WHERE {where}"))
        assert tx.execute(text(f"DELETE FROM {table} WHERE {where}")).rowcount > 0
    try:
        yield
    finally:
        with city.container.db.write() as tx:
            tx.execute(text(f"INSERT INTO {table} SELECT * FROM kept"))
            tx.execute(text("DROP TABLE kept"))


@pytest.mark.parametrize(
    ("step", "table", "where"),
    [
        (1, "audit_event", "subject = '{review}' AND event LIKE '%review.voted%'"),
        (1, "audit_event", "subject = '{review}' AND event LIKE '%review.opened%'"),
        (1, "audit_event", "subject = '{job}' AND event LIKE '%job.submitted%'"),
        (8, "release_delivery", "release = '{release}'"),
        (2, "release_vote", "request = '{review}'"),
    ],
)
def test_a_row_that_is_gone_fails_the_step_that_covers_it(city: City, step: int, table: str, where: str) -> None:
    names = {"job": city.released["id"], "review": city.released["review"], "release": city.released["release"]}
    with gone(city, table, where.format(**names)):
        assert verdicts(city)[step] == "fail"


def test_another_release_under_this_name_is_found(city: City) -> None:
    """A whole, signed, logged package of somebody else's job is put in the place of this one."""
    with city.container.db.write() as tx:
        kept = tx.execute(text("SELECT envelope, bundle, objects, event FROM release WHERE id = :r"), {"r": released(city)}).one()
        put = "UPDATE release SET envelope = :e, bundle = :b, objects = :o, event = :v WHERE id = :r"
        other = tx.execute(
            text("SELECT envelope, bundle, objects, event FROM release WHERE id <> :r"), {"r": released(city)}
        ).first()
        tx.execute(text(put), dict(zip("ebov", other, strict=True)) | {"r": released(city)})
    try:
        assert verdicts(city)[8] == "fail"
    finally:
        with city.container.db.write() as tx:
            tx.execute(text(put), dict(zip("ebov", kept, strict=True)) | {"r": released(city)})


def released(city: City) -> str:
    return str(city.released["release"])


def objects(city: City) -> list[Path]:
    return sorted(path for path in (city.container.settings.data_dir / "objects").rglob("*") if path.is_file())


def test_a_changed_file_fails_delivery_and_an_extract_its_own_step(city: City) -> None:
    with city.container.db.read() as tx:
        row = tx.execute(
            text("SELECT envelope, bundle, objects FROM release WHERE id = :r"), {"r": city.released["release"]}
        ).one()
    of_release = [path for path in objects(city) if any(path.name in str(value) for value in row)]
    assert len(of_release) >= 5
    workspace = city.container.settings.data_dir / "extracts" / "prod" / "agr-clinic-usage"
    extracts = list(workspace.rglob("*.sealed"))
    for path, step in [*((path, 8) for path in of_release), *((path, 4) for path in extracts)]:
        whole = path.read_bytes()
        path.write_bytes(flipped(whole))
        try:
            assert verdicts(city)[step] == "fail", path
        finally:
            path.write_bytes(whole)


def test_unchanged_everything_passes_and_the_noise_is_answered_once(city: City) -> None:
    with city.container.db.write() as tx:
        tx.execute(text("DELETE FROM replay_noise"))
    assert set(verdicts(city).values()) == {"pass"}
    again = verdicts(city)
    assert again.pop(7) == "not_checkable"
    assert set(again.values()) == {"pass"}


def test_two_replays_at_once_answer_the_noise_once(city: City) -> None:
    with city.container.db.write() as tx:
        tx.execute(text("DELETE FROM replay_noise"))
    container, auditor = city.container, city.person("per-zhou")
    made = [container.replay.replay(auditor, city.released["release"], new_id("key"))["id"] for _ in range(2)]
    replayer = Replayer(container.parts, container.objects, city.runtime)
    leased = [replayer.take() for _ in made]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(replayer.make, leased))
    reports = [container.replay.get(auditor, name)["report"] for name in made]
    answers = [next(step["verdict"] for step in report["steps"] if step["step"] == 7) for report in reports]
    assert sorted(answers) == ["not_checkable", "pass"]


def test_leaves_cannot_be_updated_or_deleted_while_the_triggers_stand(city: City) -> None:
    from sqlalchemy.exc import IntegrityError, OperationalError

    statements = [
        statement for table in ("audit_event", "audit_leaf", "audit_node") for statement in trigger_ddl(table, "sqlite")
    ]
    with city.container.db.write() as tx:
        for statement in statements:
            tx.execute(text(statement))
    for attack in ("DELETE FROM audit_leaf", "UPDATE audit_event SET actor = 'nobody'", "DELETE FROM audit_node"):
        with pytest.raises((IntegrityError, OperationalError)):
            run(city, attack)


def run(city: City, statement: str) -> None:
    with city.container.db.write() as tx:
        tx.execute(text(statement))

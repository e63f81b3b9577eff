"""Packaging and delivery: what approval rested on is computed again, only the recipient fetches, recall is at once."""

import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from egress.release import store
from egress.release.bundle import unpack
from egress.release.dsse import decode
from egress.release.verify import public_keys, verify
from sandbox.kernel.canonical import digest_bytes
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.outbox.service import publish
from sandbox.kernel.roles import Role
from tests.fakes_release import PRIVATE_PLAN, Stage, keyed, stage

PUBLIC_FORMATS = ("csv", "parquet", "arrow", "json", "xlsx")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Stage]:
    made = stage(tmp_path)
    yield made
    made.db.close()


def refused(code: str, act: Any, *arguments: Any) -> None:
    with pytest.raises(YuneiError) as caught:
        act(*arguments)
    assert caught.value.code == code


def test_an_approved_request_is_released_once(town: Stage) -> None:
    release = town.released()
    request = str(town.releases.get(town.who("per-zhao"), release)["request"])
    with town.db.write() as tx:
        publish(tx, "release.approved", {"request": request})
        assert town.releases.is_active(tx, release)
        assert not town.releases.is_active(tx, "rel-none")
    town.work()
    assert town.ended == [{"job": "job-1", "state": "released", "release": release}]
    assert town.types(request).count("release.released") == 1


def test_a_package_for_something_unknown_or_undecided_is_refused(town: Stage) -> None:
    request = town.open()
    with town.db.write() as tx:
        refused("NOT_FOUND", town.releases.package, tx, {"request": "req-none"})
        refused("ILLEGAL_TRANSITION", town.releases.package, tx, {"request": request})


@pytest.mark.parametrize("name", PUBLIC_FORMATS)
def test_the_recipient_fetches_every_format_and_each_fetch_is_evidence(town: Stage, name: str) -> None:
    release = town.released()
    data = town.releases.content(town.who("per-zhao"), release, name)
    shown = town.releases.get(town.who("per-zhao"), release)
    assert shown["deliveries"] == 1
    with town.db.read() as tx:
        last = town.audit.events(tx, frozenset({"org-insurer"}), -1, 1_000)[-1].event
    assert (last.type, last.actor) == ("release.delivered", "per-zhao")
    assert last.payload["digest"] == digest_bytes(data)
    assert last.payload["format"] == name


@pytest.mark.parametrize("person", ["per-an", "per-sun", "per-wang", "per-bai", "per-li", "per-zhou", "per-root"])
def test_nobody_else_fetches(town: Stage, person: str) -> None:
    release = town.released()
    for name in PUBLIC_FORMATS:
        refused("NOT_FOUND", town.releases.content, town.who(person), release, name)
    refused("NOT_FOUND", town.releases.bundle, town.who(person), release)
    with town.db.read() as tx:
        assert store.deliveries_of(tx, release) == ()


@pytest.mark.parametrize(
    ("person", "sees"),
    [
        ("per-an", True),
        ("per-zhao", True),
        ("per-wang", True),
        ("per-li", True),
        ("per-zhou", True),
        ("per-sun", False),
        ("per-bai", False),
        ("per-root", False),
    ],
)
def test_who_sees_that_a_release_exists(town: Stage, person: str, sees: bool) -> None:
    release = town.released()
    listed = [item["id"] for item in town.releases.list(town.who(person), None, 10).items]
    assert listed == ([release] if sees else [])
    if sees:
        assert town.releases.manifest(town.who(person), release)["id"] == release
    else:
        refused("NOT_FOUND", town.releases.manifest, town.who(person), release)
        refused("NOT_FOUND", town.releases.get, town.who(person), release)
        refused("NOT_FOUND", town.releases.recall, town.who(person), release, "x", "k")


def test_releases_are_paged(town: Stage) -> None:
    made = sorted(town.released(job=f"job-{number}") for number in range(3))
    first = town.releases.list(town.who("per-zhou"), None, 2)
    second = town.releases.list(town.who("per-zhou"), first.next, 2)
    assert [item["id"] for item in (*first.items, *second.items)] == made
    assert second.next is None


def test_an_unknown_format_is_malformed(town: Stage) -> None:
    refused("MALFORMED", town.releases.content, town.who("per-zhao"), town.released(), "exe")


def test_a_synthetic_result_goes_to_the_operator_only_and_says_so(town: Stage) -> None:
    release = town.released(environment="dev", route="auto")
    town.releases.bundle(town.who("per-an"), release)
    refused("NOT_FOUND", town.releases.bundle, town.who("per-zhao"), release)
    predicate = verify(town.releases.bundle(town.who("per-an"), release), public_keys(town.keys)).predicate
    assert predicate is not None
    assert (predicate.synthetic, predicate.recipient, predicate.reviewers) == (True, "org-operator", [])
    assert any("synthetic" in notice.en for notice in predicate.notices)


def test_the_manifest_states_what_it_must(town: Stage) -> None:
    release = town.released(result=keyed("甲"), plan=PRIVATE_PLAN)
    shown = town.releases.manifest(town.who("per-zhao"), release)
    predicate = shown["statement"]["predicate"]  # type: ignore[index, call-overload]
    assert {line["role"] for line in predicate["reviewers"]} == {"reviewer_owner", "reviewer_authority"}  # type: ignore[index, call-overload, union-attr]
    assert any("may be missing" in notice["en"] for notice in predicate["notices"])  # type: ignore[index, call-overload, union-attr]
    for person in ("per-wang", "per-li", "per-an"):
        assert person not in json.dumps(shown), "the recipient learns no names"
    assert shown["recall"] is None


def test_the_package_holds_no_primitive_and_no_name(town: Stage) -> None:
    data = town.releases.bundle(town.who("per-zhao"), town.released())
    for secret in (b"987654321", (987_654_321).to_bytes(8, "little"), b"per-wang", b"per-li", b"per-an"):
        for name, member in unpack(data).items():
            held = decode(member).payload if name == "manifest.dsse.json" else member
            assert secret not in held, name


def test_the_workbook_runs_nothing(town: Stage) -> None:
    release = town.released(result=keyed("=1+1", "@SUM(A1)"), plan=PRIVATE_PLAN)
    data = town.releases.content(town.who("per-zhao"), release, "xlsx")
    assert data == town.releases.content(town.who("per-zhao"), release, "xlsx")
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheets = "".join(book.read(name).decode() for name in book.namelist() if name.startswith("xl/"))
    assert "<f>" not in sheets
    assert "'=1+1" in sheets
    assert release in sheets


def test_after_recall_nobody_fetches_and_all_who_did_are_named(town: Stage) -> None:
    release = town.released()
    town.releases.bundle(town.who("per-zhao"), release)
    refused("COMMENT_REQUIRED", town.releases.recall, town.who("per-wang"), release, " ", "k")
    refused("TOO_LARGE", town.releases.recall, town.who("per-wang"), release, "x" * 2_001, "k")
    refused("NOT_PERMITTED", town.releases.recall, town.who("per-zhao"), release, "x", "k")
    refused("NOT_PERMITTED", town.releases.recall, town.who("per-zhou"), release, "x", "k")
    first = town.releases.recall(town.who("per-wang"), release, "source data were wrong", "k")
    assert [(one["person"], one["format"]) for one in first["fetched"]] == [("per-zhao", "bundle")]  # type: ignore[union-attr, index, call-overload]
    assert town.releases.recall(town.who("per-wang"), release, "source data were wrong", "k") == first
    refused("IDEMPOTENCY_CLASH", town.releases.recall, town.who("per-wang"), release, "other", "k")
    refused("ILLEGAL_TRANSITION", town.releases.recall, town.who("per-li"), release, "again", "k")
    for name in PUBLIC_FORMATS:
        refused("RELEASE_RECALLED", town.releases.content, town.who("per-zhao"), release, name)
    refused("RELEASE_RECALLED", town.releases.bundle, town.who("per-zhao"), release)
    refused("NOT_FOUND", town.releases.bundle, town.who("per-sun"), release)
    shown = town.releases.manifest(town.who("per-zhao"), release)
    assert shown["state"] == "recalled"
    envelope = decode(json.dumps(first["envelope"], separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode())
    assert envelope.signed_by("service", town.keys.signer("service").public)
    with town.db.read() as tx:
        assert not town.releases.is_active(tx, release)
        last = town.audit.events(tx, frozenset({"org-insurer"}), -1, 1_000)[-1].event
    assert (last.type, last.payload["statement"]) == ("release.recalled", digest_bytes(envelope.encode()))


def test_after_its_last_day_a_release_ends(town: Stage) -> None:
    release = town.released(expires="2026-11-23")
    town.clock.advance(14 * 3_600)  # 23:00 in China
    town.releases.bundle(town.who("per-zhao"), release)
    town.clock.advance(3_600)
    refused("RELEASE_EXPIRED", town.releases.bundle, town.who("per-zhao"), release)
    with town.db.write() as tx:
        assert not town.releases.is_active(tx, release)
        assert town.reviews.expire(tx) == 1
    assert town.releases.get(town.who("per-zhao"), release)["state"] == "expired"
    refused("RELEASE_EXPIRED", town.releases.content, town.who("per-zhao"), release, "csv")


def test_a_suspended_agreement_stops_deliveries(town: Stage) -> None:
    release = town.released()
    with town.db.write() as tx:
        tx.execute(text("UPDATE service_agreement SET state = 'suspended'"))
    refused("AGREEMENT_SUSPENDED", town.releases.bundle, town.who("per-zhao"), release)


@pytest.mark.parametrize(("column", "day"), [("valid_until", "2026-11-22"), ("valid_from", "2026-11-24")])
def test_outside_the_term_of_the_agreement_nothing_is_fetched(town: Stage, column: str, day: str) -> None:
    release = town.released()
    with town.db.write() as tx:
        assert tx.execute(text(f"UPDATE service_agreement SET {column} = '{day}'")).rowcount == 1
    refused("AGREEMENT_EXPIRED", town.releases.content, town.who("per-zhao"), release, "csv")


def test_a_recall_is_not_undone_by_changing_a_state(town: Stage) -> None:
    release = town.released()
    town.releases.recall(town.who("per-li"), release, "found wrong", "k")
    with town.db.write() as tx:
        assert tx.execute(text("UPDATE release_request SET state = 'released'")).rowcount == 1
        assert not town.releases.is_active(tx, release)
    refused("RELEASE_RECALLED", town.releases.bundle, town.who("per-zhao"), release)


def approved(town: Stage) -> str:
    request = town.open()
    town.vote("per-wang", request)
    town.vote("per-li", request)
    assert town.state(request) == "approved"
    return request


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE release_request SET report = replace(report, '\"pass\"', '\"PASS\"')",
        "UPDATE release_request SET dossier = replace(dossier, 'gender', 'income')",
        'UPDATE release_request SET plan = replace(plan, \'"epsilon":"1"\', \'"epsilon":"9"\')',
        "UPDATE release_request SET expires = '2099-12-31'",
        "UPDATE release_request SET application = 'org-stranger'",
        "UPDATE release_request SET policy_digest = 'sha256:0'",
        "UPDATE release_request SET result = CAST(substr(result, 1, 40) || x'00' || substr(result, 42) AS BLOB)",
        "UPDATE release_request SET result = NULL",
        "UPDATE release_request SET result_digest = 'sha256:0'",
        "UPDATE release_request SET etag = 'sha256:0'",
        "UPDATE release_request SET version = 2",
        "DELETE FROM release_vote WHERE person = 'per-li'",
        "DELETE FROM release_vote WHERE person = 'per-wang'",
        "UPDATE release_vote SET decision = 'reject' WHERE person = 'per-li'",
        "UPDATE release_vote SET person = 'per-wang2' WHERE person = 'per-wang'",
        "UPDATE release_vote SET etag = 'sha256:0'",
        "UPDATE person_role SET until = '2020' WHERE person = 'per-wang'",
        "UPDATE person_role SET organisation = 'org-operator' WHERE person = 'per-wang'",
    ],
)
def test_whatever_changes_after_the_votes_stops_packaging(town: Stage, change: str) -> None:
    request = approved(town)
    with town.db.write() as tx:
        assert tx.execute(text(change.replace("person_role", _roles_table(town)))).rowcount > 0
    town.work()
    assert town.state(request) == "packaging_failed"
    assert town.ended == []
    assert town.releases.list(town.who("per-zhou"), None, 10).items == ()


@pytest.mark.parametrize(
    "change",
    [
        {"route": "auto"},
        {"environment": "dev"},
        {"application": "org-stranger"},
        {"institutions": ()},
        {"route": "auto", "report": {"outcome": "pass"}},
    ],
    ids=str,
)
def test_whoever_writes_the_database_does_not_release_without_votes(town: Stage, change: dict[str, Any]) -> None:
    """The state, the ETag and the message of an approval can all be forged; what the key sealed cannot."""
    from egress.review import store as requests
    from egress.review.opening import bound

    request = town.open()
    town.vote("per-wang", request)
    with town.db.write() as tx:
        kept = requests.by_id(tx, request)
        assert kept is not None
        report = {**kept.report, **change.get("report", {})}
        requests.save(tx, bound(replace(kept, **{**change, "report": report}, state="approved")))
        publish(tx, "release.approved", {"request": request})
    town.work()
    assert town.state(request) == "packaging_failed"
    assert town.ended == []


def _roles_table(town: Stage) -> str:
    from tenants import store as tenants

    return tenants.assignments.name


def test_a_failed_package_is_tried_again_once_its_cause_is_gone(town: Stage) -> None:
    request = approved(town)
    with town.db.write() as tx:
        tx.execute(text("UPDATE release_request SET expires = '2099-12-31'"))
    town.work()
    refused("NOT_FOUND", town.releases.retry, town.who("per-wang"), request)
    refused("NOT_FOUND", town.releases.retry, town.who("per-zhou"), request)
    assert town.releases.retry(town.who("per-li"), request) == "packaging_failed"
    with town.db.write() as tx:
        tx.execute(text("UPDATE release_request SET expires = '2026-12-31'"))
        publish(tx, "release.approved", {"request": request})
    town.work()
    assert town.state(request) == "packaging_failed", "a repeated message is not a decision"
    assert town.releases.retry(town.who("per-li"), request) == "released"
    with town.db.read() as tx:
        logged = [one.event for one in town.audit.events(tx, None, -1, 100, request) if one.event.type == "release.retried"]
    assert [event.actor for event in logged] == ["per-li", "per-li"], "each order to package again has its author"


def test_a_missing_key_or_dossier_waits_and_releases_nothing(town: Stage) -> None:
    request = approved(town)
    key = town.keys.directory / "owner-org-health.ed25519"
    kept = key.read_bytes()
    key.unlink()
    assert town.work() == 0
    assert town.state(request) == "approved"
    key.write_bytes(kept)
    town.clock.advance(60)
    town.work()
    assert town.state(request) == "released"
    other = town.open(dossier={"catalog_digest": "x", "extracts": [], "software": "1"})
    town.vote("per-wang", other)
    town.vote("per-li", other)
    with town.db.write() as tx:
        refused("PACKAGING_FAILED", town.releases.package, tx, {"request": other})


def test_a_log_that_cannot_be_written_stops_release_and_delivery(town: Stage) -> None:
    release = town.released()
    request = approved(town)
    with town.db.write() as tx:
        tx.execute(text("CREATE TRIGGER full BEFORE INSERT ON audit_leaf BEGIN SELECT RAISE(ABORT, 'no'); END"))
    town.work()
    assert town.state(request) == "approved"
    with pytest.raises(Exception, match="no"):
        town.releases.bundle(town.who("per-zhao"), release)
    with town.db.read() as tx:
        assert store.count_deliveries(tx, release) == 0


def test_a_changed_object_is_never_delivered(town: Stage) -> None:
    release = town.released()
    with town.db.read() as tx:
        found = store.by_id(tx, release)
    assert found is not None
    path = town.objects.path(found.objects["data.csv"])
    path.write_bytes(path.read_bytes().replace(b"120", b"121"))
    refused("STORED_BYTES_CHANGED", town.releases.content, town.who("per-zhao"), release, "csv")
    with town.db.read() as tx:
        assert store.count_deliveries(tx, release) == 0


def test_a_reviewer_who_joins_the_recipient_before_packaging_does_not_count(town: Stage) -> None:
    request = approved(town)
    town.clock.advance(10)
    with town.db.write() as tx:
        moved = replace(town.tenants.person(tx, "per-wang"), organisation="org-insurer", roles=frozenset({Role.APPLICATION}))
        town.tenants.put_person(tx, moved, "system")
    town.work()
    assert town.state(request) == "packaging_failed"


def test_workers_at_once_release_once(town: Stage) -> None:
    request = approved(town)
    with town.db.write() as tx:
        publish(tx, "release.approved", {"request": request})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: town.work(), range(4)))
    assert town.types(request).count("release.released") == 1
    assert [body["state"] for body in town.ended] == ["released"]


def test_voters_at_once_are_all_counted_once(town: Stage) -> None:
    request = town.open()
    who = ("per-wang", "per-li")
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(town.vote, person, request, key=f"{person}{turn}") for turn in range(3) for person in who]
    codes = sorted(str(one.exception().code) for one in found if one.exception() is not None)  # type: ignore[union-attr]
    assert codes == ["ALREADY_VOTED"] * 4
    assert town.types(request).count("review.voted") == 2
    assert town.state(request) == "approved"

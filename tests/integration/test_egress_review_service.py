"""Reviews over a real database: visibility, blindness, binding, separation of duties, deadlines, evidence of every act."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from egress.review import store
from policies.policy import Output
from sandbox.kernel.errors import YuneiError
from tests.fakes_release import PEOPLE, Stage, keyed, stage


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Stage]:
    made = stage(tmp_path)
    yield made
    made.db.close()


def refused(code: str, act: Any, *arguments: Any, **named: Any) -> None:
    with pytest.raises(YuneiError) as caught:
        act(*arguments, **named)
    assert caught.value.code == code


def test_two_people_approve_and_every_step_is_logged(town: Stage) -> None:
    request = town.open()
    assert town.state(request) == "in_review"
    assert town.vote("per-wang", request)["state"] == "partially_reviewed"
    assert town.vote("per-li", request)["state"] == "approved"
    assert town.types(request) == ["review.opened", "review.admitted", "review.voted", "review.voted", "review.approved"]


@pytest.mark.parametrize("person", ["per-bai", "per-sun", "per-zhou", "per-root", "per-zhao"])
def test_the_request_does_not_exist_for_others(town: Stage, person: str) -> None:
    request = town.open()
    refused("NOT_FOUND", town.reviews.get, town.who(person), request)
    refused("NOT_FOUND", town.reviews.withdraw, town.who(person), request)
    assert town.reviews.list(town.who(person), None, 10).items == ()
    refused("NOT_FOUND", town.reviews.get, town.who("per-wang"), "req-none")


@pytest.mark.parametrize("person", ["per-an", "per-zhao"])
def test_neither_side_votes(town: Stage, person: str) -> None:
    request = town.open()
    refused("SEPARATION_OF_DUTIES", town.vote, person, request)
    assert town.state(request) == "in_review"


def test_strangers_vote_on_nothing(town: Stage) -> None:
    request = town.open()
    for person in ("per-bai", "per-sun", "per-zhou", "per-root"):
        refused("NOT_FOUND", town.vote, person, request)


def test_the_reviewer_sees_the_exact_bytes_and_the_view_is_evidence(town: Stage) -> None:
    request = town.open()
    shown = town.reviews.get(town.who("per-wang"), request)
    assert shown["result"]["text"] == "性别,n,n_low,n_high\nF,120,110,130\nM,98,88,108\n"  # type: ignore[index, call-overload]
    assert shown["dossier"]["canonical_sql"].startswith("SELECT")  # type: ignore[index, call-overload, union-attr]
    with town.db.read() as tx:
        last = town.audit.events(tx, frozenset({"org-health"}), -1, 1_000, request)[-1]
    assert (last.event.type, last.event.actor) == ("review.viewed", "per-wang")
    assert "987654321" not in json.dumps(shown), "primitives stay sealed"


def test_the_submitting_side_sees_a_coarse_state_only(town: Stage) -> None:
    request = town.open()
    shown = town.reviews.get(town.who("per-an"), request)
    assert set(shown) == {"id", "job", "agreement", "state", "etag", "comments"}
    assert shown["state"] == "in_review"
    assert town.reviews.list(town.who("per-an"), None, 10).items[0]["state"] == "in_review"
    blocked = town.open(result=keyed("张三丰"), canaries=("张三丰",))
    assert town.reviews.get(town.who("per-an"), blocked)["state"] == "returned"


def test_votes_are_blind_until_the_quorum(town: Stage) -> None:
    request = town.open()
    town.vote("per-wang", request, "reject", "secret thought")
    own = town.reviews.get(town.who("per-wang"), request)
    other = town.reviews.get(town.who("per-li"), request)
    assert [one["person"] for one in own["votes"]] == ["per-wang"]  # type: ignore[index, union-attr, call-overload]
    assert other["votes"] == []
    assert "secret thought" not in json.dumps(other)
    with town.db.read() as tx:
        seen = [
            one.event.payload
            for one in town.audit.events(
                tx, frozenset({"org-bureau", "org-health", "org-operator", "org-insurer"}), -1, 1_000, request
            )
        ]
    assert "reject" not in json.dumps(seen), "nor does the log tell before the quorum"
    assert own["etag"] == other["etag"]
    town.vote("per-li", request)
    assert town.state(request) == "in_review", "a conflict asks a third person"
    assert town.reviews.get(town.who("per-ning"), request)["votes"] == [], "who does not see the first two"
    town.vote("per-ning", request)
    assert town.state(request) == "approved"
    assert len(town.reviews.get(town.who("per-ning"), request)["votes"]) == 3  # type: ignore[arg-type]


def test_two_of_the_authority_are_no_quorum(town: Stage) -> None:
    request = town.open()
    town.vote("per-li", request)
    assert town.vote("per-qian", request)["state"] == "partially_reviewed"
    assert town.vote("per-ning", request)["state"] == "approved"


def test_one_person_votes_once(town: Stage) -> None:
    request = town.open()
    town.vote("per-wang", request)
    refused("ALREADY_VOTED", town.vote, "per-wang", request, "reject", "changed my mind")


def test_a_repeated_vote_is_one_vote(town: Stage) -> None:
    request = town.open()
    first = town.vote("per-wang", request, key="k1")
    assert town.vote("per-wang", request, key="k1") == first
    refused("IDEMPOTENCY_CLASH", town.vote, "per-wang", request, "reject", "other", key="k1")


@pytest.mark.parametrize("etag", ["", "*", "sha256:" + "0" * 64])
def test_a_vote_binds_the_evidence_that_was_read(town: Stage, etag: str) -> None:
    request = town.open()
    refused("IF_MATCH_FAILED", town.reviews.vote, town.who("per-wang"), request, "approve", "", etag, "k")


@pytest.mark.parametrize("decision", ["return", "reject"])
def test_no_return_or_rejection_without_a_comment(town: Stage, decision: str) -> None:
    request = town.open()
    refused("COMMENT_REQUIRED", town.vote, "per-wang", request, decision, "  ")
    refused("MALFORMED", town.vote, "per-wang", request, "release")


def test_a_returned_request_is_explained_and_voted_on_anew(town: Stage) -> None:
    request = town.open()
    before = town.etag(request)
    town.vote("per-wang", request, "return", "which hospitals?")
    town.clock.advance(1)
    town.vote("per-li", request, "return", "say why")
    assert town.reviews.get(town.who("per-an"), request)["comments"] == ["which hospitals?", "say why"]
    refused("COMMENT_REQUIRED", town.reviews.revise, town.who("per-an"), request, " ")
    refused("TOO_LARGE", town.reviews.revise, town.who("per-an"), request, "x" * 4_001)
    town.reviews.revise(town.who("per-an"), request, "public hospitals only")
    assert town.state(request) == "in_review"
    assert town.etag(request) != before, "old votes bind nothing any more"
    refused("IF_MATCH_FAILED", town.vote, "per-wang", request, etag=before)
    shown = town.reviews.get(town.who("per-wang"), request)
    assert shown["dossier"]["notes"] == ["public hospitals only"]  # type: ignore[index, call-overload]
    assert shown["votes"] == []
    town.vote("per-wang", request)
    town.vote("per-li", request)
    assert town.state(request) == "approved"


def test_a_returned_request_may_be_withdrawn(town: Stage) -> None:
    request = town.open()
    refused("ILLEGAL_TRANSITION", town.reviews.withdraw, town.who("per-an"), request)
    refused("ILLEGAL_TRANSITION", town.reviews.revise, town.who("per-an"), request, "x")
    town.vote("per-wang", request, "return", "a")
    town.vote("per-ning", request, "return", "b")
    town.reviews.withdraw(town.who("per-an"), request)
    town.work()
    assert town.ended == [{"job": "job-1", "state": "blocked"}]


def test_a_rejection_ends_the_job_without_a_release(town: Stage) -> None:
    request = town.open()
    town.vote("per-wang", request, "reject", "too fine")
    town.vote("per-li", request, "reject", "too fine")
    town.work()
    assert (town.state(request), town.ended) == ("rejected", [{"job": "job-1", "state": "blocked"}])
    refused("ILLEGAL_TRANSITION", town.vote, "per-ning", request)
    assert town.reviews.get(town.who("per-an"), request)["state"] == "returned"
    assert "too fine" not in json.dumps(town.reviews.get(town.who("per-an"), request))


def test_what_fails_a_check_is_blocked_and_not_kept(town: Stage) -> None:
    request = town.open(result=keyed("张三丰"), canaries=("张三丰",))
    assert town.state(request) == "auto_blocked"
    with town.db.read() as tx:
        kept = store.by_id(tx, request)
        dump = "\n".join(map(str, tx.execute(text("SELECT * FROM release_request")).all()))
    assert kept is not None
    assert kept.result is None
    assert "张三丰" not in dump
    town.work()
    assert town.ended == [{"job": "job-1", "state": "blocked"}]
    refused("ILLEGAL_TRANSITION", town.vote, "per-wang", request)


def test_a_waiting_result_lies_encrypted(town: Stage) -> None:
    request = town.open(result=keyed("明文地名"))
    with town.db.read() as tx:
        rows = tx.execute(text("SELECT * FROM release_request")).all()
    assert "明文地名".encode() not in b"".join(
        cell if isinstance(cell, bytes) else str(cell).encode() for row in rows for cell in row
    )
    assert "明文地名" in str(town.reviews.get(town.who("per-wang"), request)["result"])


def test_the_auto_route_takes_only_a_clean_pass(town: Stage) -> None:
    assert town.state(town.open(route="auto")) == "approved"
    assert town.state(town.open(route="auto", result=keyed("=1"), plan=_private())) == "in_review"
    assert town.state(town.open(route="auto", output=Output(max_rows=1, max_cells=10))) == "auto_blocked"


def test_silence_rejects(town: Stage) -> None:
    request, other = town.open(), town.open()
    town.vote("per-wang", request)
    town.clock.advance(7 * 86_400)
    with town.db.write() as tx:
        assert town.reviews.expire(tx) == 2
        assert town.reviews.expire(tx) == 0
    assert town.types(other)[-1] == "review.escalated"
    town.clock.advance(23 * 86_400)
    with town.db.write() as tx:
        assert town.reviews.expire(tx) == 2
    assert {town.state(request), town.state(other)} == {"rejected"}
    refused("ILLEGAL_TRANSITION", town.vote, "per-li", request)
    assert town.work() == 2
    assert all(body["state"] == "blocked" for body in town.ended)


def test_a_log_that_cannot_be_written_stops_the_vote(town: Stage) -> None:
    request = town.open()
    etag = town.etag(request)
    with town.db.write() as tx:
        tx.execute(text("CREATE TRIGGER full BEFORE INSERT ON audit_leaf BEGIN SELECT RAISE(ABORT, 'no'); END"))
    with pytest.raises(Exception, match="no"):
        town.vote("per-wang", request, etag=etag)
    with town.db.read() as tx:
        assert store.votes_of(tx, request, 1) == ()
    assert town.state(request) == "in_review"


def test_the_queue_is_paged_and_scoped(town: Stage) -> None:
    mine = sorted(town.open(job=f"job-{number}") for number in range(3))
    other = town.open(institutions=("org-other",))
    first = town.reviews.list(town.who("per-wang"), None, 2)
    second = town.reviews.list(town.who("per-wang"), first.next, 2)
    assert [item["id"] for item in (*first.items, *second.items)] == mine
    assert second.next is None
    assert [item["id"] for item in town.reviews.list(town.who("per-bai"), None, 10).items] == [other]
    assert len(town.reviews.list(town.who("per-li"), None, 10).items) == 4


def test_a_person_who_changes_sides_reviews_nothing(town: Stage) -> None:
    request = town.open()
    with town.db.write() as tx:
        moved = replace(town.tenants.person(tx, "per-wang"), organisation="org-operator", roles=frozenset({PEOPLE["per-an"][1]}))
        town.tenants.put_person(tx, moved, "system")
    refused("SEPARATION_OF_DUTIES", town.vote, "per-wang", request)


def _private() -> Any:
    from tests.fakes_release import PRIVATE_PLAN

    return PRIVATE_PLAN

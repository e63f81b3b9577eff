"""What of a review is open to more people than its reviewers cannot be used to test guesses at a result or at votes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from egress.review import store
from egress.review.opening import bound
from tests.fakes_release import Stage, keyed, stage


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Stage]:
    made = stage(tmp_path)
    yield made
    made.db.close()


def logged(town: Stage, request: str) -> str:
    """Return all that an auditor opens about a request."""
    with town.db.read() as tx:
        return json.dumps([one.event.payload for one in town.audit.events(tx, None, -1, 1_000, request)])


def test_the_etag_does_not_confirm_a_guessed_result(town: Stage) -> None:
    request = town.open()
    with town.db.read() as tx:
        kept = store.by_id(tx, request)
    assert kept is not None
    known = {name: value for name, value in kept.dossier.items() if name != "salt"}
    assert bound(replace(kept, dossier=known)).etag != kept.etag, "everything but the salt is not enough"
    other = town.open()
    with town.db.read() as tx:
        again = store.by_id(tx, other)
    assert again is not None
    assert again.dossier["salt"] != kept.dossier["salt"]
    assert len(str(kept.dossier["salt"])) == 64
    assert str(kept.dossier["salt"]) not in json.dumps(town.reviews.get(town.who("per-an"), request))


@pytest.mark.parametrize("blocked", [False, True])
def test_the_log_holds_no_digest_of_a_result_that_has_not_left(town: Stage, *, blocked: bool) -> None:
    request = town.open(result=keyed("张三丰", "乙"), canaries=("张三丰",) if blocked else ())
    assert town.state(request) == ("auto_blocked" if blocked else "in_review")
    with town.db.read() as tx:
        kept = store.by_id(tx, request)
    assert kept is not None
    assert kept.result_digest not in logged(town, request)
    assert str(kept.dossier["salt"]) not in logged(town, request)


def test_a_conflict_tells_the_third_person_nothing_in_the_log(town: Stage) -> None:
    request = town.open()
    town.vote("per-wang", request, "reject", "secret thought")
    town.vote("per-li", request)
    assert "review.conflicted" in town.types(request)
    assert "reject" not in logged(town, request)
    assert "secret thought" not in logged(town, request)
    town.vote("per-ning", request)
    assert "secret thought" in logged(town, request), "once decided, the log says who decided what"


def test_a_repeated_vote_shows_the_evidence_and_is_therefore_a_view(town: Stage) -> None:
    request = town.open()
    assert town.vote("per-wang", request, key="k")["result"] == town.vote("per-wang", request, key="k")["result"]
    assert town.types(request).count("review.viewed") == 1
    assert town.types(request).count("review.voted") == 1

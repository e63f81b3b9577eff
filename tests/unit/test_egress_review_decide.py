"""Who votes, what votes decide, and what time does: pure decisions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.checks import CheckFinding, CheckReport
from egress.review.decide import NoSeat, Seat, coarse, consolidate, deadlines, duties_separate, quorum, route, seat, timer
from egress.review.model import REQUEST, WAITING_STATES, ReleaseRequest, Vote
from egress.review.opening import sealed_request
from sandbox.kernel.clock import stamp
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.roles import Role
from sandbox.kernel.states import mermaid
from tenants.model import Assignment, Principal
from tests.fakes_release import ORGANISATIONS, PEOPLE, START, opening

OWNER, AUTHORITY = Role.REVIEWER_OWNER, Role.REVIEWER_AUTHORITY
REPORT = CheckReport((), (), 0, 0, "sha256:0")


def test_without_an_owner_there_is_no_quorum() -> None:
    assert not quorum([vote("a"), vote("b")], ())


@pytest.fixture
def request_(tmp_path: Any) -> ReleaseRequest:
    keys = KeyRing(tmp_path)
    keys.create()
    return sealed_request(opening(), REPORT, keys, START)


def principal(person: str) -> Principal:
    home, role = PEOPLE[person]
    return Principal(person, home, ORGANISATIONS[home], frozenset({role}), frozenset(), "tok")


def vote(person: str, decision: str = "approve", role: Role = AUTHORITY, **changes: Any) -> Vote:
    home = "org-health" if role is OWNER else "org-bureau"
    return replace(Vote("req", 1, person, home, role, decision, "", "e", stamp(START), "d"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("votes", "enough"),
    [
        ([], False), ([vote("a", role=OWNER)], False), ([vote("a"), vote("b")], False), ([vote("a", role=OWNER), vote("b")], True),
        ([vote("a", role=OWNER), vote("b", role=OWNER)], True), ([vote("a", role=OWNER), vote("a")], False), ([vote("a"), vote("b"), vote("c")], False),
    ],
)  # fmt: skip
def test_a_quorum_is_two_people_one_of_them_for_the_owner(votes: list[Vote], enough: bool) -> None:
    assert quorum(votes, ("org-health",)) is enough


def test_every_institution_whose_data_was_used_has_its_own_delegate_in_the_quorum() -> None:
    both = ("org-civil", "org-health")
    health, civil = vote("a", role=OWNER), vote("b", role=OWNER, organisation="org-civil")
    assert not quorum([health, vote("c")], both)
    assert not quorum([health, vote("b", role=OWNER), vote("c")], both)
    assert not quorum([health, vote("b", organisation="org-civil")], both), "an authority's vote speaks for no institution"
    assert quorum([health, civil], both)
    refusing = [health, replace(civil, decision="reject"), vote("c")]
    assert consolidate(refusing, both) == "reject"


@pytest.mark.parametrize(
    ("decisions", "outcome"),
    [
        ("aa", "approve"), ("rr", "return"), ("xx", "reject"), ("ax", "conflict"), ("ar", "conflict"), ("rx", "conflict"),
        ("axa", "approve"), ("xaa", "reject"), ("axx", "reject"), ("arr", "return"), ("arx", "reject"), ("axr", "reject"), ("aaa", "approve"),
    ],
)  # fmt: skip
def test_what_votes_decide(decisions: str, outcome: str) -> None:
    words = {"a": "approve", "r": "return", "x": "reject"}
    votes = [vote(f"p{place}", words[letter], OWNER if place == 0 else AUTHORITY) for place, letter in enumerate(decisions)]
    assert consolidate(votes, ("org-health",)) == outcome


def test_no_set_of_votes_approves_without_two_approvals_one_for_the_owner() -> None:
    options = [None, *product(("approve", "return", "reject"), (OWNER, AUTHORITY))]
    for chosen in product(options, repeat=4):
        votes = [vote(f"p{place}", *option) for place, option in enumerate(chosen) if option is not None]
        if consolidate(votes, ("org-health",)) == "approve":
            approvals = [one for one in votes if one.decision == "approve"]
            assert len(approvals) >= 2
            assert any(one.role is OWNER for one in approvals)
            assert len(approvals) > len(votes) - len(approvals)


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ("per-wang", Seat(OWNER)), ("per-li", Seat(AUTHORITY)), ("per-an", NoSeat("SEPARATION_OF_DUTIES")), ("per-zhao", NoSeat("SEPARATION_OF_DUTIES")),
        ("per-bai", NoSeat("NOT_FOUND")), ("per-sun", NoSeat("NOT_FOUND")), ("per-zhou", NoSeat("NOT_FOUND")), ("per-root", NoSeat("NOT_FOUND")),
    ],
)  # fmt: skip
def test_seats(request_: ReleaseRequest, person: str, expected: Seat | NoSeat) -> None:
    assert seat(principal(person), request_) == expected


def test_the_submitter_has_no_seat_even_as_a_reviewer(request_: ReleaseRequest) -> None:
    assert seat(principal("per-wang"), replace(request_, submitter="per-wang")) == NoSeat("SEPARATION_OF_DUTIES")
    both = replace(principal("per-an"), roles=frozenset({Role.OPERATOR, AUTHORITY, OWNER}))
    assert seat(both, request_) == NoSeat("SEPARATION_OF_DUTIES")


BEFORE, AFTER = stamp(START - timedelta(days=1)), stamp(START + timedelta(days=1))
HELD = Assignment("per-wang", "org-health", OWNER, BEFORE, None)


@pytest.mark.parametrize(
    ("held", "separate"),
    [
        ([HELD], True), ([], False), ([replace(HELD, role=AUTHORITY)], False), ([replace(HELD, organisation="org-other")], False),
        ([replace(HELD, until=BEFORE)], False), ([replace(HELD, until=AFTER)], True), ([replace(HELD, since=AFTER)], False),
        ([HELD, Assignment("per-wang", "org-operator", Role.OPERATOR, BEFORE, None)], False),
        ([HELD, Assignment("per-wang", "org-insurer", Role.APPLICATION, BEFORE, AFTER)], False),
        ([HELD, Assignment("per-wang", "org-operator", Role.OPERATOR, AFTER, None)], False),
        ([HELD, Assignment("per-wang", "org-operator", Role.OPERATOR, "2020", BEFORE)], True),
    ],
)  # fmt: skip
def test_duties_are_recomputed_from_the_history_of_roles(
    request_: ReleaseRequest, held: list[Assignment], separate: bool
) -> None:
    assert duties_separate(request_, vote("per-wang", role=OWNER), held) is separate


def test_a_vote_of_a_side_or_of_a_stranger_never_counts(request_: ReleaseRequest) -> None:
    assert not duties_separate(request_, vote("per-an", role=OWNER), [replace(HELD, person="per-an")])
    for home in ("org-operator", "org-insurer", "org-other"):
        cast = vote("per-wang", role=OWNER, organisation=home)
        assert not duties_separate(request_, cast, [replace(HELD, organisation=home)])


@pytest.mark.parametrize(
    ("outcome", "wanted", "expected"),
    [("pass", "auto", "approve"), ("pass", "two_person", "admit"), ("pass", "panel", "admit"), ("review", "auto", "admit"), ("review", "two_person", "admit"), ("fail", "auto", "block"), ("fail", "two_person", "block")],
)  # fmt: skip
def test_routes(outcome: Any, wanted: str, expected: str) -> None:
    assert route(replace(REPORT, findings=(CheckFinding("x", outcome, {}),)), wanted) == expected


def test_deadlines_count_working_days_in_china() -> None:
    friday_evening_utc = datetime(2026, 11, 20, 20, tzinfo=UTC)  # Saturday morning in China
    found = deadlines(friday_evening_utc)
    assert found.due == datetime(2026, 11, 23, 20, tzinfo=UTC)
    assert found.escalate == datetime(2026, 11, 26, 20, tzinfo=UTC)
    assert found.close == friday_evening_utc + timedelta(days=30)


def test_time_escalates_then_rejects_and_never_approves(request_: ReleaseRequest) -> None:
    for state in REQUEST.states:
        found = replace(request_, state=state)
        late = timer(found, found.close_at, "2026-12-01")
        assert late == ("expire" if state in WAITING_STATES else None)
        assert timer(found, found.opened_at, "2026-12-01") is None
    open_ = replace(request_, state="in_review")
    assert timer(open_, open_.escalate_at, "2026-12-01") == "escalate"
    assert timer(replace(open_, escalated=True), open_.escalate_at, "2026-12-01") is None
    released = replace(request_, state="released")
    assert timer(released, released.opened_at, "2026-12-31") is None
    assert timer(released, released.opened_at, "2027-01-01") == "expire"


def test_only_approval_leads_to_a_release() -> None:
    into = {row.target: {line.state for line in REQUEST.rows if line.target == row.target} for row in REQUEST.rows}
    assert into["released"] == {"packaging"}
    assert into["packaging"] == {"approved", "packaging_failed"}
    assert into["approved"] == {"checking", "reviewed"}
    assert {"rejected", "auto_blocked", "withdrawn", "recalled", "expired"} == REQUEST.final
    assert "reviewed --> approved: approve (system)" in mermaid(REQUEST)


@given(st.sampled_from(REQUEST.states))
def test_data_based_blocks_look_the_same_from_outside(state: str) -> None:
    shown = coarse(state)
    assert shown not in {"auto_blocked", "rejected", "conflicted", "partially_reviewed", "reviewed", "packaging_failed"}
    assert coarse("auto_blocked") == coarse("rejected") == coarse("returned")

"""Whatever people do, in whatever order: no release without two distinct, lawful approvals of the very bytes."""

import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from egress.review import store
from egress.review.decide import coarse
from egress.review.model import BLOCKED_STATES, REQUEST
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.roles import Role
from tests.fakes_release import PEOPLE, Stage, stage

PERSONS = st.sampled_from([*sorted(PEOPLE), *("per-wang", "per-li", "per-ning") * 4])
"""Weighted, so that many sequences get as far as a release."""
LAWFUL = {
    "per-wang": Role.REVIEWER_OWNER,
    "per-ning": Role.REVIEWER_OWNER,
    "per-li": Role.REVIEWER_AUTHORITY,
    "per-qian": Role.REVIEWER_AUTHORITY,
}


class Reviews(RuleBasedStateMachine):
    """One request and everybody who can touch it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.town: Stage = stage(Path(self.folder.name))
        self.request = self.town.open()
        self.approvals: dict[tuple[str, str], str] = {}
        self.old_etags: list[str] = ["sha256:" + "0" * 64]

    @initialize()
    def begin(self) -> None:
        assert self.town.state(self.request) == "in_review"

    @rule(
        person=PERSONS,
        decision=st.sampled_from(["approve", "approve", "approve", "return", "reject"]),
        comment=st.sampled_from(["", "because"]),
    )
    def vote(self, person: str, decision: str, comment: str) -> None:
        etag = self.town.etag(self.request)
        self.town.clock.advance(1)
        with suppress(YuneiError):
            self.town.vote(person, self.request, decision, comment)
            assert person in LAWFUL, "only lawful reviewers get here"
            self.approvals[(person, etag)] = decision

    @rule(person=PERSONS, which=st.integers(0, 5))
    def vote_on_something_older(self, person: str, which: int) -> None:
        with suppress(YuneiError):
            self.town.vote(person, self.request, etag=self.old_etags[which % len(self.old_etags)])
            raise AssertionError("a vote on other evidence was taken")

    @rule(person=PERSONS)
    def revise(self, person: str) -> None:
        before = self.town.etag(self.request)
        with suppress(YuneiError):
            self.town.reviews.revise(self.town.who(person), self.request, "note")
            self.old_etags.append(before)

    @rule(person=PERSONS)
    def withdraw(self, person: str) -> None:
        with suppress(YuneiError):
            self.town.reviews.withdraw(self.town.who(person), self.request)

    @rule(person=PERSONS)
    def retry(self, person: str) -> None:
        with suppress(YuneiError):
            self.town.releases.retry(self.town.who(person), self.request)
        self.town.work()  # the job hears of a release by a message, which is on its way until somebody works

    @rule()
    def work(self) -> None:
        self.town.work()

    @rule(days=st.integers(1, 12))
    def wait(self, days: int) -> None:
        self.town.clock.advance(days * 86_400)
        with self.town.db.write() as tx:
            self.town.reviews.expire(tx)

    @precondition(lambda self: self.town.ended and "release" in self.town.ended[-1])
    @rule(person=PERSONS)
    def recall(self, person: str) -> None:
        with suppress(YuneiError):
            self.town.releases.recall(self.town.who(person), str(self.town.ended[-1]["release"]), "wrong", "k")

    @invariant()
    def no_release_without_two_lawful_approvals(self) -> None:
        with self.town.db.read() as tx:
            found = store.by_id(tx, self.request)
        assert found is not None
        approving = {
            person for (person, etag), decision in self.approvals.items() if decision == "approve" and etag == found.etag
        }
        released = [body for body in self.town.ended if body["state"] == "released"]
        if released or found.state in {"approved", "packaging", "released", "recalled", "expired"}:
            assert len(approving) >= 2
            assert any(LAWFUL[person] is Role.REVIEWER_OWNER for person in approving)
        assert len(self.town.ended) <= 1, "a job ends once"
        if released:
            assert found.state not in BLOCKED_STATES
        assert found.state in REQUEST.states
        assert self.town.reviews.get(self.town.who("per-an"), self.request)["state"] == coarse(found.state)

    @invariant()
    def every_state_has_its_event(self) -> None:
        types = self.town.types(self.request)
        assert types[:2] == ["review.opened", "review.admitted"]
        assert types.count("release.released") == sum(1 for body in self.town.ended if body["state"] == "released")

    def teardown(self) -> None:
        self.town.db.close()
        self.folder.cleanup()


TestReviews = Reviews.TestCase
TestReviews.settings = settings(
    max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

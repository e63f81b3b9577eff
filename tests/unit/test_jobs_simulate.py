"""Counting what another version would have changed: each question judged once, nothing guessed."""

from datetime import date
from decimal import Decimal

import pytest

from policies.query import SubmittedQuery
from sandbox.jobs.simulate import Codes, Outlook, PastJob, Simulation, simulate

CANONICAL = "sha256:" + "0" * 64


def query(sql: str, **changes: object) -> SubmittedQuery:
    fields = {"agreement": "agr-a", "purpose": "planning", "environment": "dev", "sql": sql, "parameters": {}}
    return SubmittedQuery(**(fields | changes))  # type: ignore[arg-type]


class Judge:
    """Answers by the text and counts how often it is asked."""

    def __init__(self, answers: dict[str, Codes | None]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, asked: SubmittedQuery) -> Codes | None:
        self.asked.append(asked.sql)
        return self.answers.get(asked.sql, ())


def test_each_fate_is_counted_with_its_codes() -> None:
    texts = ["same", "refused", "again", "allowed", "otherwise", "lost"]
    before = Judge({"allowed": ("A",), "otherwise": ("A",), "lost": None})
    after = Judge({"refused": ("B", "C"), "again": ("B",), "otherwise": ("B",)})
    jobs = [PastJob(f"job-{text}", query(text), None) for text in texts] + [PastJob("job-unreadable", None, None)]
    found = simulate(jobs, before, after, 7)
    assert found.fates == {"same": 2, "newly_refused": 2, "newly_allowed": 1, "not_replayed": 2}
    assert found.codes == {"B": 2, "C": 1}
    assert found.text == {
        "zh": "7 个历史作业中有 2 个将被拒绝, 1 个将被允许, 2 个无法重新判定",
        "en": "2 of 7 past jobs would now be refused, 1 would now be allowed, 2 cannot be judged again",
    }
    assert found.as_json()["jobs"] == [
        {"job": "job-refused", "fate": "newly_refused", "before": [], "after": ["B", "C"]},
        {"job": "job-again", "fate": "newly_refused", "before": [], "after": ["B"]},
        {"job": "job-allowed", "fate": "newly_allowed", "before": ["A"], "after": []},
        {"job": "job-otherwise", "fate": "same", "before": ["A"], "after": ["B"]},
        {"job": "job-lost", "fate": "not_replayed", "before": None, "after": []},
        {"job": "job-unreadable", "fate": "not_replayed", "before": None, "after": None},
    ]


def test_one_question_is_judged_once_however_it_is_laid_out() -> None:
    before, after = Judge({}), Judge({})
    jobs = [PastJob(f"job-{number}", query("SELECT 1" + " " * number), CANONICAL) for number in range(5)]
    jobs += [PastJob(f"job-r{number}", query("refused"), None) for number in range(5)]
    found = simulate(jobs, before, after, 10)
    assert before.asked == after.asked == ["SELECT 1", "refused"]
    assert len(found.outlooks) == 10


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": "research"},
        {"environment": "prod"},
        {"epsilon": "0.1"},
        {"parameters": {"a": True}},
        {"parameters": {"a": 1}},
        {"parameters": {"a": "1"}},
        {"parameters": {"a": Decimal(1)}},
        {"parameters": {"a": date(2026, 1, 1)}},
        {"parameters": {"b": 1}},
    ],
)
def test_whatever_a_verdict_rests_on_makes_another_question(changes: dict[str, object]) -> None:
    judge = Judge({})
    others = [{"parameters": {"a": 1}}, {"parameters": {"a": True}}, {}]
    jobs = [PastJob("job-a", query("x", **changes), CANONICAL)]
    jobs += [
        PastJob("job-b", query("x", **other), CANONICAL) for other in others if other != changes or str(other) != str(changes)
    ]
    simulate(jobs, judge, Judge({}), len(jobs))
    assert len(judge.asked) == len(jobs)


def test_a_text_is_not_taken_for_the_digest_of_another() -> None:
    judge = Judge({})
    simulate([PastJob("job-a", query("x"), CANONICAL), PastJob("job-b", query(CANONICAL), None)], judge, Judge({}), 2)
    assert judge.asked == ["x", CANONICAL]


def test_the_line_says_when_not_all_jobs_were_judged() -> None:
    found = Simulation(tuple(Outlook(f"job-{n}", (), ("A",) if n < 12 else ()) for n in range(340)), 340)
    assert found.text["en"] == "12 of 340 past jobs would now be refused"
    newest = Simulation(found.outlooks, 900)
    assert newest.text["en"] == "12 of the newest 340 of 900 past jobs would now be refused"
    assert newest.text["zh"] == "最近 340 个历史作业 (共 900 个)中有 12 个将被拒绝"
    assert Simulation((), 0).text["en"] == "0 of 0 past jobs would now be refused"

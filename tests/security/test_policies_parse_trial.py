"""A text that the parser would not finish never reaches the service's own parser: the trial dies in its stead."""

import time
from collections.abc import Iterator

import pytest

from policies.query import SubmittedQuery
from policies.reading import parse_trial
from policies.reading.parse_trial import ProcessTrial
from sandbox.jobs.prepare import NotPrepared, Parsers, prepare
from tests.factories_policies import GRANT, codes, submitted

DOUBLING = "SELECT " + ",LATERAL ( SAMPLE JSON " * 25
"""Found by fuzzing: each comma before LATERAL doubles the parser's work; 20 of them take more than ten seconds."""
HARMLESS = "SELECT gender, count(*) AS n FROM residents GROUP BY gender"


@pytest.fixture
def trial() -> Iterator[ProcessTrial]:
    made = ProcessTrial()
    yield made
    made.close()


class Silent:
    """A second opinion that is never asked."""

    def check(self, *_: object) -> bool:
        raise AssertionError("nothing was generated")

    def close(self) -> None:
        """Nothing stands behind it."""


def test_lateral_is_refused_on_tokens() -> None:
    assert codes(DOUBLING) == ("CONSTRUCT_NOT_ALLOWED",)


def test_a_text_that_the_tokens_let_through_but_the_parser_does_not_finish_is_refused(
    trial: ProcessTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse_trial, "check_tokens", lambda _: ())
    begun = time.process_time()
    assert trial.passes(HARMLESS)
    assert not trial.passes(DOUBLING)
    assert trial.passes(HARMLESS), "the process that died is replaced"
    refused = prepare(submitted(DOUBLING), GRANT, Parsers(trial, Silent()))
    assert isinstance(refused, NotPrepared)
    assert [item.code for item in refused.findings] == ["PARSE_TOO_COSTLY"]
    assert time.process_time() - begun < 5, "our own process has not parsed it"


@pytest.mark.parametrize("text", ["SELECT", "", "SELECT 'x", "(" * 60, "SELECT x'41' 1! 2", "SELECT \x00"])
def test_broken_text_is_left_to_the_decision(trial: ProcessTrial, text: str) -> None:
    assert trial.passes(text)
    query: SubmittedQuery = submitted(text)
    refused = prepare(query, GRANT, Parsers(trial, Silent()))
    assert isinstance(refused, NotPrepared)
    assert codes(text) == tuple(item.code for item in refused.findings)

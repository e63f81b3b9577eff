"""The fuzz lane in short, and its own power: a promise that is broken on purpose is found and named."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from egress import bounding
from policies.engine import emit, second_opinion
from policies.findings import finding
from policies.query import EngineSql, Finding, Refused, Span
from sandbox.jobs import prepare
from tests.fuzz import promises
from tests.fuzz.case import Case
from tests.fuzz.draw import Cases
from tests.fuzz.mutate_text import pieces_of
from tests.fuzz.shrink import shrunk

ROOT = Path(__file__).parents[2]
ALLOWED = Case(
    "SELECT insured, count(*) AS n, sum(cost) AS s FROM residents r JOIN visits v USING (resident_id) GROUP BY insured", grant=1
)
REFUSED = Case("SELECT street, name FROM residents")


def _lane(hash_seed: str) -> list[str]:
    command = [sys.executable, "-m", "tests.fuzz.fuzz_policies", "--texts", "400", "--seed", "7", "--no-clock"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TPC_QUERIES": "/nowhere"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_no_promise_breaks_and_no_verdict_depends_on_the_order_of_sets() -> None:
    one, two = _lane("1"), _lane("2")
    counted, verdicts = one[1], one[-1]
    assert counted.startswith("400 texts")
    assert int(counted.split(", ")[1].split()[0]) > 30, "enough texts come as far as the engine"
    assert (counted, verdicts) == (two[1], two[-1])


@pytest.fixture(scope="module")
def checker() -> Iterator[promises.Checker]:
    made = promises.Checker()
    yield made
    made.close()


def test_what_keeps_its_promises_passes(checker: promises.Checker) -> None:
    assert checker.check(ALLOWED).allowed
    assert checker.check(REFUSED).codes == ("COLUMN_NOT_GRANTED",)


def _emit(old: str, new: str, digest: str | None = None) -> Callable[..., Any]:
    """Return an `emit` whose text is another one."""

    def made(*arguments: Any) -> EngineSql:
        engine = emit.emit(*arguments)
        return EngineSql(engine.sql.replace(old, new), engine.columns, engine.parameters, digest or engine.digest)

    return made


def _raise(*_: object) -> Any:
    raise IndexError


def _refuse(*items: Finding) -> Callable[..., Refused]:
    return lambda *_: Refused(items)


def _notice_every_other_time() -> Callable[..., Any]:
    real, seen = prepare.decide, list[object]()

    def made(*arguments: Any) -> Any:
        seen.append(None)
        return replace(real(*arguments), notices=(finding("COARSE_COMPARISON"),) * (len(seen) % 2))

    return made


@pytest.mark.parametrize(
    ("place", "name", "planted", "failure"),
    [
        (second_opinion, "admissible", lambda *_: False, "prepare ends with ENGINE_SQL_REFUSED"),
        (prepare, "plan", _raise, "IndexError test_policies_fuzz.py:_raise"),
        (prepare, "decide", _notice_every_other_time(), "the same text gets the same answer"),
        (prepare, "decide", _refuse(), "a refusal has findings"),
        (prepare, "decide", _refuse(replace(finding("SYNTAX"), code="NO")), "a finding is of the catalogue"),
        (prepare, "decide", _refuse(replace(finding("SYNTAX"), en="near 'x'")), "a finding's texts are constant"),
        (prepare, "decide", _refuse(replace(finding("SYNTAX"), fix=None)), "a finding has a fix in both languages"),
        (prepare, "decide", _refuse(finding("SYNTAX", Span(3, 3, 1, 4))), "a span lies in the text"),
        (prepare, "decide", _refuse(finding("SYNTAX", Span(3, 4, 1, 3))), "line and column are the span's"),
        (prepare, "decide", _refuse(finding("SYNTAX", None, "residents.note")), "no denied column is named that was not written"),
        (prepare, "emit", _emit('"insured"', '"name"'), "no denied column stands in generated SQL"),
        (prepare, "emit", _emit('"insured"', '"wealthy"'), "generated SQL fails on no data: BinderException"),
        (prepare, "emit", _emit("coalesce(sum", "1000000000000 * coalesce(sum"), "the wall lets a sound answer through"),
        (promises, "emit", _emit("", "", "sha256:0"), "the canonical text means the same"),
        (promises, "decide", _refuse(finding("SYNTAX")), "the canonical text is allowed"),
        (promises, "LIMIT_MS", 0.0, promises.TOO_SLOW),
        (bounding.Caps, "l1", property(lambda _: 2), "removing one unit moves no vector beyond its sensitivity"),
    ],
)
def test_a_broken_promise_is_found(
    checker: promises.Checker, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, planted: Any, failure: str
) -> None:
    monkeypatch.setattr(promises, "NEIGHBOURS_EVERY", 1)
    monkeypatch.setattr(place, name, planted)
    assert checker.check(ALLOWED).failure == failure


def test_a_canonical_text_that_tells_the_engine_something_else_is_found(
    checker: promises.Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = prepare.decide

    def decide(*arguments: Any) -> Any:
        verdict = real(*arguments)
        return replace(verdict, governed=replace(verdict.governed, canonical_sql=f"{ALLOWED.sql} HAVING insured"))

    monkeypatch.setattr(prepare, "decide", decide)
    monkeypatch.setattr(promises, "_check_fixed_point", lambda *_: None)
    assert checker.check(ALLOWED).failure == "the canonical text means the same to the engine"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM residents r JOIN visits v ON h.hospital = v.hospital JOIN hospitals h ON h.hospital = v.hospital",
        "SELECT count(*) FROM visits LIMIT department",
        "SELECT sum(b.(cost)) FROM visits b",
        "SELECT sum(CAST(income AS DECIMAL(a, b))) FROM residents",
        "SELECT sum(CAST(income AS DECIMAL(18, 1.5))) FROM residents",
        "SELECT sum(CAST(income AS DECIMAL(1, 2, 3))) FROM residents",
        "SELECT sum(CAST(income AS DECIMAL(abs(18), 3))) FROM residents",
        "SELECT sum(CAST(income AS DECIMAL(18, 300000))) FROM residents",
        pytest.param(f"SELECT count(*) FROM residents GROUP BY {'9' * 5000}", id="long-position"),
        pytest.param(f"SELECT count(*) FROM residents WHERE left(gender, {'9' * 5000}) = 'F'", id="long-length"),
        pytest.param(f"SELECT sum(CAST(income AS DECIMAL(18, {'9' * 5000}))) FROM residents", id="long-scale"),
    ],
)
def test_a_text_that_broke_a_promise_is_refused(checker: promises.Checker, sql: str) -> None:
    outcome = checker.check(Case(sql))
    assert (outcome.failure, len(outcome.codes)) == (None, 1)


def test_the_same_seed_draws_the_same_cases() -> None:
    one, two, three = Cases(5), Cases(5), Cases(6)
    drawn = [one.draw() for _ in range(50)]
    assert drawn == [two.draw() for _ in range(50)]
    assert drawn != [three.draw() for _ in range(50)]
    assert repr([Case.read(case.as_json()) for case in drawn]) == repr(drawn), "what is kept is what was tried"


def test_pieces_give_the_text_again() -> None:
    for case in (Cases(7).draw() for _ in range(200)):
        assert "".join(pieces_of(case.sql)) == case.sql


def test_a_text_shrinks_to_what_matters() -> None:
    case = Case("SELECT gender, count(*) FROM residents WHERE LIMIT 3 GROUP BY gender")
    assert shrunk(case, lambda tried: "LIMIT" in tried.sql and "(" in tried.sql).sql == "(LIMIT"

"""Every rule by its fixtures in `tests/sql`: a query, its verdict and why; every benign query passes."""

import json
import re
from pathlib import Path

import pytest

from policies.check import typed_parameter
from policies.findings import CATALOGUE, NOTICES
from policies.query import Allowed, Refused
from sandbox.kernel.run import Parameter
from tests.factories_policies import verdict

FIXTURES = Path(__file__).parents[1] / "sql"
ELSEWHERE = {"TEXT_TOO_LONG", "TEXT_NOT_UNICODE", "TOKENS_TOO_MANY", "PARSE_TOO_COSTLY"}
"""Codes whose texts are too long for a fixture, or no text: `tests/security/test_policies_bombs.py` and its neighbours."""


def _blocks(path: Path) -> list[tuple[str, str]]:
    """Return (heading, query) of each block; blocks are divided by empty lines."""
    blocks = [block.split("\n", 1) for block in path.read_text().strip().split("\n\n")]
    return [(heading.removeprefix("-- "), sql) for heading, sql in blocks]


def _parameters(heading: str) -> dict[str, Parameter]:
    """Read the JSON object in a heading: the values of the query's parameters, in the form of the HTTP contract."""
    found = re.search(r"\{.*\}", heading)
    return {name: typed_parameter(value) for name, value in json.loads(found[0]).items()} if found else {}


RULES = [
    pytest.param(
        path.stem, *heading.split(": ", 1) if "{" not in heading else heading.split("}: ", 1), sql, id=f"{path.stem}-{heading}"
    )
    for path in sorted((FIXTURES / "rules").glob("*.sql"))
    for heading, sql in _blocks(path)
]


@pytest.mark.parametrize(("rule", "code", "why", "sql"), RULES)
def test_a_rule_holds(rule: str, code: str, why: str, sql: str) -> None:
    parameters = _parameters(code + "}") if "{" in code else {}
    found, code = verdict(sql, parameters), code.split(" {", maxsplit=1)[0]
    if code == "ALLOWED":
        assert isinstance(found, Allowed), why
        return
    assert isinstance(found, Refused), why
    assert code in {item.code for item in found.findings}, why
    assert CATALOGUE[code].rule == rule


BENIGN = _blocks(FIXTURES / "benign.sql")


@pytest.mark.parametrize(("why", "sql"), BENIGN)
def test_an_ordinary_query_passes(why: str, sql: str) -> None:
    found = verdict(sql, _parameters(why))
    assert isinstance(found, Allowed), (why, [item.as_json() for item in found.findings])


def test_there_are_enough_ordinary_queries() -> None:
    assert len({sql for _, sql in BENIGN}) >= 200


def test_every_code_of_the_compiler_has_a_fixture() -> None:
    inside = {code for code, kind in CATALOGUE.items() if kind.rule not in {"policy", "protection"}}
    shown = {heading.split(": ")[0].split(" {")[0] for path in (FIXTURES / "rules").glob("*.sql") for heading, _ in _blocks(path)}
    assert inside - ELSEWHERE <= shown
    assert {kind.rule for code, kind in CATALOGUE.items() if code in inside} == {
        path.stem for path in (FIXTURES / "rules").glob("*.sql")
    }
    assert {kind.rule for kind in NOTICES.values()} <= {path.stem for path in (FIXTURES / "rules").glob("*.sql")}

"""Every rule by its fixtures in `tests/sql`: a query, its verdict and why; every benign query passes."""

from pathlib import Path

import pytest

from policies.findings import CATALOGUE, NOTICES
from policies.query import Allowed, Refused
from tests.factories_policies import verdict

FIXTURES = Path(__file__).parents[1] / "sql"


def _blocks(path: Path) -> list[tuple[str, str]]:
    """Return (heading, query) of each block; blocks are divided by empty lines."""
    blocks = [block.split("\n", 1) for block in path.read_text().strip().split("\n\n")]
    return [(heading.removeprefix("-- "), sql) for heading, sql in blocks]


RULES = [
    pytest.param(path.stem, *heading.split(": ", 1), sql, id=f"{path.stem}-{heading}")
    for path in sorted((FIXTURES / "rules").glob("*.sql"))
    for heading, sql in _blocks(path)
]


@pytest.mark.parametrize(("rule", "code", "why", "sql"), RULES)
def test_a_rule_holds(rule: str, code: str, why: str, sql: str) -> None:
    found = verdict(sql)
    if code == "ALLOWED":
        assert isinstance(found, Allowed), why
        return
    assert isinstance(found, Refused), why
    assert code in {item.code for item in found.findings}, why
    assert CATALOGUE[code].rule == rule


@pytest.mark.parametrize(("why", "sql"), _blocks(FIXTURES / "benign.sql"))
def test_an_ordinary_query_passes(why: str, sql: str) -> None:
    found = verdict(sql)
    assert isinstance(found, Allowed), (why, [item.as_json() for item in found.findings])


def test_there_are_enough_ordinary_queries() -> None:
    assert len(_blocks(FIXTURES / "benign.sql")) >= 60


def test_every_rule_of_the_compiler_has_fixtures() -> None:
    outside = {"policy", "protection"}
    rules = {kind.rule for kind in (*CATALOGUE.values(), *NOTICES.values())} - outside
    assert rules == {path.stem for path in (FIXTURES / "rules").glob("*.sql")}

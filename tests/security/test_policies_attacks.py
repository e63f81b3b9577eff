"""Attack families on the SQL policy: each statement is refused, nothing that exists is told from what does not."""

import json
import logging
from pathlib import Path

import pytest

from egress.model import ProtectionPlan
from egress.plan import plan
from policies.query import Refused
from tests.factories_policies import codes, governed, verdict

SQL = Path(__file__).parents[1] / "sql"


def _lines(folder: str) -> list[tuple[str, str]]:
    return [(path.stem, line) for path in sorted((SQL / folder).glob("*.sql")) for line in path.read_text().splitlines() if line]


STATEMENTS, PROTECTED = _lines("attacks"), _lines("attacks_protected")
"""What must be refused; and what is hostile in intent but runs, since nothing but noised values answers it."""


@pytest.mark.parametrize(("family", "sql"), STATEMENTS)
def test_an_attack_is_refused(family: str, sql: str) -> None:
    found = verdict(sql, {"x": "1"} if "$x" in sql else None)
    assert isinstance(found, Refused), family


@pytest.mark.parametrize(("family", "sql"), PROTECTED)
def test_an_attack_that_runs_runs_protected(family: str, sql: str) -> None:
    """Every aggregate of private rows goes through a core that the planner bounds and noises; nothing else leaves."""
    governed_query = governed(sql, {"x": "1"} if "$x" in sql else None)
    planned = plan(governed_query, None)
    assert isinstance(planned, ProtectionPlan), family
    assert len(planned.cores) == len(governed_query.cores) > 0
    for core, protection in zip(governed_query.cores, planned.cores, strict=True):
        assert len(protection.parts) >= len(core.aggregates)
        assert all(part.scale > 0 and part.rho > 0 for part in protection.parts)
        assert (protection.threshold is not None) == any(key.domain is None for key in core.keys)


def test_the_families_are_wide_enough() -> None:
    assert len({sql for _, sql in STATEMENTS}) >= 400
    assert len({family for family, _ in STATEMENTS}) >= 25
    assert len({sql for _, sql in PROTECTED}) >= 60


@pytest.mark.parametrize(
    "sql", ["", " ", ";", "-- nothing", "/* */", "\n\t\n", "(", ")", "'", '"', "$", "SELECT", "WITH", "FROM"]
)
def test_a_fragment_is_refused(sql: str) -> None:
    assert codes(sql)


@pytest.mark.parametrize(
    ("granted_not", "absent", "frame"),
    [
        ("name", "nope", "SELECT {} FROM residents"),
        ("name", "nope", "SELECT count(*) FROM residents WHERE {} = 'x'"),
        ("note", "nope", "SELECT r.gender, count(r.{}) FROM residents r GROUP BY 1"),
        ("name", "nope", "SELECT count(*) FROM residents r JOIN visits v ON r.{} = v.resident_id"),
        ("beds", "nope", "SELECT {}, count(*) FROM residents GROUP BY 1"),
        ("residents.name", "residents.nope", "SELECT {} FROM residents"),
        ("duckdb_tables", "nothing_table", "SELECT count(*) FROM {}"),
        ("sqlite_master", "sqlite_nothing", "SELECT count(*) FROM {}"),
    ],
)
def test_absent_and_not_granted_look_the_same(granted_not: str, absent: str, frame: str) -> None:
    assert _answer(frame, granted_not) == _answer(frame, absent)


def _answer(frame: str, name: str) -> str:
    """Return the whole refusal with the asked name taken out, and places counted from the end of the text."""
    sql = frame.format(name)
    found = verdict(sql)
    assert isinstance(found, Refused)
    plain = []
    for item in found.findings:
        assert item.object is not None
        assert item.span is not None
        assert item.object in sql
        places = {"start": item.span.start, "end": len(sql) - item.span.end, "line": item.span.line, "column": item.span.column}
        fields = item.as_json()
        assert isinstance(fields, dict)
        plain.append({**fields, "object": item.object.replace(name, "·"), "span": places})
    return json.dumps(plain, sort_keys=True)


def test_the_parser_writes_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for _, sql in STATEMENTS:
            verdict(sql, {"x": "1"} if "$x" in sql else None)
    assert caplog.records == []


def test_messages_are_constant() -> None:
    """Of what was written, only names come back, and only in `object`, `fix` and their places."""
    secret = "张三丰13010119"
    for sql in (
        f"SELECT count(*) FROM residents WHERE name = '{secret}'",
        f"SELECT count(*) FROM residents WHERE resident_id = '{secret}'",
        f"SELECT count(*) FROM residents WHERE income = '{secret}'",
        f"SELECT count(*) FROM visits WHERE visit_date = '{secret}'",
        f"SELECT count(*) FROM residents WHERE gender = '{secret}",
        f"SELECT sum('{secret}') FROM residents",
    ):
        found = verdict(sql)
        assert isinstance(found, Refused)
        assert secret not in json.dumps([item.as_json() for item in found.findings], ensure_ascii=False)

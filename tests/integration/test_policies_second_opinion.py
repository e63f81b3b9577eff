"""The engine's own reading of generated SQL: what we generate passes, what we would never generate does not."""

from collections.abc import Iterator

import pytest

from policies.engine.emit import emit
from policies.engine.second_opinion import EngineOpinion
from policies.query import Bounding, EngineSql
from sandbox.kernel.run import Parameter
from tests.factories_policies import governed
from tests.reference_policies import benign


@pytest.fixture(scope="module")
def opinion() -> Iterator[EngineOpinion]:
    engine = EngineOpinion()
    yield engine
    engine.close()


BENIGN = benign()


@pytest.mark.parametrize(("sql", "parameters"), BENIGN, ids=[sql for sql, _ in BENIGN])
def test_what_we_generate_passes(opinion: EngineOpinion, sql: str, parameters: dict[str, Parameter]) -> None:
    for core in governed(sql, parameters).cores:
        engine = emit(core, Bounding("unit_group", 6, 2, 3, True, tuple(0 for _ in core.aggregates), True))
        assert opinion.check(engine, core.tables)
        assert not opinion.check(engine, core.tables | {"more"})
        assert not opinion.check(engine, frozenset({"other"}))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        'SELECT count(*) FROM "residents"; SELECT 1',
        "SELECT * FROM read_csv('/etc/passwd'), \"residents\"",
        "SELECT * FROM '/etc/passwd', \"residents\"",
        'SELECT random() FROM "residents"',
        'SELECT error("gender") FROM "residents"',
        "SELECT * FROM query('x'), \"residents\"",
        'SELECT (SELECT 1) FROM "residents"',
        'SELECT * FROM "main"."residents"',
        'SELECT * FROM "residents" UNION ALL SELECT 1',
        'SELECT list("gender") FROM "residents"',
        'SELECT x -> x FROM "residents"',
        'SELECT COLUMNS(*) FROM "residents"',
        "VALUES (1)",
        "SHOW TABLES",
        "PRAGMA database_list",
        "COPY residents TO 'x'",
        "not sql",
        "",
    ],
)
def test_what_we_would_never_generate_does_not(opinion: EngineOpinion, sql: str) -> None:
    assert not opinion.check(EngineSql(sql, (), {}, "sha256:0"), frozenset({"residents"}))


def test_a_process_that_dies_is_replaced(opinion: EngineOpinion) -> None:
    (core,) = governed("SELECT count(*) FROM residents").cores
    engine = emit(core, Bounding("unit_group", 1, 1, 1, False, (0,), False))
    assert opinion.check(engine, frozenset({"residents"}))
    process = opinion._process._process
    assert process is not None
    process.kill()
    process.wait()
    assert opinion.check(engine, frozenset({"residents"}))

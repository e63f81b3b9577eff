"""The canonical text is a fixed point: reading it again says the same and has the same digest."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.query import GovernedQuery
from sandbox.kernel.run import Parameter
from tests.factories_policies import codes, governed
from tests.reference_policies import benign

BENIGN = benign()
QUERIES = [sql for sql, _ in BENIGN]


def _meaning(query: GovernedQuery) -> tuple[object, ...]:
    cores = [(core.name, core.relation, core.keys, core.aggregates, core.unit, core.parameters) for core in query.cores]
    return cores, query.post, query.outputs


@pytest.mark.parametrize(("sql", "parameters"), BENIGN, ids=QUERIES)
def test_the_canonical_text_says_the_same(sql: str, parameters: dict[str, Parameter]) -> None:
    once = governed(sql, parameters)
    twice = governed(once.canonical_sql, parameters)
    assert twice.canonical_sql == once.canonical_sql
    assert twice.canonical_digest == once.canonical_digest
    assert _meaning(twice) == _meaning(once)


def test_layout_case_and_comments_do_not_change_the_digest() -> None:
    one = governed("SELECT gender, count(*) AS n FROM residents GROUP BY gender ORDER BY n")
    two = governed(
        "select GENDER /* c */,\n count( * ) as n -- x\nfrom Residents r_not_used_alias_free group by 1 order by 2".replace(
            " r_not_used_alias_free", ""
        )
    )
    assert one.canonical_digest == two.canonical_digest


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gets_a_verdict(text: str) -> None:
    assert isinstance(codes(text), tuple)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "SELECT",
                "FROM",
                "WHERE",
                "GROUP",
                "BY",
                "count(*)",
                "(",
                ")",
                ",",
                ".",
                "*",
                "residents",
                "gender",
                "visits",
                "r",
                "=",
                "'F'",
                "AND",
                "OR",
                "NOT",
                "AS",
                "x",
                "1",
                "-1",
                "CASE",
                "WHEN",
                "THEN",
                "ELSE",
                "END",
                "JOIN",
                "ON",
                "USING",
                "WITH",
                "balance",
                "$p",
                "IN",
                "BETWEEN",
                "LIKE",
                "::",
                "INTERVAL",
                "NULL",
            ]
        ),
        max_size=40,
    )
)
def test_any_words_get_a_verdict(words: list[str]) -> None:
    assert isinstance(codes(" ".join(words)), tuple)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(QUERIES), st.data())
def test_a_damaged_query_gets_a_verdict(sql: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(sql)))
    kept = data.draw(st.integers(0, 8))
    found = codes(sql[:cut] + data.draw(st.text(max_size=3)) + sql[cut + kept :])
    assert isinstance(found, tuple)

"""Whole benchmarks of foreign SQL under policies of their own: each query gets a verdict that says why, and keeps it.

The verdicts are in `tests/sql/tpc_verdicts.json`, whose `summary` a page may cite. After a change that was meant:
`.venv/bin/python -m tests.tpc_policies`
"""

import json
from collections.abc import Iterator

import pytest
from sqlglot import exp, parse_one

from policies.findings import CATALOGUE
from policies.query import Finding
from policies.resolve import resolve
from tests import tpc_policies as tpc
from tests.tpc_h import MULTI_HOP

PLACED = frozenset({"allow_list", "names", "class_flow", "types", "bounds"})
"""Rules that speak of a place in the text, not of the text as a whole."""

pytestmark = pytest.mark.skipif(tpc.missing() is not None, reason=str(tpc.missing()))

PLAIN = [
    (
        "tpch",
        """
        SELECT o_orderpriority, count(*) AS order_count FROM orders
        WHERE o_orderdate >= DATE '1993-07-01' AND o_orderdate < DATE '1993-10-01'
        GROUP BY o_orderpriority ORDER BY o_orderpriority
        """,
    ),
    (
        "tpch",
        """
        SELECT n_name, sum(o_totalprice) AS turnover, count(DISTINCT o_custkey) AS buyers
        FROM customer JOIN orders ON c_custkey = o_custkey JOIN nation ON c_nationkey = n_nationkey
        JOIN region ON n_regionkey = r_regionkey WHERE r_name = 'ASIA' GROUP BY n_name
        """,
    ),
    (
        "tpcds",
        """
        SELECT i_category, sum(ss_ext_sales_price) AS revenue
        FROM date_dim JOIN store_sales ON d_date_sk = ss_sold_date_sk JOIN item ON ss_item_sk = i_item_sk
        WHERE d_moy = 11 AND d_year = 2000 GROUP BY i_category ORDER BY revenue DESC
        """,
    ),
    (
        "tpcds",
        """
        SELECT ca_state, cd_gender, avg(ws_quantity) AS quantity
        FROM web_sales JOIN customer ON ws_bill_customer_sk = c_customer_sk
        JOIN customer_address ON c_current_addr_sk = ca_address_sk
        JOIN customer_demographics ON c_current_cdemo_sk = cd_demo_sk GROUP BY ca_state, cd_gender
        """,
    ),
]
"""Questions of the benchmarks as an analyst writes them who knows the policy: it grants what such work needs."""


@pytest.fixture(scope="module")
def found() -> dict[str, tpc.Outcome]:
    return {query: tpc.outcome(name, sql) for name in tpc.SUITES for query, sql in tpc.texts(name).items()}


def test_every_query_keeps_its_verdict(found: dict[str, tpc.Outcome]) -> None:
    assert len(found) > 100
    kept = json.loads(tpc.VERDICTS.read_text(encoding="utf-8"))
    verdicts = {query: outcome.verdict for query, outcome in found.items()}
    assert verdicts == kept["verdicts"]
    assert tpc.summary(verdicts) == kept["summary"]
    assert tpc.kept(verdicts) == tpc.VERDICTS.read_text(encoding="utf-8")


def test_every_refusal_says_what_where_and_what_instead(found: dict[str, tpc.Outcome]) -> None:
    for name in tpc.SUITES:
        for query, sql in tpc.texts(name).items():
            assert found[query].codes == tuple(item.code for item in found[query].findings) or not found[query].findings
            for item in found[query].findings:
                _check_finding(query, sql, item)


def _check_finding(query: str, sql: str, item: Finding) -> None:
    kind = CATALOGUE[item.code]
    assert (item.rule, item.zh, item.en, item.article) == (kind.rule, kind.zh, kind.en, kind.article)
    assert item.fix is not None, query
    assert item.fix.zh, query
    assert item.fix.en, query
    assert item.span is not None or item.rule not in PLACED, (query, item.code)
    if item.span is not None:
        assert 0 <= item.span.start < item.span.end <= len(sql), (query, item.code)
        assert (item.span.line, item.span.column) == _place(sql, item.span.start), (query, item.code)


def _place(sql: str, start: int) -> tuple[int, int]:
    before = sql[:start].split("\n")
    return len(before), len(before[-1]) + 1


@pytest.mark.parametrize(("name", "sql"), PLAIN)
def test_the_policy_is_of_use(name: str, sql: str) -> None:
    assert tpc.outcome(name, sql).verdict == "allowed"


def test_lines_are_withheld_while_they_have_no_unit() -> None:
    line = tpc.outcome("tpch", "SELECT l_returnflag, count(*) AS n FROM lineitem GROUP BY l_returnflag")
    assert line.verdict == ("allowed" if MULTI_HOP else ["TABLE_NOT_GRANTED"])


@pytest.mark.parametrize("name", tpc.SUITES)
def test_the_catalog_declares_the_whole_schema(name: str) -> None:
    declared = {table: set(items.columns) for table, items in tpc.suite(name).tables.items()}
    assert declared == {table: set(columns) for table, columns in tpc.schema(name).items()}
    assert resolve(tpc.policy(tpc.suite(name)), tpc.catalog(tpc.suite(name))) == tpc.grant(name)


@pytest.mark.parametrize("name", tpc.SUITES)
def test_every_join_of_the_queries_is_declared(name: str) -> None:
    declared = {frozenset(pair) for pair in tpc.suite(name).joins}
    used = {pair for sql in tpc.texts(name).values() for pair in _joins(sql, tpc.schema(name))}
    assert len(used) > 10
    assert used - declared == set()


def _joins(sql: str, schema: tpc.Schema) -> Iterator[frozenset[str]]:
    """Yield each equality of columns of two tables of the schema; what comes out of a CTE or a derived table is no table."""
    owners = {column: table for table, columns in schema.items() for column in columns}
    for node in parse_one(sql, read="duckdb").find_all(exp.EQ):
        sides = [_owner(side, owners) for side in (node.this, node.expression) if isinstance(side, exp.Column)]
        known = [f"{table}.{column}" for table, column in sides if table]
        if len(known) == 2:
            yield frozenset(known)


def _owner(column: exp.Column, owners: dict[str, str]) -> tuple[str | None, str]:
    name = column.name.lower()
    table, scope = owners.get(name), column.find_ancestor(exp.Select)
    while scope is not None:
        parts = [part.this for part in (scope.args.get("from_"), *(scope.args.get("joins") or ())) if part is not None]
        tables = {item.alias_or_name.lower(): item.name.lower() for item in parts if isinstance(item, exp.Table)}
        if table in (tables.values() if not column.table else [tables.get(column.table.lower())]):
            return table, name
        scope = scope.find_ancestor(exp.Select)
    return None, name

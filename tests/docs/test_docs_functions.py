"""The catalogue of functions is complete, and each of its examples is accepted and uses what it describes."""

import pytest
from sqlglot import exp, parse_one

from policies.query import Allowed
from policies.reading.parse import NODES
from policies.reference import Entry, entries
from policies.released import regrouping, values, windows
from policies.rows import blocks, expressions
from policies.rows.functions import FUNCTIONS
from policies.splitting import aggregates
from tests.factories_policies import verdict

ENTRIES = entries()
PLAIN = {exp.Column, exp.Paren, exp.Subquery, exp.Literal, exp.Placeholder}
"""Nodes that are no function or form of their own; `$name` stands in the entry of constants and in the benign queries."""


@pytest.mark.parametrize("entry", ENTRIES, ids=[item.form for item in ENTRIES])
def test_each_example_is_accepted(entry: Entry) -> None:
    found = verdict(entry.example)
    assert isinstance(found, Allowed), [item.as_json() for item in found.findings]


def test_forms_are_told_once() -> None:
    forms = [item.form for item in ENTRIES]
    assert len(set(forms)) == len(forms)
    assert len({item.example for item in ENTRIES}) == len(ENTRIES)


def _shown() -> set[type[exp.Expr]]:
    return {type(node) for item in ENTRIES for node in parse_one(item.example, read="duckdb").walk()}


def test_every_rule_of_the_compiler_has_an_example() -> None:
    rules = (expressions._RULES, FUNCTIONS, values._RULES, aggregates._RULES, blocks._RULES, regrouping.TOTALS, windows.KINDS)
    assert frozenset().union(*rules) - PLAIN - _shown() == set()


def test_nothing_is_described_that_is_not_admitted() -> None:
    assert _shown() - NODES.keys() == set()

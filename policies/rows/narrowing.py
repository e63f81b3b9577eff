"""What the conditions of a query leave of a key's public values: groups that cannot occur need not be shown.

All joins are inner and all conditions stand in one WHERE, so each conjunct holds for every row that reaches a group. Two
expressions with one text have one value on a row, since every function is a function of its arguments alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from sqlglot import exp

from policies.grant import Value
from policies.rows.expressions import Scope
from policies.rows.meeting import unified
from policies.rows.terms import Term


@dataclass(frozen=True)
class Fact:
    """On every row the expression of this identity is not NULL and, where `values` are given, one of them."""

    identity: tuple[str, str, Fraction | None]
    values: frozenset[Value] | None


def facts_of(scope: Scope, condition: exp.Expr) -> Iterator[Fact]:
    """Yield what the conjuncts `x = constant`, `x IN (constants)` and `x IS NOT NULL` of a compiled condition say."""
    node = condition.unnest()
    if isinstance(node, exp.And):
        for part in node.flatten():
            yield from facts_of(scope, part)
    elif isinstance(node, exp.EQ):
        sides = scope.compile(node.this), scope.compile(node.expression)
        for value, other in (sides, sides[::-1]):
            if other.literal and not value.literal:
                yield _one_of(value, [other])
    elif isinstance(node, exp.In):
        yield _one_of(scope.compile(node.this), [scope.compile(item) for item in node.expressions])
    elif isinstance(node, exp.Not) and isinstance(node.this.unnest(), exp.Is):
        inner = node.this.unnest()
        if isinstance(inner.expression, exp.Null):
            yield Fact(scope.compile(inner.this).identity, None)


def _one_of(value: Term, constants: list[Term]) -> Fact:
    """A constant without a public value is a fraction, which no whole number equals; NULL equals nothing."""
    _, *read = unified([value, *constants])
    return Fact(value.identity, frozenset(one for item in read for one in item.domain or ()))


def narrowed(term: Term, facts: Iterable[Fact]) -> Term:
    """Return a key's term with only the public values that all facts about it leave; at least one always stays."""
    for fact in facts:
        if fact.identity == term.identity:
            kept = tuple(one for one in term.domain or () if fact.values is None or one in fact.values)
            term = replace(term, nullable=False, domain=kept or term.domain)
    return term

"""GROUP BY as a list of grouping sets: ROLLUP, CUBE and GROUPING SETS written out, in the standard's order."""

from collections.abc import Iterator, Sequence
from itertools import combinations, product

from sqlglot import exp

from policies.findings import Refusal, finding
from policies.tree import Call, Combined, Const, Expr, Mapped, Named, Ref, Relation

MOST_SETS = 16
"""Each set is protected on its own, so each costs budget."""

Set = tuple[exp.Expr, ...]


def grouping_sets(items: Sequence[exp.Expr]) -> tuple[Set, ...]:
    """Return the sets of keys over which GROUP BY groups; without ROLLUP and its kin there is one.

    Several terms combine as a product. Source: ISO/IEC 9075-2, <group by clause>.

    Raises:
        Refusal: TREE_TOO_LARGE, CONSTRUCT_NOT_ALLOWED.

    """
    whole: list[Set] = [()]
    for item in items:
        sets = _sets(item)
        if len(whole) * len(sets) > MOST_SETS:
            raise Refusal(finding("TREE_TOO_LARGE", obj="GROUPING SETS"))
        whole = [(*left, *right) for left, right in product(whole, sets)]
    return tuple(whole)


def _sets(item: exp.Expr) -> list[Set]:
    if isinstance(item, exp.GroupingSets):
        return [found for one in item.expressions for found in _sets(one)]
    parts = [_members(one) for one in item.expressions] if isinstance(item, (exp.Rollup, exp.Cube)) else []
    if isinstance(item, exp.Rollup):
        return [_flat(parts[:size]) for size in range(len(parts), -1, -1)]
    if isinstance(item, exp.Cube):
        if 1 << len(parts) > MOST_SETS:
            raise Refusal(finding("TREE_TOO_LARGE", obj="CUBE"))
        return [_flat(found) for size in range(len(parts), -1, -1) for found in combinations(parts, size)]
    return [_members(item)]


def _members(item: exp.Expr) -> Set:
    if isinstance(item, exp.Tuple):
        return _flat([_members(one) for one in item.expressions])
    if isinstance(item, (exp.Rollup, exp.Cube, exp.GroupingSets)):
        raise Refusal(finding("CONSTRUCT_NOT_ALLOWED", obj=item.key.upper()))
    return (item.unnest(),)


def _flat(parts: Sequence[Set]) -> Set:
    return tuple(one for part in parts for one in part)


def united_sets(sides: Sequence[tuple[Relation, Sequence[int]]], keys: Sequence[str], columns: Sequence[str]) -> Relation:
    """Return the rows of several grouping sets one behind the other.

    Args:
        sides: the groups of each set, with the places of the keys by which it groups.
        keys: names of all keys; one that a set does not group by is NULL there, and its flag `g<place>` is 1.
        columns: names of what stands beside the keys.

    """
    mapped = [Mapped(relation, tuple(_of_set(group, keys, columns))) for relation, group in sides]
    names = tuple(item.name for item in mapped[0].columns)
    whole: Relation = mapped[0]
    for side in mapped[1:]:
        whole = Combined("union", every=True, left=whole, right=side, names=names)
    return whole


def _of_set(group: Sequence[int], keys: Sequence[str], columns: Sequence[str]) -> Iterator[Named]:
    for place, name in enumerate(keys):
        yield Named(name, Ref(name) if place in group else Const(None))
        yield Named(f"g{place}", Const(0 if place in group else 1))
    yield from (Named(name, Ref(name)) for name in columns)


def level_of(places: Sequence[int]) -> Expr:
    """Return GROUPING over keys: one bit each, 1 where the set does not group by it."""
    value: Expr = Const(0)
    for place in places:
        value = Call("+", (Call("*", (value, Const(2))), Ref(f"g{place}")))
    return value

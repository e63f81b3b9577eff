"""How many rows an answer may have at most, from the public size of its cores. Pure; no row is looked at."""

from collections.abc import Callable, Mapping

from policies import tree

Sizes = Mapping[str, int | None]
"""The complete number of groups of each core; None where its keys are private."""


def most_rows(relation: tree.Relation, sizes: Sizes) -> int | None:
    """Return the most rows that a relation can have, or None where that is not public."""
    match relation:
        case tree.OneRow() | tree.Grouped(keys=()):
            return 1
        case tree.CoreRows(core):
            return sizes[core]
        case tree.Cut(source, limit, _):
            known = [size for size in (most_rows(source, sizes), limit) if size is not None]
            return min(known, default=None)
        case tree.Combined(operation, _, left, right, _):
            return _both(left, right, sizes, sum) if operation == "union" else most_rows(left, sizes)
        case tree.Joined(left, right):
            return _both(left, right, sizes, lambda pair: pair[0] * max(1, pair[1]))
        case _:
            return most_rows(relation.source, sizes)


def _both(left: tree.Relation, right: tree.Relation, sizes: Sizes, combine: Callable[[tuple[int, int]], int]) -> int | None:
    one, other = most_rows(left, sizes), most_rows(right, sizes)
    return None if one is None or other is None else combine((one, other))

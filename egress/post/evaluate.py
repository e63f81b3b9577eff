"""Evaluates a post-processing tree over the noisy rows of protected cores. Pure: the same rows give the same answer.

Everything here happens after noise, so it costs no privacy; it runs outside of the sandbox, on exact values.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import singledispatchmethod
from typing import Any

from egress.post.totals import total
from egress.post.values import Value, call
from egress.post.windows import window_values
from policies import tree
from sandbox.kernel.errors import YuneiError

Row = dict[str, Value]
Rows = list[Row]

MOST_JOINED = 200_000
"""Pairs of rows that a join of released relations may look at, and so the most rows that it makes."""


MOST_CELLS = 20_000_000
"""Cells of all relations of a tree together."""


class Evaluator:
    """Evaluates one tree; a part that stands in it twice is evaluated once."""

    def __init__(self, cores: Mapping[str, Rows]) -> None:
        self._cores = cores
        self._known: dict[int, Rows] = {}
        self._members: dict[int, frozenset[Value]] = {}
        self._cells = 0

    def rows(self, relation: tree.Relation) -> Rows:
        """Return the rows of a relation, in order.

        Raises:
            YuneiError: `RUN_OUTPUT_CAP`, a join meets more than `MOST_JOINED` pairs, or the tree holds more than `MOST_CELLS`.

        """
        if id(relation) not in self._known:
            rows = self._rows(relation)
            self._cells += len(rows) * (len(rows[0]) if rows else 0)
            if self._cells > MOST_CELLS:
                raise YuneiError("RUN_OUTPUT_CAP")
            self._known[id(relation)] = rows
        return self._known[id(relation)]

    def value(self, expression: tree.Expr, row: Row) -> Value:
        """Return the value of an expression on a row."""
        match expression:
            case tree.Ref(name):
                return row[name]
            case tree.Const(value):
                return exact(value)
            case tree.Call(function, arguments):
                return call(function, [self.value(item, row) for item in arguments])
            case tree.Scalar(relation):
                rows = self.rows(relation)
                return next(iter(rows[0].values())) if len(rows) == 1 else None
            case tree.Member(value, relation):
                return self._among(self.value(value, row), relation)
            case tree.Exists(relation):
                return bool(self.rows(relation))

    def _among(self, value: Value, relation: tree.Relation) -> Value:
        """Whether a value is in a relation's column, in three-valued logic."""
        if id(relation) not in self._members:
            self._members[id(relation)] = frozenset(next(iter(row.values())) for row in self.rows(relation))
        known = self._members[id(relation)]
        if value is None:
            return None if known else False
        return True if value in known else None if None in known else False

    @singledispatchmethod
    def _rows(self, relation: Any) -> Rows:
        raise TypeError(type(relation).__name__)

    @_rows.register
    def _(self, _relation: tree.OneRow) -> Rows:
        return [{}]

    @_rows.register
    def _(self, relation: tree.CoreRows) -> Rows:
        return self._cores[relation.core]

    @_rows.register
    def _(self, relation: tree.Mapped) -> Rows:
        return [{item.name: self.value(item.value, row) for item in relation.columns} for row in self.rows(relation.source)]

    @_rows.register
    def _(self, relation: tree.Kept) -> Rows:
        return [row for row in self.rows(relation.source) if self.value(relation.condition, row) is True]

    @_rows.register
    def _(self, relation: tree.Grouped) -> Rows:
        groups: dict[tuple[Value, ...], Rows] = {} if relation.keys else {(): []}
        for row in self.rows(relation.source):
            key = tuple(self.value(item.value, row) for item in relation.keys)
            groups.setdefault(key, []).append(row)
        names = [item.name for item in relation.keys]
        return [
            dict(zip(names, key, strict=True)) | {item.name: self._total(item, rows) for item in relation.totals}
            for key, rows in groups.items()
        ]

    def _total(self, item: tree.Total, rows: Rows) -> Value:
        kept = rows if item.where is None else [row for row in rows if self.value(item.where, row) is True]
        values: list[Value] = [True if item.value is None else self.value(item.value, row) for row in kept]
        return total(item.function, values, distinct=item.distinct)

    @_rows.register
    def _(self, relation: tree.Windowed) -> Rows:
        rows = self.rows(relation.source)
        columns = [(item.name, self._window(item, rows)) for item in relation.windows]
        return [row | {name: values[place] for name, values in columns} for place, row in enumerate(rows)]

    def _window(self, item: tree.Window, rows: Rows) -> list[Value]:
        parts: dict[tuple[Value, ...], list[int]] = {}
        for place, row in enumerate(rows):
            parts.setdefault(tuple(self.value(one, row) for one in item.partition), []).append(place)
        found: list[Value] = [None] * len(rows)
        for places in parts.values():
            ordered = self._ordered(places, item.order, lambda place: rows[place])
            keys = [tuple(self.value(term.value, rows[place]) for term in item.order) for place in ordered]
            arguments = [[self.value(one, rows[place]) for place in ordered] for one in item.arguments]
            for place, value in zip(ordered, window_values(item, keys, arguments), strict=True):
                found[place] = value
        return found

    @_rows.register
    def _(self, relation: tree.Sorted) -> Rows:
        return self._ordered(self.rows(relation.source), relation.order, lambda row: row)

    def _ordered(self, items: Sequence[Any], order: Sequence[tree.Order], row_of: Any) -> list[Any]:
        """Sort stably; NULLs stand where a term says, whatever its direction."""
        ordered = list(items)
        for term in reversed(order):
            values = [(self.value(term.value, row_of(item)), item) for item in ordered]
            absent = [item for value, item in values if value is None]
            present = [pair for pair in values if pair[0] is not None]
            present.sort(key=lambda pair: pair[0], reverse=term.descending)  # type: ignore[arg-type,return-value]
            kept = [item for _, item in present]
            ordered = absent + kept if term.nulls_first else kept + absent
        return ordered

    @_rows.register
    def _(self, relation: tree.Cut) -> Rows:
        rows = self.rows(relation.source)[relation.offset :]
        return rows if relation.limit is None else rows[: relation.limit]

    @_rows.register
    def _(self, relation: tree.Distinct) -> Rows:
        return list(_once(self.rows(relation.source), relation.names))

    @_rows.register
    def _(self, relation: tree.Combined) -> Rows:
        left, right = self.rows(relation.left), self.rows(relation.right)
        return list(_combined(relation, left, right))

    @_rows.register
    def _(self, relation: tree.Joined) -> Rows:
        left, right = self.rows(relation.left), self.rows(relation.right)
        found: dict[tuple[Value, ...], Rows] = {}
        for row in right:
            found.setdefault(tuple(self.value(other, row) for _, other in relation.equal), []).append(row)
        joined: Rows = []
        met = 0
        for row in left:
            key = tuple(self.value(one, row) for one, _ in relation.equal)
            partners = [] if None in key else found.get(key, [])
            met += max(1, len(partners))
            if met > MOST_JOINED:
                raise YuneiError("RUN_OUTPUT_CAP")
            whole = [row | partner for partner in partners]
            if relation.condition is not None:
                whole = [one for one in whole if self.value(relation.condition, one) is True]
            if relation.outer and not whole:
                whole = [row | dict.fromkeys(relation.absent)]
            joined += whole
        return joined


def exact(value: tree.Constant) -> Value:
    """Return a constant of the tree as a value; decimals are fractions."""
    return Fraction(value) if isinstance(value, Decimal) else value


def _on(row: Row, names: Sequence[str]) -> tuple[Value, ...]:
    return tuple(row[name] for name in names)


def _combined(relation: tree.Combined, left: Rows, right: Rows) -> Iterator[Row]:
    if relation.operation == "union":
        yield from _once([*left, *right], relation.names) if not relation.every else [*left, *right]
        return
    other = Counter(_on(row, relation.names) for row in right)
    wanted = relation.operation == "intersect"
    for row in left if relation.every else _once(left, relation.names):
        key = _on(row, relation.names)
        there = other[key] > 0
        if relation.every and there:
            other[key] -= 1
        if there is wanted:
            yield row


def _once(rows: Rows, names: Sequence[str]) -> Iterator[Row]:
    """Yield the first of rows that are equal in these columns."""
    seen: set[tuple[Value, ...]] = set()
    for row in rows:
        key = _on(row, names)
        if key not in seen:
            seen.add(key)
            yield row

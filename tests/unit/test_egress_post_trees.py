"""Every node of the post-processing tree, evaluated over released rows, and the most rows that it can have."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, get_args

import pytest

from egress.post import evaluate
from egress.post.evaluate import Evaluator, Row, Rows
from egress.post.size import most_rows
from egress.post.values import Value
from policies.tree import (
    Call,
    Combined,
    Const,
    CoreRows,
    Cut,
    Distinct,
    Exists,
    Expr,
    Grouped,
    Joined,
    Kept,
    Mapped,
    Member,
    Named,
    OneRow,
    Order,
    Ref,
    Relation,
    Scalar,
    Sorted,
    Total,
    Window,
    Windowed,
)
from sandbox.kernel.errors import YuneiError

T, U, NOTHING = CoreRows("t"), CoreRows("u"), CoreRows("nothing")
A, B = Ref("a"), Ref("b")


def rows_of(names: str, *lines: tuple[Value, ...]) -> Rows:
    return [dict(zip(names.split(), line, strict=True)) for line in lines]


CORES: Mapping[str, Rows] = {
    "t": rows_of("a b", ("x", 1), ("y", 2), (None, 2), ("x", None)),
    "u": rows_of("c d", ("x", 10), ("x", 20), (None, 30), ("z", 40)),
    "nothing": [],
}


def rows(relation: Relation) -> list[tuple[Value, ...]]:
    return [tuple(row.values()) for row in Evaluator(CORES).rows(relation)]


def value(expression: Expr, row: Row | None = None) -> Value:
    return Evaluator(CORES).value(expression, row or {})


def column(*values: Value) -> Relation:
    """Return a relation of one column `v` with these values, made of one row each."""
    sides: list[Relation] = [Mapped(OneRow(), (Named("v", Const(item)),)) for item in values]  # type: ignore[arg-type]
    whole = sides[0] if sides else Kept(Mapped(OneRow(), (Named("v", Const(None)),)), Const(False))
    for side in sides[1:]:
        whole = Combined("union", every=True, left=whole, right=side, names=("v",))
    return whole


# rows


def test_leaves_are_one_row_and_the_rows_of_a_core_in_order() -> None:
    assert Evaluator(CORES).rows(OneRow()) == [{}]
    assert Evaluator(CORES).rows(T) == CORES["t"]
    assert rows(NOTHING) == []


def test_mapped_rows_have_these_columns_alone() -> None:
    found = Evaluator(CORES).rows(Mapped(T, (Named("b", B), Named("twice", Call("*", (B, Const(2)))), Named("c", Const("k")))))
    assert found == rows_of("b twice c", (1, 2, "k"), (2, 4, "k"), (2, 4, "k"), (None, None, "k"))


def test_only_what_is_true_is_kept() -> None:
    assert rows(Kept(T, Call("=", (A, Const("x"))))) == [("x", 1), ("x", None)]
    assert rows(Kept(T, Call("not", (Call("=", (A, Const("x"))),)))) == [("y", 2)], "not what is neither true nor false"
    assert rows(Kept(T, Const(None))) == rows(Kept(T, Const(False))) == []


def test_groups_hold_equal_keys_and_null_is_one_key() -> None:
    totals = (Total("n", "count", None), Total("known", "count", B), Total("s", "sum", B))
    assert rows(Grouped(T, (Named("k", A),), totals)) == [("x", 2, 1, 1), ("y", 1, 1, 2), (None, 1, 1, 2)]
    assert rows(Grouped(NOTHING, (Named("k", A),), totals)) == []
    assert rows(Grouped(column(2, 2, 1), (Named("k", Call("/", (Ref("v"), Const(2)))),), ())) == [(1,), (Fraction(1, 2),)]


def test_without_keys_there_is_one_row_also_of_nothing() -> None:
    totals = (Total("n", "count", None), Total("s", "sum", B))
    assert rows(Grouped(T, (), totals)) == [(4, 5)]
    assert rows(Grouped(NOTHING, (), totals)) == [(0, None)]


def test_a_total_may_take_distinct_values_and_those_that_pass_a_condition() -> None:
    known = Call("=", (A, Const("x")))
    totals = (Total("d", "sum", B, distinct=True), Total("f", "count", None, where=known), Total("n", "count", B, where=known))
    assert rows(Grouped(T, (), totals)) == [(3, 2, 1)]


def test_windows_add_columns_and_keep_the_rows_and_their_order() -> None:
    order = (Order(B, descending=True, nulls_first=False),)
    windows = (Window("w0", "row_number", (), (), order, None), Window("w1", "count", (), (A,), (), None))
    assert rows(Windowed(T, windows)) == [("x", 1, 3, 2), ("y", 2, 1, 1), (None, 2, 2, 1), ("x", None, 4, 2)]


@pytest.mark.parametrize(
    ("descending", "nulls_first", "found"),
    [
        (False, False, [("x", 1), ("y", 2), (None, 2), ("x", None)]),
        (False, True, [("x", None), ("x", 1), ("y", 2), (None, 2)]),
        (True, False, [("y", 2), (None, 2), ("x", 1), ("x", None)]),
        (True, True, [("x", None), ("y", 2), (None, 2), ("x", 1)]),
    ],
)
def test_rows_are_sorted_with_null_where_the_term_says_and_ties_as_they_were(
    descending: bool, nulls_first: bool, found: list[tuple[Value, ...]]
) -> None:
    assert rows(Sorted(T, (Order(B, descending, nulls_first),))) == found


def test_earlier_terms_of_an_order_count_first() -> None:
    terms = (Order(A, descending=False, nulls_first=False), Order(B, descending=True, nulls_first=True))
    assert rows(Sorted(T, terms)) == [("x", None), ("x", 1), ("y", 2), (None, 2)]
    assert rows(Sorted(T, ())) == rows(T)


@pytest.mark.parametrize(
    ("limit", "offset", "places"), [(2, 0, [0, 1]), (0, 0, []), (9, 3, [3]), (2, 9, []), (None, 1, [1, 2, 3]), (1, 2, [2])]
)
def test_rows_are_cut_after_the_offset(limit: int | None, offset: int, places: list[int]) -> None:
    assert rows(Cut(T, limit, offset)) == [rows(T)[place] for place in places]


def test_distinct_rows_stand_where_each_first_stood() -> None:
    twice = Combined("union", every=True, left=T, right=T, names=("a", "b"))
    assert rows(Distinct(twice, ("a", "b"))) == rows(T)
    assert rows(Distinct(T, ("a",))) == [("x", 1), ("y", 2), (None, 2)], "the first of each, with all its columns"
    assert rows(Distinct(T, ("b",))) == [("x", 1), ("y", 2), ("x", None)]


LEFT, RIGHT = column(1, 2, 2, 2, None, None, 3), column(2, 2, None, 4)


@pytest.mark.parametrize(
    ("operation", "every", "found"),
    [
        ("union", True, [1, 2, 2, 2, None, None, 3, 2, 2, None, 4]),
        ("union", False, [1, 2, None, 3, 4]),
        ("intersect", True, [2, 2, None]),
        ("intersect", False, [2, None]),
        ("except", True, [1, 2, None, 3]),
        ("except", False, [1, 3]),
    ],
)
def test_set_operations_count_duplicates_as_the_standard_says_and_null_equals_null(
    operation: Any, every: bool, found: list[Value]
) -> None:
    assert [only for (only,) in rows(Combined(operation, every, LEFT, RIGHT, ("v",)))] == found


@pytest.mark.parametrize("operation", ["union", "intersect", "except"])
@pytest.mark.parametrize("every", [True, False])
def test_set_operations_with_nothing(operation: Any, every: bool) -> None:
    once = [1, 2, None, 3]
    whole = [1, 2, 2, 2, None, None, 3] if every else once
    nothing = column()
    assert [only for (only,) in rows(Combined(operation, every, LEFT, nothing, ("v",)))] == (
        [] if operation == "intersect" else whole
    )
    assert [only for (only,) in rows(Combined(operation, every, nothing, LEFT, ("v",)))] == (
        whole if operation == "union" else []
    )


def test_set_operations_compare_whole_rows() -> None:
    other = Mapped(U, (Named("a", Ref("c")), Named("b", Call("//", (Ref("d"), Const(10))))))
    assert rows(Combined("intersect", every=False, left=T, right=other, names=("a", "b"))) == [("x", 1)]


# joins


def joined(
    *, outer: bool = False, equal: tuple[tuple[Expr, Expr], ...] = ((A, Ref("c")),), condition: Expr | None = None
) -> Joined:
    return Joined(T, U, equal, condition, outer, ("c", "d"))


def test_a_join_pairs_equal_values_and_null_equals_nothing() -> None:
    assert rows(joined()) == [("x", 1, "x", 10), ("x", 1, "x", 20), ("x", None, "x", 10), ("x", None, "x", 20)]
    both = (*joined().equal, (B, Call("//", (Ref("d"), Const(10)))))
    assert rows(joined(equal=both)) == [("x", 1, "x", 10)]


def test_an_outer_join_keeps_every_row_of_the_left_once_without_a_partner() -> None:
    absent = [("y", 2, None, None), (None, 2, None, None)]
    assert [row for row in rows(joined(outer=True)) if row not in rows(joined())] == absent
    assert len(rows(joined(outer=True))) == len(rows(joined())) + 2
    assert rows(Joined(T, NOTHING, ((A, Ref("c")),), None, True, ("c", "d"))) == [(*row, None, None) for row in rows(T)]
    assert rows(Joined(NOTHING, U, ((A, Ref("c")),), None, True, ("c", "d"))) == []


def test_the_condition_of_an_outer_join_chooses_partners_and_drops_no_row() -> None:
    high = Call(">", (Ref("d"), Const(15)))
    assert rows(joined(condition=high)) == [("x", 1, "x", 20), ("x", None, "x", 20)]
    kept = rows(joined(outer=True, condition=high))
    assert kept == [("x", 1, "x", 20), ("y", 2, None, None), (None, 2, None, None), ("x", None, "x", 20)]
    never = Call("=", (Ref("d"), Const(None)))
    assert rows(joined(outer=True, condition=never)) == [(*row, None, None) for row in rows(T)]


def test_without_equalities_every_pair_meets() -> None:
    assert len(rows(joined(equal=()))) == 16
    assert len(rows(joined(equal=(), condition=Call("=", (A, Ref("c")))))) == 4


@pytest.mark.parametrize("outer", [False, True])
def test_a_join_stops_at_its_limit(outer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert evaluate.MOST_JOINED == 200_000
    monkeypatch.setattr(evaluate, "MOST_JOINED", 16)
    assert len(rows(joined(equal=(), outer=outer))) == 16
    monkeypatch.setattr(evaluate, "MOST_JOINED", 15)
    with pytest.raises(YuneiError, match="RUN_OUTPUT_CAP"):
        rows(joined(equal=(), outer=outer))


def test_pairs_that_a_condition_drops_count_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a join of two large tables could look at any number of pairs and keep none."""
    monkeypatch.setattr(evaluate, "MOST_JOINED", 15)
    with pytest.raises(YuneiError, match="RUN_OUTPUT_CAP"):
        rows(joined(equal=(), condition=Const(False)))


# subqueries


def test_a_scalar_is_the_value_of_exactly_one_row() -> None:
    assert value(Scalar(column(7))) == 7
    assert value(Scalar(column())) is value(Scalar(column(7, 7))) is value(Scalar(column(None))) is None
    assert value(Call("+", (Scalar(Grouped(T, (), (Total("n", "count", None),))), B)), {"b": 1}) == 5


@pytest.mark.parametrize(
    ("sought", "among", "found"),
    [
        (1, (1, 2), True), (3, (1, 2), False), (3, (1, None), None), (1, (1, None), True), (None, (1, 2), None), (None, (), False), (1, (), False),
        (None, (None,), None), (Fraction(2), (2,), True), ("x", ("x",), True),
    ],
)  # fmt: skip
def test_membership_is_three_valued(sought: Value, among: tuple[Value, ...], found: bool | None) -> None:
    assert value(Member(Ref("v"), column(*among)), {"v": sought}) is found


def test_existence_is_never_null() -> None:
    assert value(Exists(column(None))) is True
    assert value(Exists(column())) is False


class Counted(dict[str, Rows]):
    """Counts how often each core is read."""

    def __init__(self) -> None:
        super().__init__(CORES)
        self.read: list[str] = []

    def __getitem__(self, name: str) -> Rows:
        self.read.append(name)
        return super().__getitem__(name)


def test_what_stands_twice_is_evaluated_once() -> None:
    cores, twice = Counted(), Kept(T, Call(">", (B, Const(0))))
    member = Member(A, Mapped(twice, (Named("a", A),)))
    whole = Kept(Combined("union", every=True, left=twice, right=twice, names=("a", "b")), member)
    evaluator = Evaluator(cores)
    assert len(evaluator.rows(whole)) == 4
    assert evaluator.rows(whole) is evaluator.rows(whole)
    assert cores.read == ["t"]


def test_released_rows_are_never_changed() -> None:
    before = [dict(row) for row in CORES["t"]]
    order = (Order(B, descending=True, nulls_first=True),)
    rows(Distinct(Sorted(Windowed(joined(outer=True), (Window("w", "rank", (), (), order, None),)), order), ("a",)))
    assert CORES["t"] == before


def test_another_node_is_an_error() -> None:
    with pytest.raises(TypeError, match="str"):
        Evaluator(CORES).rows("t")  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        Evaluator(CORES).rows(CoreRows("other"))


# size

SIZES = {"five": 5, "three": 3, "none": 0, "private": None}
FIVE, THREE, NONE, PRIVATE = (CoreRows(name) for name in SIZES)


def combined(operation: Any, left: Relation, right: Relation) -> Combined:
    return Combined(operation, every=True, left=left, right=right, names=())


def beside(left: Relation, right: Relation, *, outer: bool = False) -> Joined:
    return Joined(left, right, (), None, outer, ())


SIZED: list[tuple[Relation, int | None]] = [
    (OneRow(), 1),
    (FIVE, 5),
    (NONE, 0),
    (PRIVATE, None),
    (Mapped(FIVE, ()), 5),
    (Mapped(PRIVATE, ()), None),
    (Kept(FIVE, Const(True)), 5),
    (Grouped(FIVE, (Named("k", A),), ()), 5),
    (Grouped(FIVE, (), ()), 1),
    (Grouped(PRIVATE, (), ()), 1),
    (Grouped(PRIVATE, (Named("k", A),), ()), None),
    (Windowed(FIVE, ()), 5),
    (Sorted(FIVE, ()), 5),
    (Cut(FIVE, 2, 0), 2),
    (Cut(FIVE, 9, 0), 5),
    (Cut(FIVE, None, 3), 5),
    (Cut(PRIVATE, 2, 7), 2),
    (Cut(PRIVATE, None, 7), None),
    (Distinct(FIVE, ()), 5),
    (combined("union", FIVE, THREE), 8),
    (combined("union", FIVE, PRIVATE), None),
    (combined("union", PRIVATE, FIVE), None),
    (combined("intersect", FIVE, PRIVATE), 5),
    (combined("except", FIVE, PRIVATE), 5),
    (combined("except", PRIVATE, FIVE), None),
    (beside(FIVE, THREE), 15),
    (beside(FIVE, NONE, outer=True), 5),
    (beside(FIVE, PRIVATE), None),
    (beside(FIVE, Grouped(PRIVATE, (), ())), 5),
    (Cut(Sorted(Kept(beside(FIVE, THREE), Const(True)), ()), 4, 0), 4),
]


@pytest.mark.parametrize(("relation", "most"), SIZED)
def test_the_most_rows_follow_from_the_public_sizes(relation: Relation, most: int | None) -> None:
    assert most_rows(relation, SIZES) == most


def test_every_kind_of_node_is_sized_above_and_evaluated() -> None:
    assert {type(relation) for relation, _ in SIZED} == set(get_args(Relation))
    registered = vars(Evaluator)["_rows"].dispatcher.registry.keys()
    assert set(get_args(Relation)) == registered - {object}

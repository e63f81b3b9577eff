"""Post-processing against plain references, and what must hold of intervals whatever the numbers."""

import json
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from egress.accuracy import PAIR
from egress.bounding import centre_of
from egress.model import ProtectionPlan
from egress.plan import plan
from egress.protect import bound_check, protect, replay_post
from egress.table import table_of
from egress.tails import half_width
from policies.query import Aggregate, GovernedQuery, GroupKey
from policies.tree import Order, Ref
from sandbox.jobs.sealed import result_json, result_of
from sandbox.kernel.canonical import canonical_bytes
from tests.fakes_egress import AVG, COUNT, SUM, TOWN, exact, governed, order, rollup

UNTIMED = settings(deadline=None, max_examples=60)

STEPS = st.sampled_from([Decimal(text) for text in ("1", "0.01", "0.5", "0.125", "1E+3", "25", "0.000001")])
HUGE = st.integers(-(2**63), 2**63 - 1)


def planned(query: GovernedQuery, epsilon: str = "2") -> ProtectionPlan:
    found = plan(query, Decimal(epsilon))
    assert isinstance(found, ProtectionPlan)
    return found


def only_row(aggregate: Aggregate, *values: int) -> tuple:
    query = governed(aggregate, keys=())
    return table_of(planned(query), query, ((((), values),),)).rows[0]


@UNTIMED
@given(step=STEPS, value=HUGE)
def test_sums_are_exact_multiples_of_the_step_at_any_size(step: Decimal, value: int) -> None:
    aggregate = replace(SUM, step=step)
    shown, low, high = only_row(aggregate, value)
    assert Fraction(shown) == Fraction(step) * value
    assert low < shown < high
    assert {cell.as_tuple().exponent for cell in (shown, low, high)} == {-aggregate.places}


@UNTIMED
@given(step=STEPS, total=HUGE, count=st.integers(1, 2**40))
def test_averages_are_the_exact_quotient_rounded_half_to_even_within_the_range(step: Decimal, total: int, count: int) -> None:
    aggregate = replace(AVG, step=step)
    shown, low, high = only_row(aggregate, count, total)
    value = min(max(Fraction(total, count) + centre_of(aggregate), Fraction(aggregate.low)), Fraction(aggregate.high))
    with localcontext(prec=200):
        wide = Decimal((value * Fraction(step)).numerator) / Decimal((value * Fraction(step)).denominator)
        assert shown == wide.quantize(Decimal(1).scaleb(-aggregate.places), rounding=ROUND_HALF_EVEN)
    assert low <= shown <= high


@UNTIMED
@given(
    count=st.integers(1, 5_000),
    mean=st.fractions(0, 120, max_denominator=50),
    noise=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    step=STEPS,
)
def test_while_both_noises_stay_within_their_half_widths_the_average_lies_in_its_interval(count, mean, noise, step) -> None:
    aggregate = replace(AVG, step=step)
    query = governed(aggregate, keys=())
    found = planned(query)
    total = round((mean - centre_of(aggregate)) * count)
    rows, centred = (half_width(part.mechanism, part.scale, PAIR) for part in found.parts)
    noisy = (count + int(noise[0] * rows), total + int(noise[1] * centred))
    shown, low, high = table_of(found, query, ((((), noisy),),)).rows[0]
    truth = min(max(Fraction(total, count) + centre_of(aggregate), Fraction(0)), Fraction(120)) * Fraction(step)
    if shown is None:
        assert noisy[0] <= 0
        assert low is high is None
    else:
        assert Fraction(low) <= truth <= Fraction(high)


GROUPS = st.dictionaries(
    st.tuples(st.none() | st.text("ab张", max_size=2), st.none() | st.integers(-2, 2)),
    st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 99)),
    max_size=12,
)
TERMS = st.lists(
    st.builds(
        lambda name, descending, nulls_first: order(name, descending=descending, nulls_first=nulls_first),
        st.sampled_from(["k0", "k1", "a0"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=3,
    unique_by=lambda term: term.value,
)


def name_of(term: Order) -> str:
    assert isinstance(term.value, Ref)
    return term.value.name


@UNTIMED
@given(groups=GROUPS, ordered=TERMS, limit=st.none() | st.integers(0, 5))
def test_rows_come_in_the_order_that_sql_says_with_ties_by_key(groups, ordered, limit) -> None:
    keys = (TOWN, GroupKey("k1", "integer", None, nullable=True, lineage=()))
    query = governed(AVG, keys=keys, ordered=tuple(ordered), limit=limit)
    primitives = tuple(groups.items())
    rows = table_of(planned(query), query, (primitives,)).rows
    place = {"k0": 0, "k1": 1, "a0": 2}

    def before(one: tuple, other: tuple) -> bool:
        for term in (*ordered, order("k0"), order("k1")):
            left, right = (row[place[name_of(term)]] for row in (one, other))
            if (left is None) != (right is None):
                return (left is None) == term.nulls_first
            if left is not None and left != right:
                return (left > right) == term.descending
        return True

    assert all(before(one, other) for one, other in pairwise(rows))
    assert len(rows) == len(primitives) if limit is None else len(rows) == min(limit, len(primitives))


@UNTIMED
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(-900, 900)), max_size=6))
def test_whatever_is_protected_replays_and_lies_within_its_bounds(cells) -> None:
    query = governed(COUNT, SUM, keys=(TOWN,), limit=3)
    found = planned(query)
    table = exact(query, *((f"t{place}", rows, rows, total, rows) for place, (rows, total) in enumerate(cells)), units=True)
    result = protect(found, query, [table])
    assert replay_post(found, query, result.primitives) == result
    assert bound_check(result.primitives, [table], found)


@UNTIMED
@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(-900, 900)), max_size=6),
    st.integers(0, 3_000),
    st.integers(-9_000, 9_000),
)
def test_whatever_several_cores_answer_replays_and_lies_within_its_bounds(cells, rows, total) -> None:
    query = rollup(COUNT, SUM, key=TOWN)
    found = planned(query)
    fine = exact(query, *((f"t{place}", one, one, other, one) for place, (one, other) in enumerate(cells)), units=True)
    tables = [fine, exact(query, (rows, rows, total), core=1)]
    result = protect(found, query, tables)
    assert len(result.rows) == len(result.primitives[0]) + 1
    assert result_of(json.loads(canonical_bytes(result_json(result)))) == result, "as it is sealed and opened"
    assert replay_post(found, query, result.primitives) == result
    assert bound_check(result.primitives, tables, found)

"""What must hold of every cost, whatever is asked."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from egress.accounting import GRID, charge, epsilon_of, rho_of, scale_for, terms_of
from egress.allocation import Need, allocate
from egress.bounding import grouped_caps
from egress.tails import half_width, tail, tau_for, threshold_delta
from tests.fakes_egress import unit

UNTIMED = settings(deadline=None, max_examples=60)

EPSILONS = st.decimals(Decimal("0.0001"), Decimal(100), places=4)
DELTAS = st.integers(4, 16).map(lambda digits: Fraction(1, 10**digits))
RHOS = st.fractions(Fraction(1, 10**9), Fraction(50), max_denominator=10**9)
NOISES = st.sampled_from(["discrete_laplace", "discrete_gaussian"])


@UNTIMED
@given(EPSILONS, DELTAS)
def test_conversion_there_and_back_never_gains(epsilon: Decimal, delta: Fraction) -> None:
    rho = rho_of(epsilon, delta)
    assert (rho * GRID).denominator == 1
    assert epsilon_of(rho, delta) <= epsilon


@UNTIMED
@given(RHOS, RHOS, DELTAS)
def test_more_loss_never_shows_as_less(one: Fraction, other: Fraction, delta: Fraction) -> None:
    assert epsilon_of(min(one, other), delta) <= epsilon_of(max(one, other), delta) + Decimal("1e-11")


@UNTIMED
@given(NOISES, RHOS, st.integers(1, 2**61), st.integers(1, 10**6))
def test_no_scale_costs_more_than_it_may(noise, rho: Fraction, l1: int, spread: int) -> None:
    l2_squared = max(l1, l1 * l1 // spread)
    assert charge(noise, l1, l2_squared, scale_for(noise, l1, l2_squared, rho)) <= rho


@UNTIMED
@given(NOISES, st.fractions(Fraction(1, 4), 10**6, max_denominator=2**20), st.integers(1, 10**7))
def test_tails_fall_and_stay_probabilities(noise, scale: Fraction, m: int) -> None:
    assert 0 < tail(noise, scale, m + 1) <= tail(noise, scale, m) <= 1
    assert tail(noise, scale, half_width(noise, scale, Decimal("0.05")) + 1) <= Decimal("0.025")


@UNTIMED
@given(NOISES, st.fractions(1, 10**4, max_denominator=99), st.integers(1, 10**5), st.integers(8, 20), st.integers(1, 50))
def test_thresholds_keep_to_their_delta(noise, scale: Fraction, groups: int, digits: int, floor: int) -> None:
    tau = tau_for(noise, scale, groups, Fraction(1, 10**digits), floor)
    assert tau >= floor
    assert threshold_delta(noise, scale, tau, groups) <= Fraction(1, 10**digits)


@UNTIMED
@given(
    st.lists(st.tuples(st.integers(1, 10**9), st.fractions(Fraction(1, 2), 10**6, max_denominator=9)), min_size=1, max_size=9),
    RHOS,
)
def test_a_query_is_divided_without_overspending(sizes, rho: Fraction) -> None:
    needs = tuple(Need(f"a{n}", "rows", 0, 9, l1, l1 * l1, typical) for n, (l1, typical) in enumerate(sizes))
    parts = allocate(needs, rho)
    assert sum(part.rho for part in parts) <= rho
    assert [part.column for part in parts] == [need.column for need in needs]


@UNTIMED
@given(
    st.integers(1, 10**6), st.none() | st.integers(1, 10**6), st.none() | st.integers(1, 10**6), st.none() | st.integers(1, 999)
)
def test_caps_are_consistent(max_rows: int, max_groups, per_group, groups) -> None:
    caps = grouped_caps(unit(max_rows=max_rows, max_groups=max_groups, max_rows_per_group=per_group), groups)
    assert 1 <= caps.l1 <= caps.l2_squared <= caps.l1**2
    assert caps.l2_squared <= caps.groups * caps.per_group**2
    assert caps.l1 <= max_rows
    assert not caps.sample or caps.groups < max_rows


@UNTIMED
@given(EPSILONS, EPSILONS, DELTAS)
def test_terms_add_up_to_no_more_than_the_whole(one: Decimal, other: Decimal, delta: Fraction) -> None:
    """Splitting a budget over two agreements never buys more than the two promises together allow."""
    promised = Decimal(delta.numerator) / Decimal(delta.denominator)
    together = terms_of(one, promised).rho + terms_of(other, promised).rho
    assert epsilon_of(together, delta / 2) <= one + other

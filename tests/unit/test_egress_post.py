"""Functions of released values: three-valued, exact, total, and bounded in size and time."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.post import values
from egress.post.evaluate import exact
from egress.post.totals import AGGREGATES, FRAMED, framed, total
from egress.post.values import FUNCTIONS, MOST_TEXT, Value, call, like, number, rounded, text
from egress.post.windows import WINDOW_FUNCTIONS
from policies import query
from policies.released import regrouping, shapes, windows

DAY = date(2024, 2, 29)
POLICIES = Path(query.__file__).parent


# what there is


def test_every_function_that_the_compiler_types_is_known_and_no_other() -> None:
    assert shapes._RULES.keys() | {"round"} == FUNCTIONS


def test_every_function_that_the_compiler_writes_by_name_is_known() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(POLICIES.rglob("*.py")))
    written = set(re.findall(r'\b(?:Call|called|_call|_many|_logic)\(\s*"([^"]+)"', source))
    assert {"sqrt", "case", "+", "trim"} <= written, "the folders that write calls are looked into"
    assert len(written) > 30
    assert written <= FUNCTIONS | {"unknown part"}


def test_every_aggregate_and_window_function_that_the_compiler_knows_is_known_and_no_other() -> None:
    assert {name for name, _ in regrouping.TOTALS.values()} == AGGREGATES
    assert {kind.name for kind in windows.KINDS.values()} == WINDOW_FUNCTIONS
    assert FRAMED == AGGREGATES & WINDOW_FUNCTIONS


@pytest.mark.parametrize("function", ["", "random", "error", "unknown part", "COUNT", "AND"])
def test_what_is_not_known_is_an_error_and_never_a_value(function: str) -> None:
    with pytest.raises(KeyError):
        call(function, [1])
    with pytest.raises(KeyError):
        total(function, [1])
    with pytest.raises(KeyError):
        framed(function, [1], [(0, 1)])


# logic

TRUTH: Sequence[bool | None] = (True, False, None)


@pytest.mark.parametrize("left", TRUTH)
@pytest.mark.parametrize("right", TRUTH)
def test_and_or_and_not_are_those_of_kleene(left: bool | None, right: bool | None) -> None:
    order = {False: 0, None: 1, True: 2}
    back = {place: value for value, place in order.items()}
    assert call("and", [left, right]) is back[min(order[left], order[right])]
    assert call("or", [left, right]) is back[max(order[left], order[right])]
    assert call("not", [left]) is back[2 - order[left]]
    assert call("and", [left, right, True, None]) is call("and", [call("and", [left, right]), None])
    assert call("or", [left, right, False, None]) is call("or", [call("or", [left, right]), None])


@pytest.mark.parametrize("value", [True, False, None])
def test_tests_of_truth_and_null_are_never_null(value: bool | None) -> None:
    assert call("is true", [value]) is (value is True)
    assert call("is false", [value]) is (value is False)
    assert call("is null", [value]) is (value is None)


@pytest.mark.parametrize(
    ("left", "right", "apart"), [(1, 1, False), (1, 2, True), (None, None, False), (1, None, True), (None, "", True)]
)
def test_is_distinct_counts_null_as_a_value(left: Value, right: Value, apart: bool) -> None:
    assert call("is distinct", [left, right]) is apart
    assert call("is not distinct", [left, right]) is not apart


@pytest.mark.parametrize("sign", ["=", "<>", "<", "<=", ">", ">="])
@pytest.mark.parametrize(("left", "right"), [(None, 1), (1, None), (None, None)])
def test_a_comparison_with_null_is_null(sign: str, left: Value, right: Value) -> None:
    assert call(sign, [left, right]) is None


@pytest.mark.parametrize(
    ("left", "right"), [(1, 2), (Fraction(1, 3), Fraction(1, 2)), (0, Fraction(1, 10**30)), ("a", "b"), ("Z", "a"), (DAY, date(2025, 1, 1)), (False, True)]
)  # fmt: skip
def test_comparisons_agree_with_one_order(left: Any, right: Any) -> None:
    assert [call(sign, [left, right]) for sign in ("=", "<>", "<", "<=", ">", ">=")] == [False, True, True, True, False, False]
    assert [call(sign, [left, left]) for sign in ("=", "<>", "<", "<=", ">", ">=")] == [True, False, False, True, False, True]
    assert (call("least", [right, None, left]), call("greatest", [left, None, right])) == (left, right)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((1, 1, 2), True), ((3, 1, 2), False), ((3, 1, None), None), ((1, 1, None), True), ((None, 1), None), ((None, None), None),
        (("a", "b", "a"), True), ((1,), False), ((None,), None),
    ],
)  # fmt: skip
def test_in_is_three_valued(arguments: tuple[Value, ...], found: bool | None) -> None:
    assert call("in", arguments) is found


@pytest.mark.parametrize(
    ("function", "arguments", "found"),
    [
        ("case", (True, 1, False, 2, 3), 1), ("case", (False, 1, True, 2, 3), 2), ("case", (None, 1, False, 2, 3), 3), ("case", (None, 1, None), None),
        ("coalesce", (None, 2, 3), 2), ("coalesce", (None, None), None), ("coalesce", (False, True), False), ("nullif", (1, 1), None),
        ("nullif", (1, 2), 1), ("nullif", (1, None), 1), ("nullif", (None, 1), None), ("least", (None, None), None), ("greatest", (None,), None),
        ("concat", ("a", None, "b"), "ab"), ("concat", (None, None), ""), ("concat", ("a", 1, True, DAY), "a1true2024-02-29"),
    ],
)  # fmt: skip
def test_functions_that_say_something_of_null(function: str, arguments: tuple[Value, ...], found: Value) -> None:
    assert call(function, arguments) == found


STRICT = {
    "+": (1, 2), "-": (1, 2), "*": (2, 3), "/": (1, 2), "//": (7, 2), "%": (7, 2), "negate": (1,), "abs": (1,), "sign": (1,), "floor": (1,), "ceil": (1,),
    "round": (1, 0), "sqrt": (4,), "=": (1, 1), "<>": (1, 1), "<": (1, 1), "<=": (1, 1), ">": (1, 1), ">=": (1, 1), "like": ("a", "a"), "ilike": ("a", "A"),
    "upper": ("a",), "lower": ("A",), "trim": (" a",), "length": ("a",), "||": ("a", "b"), "substring": ("abc", 1, 2), "left": ("ab", 1), "right": ("ab", 1),
    "year": (DAY,), "quarter": (DAY,), "month": (DAY,), "day": (DAY,), "trunc year": (DAY,), "trunc quarter": (DAY,), "trunc month": (DAY,),
    "trunc day": (DAY,), "to text": (1,), "to integer": ("1",), "to date": ("2024-02-29",),
}  # fmt: skip
LENIENT = {
    "not",
    "and",
    "or",
    "in",
    "case",
    "coalesce",
    "nullif",
    "is null",
    "is true",
    "is false",
    "is distinct",
    "is not distinct",
    "least",
    "greatest",
}


def test_every_other_function_is_null_where_an_argument_is() -> None:
    assert STRICT.keys() | LENIENT | {"concat"} == FUNCTIONS
    for function, arguments in STRICT.items():
        assert call(function, arguments) is not None, function
        for place in range(len(arguments)):
            absent = [None if at == place else item for at, item in enumerate(arguments)]
            assert call(function, absent) is None, (function, place)


# numbers


@pytest.mark.parametrize(
    ("function", "arguments", "found"),
    [
        ("+", (1, 2, 3), 6), ("-", (1, Fraction(1, 3)), Fraction(2, 3)), ("*", (Fraction(1, 3), 3), 1), ("/", (1, 3), Fraction(1, 3)), ("/", (6, 3), 2),
        ("/", (1, 0), None), ("//", (1, 0), None), ("%", (1, 0), None), ("/", (0, Fraction(0)), None), ("//", (7, 2), 3), ("//", (-7, 2), -3),
        ("//", (7, -2), -3), ("//", (Fraction(7, 2), Fraction(1, 2)), 7), ("%", (7, 3), 1), ("%", (-7, 3), -1), ("%", (7, -3), 1),
        ("%", (Fraction(-5, 2), 2), Fraction(-1, 2)), ("negate", (Fraction(1, 2),), Fraction(-1, 2)), ("abs", (-3,), 3), ("sign", (Fraction(-1, 9),), -1),
        ("sign", (0,), 0), ("floor", (Fraction(-1, 2),), -1), ("ceil", (Fraction(-1, 2),), 0), ("ceil", (Fraction(1, 2),), 1), ("sqrt", (-1,), None),
        ("sqrt", (0,), 0), ("sqrt", (144,), 12), ("sqrt", (Fraction(1, 4),), Fraction(1, 2)), ("sqrt", (2,), Fraction(1_414_213_562_373_095, 10**15)),
    ],
)  # fmt: skip
def test_arithmetic_is_exact_and_total(function: str, arguments: tuple[Value, ...], found: Value) -> None:
    assert call(function, arguments) == found


@pytest.mark.parametrize(
    ("value", "places", "found"),
    [
        ("2.5", 0, "3"), ("-2.5", 0, "-3"), ("0.5", 0, "1"), ("-0.5", 0, "-1"), ("0.4999999", 0, "0"), ("1.25", 1, "1.3"), ("-1.25", 1, "-1.3"),
        ("1.005", 2, "1.01"), ("15", -1, "20"), ("-15", -1, "-20"), ("14.9", -1, "10"), ("50", -2, "100"), ("7", 9, "7"),
    ],
)  # fmt: skip
def test_halves_are_rounded_away_from_zero(value: str, places: int, found: str) -> None:
    assert rounded(Fraction(value), places) == call("round", [Fraction(value), places]) == Fraction(found)


@given(st.fractions(max_denominator=10**6), st.integers(-4, 9))
def test_rounding_lands_on_the_nearest_multiple(value: Fraction, places: int) -> None:
    unit = Fraction(10) ** -places
    found = rounded(value, places)
    assert found % unit == 0
    assert abs(found - value) <= unit / 2
    if abs(found - value) == unit / 2:
        assert abs(found) > abs(value)


def test_a_number_beyond_38_digits_is_null_and_the_largest_within_is_not() -> None:
    assert number(10**38 - 1) == 10**38 - 1
    assert number(10**38) is number(-(10**38)) is number(Fraction(10**38)) is None
    assert call("+", [10**38 - 1, 1]) is None
    assert call("*", [10**20, 10**20]) is None
    assert call("*", [10**19, 10**18]) == 10**37
    assert call("/", [1, Fraction(1, 10**38)]) is None
    assert call("negate", [10**38 - 1]) == -(10**38) + 1
    assert total("sum", [10**38 - 1, 1]) is None
    assert framed("sum", [10**38 - 1, 1], [(0, 1), (0, 2)]) == [10**38 - 1, None]


def test_a_number_is_kept_in_lowest_terms_and_to_thirty_decimals() -> None:
    assert number(Decimal("2.50")) == Fraction(5, 2)
    assert type(number(Fraction(4, 2))) is int
    assert number(Fraction(1, 3)) == Fraction(1, 3)
    fine = number(Fraction(1, 3 * 10**30))
    assert fine is not None
    assert abs(fine - Fraction(1, 3 * 10**30)) <= Fraction(1, 2 * 10**30)
    assert Fraction(fine).denominator <= 10**30


def test_no_chain_of_operations_grows() -> None:
    """Squares of a quotient would double their digits at each turn."""
    value: Value = Fraction(355, 113)
    for _ in range(2_000):
        value = call("+", [call("/", [call("*", [value, value]), Fraction(314, 100)]), Fraction(1, 7)])
        if value is None:
            break
        assert Fraction(value).denominator <= 10**30
        value = call("%", [value, 3])
    big: Value = 9
    for _ in range(200):
        big = call("*", [big, big])
    assert big is None


# texts


@pytest.mark.parametrize(
    ("function", "arguments", "found"),
    [
        ("upper", ("aé张",), "AÉ张"), ("lower", ("AÉ张",), "aé张"), ("trim", ("  a b ",), "a b"), ("trim", ("\ta ",), "\ta"), ("trim", ("\u3000甲\u3000",), "甲"),
        ("length", ("张三",), 2), ("length", ("",), 0), ("||", ("a", "b"), "ab"), ("left", ("张三丰", 2), "张三"), ("left", ("abc", 0), ""),
        ("left", ("abc", 9), "abc"), ("left", ("abc", -1), "ab"), ("left", ("abc", -9), ""), ("right", ("abc", 2), "bc"), ("right", ("abc", 0), ""),
        ("right", ("abc", 9), "abc"), ("right", ("abc", -1), "bc"), ("right", ("abc", -9), ""), ("substring", ("abcde", 2), "bcde"),
        ("substring", ("abcde", 2, 2), "bc"), ("substring", ("abcde", 9, 2), ""), ("substring", ("abcde", 4, 9), "de"), ("substring", ("abcde", 2, 0), ""),
        ("substring", ("abcde", 0, 2), "a"), ("substring", ("abcde", -2), "de"), ("substring", ("abcde", -2, 1), "d"), ("substring", ("abcde", -9, 5), "a"),
        ("substring", ("abcde", 4, -2), "bc"), ("substring", ("abcde", -9), "abcde"), ("substring", ("abcde", 0), "abcde"),
    ],
)  # fmt: skip
def test_texts_are_cut_and_joined_as_the_engine_does(function: str, arguments: tuple[Value, ...], found: Value) -> None:
    assert call(function, arguments) == found


def test_a_text_beyond_the_most_characters_is_null_and_the_longest_within_is_not() -> None:
    half = "a" * (MOST_TEXT // 2)
    assert call("||", [half, half]) == half * 2
    assert call("||", [half + "a", half]) is None
    assert call("concat", [half, None, half]) == half * 2
    assert call("concat", [half, half, 1]) is None
    assert call("upper", ["ŉ" * 501]) is None, "two characters each"
    value: Value = "ab"
    for _ in range(100):
        value = call("||", [value, value])
    assert value is None


@pytest.mark.parametrize(
    ("value", "pattern", "fits"),
    [
        ("", "", True), ("", "%", True), ("", "_", False), ("a", "", False), ("abc", "abc", True), ("abc", "ab", False), ("abc", "a%", True), ("abc", "%c", True),
        ("abc", "%b%", True), ("abc", "a_c", True), ("abc", "a_", False), ("abc", "____", False), ("abc", "%%%", True), ("aab", "%ab", True), ("ab", "ab%ab", False),
        ("abab", "ab%ab", True), ("aXbXc", "a%_b%c", True), ("ab", "a%_b", False), ("a%b", "a%b", True), ("ABC", "abc", False), ("a\nb", "a_b", True),
        ("张三丰", "张_丰", True), ("aaa", "%a%a%a%", True), ("aa", "%a%a%a%", False), ("abcabd", "%ab_", True), ("mississippi", "m%iss%_pp%", True),
    ],
)  # fmt: skip
def test_like_matches_whole_texts(value: str, pattern: str, fits: bool) -> None:
    assert like(value, pattern) is fits
    assert call("like", [value, pattern]) is fits
    assert call("ilike", [value.upper(), pattern]) is call("like", [value.lower(), pattern.lower()])


@given(st.text("ab_%", max_size=8), st.text("ab_%", max_size=6))
def test_like_agrees_with_a_regular_expression(value: str, pattern: str) -> None:
    signs = {"%": ".*", "_": "."}
    written = "".join(signs.get(sign, re.escape(sign)) for sign in pattern)
    assert like(value, pattern) is (re.fullmatch(written, value, re.DOTALL) is not None)


@pytest.mark.parametrize(
    "pattern",
    [
        "%a" * 400 + "%b",
        "%" * 999 + "b",
        "%a_" * 300 + "b",
        "%" + "a" * 499 + "b%",
        "%" + "_" * 499 + "b%",
        "%" + "a_" * 249 + "b%",
    ],
)
def test_a_pattern_looks_at_each_place_once(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Backtracking over hundreds of `%` would take longer than the universe has stood; a piece never goes back behind another."""
    looked: list[int] = []
    fits = values._fits
    monkeypatch.setattr(values, "_fits", lambda value, place, piece: looked.append(place) or fits(value, place, piece))
    assert like("a" * MOST_TEXT, pattern) is False
    assert len(looked) <= MOST_TEXT + pattern.count("%") + 2


@pytest.mark.parametrize(
    ("value", "found"),
    [(7, "7"), (-7, "-7"), (True, "true"), (False, "false"), (DAY, "2024-02-29"), ("张", "张"), (10**37, "1" + "0" * 37)],
)
def test_values_are_written_as_the_engine_writes_them(value: Value, found: str) -> None:
    assert text(value) == call("to text", [value]) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("12", 12), (" -12 ", -12), ("007", 7), ("", None), ("-", None), ("--1", None), ("1 2", None), ("abc", None), ("٣", None), ("1" * 18, int("1" * 18)),
        ("1" * 500, None), (True, 1), (False, 0), (Fraction(5, 2), 3), (Fraction(-5, 2), -3), (Fraction(7, 3), 2), (9, 9),
    ],
)  # fmt: skip
def test_what_is_no_whole_number_is_null(value: Value, found: Value) -> None:
    assert call("to integer", [value]) == found


# dates


def test_parts_and_periods_of_a_date() -> None:
    assert [call(part, [DAY]) for part in ("year", "quarter", "month", "day")] == [2024, 1, 2, 29]
    assert [call("quarter", [date(2024, month, 1)]) for month in range(1, 13)] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    found = [call(f"trunc {unit}", [date(2024, 8, 17)]) for unit in ("year", "quarter", "month", "day")]
    assert found == [date(2024, 1, 1), date(2024, 7, 1), date(2024, 8, 1), date(2024, 8, 17)]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2024-02-29", DAY), (DAY, DAY), ("2023-02-29", None), ("2024-13-01", None), ("20240229", None), ("2024-W09-4", None), ("２０２４-02-29", None), ("", None),
        ("2024-02-29 ", None), ("0001-01-01", None), ("1900-01-01", date(1900, 1, 1)), ("2200-12-31", date(2200, 12, 31)), ("2201-01-01", None),
    ],
)  # fmt: skip
def test_what_is_no_date_is_null(value: Value, found: Value) -> None:
    assert call("to date", [value]) == found


def test_constants_of_the_tree_are_exact_values() -> None:
    assert exact(Decimal("0.10")) == Fraction(1, 10)
    assert [exact(value) for value in (None, True, 7, "a", DAY)] == [None, True, 7, "a", DAY]

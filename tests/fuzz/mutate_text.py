"""Changes to a text as a row of tokens: nothing here knows SQL well, which is the point."""

import random
import re
from collections.abc import Callable, Mapping, Sequence

from tests.fuzz.corpus import ABSENT, COLUMNS, DENIED, TABLES

Pieces = list[str]
Change = Callable[[random.Random, Pieces, Pieces], Pieces]
"""A change of the first row of tokens; the second is another text's."""


def _words(text: str) -> Sequence[str]:
    return text.split()


_PIECES = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\s+|[^\W\d]\w*|\d+(?:\.\d+)?|\$\w+|<=|>=|<>|!=|\|\||::|->|.""", re.DOTALL
)
_WORD = re.compile(r"[^\W\d]\w*")
_CLAUSES = ("with", "select", "from", "where", "group", "having", "order", "limit", "join", "union", "on", "using", "qualify")
_GRANTED = tuple(dict.fromkeys(name for names in COLUMNS.values() for name in names))
_NAMES = (*_GRANTED, *_GRANTED, *DENIED, *ABSENT, *TABLES, "r", "v", "h", "p", "t0", "t1", "u", "k0", "a0")
_FUNCTIONS = _words("""
    count sum avg min max median stddev var_pop quantile_cont mode list string_agg approx_count_distinct abs round floor sqrt coalesce
    nullif least greatest upper lower substring left length concat date_trunc year month day extract cast try_cast error query query_table
    read_csv getenv current_setting random now row_number lag sum_no_overflow if ifnull hash columns
""")
_WORDS = _words("""
    SELECT FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET UNION ALL INTERSECT EXCEPT DISTINCT AND OR NOT IN LIKE ILIKE BETWEEN IS NULL
    TRUE FALSE CASE WHEN THEN ELSE END JOIN LEFT RIGHT FULL CROSS NATURAL SEMI ANTI ASOF ON USING WITH RECURSIVE AS EXISTS ANY OVER
    PARTITION FILTER ROLLUP CUBE GROUPING SETS ESCAPE INTERVAL DATE TIMESTAMP LATERAL UNNEST VALUES PIVOT QUALIFY SAMPLE TABLE
    MATERIALIZED COLLATE GLOB SIMILAR TO ISNULL AT ZONE FOR DESC ASC NULLS FIRST LAST EXCLUDE REPLACE ROW STRUCT ARRAY MAP
""")
_SIGNS = (
    "(SELECT 1)",
    *_words(r"""
    ( ) [ ] { } , . ; : :: + - * / // % ^ & | || ~ ! != <> < <= > >= = == -> ->> => @ # $ ? ?? ** <=> ~~ !~~ ' " ` -- /* */ \
    count(*) (1) ,1 .* *
"""),
)
_ODD_CHARACTERS = (
    "\u00a0",
    "\u200b",
    "\u202e",
    "\ufeff",
    "\u3000",
    "\r",
    "\x00",
    "\x1f",
    "\ud800",
    "ａ",
    "а",
    "ı",
    "ß",
    "😀",
    "e\u0301",
    "〇",
    "人",
)
_NUMBERS = (
    "0", "1", "-1", "2", "0.5", "1.0", "00", "1e3", "1e400", "0x10", "1_000", ".5", "5.", "127", "2147483647", "2147483648", "999999999999999999",
    "9223372036854775807", "9223372036854775808", "170141183460469231731687303715884105727", "0.000000001", "0.0000000001", "30000000", "9" * 5000,
)  # fmt: skip
_STRINGS = (
    "''", "'F'", "'内科'", "'%'", "'_'", "'\\'", "''''", "'2024-02-30'", "'2024-01-01'", "'0001-01-01'", "'9999-12-31'", "'NaN'", "'NULL'",
    "'name'", "'x' 'y'", "E'\\x41'", "'" + "x" * 200 + "'", "'" + "y" * 201 + "'", "DATE '2024-07-01'", "DATE '1899-12-31'", "DATE '2200-12-31'",
    "DATE '2024-13-01'", "INTERVAL '1' month", "x'41'", "$$a$$", "$x", "$y", "$1", "?", "NULL", "TRUE",
)  # fmt: skip
_WRAPS: Sequence[tuple[str, str]] = (
    ("(", ")"), ("-(", ")"), ("NOT (", ")"), ("abs(", ")"), ("coalesce(", ", 0)"), ("CASE WHEN ", " THEN 1 END"), ("CASE WHEN TRUE THEN ", " END"),
    ("least(", ", 1)"), ("greatest(", ", -1)"), ("(SELECT ", ")"), ("(SELECT * FROM ", ") AS q"), ("upper(", ")"), ("CAST(", " AS VARCHAR)"),
    ("TRY_CAST(", " AS BIGINT)"), ("nullif(", ", 1)"), ("(", " IS NULL)"), ("sum(", ")"), ("EXISTS (SELECT 1 FROM ", ")"), ("1 + ", ""), ("", "::int"),
)  # fmt: skip


def pieces_of(text: str) -> Pieces:
    """Cut a text into tokens and blanks; joined they give the text."""
    return _PIECES.findall(text)


def changed(draw: random.Random, text: str, other: str, times: int) -> str:
    """Return `text` after `times` changes, some of which take tokens of `other`."""
    pieces, others = pieces_of(text), pieces_of(other)
    for _ in range(times):
        (change,) = draw.choices(list(CHANGES), list(CHANGES.values()))
        pieces = change(draw, pieces, others)
    return "".join(pieces)


def _cut(draw: random.Random, pieces: Pieces, most: int | None = None) -> tuple[int, int]:
    start = draw.randint(0, len(pieces))
    stop = draw.randint(start, len(pieces))
    return start, stop if most is None else min(stop, start + draw.randint(1, most))


def _splice(draw: random.Random, pieces: Pieces, other: Pieces) -> Pieces:
    return pieces[: draw.randint(0, len(pieces))] + other[draw.randint(0, len(other)) :]


def _transplant(draw: random.Random, pieces: Pieces, other: Pieces) -> Pieces:
    start, stop = _cut(draw, pieces, 12)
    first, last = _cut(draw, other, 12)
    return [*pieces[:start], " ", *other[first:last], " ", *pieces[stop:]]


def _rename(draw: random.Random, pieces: Pieces, _other: Pieces) -> Pieces:
    words = [place for place, piece in enumerate(pieces) if _WORD.fullmatch(piece)]
    if words:
        place = draw.choice(words)
        name = draw.choice(_NAMES)
        pieces = [*pieces[:place], draw.choice([name, name, f'"{name}"', name.upper(), f"r.{name}"]), *pieces[place + 1 :]]
    return pieces


def _insert(draw: random.Random, pieces: Pieces, _other: Pieces) -> Pieces:
    source = draw.choice([_WORDS, _SIGNS, _NAMES, _STRINGS, _NUMBERS, [f"{name}(" for name in _FUNCTIONS]])
    place = draw.randint(0, len(pieces))
    return [*pieces[:place], " ", draw.choice(source), " ", *pieces[place:]]


def _odd_character(draw: random.Random, pieces: Pieces, _other: Pieces) -> Pieces:
    place = draw.randint(0, len(pieces))
    return [*pieces[:place], draw.choice(_ODD_CHARACTERS), *pieces[place:]]


def _clause(draw: random.Random, pieces: Pieces) -> tuple[int, int] | None:
    starts = [place for place, piece in enumerate(pieces) if piece.lower() in _CLAUSES]
    if not starts:
        return None
    index = draw.randrange(len(starts))
    return starts[index], starts[index + 1] if index + 1 < len(starts) else len(pieces)


def _repeat_clause(draw: random.Random, pieces: Pieces, other: Pieces) -> Pieces:
    source = draw.choice([pieces, other])
    found = _clause(draw, source)
    if found is None:
        return pieces
    place = draw.choice([draw.randint(0, len(pieces)), len(pieces)])
    return [*pieces[:place], " ", *source[found[0] : found[1]], " ", *pieces[place:]]


def _delete_clause(draw: random.Random, pieces: Pieces, _other: Pieces) -> Pieces:
    found = _clause(draw, pieces)
    return pieces if found is None else pieces[: found[0]] + pieces[found[1] :]


def _delete(draw: random.Random, pieces: Pieces, _other: Pieces) -> Pieces:
    start, stop = _cut(draw, pieces, draw.choice([1, 1, 2, 8]))
    return pieces[:start] + pieces[stop:]


def _repeat(draw: random.Random, pieces: Pieces, _other: Pieces) -> Pieces:
    start, stop = _cut(draw, pieces, 6)
    return pieces[:stop] + pieces[start:stop] * draw.choice([1, 1, 2, 20]) + pieces[stop:]


def _swap(draw: random.Random, pieces: Pieces, _other: Pieces) -> Pieces:
    if len(pieces) < 2:
        return pieces
    one, two = sorted(draw.sample(range(len(pieces)), 2))
    return [*pieces[:one], pieces[two], *pieces[one + 1 : two], pieces[one], *pieces[two + 1 :]]


def _literal(draw: random.Random, pieces: Pieces, _other: Pieces) -> Pieces:
    places = [place for place, piece in enumerate(pieces) if piece[:1].isdigit() or piece[:1] in "'$"]
    if not places:
        return pieces
    place = draw.choice(places)
    return [*pieces[:place], draw.choice([*_NUMBERS, *_STRINGS]), *pieces[place + 1 :]]


def _nest(draw: random.Random, pieces: Pieces, _other: Pieces) -> Pieces:
    start, stop = _cut(draw, pieces, 8)
    before, after = draw.choice(_WRAPS)
    times = draw.choice([1, 1, 1, 2, 3, 10, 48, 60])
    return [*pieces[:start], before * times, *pieces[start:stop], after * times, *pieces[stop:]]


def _respell(draw: random.Random, pieces: Pieces, _other: Pieces) -> Pieces:
    """Other blanks, comments and letter case: what should not matter."""
    blanks = ["\n", "\t", "  ", " /* c */ ", " -- c\n", " /**/ "]
    spelled = []
    for piece in pieces:
        if piece.isspace():
            spelled.append(draw.choice([piece, piece, draw.choice(blanks)]))
        else:
            spelled.append(draw.choice([piece, piece, piece.upper(), piece.lower()]) if _WORD.fullmatch(piece) else piece)
    return spelled


CHANGES: Mapping[Change, int] = {
    _splice: 3,
    _transplant: 4,
    _rename: 6,
    _insert: 4,
    _odd_character: 1,
    _repeat_clause: 2,
    _delete_clause: 1,
    _delete: 3,
    _repeat: 2,
    _swap: 2,
    _literal: 4,
    _nest: 4,
    _respell: 2,
}
"""Every change with its weight."""

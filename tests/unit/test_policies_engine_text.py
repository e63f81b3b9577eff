"""Names and literals of generated SQL."""

from datetime import date

from policies.engine import engine_text as sql


def test_names_and_texts_are_quoted() -> None:
    assert sql.name('a"b') == '"a""b"'
    assert sql.column("r", 'a"b') == '"r"."a""b"'
    assert sql.text("a'b") == "'a''b'"


def test_literals_carry_their_type() -> None:
    assert sql.day(date(2026, 1, 2)) == "CAST('2026-01-02' AS DATE)"
    assert sql.constant(1 << 63) == "CAST(9223372036854775808 AS HUGEINT)"

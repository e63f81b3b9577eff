"""Queries and parameters from the command line."""

from pathlib import Path

import pytest

from sandbox.cli.query import Wishes, parameters_of, query_of, sql_of
from sandbox.kernel.errors import YuneiError


def test_parameters_keep_their_types() -> None:
    given = ["a=1", "b=true", "c=长安区", 'd={"date": "2026-01-01"}', 'e="1"', "f=x=y", "g="]
    assert parameters_of(given) == {
        "a": 1,
        "b": True,
        "c": "长安区",
        "d": {"date": "2026-01-01"},
        "e": "1",
        "f": "x=y",
        "g": "",
    }


@pytest.mark.parametrize("pair", ["a", "a=0.1", "a=1e3", "a=NaN", "a=-Infinity", 'a={"decimal": 0.1}'])
def test_binary_fractions_and_bare_names_are_refused(pair: str) -> None:
    with pytest.raises(YuneiError, match="MALFORMED"):
        parameters_of([pair])


def test_the_query_comes_from_one_place(tmp_path: Path) -> None:
    file = tmp_path / "q.sql"
    file.write_text("SELECT 1", encoding="utf-8")
    assert sql_of("SELECT 2", None) == "SELECT 2"
    assert sql_of(None, file) == "SELECT 1"
    for text, path in ((None, None), ("SELECT 2", file), (None, tmp_path / "missing.sql")):
        with pytest.raises(YuneiError, match="MALFORMED"):
            sql_of(text, path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "q.sql"
    file.write_bytes(b"SELECT \xff")
    with pytest.raises(YuneiError, match="MALFORMED"):
        sql_of(None, file)


def test_epsilon_is_absent_unless_given() -> None:
    terms = ("agr-a", "planning", "dev")
    assert query_of(terms, "SELECT 1", None, Wishes(None, None, None)).keys().isdisjoint({"epsilon", "caps", "weights"})
    assert query_of(terms, "SELECT 1", ["a=1"], Wishes("0.1", ["max_rows=3"], ["合计=5", "n=1"])) == {
        "agreement": "agr-a",
        "purpose": "planning",
        "environment": "dev",
        "sql": "SELECT 1",
        "parameters": {"a": 1},
        "epsilon": "0.1",
        "caps": {"max_rows": 3},
        "weights": {"合计": 5, "n": 1},
    }


@pytest.mark.parametrize(
    "pair", ["max_rows", "max_rows=", "max_rows=-1", "max_rows=1.5", "max_rows=x", "max_rows=²", "n=1000000000000"]
)
def test_caps_and_weights_are_whole_numbers(pair: str) -> None:
    for wishes in (Wishes(None, [pair], None), Wishes(None, None, [pair])):
        with pytest.raises(YuneiError, match="MALFORMED"):
            wishes.fields()

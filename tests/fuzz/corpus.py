"""The texts from which others are made: the fixtures of the rules, the attacks, ordinary queries and foreign benchmarks."""

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from tests import tpc_policies as tpc
from tests.neighbours import SCHEMAS

_SQL = Path(__file__).parents[1] / "sql"

TABLES = tuple(SCHEMAS)
_SPELLED = {
    table: [part.split() for part in schema.split(", ") if not part.startswith("__")] for table, schema in SCHEMAS.items()
}
COLUMNS = {table: tuple(name for name, _ in parts) for table, parts in _SPELLED.items()}
"""What the city's extracts hold, by table."""

TYPES = {name: kind.split("(")[0] for parts in _SPELLED.values() for name, kind in parts}
"""The engine's type of each of these columns."""

DENIED = ("name", "note")
"""Columns that the catalog declares and the policy does not grant."""

ABSENT = ("nope", "secret", "duckdb_tables", "sqlite_master", "__unit", "__pid", "rowid", "information_schema")


@dataclass(frozen=True)
class Corpus:
    """Texts by where they come from; `foreign` is empty where the benchmarks are not beside the project."""

    ordinary: tuple[str, ...]
    hostile: tuple[str, ...]
    foreign: tuple[str, ...]


@cache
def corpus() -> Corpus:
    """Read all texts."""
    rules = [text for path in sorted((_SQL / "rules").glob("*.sql")) for text in _blocks(path)]
    attacks = [line for path in sorted((_SQL / "attacks").glob("*.sql")) for line in path.read_text().splitlines() if line]
    foreign = () if tpc.missing() else tuple(sql for name in tpc.SUITES for sql in tpc.texts(name).values())
    ordinary = [text for path in sorted(_SQL.glob("benign*.sql")) for text in _blocks(path)]
    return Corpus(tuple(ordinary), (*rules, *attacks), foreign)


def _blocks(path: Path) -> list[str]:
    """Return the query of each block, without the line that says what it is."""
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    return [block.split("\n", 1)[1] for block in blocks if "\n" in block]


@lru_cache(2048)
def tree_of(sql: str) -> exp.Expr | None:
    """Return the tree of a text, or None where there is none; it is shared, so copy before changing."""
    try:
        return parse_one(sql, read="duckdb")
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return None

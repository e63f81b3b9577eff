"""A keyed sample of what one unit contributes, as generated SQL.

Groups come in the order of the lowest rank that a row of the unit in them has. A group whose lowest rank is below the cap is
always kept: each group before it has a lower rank of its own. So only units with a row beyond the cap need a window.
"""

from collections.abc import Sequence

from policies.engine import engine_text as sql

SAMPLE_KEY = "sample_key"
"""Name of the bound BLOB that keys the sample; it stands in no text, digest or log."""


def sampled(inner: str, columns: Sequence[str], most: int) -> str:
    """Return the lines of `inner` of which each unit keeps at most `most`, in the order of a keyed hash.

    The hash is of the unit's own pseudonym and the line's `columns` alone, so removing one unit changes no other's sample. It is
    the first 64 bits of SHA-256 over key and message; cutting 192 bits off closes length extension.
    Source: Coron, Dodis, Malinaud, Puniya, "Merkle-Damgård Revisited" (2005), chop construction.

    Args:
        inner: a SELECT that yields `u`, `p` and `columns`, one line per unit and value of `columns`.
        columns: what tells the lines of a unit apart.
        most: lines that a unit keeps, ≥ 1.

    """
    names = [sql.name(column) for column in columns]
    parts = [f"CAST({sql.name('p')} AS VARCHAR)", *(_unambiguous(name) for name in names)]
    message = "encode(" + " || ':' || ".join(parts) + ")"
    rank = f"left(sha256(CAST(${SAMPLE_KEY} AS BLOB) || {message}), 16)"
    order = ", ".join([rank, *names])
    window = f"row_number() OVER (PARTITION BY {sql.name('u')} ORDER BY {order}) AS {sql.name('s')}"
    ranked = f"SELECT *, {window} FROM ({inner}) AS {sql.name('q')}"
    return f"SELECT * FROM ({ranked}) AS {sql.name('w')} WHERE {sql.name('s')} <= {most}"


def over_cap(relation: str, most: int) -> str:
    """Return the rows of those units that have a row of rank `most` or more."""
    unit = sql.name("u")
    return of_units(
        relation, f"SELECT {unit} FROM ({relation}) AS {sql.name('t')} WHERE {sql.name('r')} >= {most} GROUP BY {unit}"
    )


def of_units(relation: str, units: str) -> str:
    """Return the rows of the units that `units` names once each."""
    unit, one, other = sql.name("u"), sql.name("e"), sql.name("o")
    return f"SELECT {one}.* FROM ({relation}) AS {one} JOIN ({units}) AS {other} ON {one}.{unit} = {other}.{unit}"


def later_groups(inner: str, most: int) -> str:
    """Return the lines of `inner` that are among the first `most` of their unit by their lowest rank `m`, with m ≥ `most`."""
    first = sql.name("m")
    window = f"row_number() OVER (PARTITION BY {sql.name('u')} ORDER BY {first}) AS {sql.name('s')}"
    ranked = f"SELECT *, {window} FROM ({inner}) AS {sql.name('q')}"
    return f"SELECT * FROM ({ranked}) AS {sql.name('w')} WHERE {sql.name('s')} <= {most} AND {first} >= {most}"


def _unambiguous(column: str) -> str:
    """Return a column's text with its length before it, so that no two lines have one text; NULL has its own."""
    text = f"CAST({column} AS VARCHAR)"
    return f"CASE WHEN {column} IS NULL THEN 'n' ELSE 'v' || CAST(length({text}) AS VARCHAR) || ':' || {text} END"

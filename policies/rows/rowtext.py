"""The generated text of a row relation: each table's columns in integer steps within their bounds, joined and filtered."""

from collections.abc import Iterable, Mapping, Sequence

from policies.engine import engine_text as sql
from policies.grant import PSEUDONYM, RANK, UNIT
from policies.rows.relation import Link, Occurrence, Rows, projection
from policies.rows.terms import Origin, Term

Supplied = Mapping[str, Sequence[str]]
"""By alias, the columns of supply that are read besides the granted ones."""


def rows_text(
    rows: Rows, carrier: str, selected: Sequence[tuple[str, str]], terms: Iterable[Term], ranked: str | None = None
) -> str:
    """Return the SELECT of a row relation.

    Args:
        rows: what is joined.
        carrier: alias of the occurrence whose unit every row belongs to.
        selected: text and name of each column beside `u` and `p`, the row's unit and its pseudonym.
        terms: all terms that `selected` was made of; they say which columns are read.
        ranked: alias of the table whose rank is yielded as `r`, if any.

    """
    used = _used(rows, terms)
    supplied = {carrier: [UNIT, PSEUDONYM]}
    columns = [(sql.column(carrier, UNIT), "u"), (sql.column(carrier, PSEUDONYM), "p"), *selected]
    if ranked is not None:
        supplied.setdefault(ranked, []).append(RANK)
        columns.insert(2, (sql.column(ranked, RANK), "r"))
    shown = ", ".join(f"{text} AS {sql.name(name)}" for text, name in columns)
    return f"SELECT {shown} FROM {_sources(rows, supplied, used)} WHERE {_conditions(rows)}"


def _sources(rows: Rows, supplied: Supplied, used: frozenset[Origin]) -> str:
    """Join the sources; equalities of inner joins stand with the filters, since the engine orders joins itself."""
    text = ""
    for item in rows.items:
        if isinstance(item, Occurrence):
            text += f"{' CROSS JOIN ' if text else ''}{_source(item, supplied, used)}"
        else:
            inner = _sources(item.rows, supplied, used)
            text += f" LEFT JOIN {f'({inner})' if len(item.rows.items) > 1 else inner} ON {_conditions(item.rows)}"
    return text


def _conditions(rows: Rows) -> str:
    links = dict.fromkeys(_equality(link) for link in rows.links)
    return sql.conjunction([*links, *(item.sql for item in rows.filters)])


def _equality(link: Link) -> str:
    return " = ".join(sql.column(origin.alias, origin.column) for origin in sorted(link))


def _used(rows: Rows, terms: Iterable[Term]) -> frozenset[Origin]:
    everything = [*terms, *(term for level in rows.same_level() for term in level.filters)]
    flowing = frozenset[Origin]().union(*(term.values | term.conditions for term in everything))
    return flowing.union(*(link for level in rows.same_level() for link in level.links))


def _source(item: Occurrence, supplied: Supplied, used: frozenset[Origin]) -> str:
    if item.block is not None:
        return f"({item.block.text}) AS {sql.name(item.alias)}"
    columns = [
        projection(item.table, column)
        for name, column in item.table.columns.items()
        if Origin(item.alias, item.table.name, name) in used
    ]
    columns = [*map(sql.name, supplied.get(item.alias, ())), *columns]
    return f"(SELECT {', '.join(columns) or '1'} FROM {sql.name(item.table.name)}) AS {sql.name(item.alias)}"


def nested_terms(rows: Rows) -> Iterable[Term]:
    """Yield every term that a relation reads besides its selected ones, also beneath per-unit queries."""
    yield from (term for level in rows.nested() for term in level.filters)
    yield from block_terms(rows)


def block_terms(rows: Rows) -> Iterable[Term]:
    """Yield the keys and arguments of the per-unit queries in a relation."""
    for level in rows.nested():
        for item in level.certain:
            if item.block is not None:
                yield from item.block.terms

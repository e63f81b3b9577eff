"""Step 7: the row relation as generated SQL, and how each column was used.

Three layers, so that no expression is written twice: each table's columns in integer steps within their bounds, then
the joined and filtered rows with the analyst's expressions, then the expressions held within their proved bounds.
"""

from collections.abc import Iterable, Iterator

from policies import engine_text as sql
from policies.answer import AggregateTerm, Answer
from policies.grant import PSEUDONYM, UNIT
from policies.query import TableUse
from policies.relation import Occurrence, Rows, projection
from policies.terms import Origin, Term
from policies.units import Attribution


def relation_text(answer: Answer, rows: Rows, unit: Attribution) -> str:
    """Return the SELECT that yields `u`, `p`, the keys and the aggregates' arguments, one row per joined row."""
    keys = [(key.name, term) for key, term in zip(answer.keys, answer.key_terms, strict=True)]
    arguments = [(item.aggregate.name, item.argument) for item in answer.aggregates if item.argument is not None]
    selected = [
        f"{sql.column(unit.carrier, UNIT)} AS {sql.name('u')}",
        f"{sql.column(unit.carrier, PSEUDONYM)} AS {sql.name('p')}",
        *(f"{term.sql} AS {sql.name(name)}" for name, term in (*keys, *arguments)),
    ]
    used = _used(rows, [term for _, term in (*keys, *arguments)])
    tables = [_table(item, unit, used) for item in rows.occurrences]
    links = dict.fromkeys(" = ".join(sql.column(o.alias, o.column) for o in sorted(link)) for link in rows.links)
    conditions = sql.conjunction([*links, *(item.sql for item in rows.filters)])
    joined = f"SELECT {', '.join(selected)} FROM {', '.join(tables)} WHERE {conditions}"
    if not any(item.aggregate.kind in {"sum", "avg"} for item in answer.aggregates):
        return joined
    names = [sql.name(name) for name in ("u", "p", *(name for name, _ in keys))]
    held = [_held(item) for item in answer.aggregates if item.argument is not None]
    return f"SELECT {', '.join([*names, *held])} FROM ({joined}) AS {sql.name('e')}"


def _held(item: AggregateTerm) -> str:
    """Hold an argument within the interval that was proved for it: a second wall, should the proof be wrong."""
    column = sql.name(item.aggregate.name)
    if item.aggregate.kind == "count":
        return column
    return f"{sql.clamp(column, sql.integer(item.aggregate.low), sql.integer(item.aggregate.high))} AS {column}"


def _used(rows: Rows, terms: Iterable[Term]) -> frozenset[Origin]:
    everything = [*terms, *rows.filters]
    flowing = frozenset().union(*(term.values | term.conditions for term in everything))
    return flowing | frozenset().union(*rows.links)


def _table(item: Occurrence, unit: Attribution, used: frozenset[Origin]) -> str:
    columns = [projection(item.table, column) for name, column in item.table.columns.items() if _origin(item, name) in used]
    if item.alias == unit.carrier:
        columns = [sql.name(UNIT), sql.name(PSEUDONYM), *columns]
    return f"(SELECT {', '.join(columns) or '1'} FROM {sql.name(item.table.name)}) AS {sql.name(item.alias)}"


def _origin(item: Occurrence, column: str) -> Origin:
    return Origin(item.alias, item.table.name, column)


def table_uses(rows: Rows, answer: Answer) -> Iterator[TableUse]:
    """Yield each table read with how each of its columns is used, for the explanation."""
    uses: dict[str, dict[str, set[str]]] = {item.table.name: {} for item in rows.occurrences}

    def note(terms: Iterable[Term], how: str) -> None:
        for term in terms:
            for origin in term.values:
                uses[origin.table].setdefault(origin.column, set()).add(how)
            for origin in term.conditions:
                uses[origin.table].setdefault(origin.column, set()).add("compare")

    note(answer.key_terms, "group")
    note([item.argument for item in answer.aggregates if item.argument is not None], "aggregate")
    note(rows.filters, "compare")
    for link in rows.links:
        for origin in link:
            uses[origin.table].setdefault(origin.column, set()).add("join")
    for item in answer.aggregates:
        if item.unit_key is not None:
            uses[item.unit_key.table].setdefault(item.unit_key.column, set()).add("count_distinct")
    tables = {item.table.name: item.table for item in rows.occurrences}
    for name in sorted(uses):
        columns = {column: tuple(sorted(how)) for column, how in sorted(uses[name].items())}
        yield TableUse(name, tables[name].institution, tables[name].public, columns)

"""Step 7: cores over extracts, the tree over what they release, and how each column was used."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlglot import exp

from policies.grant import Grant, GrantedTable
from policies.query import Core, OutputColumn, TableUse
from policies.reading.names import output_name
from policies.released.made import Answered, shown
from policies.rows.relation import rank_of
from policies.rows.rowtext import block_terms
from policies.rows.terms import Origin, Rank, Term
from policies.rows.units import Attribution
from policies.splitting.cores import Draft, cores_of
from policies.tree import Mapped, Relation, renamed

Asked = tuple[Draft, Attribution]


def distinct_cores(asked: Sequence[Asked]) -> tuple[tuple[Core, ...], Mapping[str, str]]:
    """Return the cores of all SELECTs, and under which name each one stands: what is asked twice is charged once."""
    kept: list[Core] = []
    names: dict[str, str] = {}
    for core in (core for draft, unit in asked for core in cores_of(draft, unit)):
        same = next((known for known in kept if _asks_the_same(known, core)), None)
        if same is None:
            kept.append(core)
        else:
            names[core.name] = same.name
    return tuple(kept), names


def _asks_the_same(one: Core, other: Core) -> bool:
    return (one.relation, one.keys, one.aggregates) == (other.relation, other.keys, other.aggregates)


def answer_tree(answered: Answered, written: Sequence[str], names: Mapping[str, str]) -> Relation:
    """Return the tree whose columns are the answer's, under the names that are shown, each with its interval."""
    columns = zip(written, answered.columns.values(), strict=True)
    named = (item for name, made in columns for item in shown(name, made, interval=made.interval))
    return renamed(Mapped(answered.relation, tuple(named)), names)


def shown_names(root: exp.Query) -> tuple[str, ...]:
    """Return the names of the answer's columns, as written."""
    while isinstance(root, (exp.SetOperation, exp.Subquery, exp.Paren)):
        root = root.this
    return tuple(output_name(item, place) for place, item in enumerate(root.expressions))


def outputs_of(
    answered: Answered, written: Sequence[str], cores: Sequence[Core], names: Mapping[str, str]
) -> Iterator[OutputColumn]:
    """Yield the answer's columns."""
    kinds = {(core.name, item.name): item.kind for core in cores for item in core.aggregates}
    for name, made in zip(written, answered.columns.values(), strict=True):
        sources = tuple((names.get(core, core), column) for core, column in made.sources)
        found = {kinds[source] for source in sources if source in kinds}
        kind = "key" if not made.noisy else found.pop() if len(found) == 1 and made.direct else "derived"
        yield OutputColumn(name, name, kind, made.shape, tuple(sorted(made.lineage)), sources, made.interval)


def table_uses(asked: Iterable[Asked], cores: Iterable[Core], grant: Grant) -> Iterator[TableUse]:
    """Yield each table read with how each of its columns is used, for the explanation."""
    tables = sorted(frozenset[str]().union(*(core.tables for core in cores)))
    uses: dict[str, dict[str, set[str]]] = {name: {} for name in tables}
    for draft, _ in asked:
        for origin, how in _uses(draft):
            column = grant.tables[origin.table].columns.get(origin.column)
            key = column is not None and rank_of(grant.tables[origin.table], column) is Rank.KEY
            uses[origin.table].setdefault(origin.column, set()).add("join" if key and how == "compare" else how)
    for name in tables:
        table: GrantedTable = grant.tables[name]
        columns = {column: tuple(sorted(how)) for column, how in sorted(uses[name].items())}
        yield TableUse(name, table.institution, table.public, columns)


def _uses(draft: Draft) -> Iterator[tuple[Origin, str]]:
    yield from _flows(draft.terms, "group")
    yield from _flows((item.argument for item in draft.aggregates.found if item.argument is not None), "aggregate")
    yield from _flows((term for level in draft.rows.nested() for term in level.filters), "compare")
    yield from _flows(block_terms(draft.rows), "aggregate")
    for level in draft.rows.nested():
        for link in level.links:
            yield from ((origin, "join") for origin in link)
    yield from ((key, "count_distinct") for key in draft.aggregates.unit_keys)


def _flows(terms: Iterable[Term], how: str) -> Iterator[tuple[Origin, str]]:
    for term in terms:
        yield from ((origin, how) for origin in term.values)
        yield from ((origin, "compare") for origin in term.conditions)

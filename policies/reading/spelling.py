"""Step 4, second half: one meaning, one text. USING becomes ON, stars their columns, positions and aliases what they name."""

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from policies.findings import Refusal
from policies.reading.bodies import Source, columns_of, folded, listed, meant

Merged = Mapping[str, tuple[str, ...]]
"""For each column that USING merged, the aliases that share it; the first stands for all."""

Refuse = Callable[[str, exp.Expr, str | None], Refusal]
"""Makes a refusal of a code, a place and an object."""


def spell_out_using(refuse: Refuse, select: exp.Select, sources: Mapping[str, Source]) -> Merged:
    """Write USING as ON; return which aliases share each merged column.

    Raises:
        Refusal: COLUMN_NOT_GRANTED, COLUMN_AMBIGUOUS.

    """
    merged: dict[str, tuple[str, ...]] = {}
    aliases = list(sources)
    for position, join in enumerate(select.args.get("joins") or (), start=1):
        pairs = []
        for identifier in join.args.get("using") or ():
            name = folded(identifier)
            left = apart(name, [alias for alias in aliases[:position] if name in columns_of(sources[alias])], merged)
            if not left or name not in columns_of(sources[aliases[position]]):
                raise refuse("COLUMN_NOT_GRANTED", identifier, identifier.name)
            if len(left) > 1:
                raise refuse("COLUMN_AMBIGUOUS", identifier, identifier.name)
            merged[name] = (*merged.get(name, tuple(left)), aliases[position])
            sides = [column(alias, name, identifier) for alias in (left[0], aliases[position])]
            pairs.append(exp.EQ(this=sides[0], expression=sides[1]))
        if pairs:
            join.set("using", None)
            join.set("on", exp.and_(*pairs, copy=False))
    return merged


def apart(name: str, owners: Sequence[str], merged: Merged) -> list[str]:
    """Return the owners of a column with those that USING merged counted once, as the first of them."""
    return [alias for alias in owners if alias not in merged.get(name, ())[1:]]


def column(alias: str, name: str, place: exp.Expr) -> exp.Column:
    """Return a bound column that stands where `place` stood."""
    node = exp.column(exp.to_identifier(name, quoted=True), exp.to_identifier(alias, quoted=True), copy=False)
    if "start" in place.meta:
        node.this.meta.update(place.meta)
    return node


def spell_out_stars(select: exp.Select, sources: Mapping[str, Source], merged: Merged) -> None:
    """Replace `*` and `alias.*` by the columns that they stand for."""
    spelled: list[exp.Expr] = []
    for item in select.expressions:
        whole = isinstance(item, exp.Star)
        one = isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
        if not whole and not (one and folded(item.table) in sources):
            spelled.append(item)
            continue
        for alias, source in sources.items():
            if one and folded(item.table) != alias:
                continue
            names = [name for name in columns_of(source) if not whole or apart(name, [alias], merged)]
            spelled.extend(column(alias, name, item) for name in names)
    select.set("expressions", spelled)


def aliases_of(select: exp.Select) -> dict[str, exp.Expr]:
    """Return what each output alias stands for."""
    return {folded(item.alias): item.this for item in select.expressions if isinstance(item, exp.Alias)}


def spell_out_references(refuse: Refuse, select: exp.Select, sources: Mapping[str, Source]) -> None:
    """Replace positions and aliases in GROUP BY and ORDER BY by what they stand for, GROUP BY ALL by its list.

    Raises:
        Refusal: NOT_GROUPED, ORDER_NOT_OUTPUT for a position that there is not.

    """
    aliases = aliases_of(select)
    offered = {name for source in sources.values() for name in columns_of(source)}
    group = select.args.get("group")
    if group is not None:
        if group.args.get("all"):
            group.set("all", None)
            group.args["expressions"] = [meant(item) for item in select.expressions if item.find(exp.AggFunc) is None]
        else:
            _spell_out_list(refuse, select, group, aliases, offered)
        if not group.expressions:
            select.set("group", None)
    for item in listed(select, "order"):
        item.args["this"] = _referred(refuse, select, item.this, aliases, set())


def _spell_out_list(
    refuse: Refuse, select: exp.Select, holder: exp.Expr, aliases: Mapping[str, exp.Expr], offered: set[str]
) -> None:
    spelled: list[exp.Expr] = []
    for item in holder.expressions:
        if isinstance(item, (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple)):
            _spell_out_list(refuse, select, item, aliases, offered)
            spelled.append(item)
        else:
            spelled.append(_referred(refuse, select, item, aliases, offered))
    holder.args["expressions"] = spelled


def _referred(refuse: Refuse, select: exp.Select, item: exp.Expr, aliases: Mapping[str, exp.Expr], columns: set[str]) -> exp.Expr:
    """Return what a position or alias stands for. In GROUP BY a column of that name comes first, as in the engine.

    The node is shared, not copied: binding it twice says the same, and it is only read afterwards.
    """
    node = item.unnest()
    if isinstance(node, exp.Literal) and not node.is_string:
        position = int(node.this) if str(node.this).isdigit() else 0
        if not 1 <= position <= len(select.expressions):
            raise refuse("ORDER_NOT_OUTPUT" if item.find_ancestor(exp.Order) else "NOT_GROUPED", item, None)
        return meant(select.expressions[position - 1])
    if isinstance(node, exp.Column) and not node.table and folded(node.this) in aliases and folded(node.this) not in columns:
        return aliases[folded(node.this)]
    return item

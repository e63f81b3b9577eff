"""Per-unit queries: private rows grouped by their unit's key become one row per unit (and group), which is private again.

What one unit's rows add up to is a function of that unit alone, so it may be filtered, joined and aggregated like a column.
Its bounds follow from the bounds of a row and the number of rows that a unit may have.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from sqlglot import exp

from policies.engine import engine_text as sql
from policies.findings import Refusal, finding
from policies.grant import PSEUDONYM, UNIT
from policies.reading.bodies import Body, aggregates_in, group_items, is_unit_key
from policies.reading.text import span_of
from policies.rows import constants, numbers
from policies.rows.expressions import Scope, check_granted, filtered
from policies.rows.relation import Block, Context, Occurrence, Rows
from policies.rows.rowtext import rows_text
from policies.rows.terms import Number, Origin, Rank, Term, whole_steps
from policies.rows.units import attribute, space_of

AVERAGE_STEPS = 1_000
"""An average within a unit is kept to a thousandth of its argument's step, truncated towards zero."""

Identity = tuple[str, str, Fraction | None]
_ROW = constants.of_boolean(value=True)


@dataclass
class BlockScope(Scope):
    """What may be said of one group of one unit: its keys and aggregates, as columns of the block named `alias`."""

    beneath: Scope | None = None
    alias: str = ""
    most: int = 1
    """Rows that one unit may have beneath."""
    keys: dict[Identity, tuple[str, Term]] = field(default_factory=dict)
    """Identity of a key beneath → its text and its column of the block."""
    arguments: dict[str, str] = field(default_factory=dict)
    """Text of an argument beneath → the name of its column."""
    made: dict[tuple[str, Fraction | None], tuple[str, Term]] = field(default_factory=dict)
    """Text and step of an aggregate over the columns beneath → the text and its column of the block."""
    read: list[Term] = field(default_factory=list)
    aliases: Mapping[str, exp.Expr] = field(default_factory=dict)

    @property
    def under(self) -> Scope:
        """The scope of the rows beneath."""
        if self.beneath is None:
            raise TypeError("a block stands on rows")
        return self.beneath

    def compile(self, node: exp.Expr) -> Term:
        """Return the term of an expression over the keys and aggregates of one unit's group.

        Raises:
            Refusal: NOT_GROUPED, AGGREGATE_MISPLACED, AGGREGATE_NOT_GRANTED, BOUNDS_MISSING and what `Scope.compile` raises.

        """
        if isinstance(node, (exp.AggFunc, exp.Filter)):
            try:
                return _aggregate(self, node)
            except Refusal as refusal:
                raise Refusal(*(self.placed(item, node) for item in refusal.findings)) from None
        if isinstance(node, exp.Column) and node.args.get("table") is None:
            return self.compile(self.aliases[node.name])
        bound = all(column.args.get("table") is not None for column in node.find_all(exp.Column))
        if bound and node.find(exp.Column) is not None and next(aggregates_in(node), None) is None:
            known = self.keys.get(self.under.compile(node).identity)
            if known is not None:
                return known[1]
            if isinstance(node, exp.Column):
                raise Refusal(finding("NOT_GROUPED", span_of(self.text, node), node.name))
        return super().compile(node)

    def column(self, name: str, term: Term, **facts: object) -> Term:
        """Return a column of the block that carries the lineage and class of a term beneath."""
        values, conditions = (
            frozenset(Origin(self.alias, item.table, item.column) for item in part) for part in (term.values, term.conditions)
        )
        own = replace(term, sql=sql.column(self.alias, name), values=values, conditions=conditions, origin=None)
        return replace(own, parameters=frozenset(), literal=False, bound=False, **facts)  # type: ignore[arg-type]

    @property
    def unit(self) -> Origin:
        """The block's column that names the unit."""
        return next(term.origin for _, term in self.keys.values() if term.origin is not None)

    def argument(self, term: Term) -> str:
        """Return the quoted name under which the rows beneath offer an argument."""
        if term.sql not in self.arguments:
            self.arguments[term.sql] = f"__x{len(self.arguments)}"
            self.read.append(term)
        return sql.name(self.arguments[term.sql])


def add_block(context: Context, body: Body, beneath: Scope, under: Rows, rows: Rows) -> BlockScope:
    """Add a per-unit query to `rows` as one source with its HAVING; return the scope of its outputs.

    Raises:
        Refusal: the codes of attribution for the rows beneath, and those of `BlockScope.compile`.

    """
    unit = attribute(context.grant, under)
    alias = f"t{next(context.numbering)}"
    given = (context.text, beneath.columns, context.parameters, context.uses, context.functions, rows.notices)
    scope = BlockScope(*given, beneath=beneath, alias=alias, most=unit.max_rows, aliases=body.aliases)
    for node in group_items(body.select):
        _add_key(scope, body, node, context)
    for _, node in body.outputs:
        scope.compile(node)
    having = body.select.args.get("having")
    condition = scope.predicate(having.this) if having is not None else None
    block = Block(_text(scope, under, unit.carrier), under, tuple(scope.read))
    carried = context.grant.tables[scope.unit.table]
    most = 1 if len(scope.keys) == 1 and carried.direct else unit.max_rows
    table = replace(carried, columns={}, max_rows=most, max_groups=None, max_rows_per_group=None, leads=frozenset())
    rows.items.append(Occurrence(alias, table, block))
    if condition is not None:
        rows.filters.append(condition)
    return scope


def _add_key(scope: BlockScope, body: Body, node: exp.Expr, context: Context) -> None:
    if isinstance(node, (exp.Rollup, exp.Cube, exp.GroupingSets)):
        raise Refusal(finding("ROWS_CHOSEN", span_of(scope.text, node), node.key.upper()))
    term = scope.under.compile(node)
    if term.identity in scope.keys:
        return
    if not is_unit_key(body.sources, node):
        if term.rank is Rank.KEY:
            raise Refusal(finding("KEY_MISUSED", span_of(scope.text, node)))
        scope.keys[term.identity] = term.sql, scope.column(f"__g{len(scope.keys)}", term)
        scope.read.append(term)
        return
    if term.origin is None or term.nullable:
        raise Refusal(finding("UNIT_MISSING", span_of(scope.text, node)))
    space = space_of(context.grant.tables[term.origin.table], term.origin.column)
    same = [known for _, known in scope.keys.values() if known.origin and _space(context, known.origin) == space]
    origin = Origin(scope.alias, term.origin.table, term.origin.column)
    made = scope.column(term.origin.column, term, nullable=False)
    scope.keys[term.identity] = term.sql, same[0] if same else replace(made, origin=origin, values=frozenset({origin}))
    scope.read.append(term)


def _space(context: Context, origin: Origin) -> str | None:
    return space_of(context.grant.tables[origin.table], origin.column)


def _text(scope: BlockScope, under: Rows, carrier: str) -> str:
    """Group by unit and keys; columns of ours begin with `__`, which no granted name does."""
    keys: dict[str, str] = {}
    for text, term in scope.keys.values():
        keys.setdefault(term.sql.split(".", 1)[1], text)
    selected = [(text, quoted.strip('"')) for quoted, text in keys.items()] + list(scope.arguments.items())
    inner = rows_text(under, carrier, selected, scope.read)
    columns = [f"{sql.name('u')} AS {sql.name(UNIT)}", f"min({sql.name('p')}) AS {sql.name(PSEUDONYM)}", *keys]
    columns += [f"{text} AS {term.sql.split('.', 1)[1]}" for text, term in scope.made.values()]
    return f"SELECT {', '.join(columns)} FROM ({inner}) AS {sql.name('r')} GROUP BY {', '.join([sql.name('u'), *keys])}"


def _aggregate(scope: BlockScope, node: exp.Expr) -> Term:
    condition = node.expression.this if isinstance(node, exp.Filter) else None
    function = node.this if isinstance(node, exp.Filter) else node
    rule = _RULES.get(type(function))
    if rule is None:
        raise Refusal(finding("AGGREGATE_MISPLACED", obj=function.key.upper()))
    return rule(scope, function, condition)


def _named(scope: BlockScope, text: str, term: Term, number: Number | None, *, nullable: bool) -> Term:
    asked = text, None if number is None else number.step
    if asked not in scope.made:
        name = f"__b{len(scope.made)}"
        kind = term.type if number is None else numbers.kind_of(number.step)
        rank = max(term.rank, Rank.MEASURE)
        facts = {"rank": rank, "type": kind, "number": number, "nullable": nullable, "domain": None}
        made = scope.column(name, term, **facts)
        # how many rows there are is a fact of the group, also where no column of them is read
        scope.made[asked] = text, replace(made, conditions=made.conditions | {scope.unit})
    return scope.made[asked][1]


def _count(scope: BlockScope, node: exp.Expr, condition: exp.Expr | None) -> Term:
    """From one row, where each counts, up to all that a unit may have."""
    if isinstance(node.this, exp.Distinct):
        return _count_distinct(scope, node, condition)
    term = _ROW if isinstance(node.this, exp.Star) else scope.under.compile(node.this)
    check_granted(scope.under, term, frozenset({"count", "avg"}), frozenset({"group", "compare", "count_distinct"}))
    if condition is None and term.literal and term.type != "null":
        return _counted(scope, "count(*)", _ROW, 1)
    counted = filtered(scope.under, term, condition)
    return _counted(scope, f"count({scope.argument(counted)})", counted, 0)


def _counted(scope: BlockScope, text: str, term: Term, least: int) -> Term:
    """A number of rows or values steers what is made of it, but shows no value: its lineage is that of a condition."""
    shown = replace(term, rank=Rank.MEASURE, values=frozenset(), conditions=term.conditions | term.values)
    return _named(scope, text, shown, whole_steps(least, scope.most), nullable=False)


def _count_distinct(scope: BlockScope, node: exp.Expr, condition: exp.Expr | None) -> Term:
    if len(node.this.expressions) != 1:
        raise Refusal(finding("AGGREGATE_MISPLACED", obj="DISTINCT"))
    term = scope.under.compile(node.this.expressions[0].unnest())
    check_granted(scope.under, term, frozenset({"count"}), frozenset({"group", "compare", "count_distinct"}))
    seen = term if condition is None else _key_where(scope, term, condition)
    return _counted(scope, f"count(DISTINCT {scope.argument(seen)})", seen, 0)


def _key_where(scope: BlockScope, term: Term, condition: exp.Expr) -> Term:
    """Return a term, a key too, that is NULL where the condition is not true; keys may be counted, never compared."""
    if term.rank is not Rank.KEY:
        return filtered(scope.under, term, condition)
    wanted = scope.under.predicate(condition)
    text = sql.case([(wanted.sql, term.sql)], None)
    whole = term.conditions | wanted.conditions
    return replace(term, sql=text, nullable=True, origin=None, conditions=whole, parameters=term.parameters | wanted.parameters)


def _number(scope: BlockScope, node: exp.Expr, condition: exp.Expr | None, function: str) -> tuple[Term, Number]:
    if isinstance(node.this, exp.Distinct):
        raise Refusal(finding("PROTECTION_UNAVAILABLE", obj="DISTINCT"))
    term = scope.under.compile(node.this)
    if term.rank is Rank.KEY:
        raise Refusal(finding("KEY_MISUSED"))
    check_granted(scope.under, term, frozenset({function}), frozenset())
    term = filtered(scope.under, term, condition)
    if term.number is None:
        raise Refusal(finding("TYPE_MISMATCH"))
    return term, term.number


def _sum(scope: BlockScope, node: exp.Expr, condition: exp.Expr | None) -> Term:
    """Of 1 to `most` values, each within its interval."""
    term, number = _number(scope, node, condition, "sum")
    low, high = min(number.low, scope.most * number.low), max(number.high, scope.most * number.high)
    total = numbers.checked(replace(number, low=low, high=high))
    kind = numbers.engine_type(max(-low, high))
    return _named(scope, f"CAST(sum({scope.argument(term)}) AS {kind})", term, total, nullable=True)


def _avg(scope: BlockScope, node: exp.Expr, condition: exp.Expr | None) -> Term:
    """Within the interval of a value, and finer by `AVERAGE_STEPS`."""
    term, number = _number(scope, node, condition, "avg")
    fine = replace(number, low=number.low * AVERAGE_STEPS, high=number.high * AVERAGE_STEPS, step=number.step / AVERAGE_STEPS)
    most = max(-fine.low, fine.high)
    numbers.checked(replace(fine, low=-scope.most * most, high=scope.most * most))
    column = scope.argument(term)
    text = f"CAST(CAST(sum({column}) AS HUGEINT) * {AVERAGE_STEPS} // nullif(count({column}), 0) AS {numbers.engine_type(most)})"
    return _named(scope, text, term, numbers.checked(fine), nullable=True)


def _extreme(function: str) -> "Callable[[BlockScope, exp.Expr, exp.Expr | None], Term]":
    def rule(scope: BlockScope, node: exp.Expr, condition: exp.Expr | None) -> Term:
        """One of the values; a text has no order that all engines agree on."""
        term = scope.under.compile(node.this)
        if term.rank is Rank.KEY or term.type not in {"integer", "decimal", "date"}:
            raise Refusal(finding("KEY_MISUSED" if term.rank is Rank.KEY else "TYPE_MISMATCH"))
        check_granted(scope.under, term, frozenset({function}), frozenset({"group"}))
        term = filtered(scope.under, term, condition)
        made = _named(scope, f"{function}({scope.argument(term)})", term, term.number, nullable=True)
        return replace(made, rank=term.rank, domain=term.domain)

    return rule


_RULES: Mapping[type[exp.Expr], Callable[[BlockScope, exp.Expr, exp.Expr | None], Term]] = {
    exp.Count: _count,
    exp.Sum: _sum,
    exp.Avg: _avg,
    exp.Min: _extreme("min"),
    exp.Max: _extreme("max"),
}

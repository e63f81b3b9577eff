"""What would be accepted instead of a refused query: small mends of its tree, each tried until one passes. Pure.

A mend is a guess; only a text that passes the whole decision is ever shown. What is looked at is the text and the findings, so
an alternative tells no more than a second dry run would.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from sqlglot import exp
from sqlglot.errors import SqlglotError

from policies.findings import Refusal
from policies.grant import Grant
from policies.query import Finding, Fix
from policies.reading.bodies import group_items, meant
from policies.reading.names import MAX_NAME
from policies.reading.parse import read_tree
from policies.reading.text import check_text, check_tokens, span_of

MOST_ROUNDS = 4
MOST_CHARACTERS = 4_000
"""Longer texts get the plainest alternative only: mending them would cost more than it is worth."""

Judge = Callable[[str], Sequence[Finding]]
"""Says what still stands against a text; nothing where it passes."""

Mend = Callable[[exp.Query, exp.Expr], Iterator[exp.Query]]
"""Yields changed trees for an offending node; the tree is a copy of its own."""


def with_alternatives(text: str, findings: Sequence[Finding], grant: Grant, judge: Judge) -> tuple[Finding, ...]:
    """Return the findings with a whole query that passes in `fix.sql`, where one is found.

    Args:
        text: as submitted.
        findings: why it was refused.
        grant: what may be asked at all.
        judge: the decision, for any text under the same agreement.

    """
    mended = _mended(text, findings, judge) or _plainest(text, grant, judge)
    if mended is None:
        return tuple(findings)
    return tuple(_with_sql(item, mended) if item.severity == "error" else item for item in findings)


def _with_sql(item: Finding, mended: str) -> Finding:
    zh, en = (item.fix.zh, item.fix.en) if item.fix is not None else ("", "")
    return replace(item, fix=Fix(zh, en, mended))


def _mended(text: str, findings: Sequence[Finding], judge: Judge) -> str | None:
    for _ in range(MOST_ROUNDS):
        if len(text) > MOST_CHARACTERS:
            return None
        changed = next(_changes(text, findings, judge), None)
        if changed is None:
            return None
        text, findings = changed
        if not findings:
            return text
    return None


def _changes(text: str, findings: Sequence[Finding], judge: Judge) -> Iterator[tuple[str, Sequence[Finding]]]:
    """Yield the first mend that passes, else the first that removes the first finding and leaves fewer or other ones."""
    tree = _tree(text)
    offence = next((item for item in findings if item.span is not None or item.code in _WHOLE), None)
    if tree is None or offence is None:
        return
    left: tuple[str, Sequence[Finding]] | None = None
    for mend in (*_MENDS.get(offence.code, ()), _dropped):
        for changed in _tried(text, tree, offence, mend):
            remaining = judge(changed)
            if not remaining:
                yield changed, ()
                return
            if left is None and changed != text and remaining[0].code != offence.code:
                left = changed, remaining
    if left is not None:
        yield left


def _tried(text: str, tree: exp.Query, offence: Finding, mend: Mend) -> Iterator[str]:
    copy = tree.copy()
    node = copy if offence.code in _WHOLE and offence.span is None else _node_at(text, copy, offence)
    if node is None:
        return
    try:
        for changed in mend(copy, node):
            yield changed.sql(dialect="duckdb", comments=False)
    except (SqlglotError, TypeError, ValueError, AttributeError):
        return  # the tree takes no such change: a guess that cannot be made is no alternative


def _tree(text: str) -> exp.Query | None:
    try:
        check_text(text)
        return read_tree(text, check_tokens(text))
    except (Refusal, SqlglotError, RecursionError):
        return None


def _node_at(text: str, tree: exp.Query, offence: Finding) -> exp.Expr | None:
    """Return the smallest node that covers the finding's place."""
    best: tuple[int, exp.Expr] | None = None
    for node in tree.walk():
        span = span_of(text, node) if isinstance(node, (exp.Condition, exp.Query)) else None
        if span is None or offence.span is None or span.start > offence.span.start or span.end < offence.span.end:
            continue
        size = span.end - span.start
        if best is None or size < best[0] or (size == best[0] and isinstance(node, exp.Func)):
            best = size, node
    return best[1] if best is not None else None


def _clause_item(node: exp.Expr) -> tuple[exp.Expr, str] | None:
    """Return the outermost expression of a SELECT's clause that holds the node, and the clause's name."""
    while node.parent is not None:
        parent = node.parent
        if isinstance(parent, exp.Select):
            return node, str(node.arg_key)
        if isinstance(parent, (exp.Where, exp.Having, exp.Qualify, exp.Group, exp.Order, exp.Join)):
            return node, parent.key
        node = parent
    return None


def _dropped(tree: exp.Query, node: exp.Expr) -> Iterator[exp.Query]:
    """Leave out the output, condition, key, order term or clause that offends."""
    found = _clause_item(node)
    if found is None:
        return
    item, clause = found
    if clause in {"where", "having", "qualify", "join"}:
        yield from _without_condition(tree, item, node)
    elif clause in {"expressions", "group", "order"} and item.parent is not None:
        if clause != "order" and (select := item.find_ancestor(exp.Select)) is not None:
            _ungroup(select, item)
        if len(item.parent.args["expressions"]) > 1:
            item.pop()
        elif not isinstance(item.parent, exp.Select):
            item.parent.pop()
        yield tree
    elif isinstance(item.parent, exp.Select) and clause in {"limit", "offset", "distinct", "windows"}:
        item.pop()
        yield tree


def _without_condition(tree: exp.Query, item: exp.Expr, node: exp.Expr) -> Iterator[exp.Query]:
    """Leave out the conjunct that offends; without another the whole clause."""
    while isinstance(item, (exp.And, exp.Paren)) and item is not node:
        branch = next((child for child in item.iter_expressions() if child is node or _holds(child, node)), None)
        if branch is None:
            return
        if isinstance(item, exp.And):
            other = item.expression if branch is item.this else item.this
            if not isinstance(branch, (exp.And, exp.Paren)) or branch is node:
                item.replace(other.copy())
                yield tree
                return
        item = branch
    if isinstance(item.parent, (exp.Where, exp.Having, exp.Qualify)):
        item.parent.pop()
        yield tree


def _holds(root: exp.Expr, node: exp.Expr) -> bool:
    return any(item is node for item in root.walk())


def _ungroup(select: exp.Select, item: exp.Expr) -> None:
    """Take the same expression out of the other of SELECT and GROUP BY."""
    for other in (*group_items(select), *select.expressions):
        if other is not item and meant(other) == meant(item) and isinstance(other.parent, exp.Expr):
            if len(other.parent.args["expressions"]) > 1:
                other.pop()
            elif isinstance(other.parent, exp.Group):
                other.parent.pop()


def _replaced(*makers: Callable[[exp.Expr], exp.Expr]) -> Mend:
    """Put something else in the node's place, one maker after the other."""

    def mend(tree: exp.Query, node: exp.Expr) -> Iterator[exp.Query]:
        select = node.find_ancestor(exp.Select)
        for make in makers:
            made = make(node.copy())
            if select is not None and isinstance(node.parent, (exp.Select, exp.Alias)):
                _ungroup(select, node.parent if isinstance(node.parent, exp.Alias) else node)
            node.replace(made)
            node = made
            yield tree

    return mend


def _argument(node: exp.Expr) -> exp.Expr:
    inner = node.find(exp.Column)
    return inner.copy() if inner is not None else exp.Star()


def _avg(node: exp.Expr) -> exp.Expr:
    return exp.Avg(this=_argument(node))


def _near_extreme(node: exp.Expr) -> exp.Expr:
    """Ask for the quantile that comes near a least or largest value."""
    if not isinstance(node, (exp.Min, exp.Max)):
        return _avg(node)
    share = "0.01" if isinstance(node, exp.Min) else "0.99"
    return exp.PercentileCont(this=node.this.copy(), expression=exp.Literal.number(share))


def _sum(node: exp.Expr) -> exp.Expr:
    return exp.Sum(this=_argument(node))


def _count(node: exp.Expr) -> exp.Expr:
    return exp.Count(this=_argument(node), big_int=True)


def _count_units(node: exp.Expr) -> exp.Expr:
    return exp.Count(this=exp.Distinct(expressions=[_argument(node)]), big_int=True)


def _clamped(node: exp.Expr) -> exp.Expr:
    function = node if isinstance(node, exp.AggFunc) else node.find(exp.AggFunc)
    if function is None or not isinstance(function.this, exp.Expr):
        return node
    low = exp.Greatest(this=function.this.copy(), expressions=[exp.Literal.number(0)], ignore_nulls=True)
    function.set("this", exp.Least(this=low, expressions=[exp.Literal.number(1000)], ignore_nulls=True))
    return node


def _coarser(tree: exp.Query, _node: exp.Expr) -> Iterator[exp.Query]:
    """Round what is added up: a step of cents, or of ones, has fewer steps in the same range."""
    for places in (2, 0):
        for function in list(tree.find_all(exp.Sum, exp.Avg)):
            inner = function.this.this if isinstance(function.this, exp.Round) else function.this
            function.set("this", exp.Round(this=inner.copy(), decimals=exp.Literal.number(places)))
        yield tree


def _grouped(tree: exp.Query, node: exp.Expr) -> Iterator[exp.Query]:
    """Group by every output that is no aggregate, and count where nothing is aggregated."""
    select = node if isinstance(node, exp.Select) else node.find_ancestor(exp.Select)
    if select is None:
        return
    plain = [meant(item) for item in select.expressions if item.find(exp.AggFunc) is None]
    keys = [item.copy() for item in plain if item.find(exp.Column) is not None and not item.is_star]
    if select.find(exp.AggFunc) is None:
        for item in [item for item in select.expressions if item.is_star]:
            item.pop()
        select.append("expressions", exp.alias_(exp.Count(this=exp.Star(), big_int=True), "n"))
        select.set("distinct", None)
    select.set("group", exp.Group(expressions=keys) if keys else None)
    yield tree


def _inner(tree: exp.Query, node: exp.Expr) -> Iterator[exp.Query]:
    """Write outer joins as inner ones."""
    select = node if isinstance(node, exp.Select) else node.find_ancestor(exp.Select)
    for join in select.args.get("joins") or () if select is not None else ():
        join.set("side", None)
        join.set("kind", None)
    yield tree


def _renamed(tree: exp.Query, _node: exp.Expr) -> Iterator[exp.Query]:
    """Write names with letters, digits and underscores only."""
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("this", re.sub(r"\W", "_", str(identifier.this))[:MAX_NAME].lstrip("_"))
    yield tree


def _unlisted(tree: exp.Query, node: exp.Expr) -> Iterator[exp.Query]:
    """Leave out a CTE that nothing uses."""
    cte = node if isinstance(node, exp.CTE) else node.find_ancestor(exp.CTE)
    if cte is not None and isinstance(cte.parent, exp.With):
        (cte if len(cte.parent.expressions) > 1 else cte.parent).pop()
        yield tree


_MENDS: Mapping[str, Sequence[Mend]] = {
    "COLUMN_NOT_RELEASABLE": (_replaced(_avg, _sum),),
    "KEY_MISUSED": (_replaced(_count_units),),
    "AGGREGATE_NOT_GRANTED": (_replaced(_avg, _sum, _count),),
    "PROTECTION_UNAVAILABLE": (_replaced(_near_extreme, _avg, _sum, _count_units),),
    "BOUNDS_MISSING": (_replaced(_clamped),),
    "NOT_GROUPED": (_grouped,),
    "NO_AGGREGATE": (_grouped,),
    "STAR_NOT_ALLOWED": (_grouped,),
    "ROWS_CHOSEN": (_grouped,),
    "JOIN_SIDE": (_inner,),
    "OUTER_WITHOUT_UNIT": (_inner,),
    "CTE_UNUSED": (_unlisted,),
    "NAME_INVALID": (_renamed,),
    "NAME_RESERVED": (_renamed,),
    "RANGE_TOO_WIDE": (_coarser,),
}
"""What is tried first for a code; after it, leaving the offence out is tried for every code."""


_WHOLE = frozenset({"RANGE_TOO_WIDE"})
"""Codes that may speak of the whole query."""


def _plainest(text: str, grant: Grant, judge: Judge) -> str | None:
    """Return a count of a granted table, one that the text names where it can."""
    private = [name for name, table in grant.tables.items() if not table.public]
    named = [name for name in private if name in text.lower()]
    for name in dict.fromkeys((*named, *private)):
        plain = f"SELECT COUNT(*) AS n FROM {name}"
        if not judge(plain):
            return plain
    return None

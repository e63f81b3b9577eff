"""Functions of one column, by the node that writes them. Every rule takes the compiled first argument and the node."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from policies.rows import casts, date_functions, text_functions
from policies.rows.terms import Term

FunctionRule = Callable[[Term, exp.Expr], Term]


def _named(part: str) -> FunctionRule:
    return lambda term, _: date_functions.part(term, part)


FUNCTIONS: Mapping[type[exp.Expr], FunctionRule] = {
    exp.Upper: text_functions.upper,
    exp.Lower: text_functions.lower,
    exp.Trim: text_functions.trim,
    exp.Substring: text_functions.substring,
    exp.Left: text_functions.left,
    exp.Right: text_functions.right,
    exp.Length: text_functions.length,
    exp.Replace: text_functions.replace,
    exp.TimestampTrunc: date_functions.truncate,
    exp.DateTrunc: date_functions.truncate,
    exp.Extract: lambda term, node: date_functions.part(term, node.name.lower()),
    exp.Year: _named("year"),
    exp.Quarter: _named("quarter"),
    exp.Month: _named("month"),
    exp.Day: _named("day"),
    exp.DayOfWeekIso: _named("isodow"),
    exp.Cast: casts.cast,
    exp.TryCast: casts.cast,
}

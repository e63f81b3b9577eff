"""Types of released expressions: which function takes what, and what comes out. Every function is total on exact values."""

from collections.abc import Callable, Mapping, Sequence

from policies.findings import Refusal, finding
from policies.tree import Shape

INTEGER, TEXT, DATE, BOOLEAN, NULL = Shape("integer"), Shape("text"), Shape("date"), Shape("boolean"), Shape("null")
QUOTIENT_PLACES = 6
"""Decimals that a quotient, a root or an average of released values is shown with, at least."""
MOST_PLACES = 12

Rule = Callable[[Sequence[Shape]], Shape]


def shape_of_call(function: str, arguments: Sequence[Shape]) -> Shape:
    """Return what a function gives for arguments of these shapes.

    Raises:
        Refusal: FUNCTION_NOT_ALLOWED, TYPE_MISMATCH.

    """
    rule = _RULES.get(function)
    if rule is None:
        raise Refusal(finding("FUNCTION_NOT_ALLOWED", obj=function))
    return rule(arguments)


def united(shapes: Sequence[Shape]) -> Shape:
    """Return the one shape that holds values of all: NULL fits everything, numbers meet in the finer decimals.

    Raises:
        Refusal: TYPE_MISMATCH.

    """
    known = [shape for shape in shapes if shape.kind != "null"]
    kinds = {shape.kind for shape in known}
    if not known:
        return NULL
    if kinds <= {"integer", "decimal"}:
        return Shape("decimal", max(shape.places for shape in known)) if "decimal" in kinds else INTEGER
    if len(kinds) > 1:
        raise Refusal(finding("TYPE_MISMATCH"))
    return known[0]


def numeric(shapes: Sequence[Shape]) -> Sequence[Shape]:
    """Return shapes that are all numbers; a NULL counts as one.

    Raises:
        Refusal: TYPE_MISMATCH.

    """
    if any(shape.kind not in {"integer", "decimal", "null"} for shape in shapes):
        raise Refusal(finding("TYPE_MISMATCH"))
    return shapes


def total(shapes: Sequence[Shape]) -> Shape:
    """Return the shape of a sum."""
    return united(numeric(shapes))


def unchanged(shapes: Sequence[Shape]) -> Shape:
    """Return the shape of what is one of the values of its first argument."""
    return shapes[0]


def decimal(places: int) -> Shape:
    """Return a decimal of at most `MOST_PLACES` places."""
    return Shape("decimal", min(places, MOST_PLACES))


def quotient(shapes: Sequence[Shape]) -> Shape:
    """Return the shape of a division, a root or an average of these."""
    return decimal(max(QUOTIENT_PLACES, *(shape.places for shape in numeric(shapes))))


def _same(kind: str, shape: Shape, most: int = 99) -> Rule:
    def rule(arguments: Sequence[Shape]) -> Shape:
        if not arguments or len(arguments) > most or any(item.kind not in {kind, "null"} for item in arguments):
            raise Refusal(finding("TYPE_MISMATCH"))
        return shape

    return rule


def _product(arguments: Sequence[Shape]) -> Shape:
    whole = united(numeric(arguments))
    return whole if whole.kind != "decimal" else decimal(sum(shape.places for shape in arguments))


def _truth(arguments: Sequence[Shape]) -> Shape:
    united(arguments)
    return BOOLEAN


def _text_first(arguments: Sequence[Shape]) -> Shape:
    """A text, then whole numbers that say where and how long."""
    if arguments[0].kind not in {"text", "null"} or any(item.kind not in {"integer", "null"} for item in arguments[1:]):
        raise Refusal(finding("TYPE_MISMATCH"))
    return TEXT


def _case(arguments: Sequence[Shape]) -> Shape:
    """Conditions and values in turn, then the default."""
    conditions, values = arguments[:-1:2], [*arguments[1::2], arguments[-1]]
    if any(item.kind not in {"boolean", "null"} for item in conditions):
        raise Refusal(finding("TYPE_MISMATCH"))
    return united(values)


def _first(arguments: Sequence[Shape]) -> Shape:
    united(arguments)
    return arguments[0]


def _speakable(arguments: Sequence[Shape]) -> Shape:
    """Numbers with decimals have no one text."""
    if arguments[0].kind == "decimal":
        raise Refusal(finding("TYPE_MISMATCH"))
    return TEXT


def _concat(arguments: Sequence[Shape]) -> Shape:
    for item in arguments:
        _speakable([item])
    return TEXT


def _whole(arguments: Sequence[Shape]) -> Shape:
    numeric(arguments)
    return INTEGER


_LOGIC = _same("boolean", BOOLEAN)
_RULES: Mapping[str, Rule] = {
    "+": total,
    "-": total,
    "*": _product,
    "/": quotient,
    "//": _same("integer", INTEGER, 2),
    "%": total,
    "negate": total,
    "abs": total,
    "sign": _whole,
    "floor": _whole,
    "ceil": _whole,
    "sqrt": quotient,
    "least": united,
    "greatest": united,
    "coalesce": united,
    "nullif": _first,
    "case": _case,
    "=": _truth,
    "<>": _truth,
    "<": _truth,
    "<=": _truth,
    ">": _truth,
    ">=": _truth,
    "is distinct": _truth,
    "is not distinct": _truth,
    "in": _truth,
    "is null": _truth,
    "is true": _LOGIC,
    "is false": _LOGIC,
    "and": _LOGIC,
    "or": _LOGIC,
    "not": _LOGIC,
    "like": _same("text", BOOLEAN, 2),
    "ilike": _same("text", BOOLEAN, 2),
    "upper": _same("text", TEXT, 1),
    "lower": _same("text", TEXT, 1),
    "trim": _same("text", TEXT, 1),
    "length": _same("text", INTEGER, 1),
    "concat": _concat,
    "||": _same("text", TEXT, 2),
    "substring": _text_first,
    "left": _text_first,
    "right": _text_first,
    "year": _same("date", INTEGER, 1),
    "quarter": _same("date", INTEGER, 1),
    "month": _same("date", INTEGER, 1),
    "day": _same("date", INTEGER, 1),
    "trunc year": _same("date", DATE, 1),
    "trunc quarter": _same("date", DATE, 1),
    "trunc month": _same("date", DATE, 1),
    "trunc day": _same("date", DATE, 1),
    "to text": _speakable,
    "to integer": lambda arguments: INTEGER if arguments[0].kind in {"integer", "decimal", "text", "boolean", "null"} else NULL,
    "to date": lambda arguments: DATE if arguments[0].kind in {"date", "text", "null"} else NULL,
}
"""Name of a function in the tree → its typing."""

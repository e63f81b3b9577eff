"""The post-processing tree: what a query still does with released values, as frozen data. It costs no privacy.

Leaves are the rows of protected cores, after noise. Every node is a function of released values, constants and parameters
alone, so the whole tree may be evaluated by anyone who holds the noisy rows, and evaluates to the same again.
Source: closure of differential privacy under post-processing, Dwork and Roth (2014), Proposition 2.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal, TypeVar, cast

from sandbox.kernel.canonical import Json

T = TypeVar("T")
Kind = Literal["integer", "decimal", "text", "date", "boolean", "null"]
Constant = bool | int | Decimal | str | date | None


LOW, HIGH = ".low", ".high"
"""Behind the name of an aggregate's column: the columns of its interval. No name of a query holds a point."""


@dataclass(frozen=True)
class Shape:
    """The type of a released expression: its kind and, for decimals, the fixed number of places that it is shown with."""

    kind: Kind
    places: int = 0


@dataclass(frozen=True)
class Ref:
    """A column of the relation below."""

    name: str


@dataclass(frozen=True, eq=False)
class Const:
    """A constant of the text, or the value of a bound parameter; TRUE is not 1, though Python takes them for equal."""

    value: Constant

    def __eq__(self, other: object) -> bool:
        """Compare type and value."""
        return isinstance(other, Const) and (type(self.value), self.value) == (type(other.value), other.value)

    def __hash__(self) -> int:
        """Hash type and value."""
        return hash((type(self.value), self.value))


@dataclass(frozen=True)
class Call:
    """A total function of exact values; NULL where an argument has no meaning for it (a zero divisor, a bad date)."""

    function: str
    arguments: tuple["Expr", ...]


@dataclass(frozen=True)
class Scalar:
    """The value of the one column of a relation's one row; NULL where there is no row, or more than one."""

    relation: "Relation"


@dataclass(frozen=True)
class Member:
    """Whether a value is among those of a relation's one column, in three-valued logic."""

    value: "Expr"
    relation: "Relation"


@dataclass(frozen=True)
class Exists:
    """Whether a relation has a row."""

    relation: "Relation"


Expr = Ref | Const | Call | Scalar | Member | Exists


@dataclass(frozen=True)
class Order:
    """One ORDER BY term."""

    value: Expr
    descending: bool
    nulls_first: bool


@dataclass(frozen=True)
class Named:
    """An expression under a column name."""

    name: str
    value: Expr


@dataclass(frozen=True)
class OneRow:
    """One row without columns."""


@dataclass(frozen=True)
class CoreRows:
    """The noisy rows of one protected core: its keys, and each aggregate with the two ends of its interval."""

    core: str


@dataclass(frozen=True)
class Mapped:
    """Each row of the source as these columns."""

    source: "Relation"
    columns: tuple[Named, ...]


@dataclass(frozen=True)
class Kept:
    """The rows of the source for which a condition is true."""

    source: "Relation"
    condition: Expr


@dataclass(frozen=True)
class Total:
    """An aggregate over released rows: `function` of `value` (None counts rows), over those that pass `where`."""

    name: str
    function: str
    value: Expr | None
    distinct: bool = False
    where: Expr | None = None


@dataclass(frozen=True)
class Grouped:
    """Released rows grouped anew; without keys one row comes out, also of none."""

    source: "Relation"
    keys: tuple[Named, ...]
    totals: tuple[Total, ...]


@dataclass(frozen=True)
class Frame:
    """ROWS BETWEEN `start` AND `end`: offsets from the present row; None is unbounded."""

    start: int | None
    end: int | None


@dataclass(frozen=True)
class Window:
    """One window function; `arguments` as written, `frame` None for the standard's default."""

    name: str
    function: str
    arguments: tuple[Expr, ...]
    partition: tuple[Expr, ...]
    order: tuple[Order, ...]
    frame: Frame | None


@dataclass(frozen=True)
class Windowed:
    """The rows of the source with one more column per window function."""

    source: "Relation"
    windows: tuple[Window, ...]


@dataclass(frozen=True)
class Sorted:
    """The rows of the source in order; ties stay as they were."""

    source: "Relation"
    order: tuple[Order, ...]


@dataclass(frozen=True)
class Cut:
    """At most `limit` rows of the source after the first `offset`."""

    source: "Relation"
    limit: int | None
    offset: int


@dataclass(frozen=True)
class Distinct:
    """The different rows of the source, compared on `names`, each where it first stood."""

    source: "Relation"
    names: tuple[str, ...]


@dataclass(frozen=True)
class Combined:
    """A set operation, columns by position under the names of `left`, compared on `names`; `every` keeps duplicates."""

    operation: Literal["union", "intersect", "except"]
    every: bool
    left: "Relation"
    right: "Relation"
    names: tuple[str, ...]


@dataclass(frozen=True)
class Joined:
    """Released relations side by side where `equal` pairs agree and `condition` is true; `outer` keeps every left row."""

    left: "Relation"
    right: "Relation"
    equal: tuple[tuple[Expr, Expr], ...]
    condition: Expr | None
    outer: bool
    absent: tuple[str, ...]
    """Columns of the right side, NULL where an outer join finds no partner."""


Relation = OneRow | CoreRows | Mapped | Kept | Grouped | Windowed | Sorted | Cut | Distinct | Combined | Joined


def renamed(node: T, names: Mapping[str, str]) -> T:
    """Return a tree in which cores stand under other names."""
    if isinstance(node, CoreRows):
        return replace(node, core=names.get(node.core, node.core))
    if isinstance(node, tuple):
        return cast("T", tuple(renamed(item, names) for item in node))
    if not is_dataclass(node) or not names:
        return node
    changed = {item.name: renamed(getattr(node, item.name), names) for item in fields(node)}
    return replace(node, **changed)  # type: ignore[type-var]


def size_of(node: object, known: dict[int, int]) -> int:
    """Count the nodes of a tree, a shared part as often as it stands; `known` keeps counts by identity while the tree lives."""
    if id(node) in known:
        return known[id(node)]
    if isinstance(node, tuple):
        return sum(size_of(item, known) for item in node)
    if not is_dataclass(node):
        return 0
    known[id(node)] = 1 + sum(size_of(getattr(node, item.name), known) for item in fields(node))
    return known[id(node)]


def as_json(node: object) -> Json:
    """Return a tree as JSON of its class names and fields, for digests, the manifest and the dry run."""
    if isinstance(node, (bool, str)) or node is None:
        return node
    if isinstance(node, (int, Decimal, date)):
        return {type(node).__name__.lower(): str(node)}
    if isinstance(node, (tuple, list)):
        return [as_json(item) for item in node]
    if is_dataclass(node):
        parts: Mapping[str, Json] = {field.name: as_json(getattr(node, field.name)) for field in fields(node)}
        return {"node": type(node).__name__, **parts}
    raise TypeError("no part of a post-processing tree")

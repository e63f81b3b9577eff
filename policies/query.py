"""The types that a query passes through inside the policy compiler, each made in one place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal

from policies.grant import Grant, Value
from policies.tree import Relation, Shape
from sandbox.kernel.canonical import Json
from sandbox.kernel.run import ColumnSpec, Parameter

AggregateKind = Literal["count", "count_unit", "count_value", "sum", "avg", "quantile"]

COUNTS = frozenset[AggregateKind]({"count", "count_unit", "count_value"})
"""Kinds whose values are whole numbers from 0 on."""

MOST_BINS = 512
"""A quantile is chosen among so many public values at most; a narrower range of the argument makes them finer."""

AVERAGE_DECIMALS = 2
"""Decimals that an AVG has beyond those of its argument's step."""


@dataclass(frozen=True)
class Tuning:
    """What an analyst asks of the protection, within the policy.

    `max_rows`, `max_groups`, `max_rows_per_group`: stricter caps on what one unit contributes: less noise, more bias. `weights`:
    how much the relative error of an output column matters, 1 where it is not named.
    """

    max_rows: int | None = None
    max_groups: int | None = None
    max_rows_per_group: int | None = None
    weights: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SubmittedQuery:
    """What an operator sends. `parameters` bind `$name` in the text; `epsilon` is a decimal string or None (policy maximum)."""

    agreement: str
    purpose: str
    environment: Literal["dev", "prod"]
    sql: str
    parameters: Mapping[str, Parameter]
    epsilon: str | None = None
    tuning: Tuning = Tuning()


@dataclass(frozen=True)
class Span:
    """A place in the submitted text: 0-based offsets [start, end), 1-based line and column of its start."""

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True)
class Fix:
    """What would be accepted instead. `sql` is a whole query that passes, where one was found."""

    zh: str
    en: str
    sql: str | None = None


@dataclass(frozen=True)
class Finding:
    """One reason for a refusal or one notice. `code`, `rule` and messages come from `policies.findings`."""

    code: str
    rule: str
    severity: Literal["error", "notice"]
    zh: str
    en: str
    article: str
    span: Span | None = None
    object: str | None = None
    fix: Fix | None = None

    def as_json(self) -> Json:
        """Return the finding in the shape of the HTTP contract."""
        span = self.span
        return {
            "code": self.code,
            "rule": self.rule,
            "severity": self.severity,
            "span": None if span is None else {"start": span.start, "end": span.end, "line": span.line, "column": span.column},
            "object": self.object,
            "article": self.article,
            "message": {"zh": self.zh, "en": self.en},
            "fix": None if self.fix is None else {"zh": self.fix.zh, "en": self.fix.en, "sql": self.fix.sql},
        }


@dataclass(frozen=True)
class GroupKey:
    """One grouping expression `k0, k1, …` of the protected core.

    `domain` is the complete public list of its values (always all shown) or None for a private key (thresholded).
    `nullable` says that NULL may occur as a key; with a public domain NULL is then one more public value.
    """

    name: str
    type: Literal["integer", "text", "date", "boolean"]
    domain: tuple[Value, ...] | None
    nullable: bool
    lineage: tuple[str, ...]


@dataclass(frozen=True)
class Aggregate:
    """One aggregate `a0, a1, …` of the protected core.

    For `sum` and `avg` the argument of one row is an integer number of `step`s within [`low`, `high`] or NULL;
    for counts `low` = `high` = 1. `count` with an argument counts its non-null rows; `count_unit` counts units, with an
    argument those of which a row in the group has it; `count_value` counts distinct values of its argument, of any type.
    A `quantile` is the value below which the share `fraction` of the rows lies, read off public bins within its bounds.
    `weight` says how much its error matters.
    """

    name: str
    kind: AggregateKind
    has_argument: bool
    low: int
    high: int
    step: Decimal
    lineage: tuple[str, ...]
    fraction: Fraction | None = None
    weight: int = 1

    @property
    def bin_width(self) -> int:
        """Steps in each bin of a quantile but the last."""
        return -(-(self.high - self.low + 1) // MOST_BINS)

    @property
    def bins(self) -> int:
        """The number of bins of a quantile, from `low` on."""
        return -(-(self.high - self.low + 1) // self.bin_width)

    @property
    def places(self) -> int:
        """The fixed number of decimals with which the aggregate is shown."""
        exponent = self.step.normalize(Context(prec=60)).as_tuple().exponent
        own = max(0, -exponent) if isinstance(exponent, int) else 0
        return own + AVERAGE_DECIMALS if self.kind == "avg" else own


@dataclass(frozen=True)
class OutputColumn:
    """One column of the answer, in order.

    `column` is its name in the post-processing tree. `kind`: `key` where no aggregate entered it; the kind of the aggregate
    that it is; `derived` for what was computed from them. `sources` are the columns of cores that it is, unchanged.
    `interval`: the two ends of its noise interval follow it.
    """

    name: str
    column: str
    kind: Literal["key", "derived"] | AggregateKind
    shape: Shape
    lineage: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    interval: bool


@dataclass(frozen=True)
class UnitBounds:
    """What one unit can contribute to the joined relation, from public metadata alone.

    `max_rows`: rows of the joined relation; `max_groups` (L0) and `max_rows_per_group` (L∞): declared caps or None;
    `one_group`: every key is a function of the unit, so a unit falls in one group.
    """

    kind: str
    size_band: int
    max_rows: int
    max_groups: int | None
    max_rows_per_group: int | None
    one_group: bool
    lineages: tuple[str, ...]
    """Data-set lineages of all private tables read and of those that own their units, sorted."""


@dataclass(frozen=True)
class TableUse:
    """One table read and how each of its columns is used, for the explanation."""

    table: str
    institution: str
    public: bool
    columns: Mapping[str, tuple[str, ...]]


ALIAS = "[A-Za-z_\\u4e00-\\u9fff][A-Za-z0-9_\\u4e00-\\u9fff]{0,62}"
"""Names that an answer's columns may have: Han characters, ASCII letters, digits and underscores."""


def interval_of(name: str) -> tuple[str, str]:
    """Name the two columns that follow the aggregate column `name`: the lower and the upper end of its interval."""
    return f"{name}_low", f"{name}_high"


@dataclass(frozen=True, eq=False)
class Core:
    """What noise is added to: group keys and aggregates of private rows, with what one unit can contribute to them.

    `relation` is the text of a generated SELECT over extract tables that yields one row per joined row with columns
    `u` (dense unit id), `p` (64-bit unit pseudonym), `k0…` and `a0…` (integer steps, NULL where the row is excluded from
    the aggregate; absent where it counts rows or units). It carries no bounds of contribution; `emit` adds them.
    `family`: what the grouping sets of one SELECT have in common, empty where there is one set. `ranked`: it also yields `r`, the
    row's rank within its unit from 0 on, in the one table that gives a unit several rows.
    """

    name: str
    relation: str
    keys: tuple[GroupKey, ...]
    aggregates: tuple[Aggregate, ...]
    unit: UnitBounds
    parameters: Mapping[str, Parameter]
    tables: frozenset[str]
    ranked: bool = False
    family: str = ""


@dataclass(frozen=True, eq=False)
class GovernedQuery:
    """A query proved lawful: its protected cores, and the tree that runs on what they release.

    `canonical_sql` is the canonical text of the submitted query, by whose digest SQL is promoted from dev to prod.
    """

    grant: Grant
    cores: tuple[Core, ...]
    post: Relation
    outputs: tuple[OutputColumn, ...]
    tables: tuple[TableUse, ...]
    canonical_sql: str
    canonical_digest: str

    @property
    def lineages(self) -> tuple[str, ...]:
        """Data-set lineages that all cores depend on, sorted."""
        return tuple(sorted({name for core in self.cores for name in core.unit.lineages}))


@dataclass(frozen=True)
class Allowed:
    """The query may run as `governed`."""

    governed: GovernedQuery
    notices: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Refused:
    """The query may not run; at least one finding says why and what would be accepted."""

    findings: tuple[Finding, ...]


Verdict = Allowed | Refused


Strategy = Literal["one_row", "row_cap", "unit_group"]


@dataclass(frozen=True)
class Bounding:
    """How `emit` bounds what one unit contributes.

    `one_row`, `row_cap`: the relation itself has at most `rows` rows of a unit, in whatever groups, so it is aggregated as it
    is; with one row a count of rows is a count of units. `unit_group`: rows are first brought together per unit and group,
    and a unit keeps ≤ `groups` groups, each from ≤ `rows_per_group` rows.

    `sample`: whether a unit may have more than `groups` groups, so that a keyed sample is drawn. `values`: distinct values
    over all groups that a unit is counted with, by a keyed sample where it may have more. `centres` gives for
    each aggregate the integer that is subtracted per row (AVG), 0 elsewhere. `units`: also return distinct units.
    """

    strategy: Strategy
    rows: int
    groups: int
    rows_per_group: int
    sample: bool
    centres: tuple[int, ...]
    units: bool
    values: int = 0


@dataclass(frozen=True)
class EngineSql:
    """Generated SQL, twice checked, with the typed columns it returns.

    Columns: `k<i>` keys; per aggregate `a<i>_n` (bounded number of rows or units) and, for sum and avg, `a<i>_s`
    (bounded sum of steps minus centre); `units` when asked. With a quantile or a count of values the lines come in
    sections: `side` is 0 for those columns, else 1 + the place of the aggregate, of which `bin` (0 for a count of values)
    holds `rows`. `keyed`: `$sample_key` (BLOB) is bound.
    """

    sql: str
    columns: tuple[ColumnSpec, ...]
    parameters: Mapping[str, Parameter]
    digest: str
    keyed: bool = False


DATE_FLOOR, DATE_CEILING = date(1900, 1, 1), date(2200, 12, 31)
"""Dates outside are NULL to every query."""

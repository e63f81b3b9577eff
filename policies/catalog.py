"""Catalog items: what an institution declares about a table. Public metadata only; nothing here is computed from data."""

import re
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    StrictBool,
    Tag,
    WithJsonSchema,
    model_validator,
)

from policies.reasons import broken
from policies.vocabularies import UnitKind
from sandbox.kernel.canonical import MAX_INTEGER

NAME = r"^[a-z][a-z0-9_]{0,62}$"
Name = Annotated[str, Field(pattern=NAME)]
Whole = Annotated[int, Field(strict=True, ge=1, le=MAX_INTEGER)]
"""A count; `true`, `1.0` and `"1"` are none, and what evidence cannot hold exactly is out of range."""

Version = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]


CLOSED: dict[str, JsonValue] = {"additionalProperties": False}
"""For the published schema of an object whose keys are names: no other key is a name."""


class Strict(BaseModel):
    """Base of every document: unknown keys are errors and values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_DECIMAL = r"^-?([0-9]{1,20}(\.[0-9]{1,20})?|[0-9](\.[0-9]{1,39})?[eE]-[0-9]{1,2})$"
"""Digits and a point, or a small decimal as people write it and as it is stored (`1E-7`). Longer numbers only cost time."""

_LONGEST = 10**20


def _exact(value: object) -> object:
    """Refuse what is no exact decimal; text of one spelling, integers and decimals pass."""
    if isinstance(value, float):
        raise broken("DECIMAL_AS_FLOAT")
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise broken("DECIMAL_INVALID")
    if isinstance(value, str) and re.fullmatch(_DECIMAL, value) is None:
        raise broken("DECIMAL_INVALID")
    if isinstance(value, int) and abs(value) >= _LONGEST:
        raise broken("OUT_OF_RANGE")
    return value


Exact = Annotated[Decimal, BeforeValidator(_exact, json_schema_input_type=int | Annotated[str, Field(pattern=_DECIMAL)])]
"""A decimal kept exact: text or an integer in YAML, never a float."""


_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def _day(value: object) -> object:
    """Refuse what is no calendar day: times, and the numbers that a lenient reader takes for seconds since 1970."""
    written = isinstance(value, str) and re.fullmatch(_DAY, value)
    if written or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    raise broken("DATE_INVALID")


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date", "pattern": _DAY})]
"""A calendar day, as YAML's own date or as text."""


def distinct(value: object) -> object:
    """Refuse a list in which a word stands twice: whoever wrote it meant another one."""
    seen: set[str] = set()
    for place, word in enumerate(value) if isinstance(value, (list, tuple)) else ():
        if isinstance(word, str):
            if word in seen:
                raise broken("VALUE_TWICE", [place])
            seen.add(word)
    return value


class Category(StrEnum):
    """What a column is, for grading and the default of what may be done with it."""

    DIRECT_IDENTIFIER = "direct_identifier"
    QUASI_IDENTIFIER = "quasi_identifier"
    SENSITIVE = "sensitive"
    MEASURE = "measure"
    DIMENSION = "dimension"
    FREE_TEXT = "free_text"


Level = Literal["L1", "L2", "L3", "L4"]


_SIMPLE_TYPES = ("integer", "text", "date", "boolean")

TypeText = Annotated[str, Field(pattern=r"^(integer|text|date|boolean|decimal\(\d{1,2},\d{1,2}\))$")]


class ColumnType(Strict):
    """A parsed column type: `integer`, `text`, `date`, `boolean`, `decimal(p,s)`."""

    kind: Literal["integer", "text", "date", "boolean", "decimal"]
    precision: Annotated[int, Field(strict=True, ge=1, le=99)] | None = None
    scale: Annotated[int, Field(strict=True, ge=0, le=99)] | None = None

    @classmethod
    def parse(cls, text: object) -> object:
        """Read `decimal(10,2)` and its simpler siblings; anything else is refused by the model."""
        if not isinstance(text, str):
            return text
        match = re.fullmatch(r"decimal\((\d{1,2}),(\d{1,2})\)", text)
        if match and int(match[1]) > 0:
            return cls(kind="decimal", precision=int(match[1]), scale=int(match[2]))
        if text not in _SIMPLE_TYPES:
            raise broken("TYPE_UNKNOWN", allowed=(*_SIMPLE_TYPES, "decimal(p,s)"))
        return {"kind": text}


def _kind_of_bounds(value: object) -> str:
    """Tell days from numbers by the first end, so that a fault is told of the kind that was meant."""
    first = value[0] if isinstance(value, (list, tuple)) and value else None
    dated = isinstance(first, date) or (isinstance(first, str) and re.fullmatch(r"[0-9]+-[0-9-]+", first) is not None)
    return "days" if dated else "numbers"


def _kind_of_domain(value: object) -> str:
    first = value[0] if isinstance(value, (list, tuple)) and value else None
    return "integers" if isinstance(first, int) else "texts"


Bounds = Annotated[
    Annotated[tuple[Exact, Exact], Tag("numbers")] | Annotated[tuple[Day, Day], Tag("days")], Discriminator(_kind_of_bounds)
]
Integer = Annotated[int, Field(strict=True, ge=-MAX_INTEGER, le=MAX_INTEGER)]
Domain = Annotated[
    Annotated[tuple[str, ...], Field(min_length=1), Tag("texts")]
    | Annotated[tuple[Integer, ...], Field(min_length=1), Tag("integers")],
    Discriminator(_kind_of_domain),
]


class CatalogColumn(Strict):
    """One declared column.

    `bounds` (inclusive) and `step` are public facts on which privacy relies; supply enforces them. `domain` lists every
    value a categorical column may take, in order; supply turns any other value into `other_key`. `nullable: false` says that
    a text with a domain has no NULL: supply turns a NULL into `other_key` too, so that no group is kept for it.
    """

    type: Annotated[ColumnType, BeforeValidator(ColumnType.parse, json_schema_input_type=TypeText)]
    category: Category
    level: Level
    title: str = ""
    bounds: Bounds | None = None
    step: Annotated[Exact, Field(gt=0)] | None = None
    domain: Domain | None = None
    nullable: StrictBool = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.bounds is not None and self.bounds[0] > self.bounds[1]:  # type: ignore[operator]
            raise broken("BOUNDS_REVERSED", ["bounds"])
        if self.domain is not None and len(set(self.domain)) != len(self.domain):
            raise broken("VALUE_TWICE", ["domain"])
        if not self.nullable and (self.domain is None or self.type.kind != "text"):
            raise broken("NULLABLE_WITHOUT_DOMAIN", ["nullable"])
        self._fitting()
        return self

    def _fitting(self) -> None:
        """Refuse what the type of the column leaves without a meaning; it would be ignored, or fail where it is used."""
        number = self.type.kind in {"integer", "decimal"}
        if self.bounds is not None and not (number if isinstance(self.bounds[0], Decimal) else self.type.kind == "date"):
            raise broken("TYPE_OTHER", ["bounds"])
        if self.step is not None and not number:
            raise broken("TYPE_OTHER", ["step"])
        if self.domain is not None and not (number if isinstance(self.domain[0], int) else self.type.kind == "text"):
            raise broken("TYPE_OTHER", ["domain"])


class UnitPath(Strict):
    """How a row belongs to one privacy unit.

    `key` is a column of this table; `references` names `table.column` of the unit's own table, absent on that table
    itself. `max_rows` is the most rows one unit may have here (enforced at supply); `size_band` the public upper bound
    on the number of units.
    """

    kind: UnitKind
    key: Name
    references: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")] | None = None
    max_rows: int = Field(1, ge=1, le=1_000_000, strict=True)
    size_band: int = Field(ge=10, le=MAX_INTEGER, strict=True)


class CatalogItem(Strict):
    """One table of the catalog."""

    table: Name
    lineage: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,127}$")]
    institution: str
    title: str = ""
    version: Version = 1
    public: StrictBool = False
    unit: UnitPath | None = None
    unique: Annotated[tuple[Name, ...], BeforeValidator(distinct)] = ()
    """Columns whose values occur at most once (public tables: join keys)."""
    rows_band: Whole = 1_000_000
    """Public upper bound on the number of rows."""
    max_bad_rows: int = Field(0, ge=0, le=100_000, strict=True)
    """Rows of one delivery that may be set aside because they do not fit what is declared; more refuse the whole delivery."""
    columns: dict[Name, CatalogColumn] = Field(min_length=1, json_schema_extra=CLOSED)

    @property
    def owner(self) -> str:
        """Name the table whose rows say which units there are: this one, unless it references another."""
        return self.table if self.unit is None or self.unit.references is None else self.unit.references.split(".")[0]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.public == (self.unit is not None):
            raise broken("PUBLIC_OR_UNIT", ["unit"])
        if self.unit is not None and self.unit.key not in self.columns:
            raise broken("COLUMN_UNDECLARED", ["unit", "key"])
        for place, name in enumerate(self.unique):
            if name not in self.columns:
                raise broken("COLUMN_UNDECLARED", ["unique", place])
        if self.unit and self.unit.references is None and self.unit.max_rows != 1:
            raise broken("UNIT_TABLE_ROWS", ["unit", "max_rows"])
        return self


class Catalog(Strict):
    """All items a policy may speak of, by table name."""

    items: dict[Name, CatalogItem]

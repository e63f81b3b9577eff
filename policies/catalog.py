"""Catalog items: what an institution declares about a table. Public metadata only; nothing here is computed from data."""

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

NAME = r"^[a-z][a-z0-9_]{0,62}$"
Name = Annotated[str, Field(pattern=NAME)]


class Strict(BaseModel):
    """Base of every document: unknown keys are errors and values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _exact(value: object) -> object:
    """Refuse binary floats where an exact decimal is meant; integers and decimal text pass."""
    if isinstance(value, float):
        raise ValueError('write the decimal as text, e.g. "0.01"')  # noqa: TRY004 - pydantic reports ValueError
    return value


Exact = Annotated[
    Decimal, BeforeValidator(_exact, json_schema_input_type=int | Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$")])
]
"""A decimal kept exact: text or an integer in YAML, never a float."""


class Category(StrEnum):
    """What a column is, for grading and the default of what may be done with it."""

    DIRECT_IDENTIFIER = "direct_identifier"
    QUASI_IDENTIFIER = "quasi_identifier"
    SENSITIVE = "sensitive"
    MEASURE = "measure"
    DIMENSION = "dimension"
    FREE_TEXT = "free_text"


Level = Literal["L1", "L2", "L3", "L4"]


TypeText = Annotated[str, Field(pattern=r"^(integer|text|date|boolean|decimal\(\d{1,2},\d{1,2}\))$")]


class ColumnType(Strict):
    """A parsed column type: `integer`, `text`, `date`, `boolean`, `decimal(p,s)`."""

    kind: Literal["integer", "text", "date", "boolean", "decimal"]
    precision: int | None = None
    scale: int | None = None

    @classmethod
    def parse(cls, text: object) -> object:
        """Read `decimal(10,2)` and its simpler siblings; anything else is refused by the model."""
        if not isinstance(text, str):
            return text
        match = re.fullmatch(r"decimal\((\d{1,2}),(\d{1,2})\)", text)
        if match:
            return cls(kind="decimal", precision=int(match[1]), scale=int(match[2]))
        return {"kind": text}


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
    bounds: tuple[Exact, Exact] | tuple[date, date] | None = None
    step: Exact | None = None
    domain: tuple[str, ...] | tuple[int, ...] | None = None
    nullable: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.bounds is not None and self.bounds[0] > self.bounds[1]:  # type: ignore[operator]
            raise ValueError("bounds: the lower lies above the upper")
        if self.domain is not None and len(set(self.domain)) != len(self.domain):
            raise ValueError("domain: a value stands twice")
        if not self.nullable and (self.domain is None or self.type.kind != "text"):
            raise ValueError("nullable: only a text with a domain can do without NULL")
        if self.step is not None and self.step <= 0:
            raise ValueError("step: must be positive")
        return self


class UnitPath(Strict):
    """How a row belongs to one privacy unit.

    `key` is a column of this table; `references` names `table.column` of the unit's own table, absent on that table
    itself. `max_rows` is the most rows one unit may have here (enforced at supply); `size_band` the public upper bound
    on the number of units.
    """

    kind: Name
    key: Name
    references: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")] | None = None
    max_rows: int = Field(1, ge=1, le=1_000_000)
    size_band: int = Field(ge=10)


class CatalogItem(Strict):
    """One table of the catalog."""

    table: Name
    lineage: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,127}$")]
    institution: str
    title: str = ""
    version: int = Field(1, ge=1)
    public: bool = False
    unit: UnitPath | None = None
    unique: tuple[Name, ...] = ()
    """Columns whose values occur at most once (public tables: join keys)."""
    rows_band: int = Field(1_000_000, ge=1)
    """Public upper bound on the number of rows."""
    columns: dict[Name, CatalogColumn] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.public == (self.unit is not None):
            raise ValueError("a table is either public or declares its unit")
        names = [self.unit.key] if self.unit else []
        for name in (*names, *self.unique):
            if name not in self.columns:
                raise ValueError(f"column {name} is not declared")
        if self.unit and self.unit.references is None and self.unit.max_rows != 1:
            raise ValueError("unit: the unit's own table has one row per unit")
        return self


class Catalog(Strict):
    """All items a policy may speak of, by table name."""

    items: dict[Name, CatalogItem]

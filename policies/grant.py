"""The grant: catalog and policy resolved into one effective view, read by the compiler and by supply alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from policies.catalog import ColumnType
from policies.policy import Policy

UNIT, PSEUDONYM, RANK = "__unit", "__pid", "__rank"
"""Columns that supply adds to every private extract: dense unit id (BIGINT, private, for grouping and sorting only),
the unit's keyed 64-bit pseudonym (UBIGINT) and the row's rank within its unit (UBIGINT, from 0 on, in keyed random order).
Names beginning with `__` are refused
in catalogs and in queries."""

OTHER_KEY = "__other"
"""What supply writes for a text value outside a declared domain; part of the public domain. Integers use NULL."""

Value = bool | int | str | date


@dataclass(frozen=True)
class GrantedColumn:
    """One column as a job sees it, after coarsening.

    `low`, `high` are integer steps (value = steps × `step`); present for numeric columns with declared bounds.
    `dates` bounds a date column. `domain` is the complete public list of values after coarsening, without NULL.
    `key_of` names the key space (`residents.resident_id`) when supply replaces the value by a pseudonym.
    `nullable` is False where supply lets no NULL through. `level` is the declared grade, L1 to L4.
    """

    name: str
    type: ColumnType
    use: frozenset[str]
    functions: frozenset[str]
    coarsen: str | None = None
    low: int | None = None
    high: int | None = None
    step: Decimal | None = None
    dates: tuple[date, date] | None = None
    domain: tuple[Value, ...] | None = None
    key_of: str | None = None
    nullable: bool = True
    level: str = "L4"


@dataclass(frozen=True)
class GrantedTable:
    """One table as a job sees it. `unit_key` is None on public tables."""

    name: str
    lineage: str
    institution: str
    public: bool
    columns: Mapping[str, GrantedColumn]
    unit_key: str | None = None
    references: tuple[str, str] | None = None
    max_rows: int | None = None
    max_groups: int | None = None
    max_rows_per_group: int | None = None
    unique: frozenset[str] = frozenset()
    rows_filter: str | None = None
    rows_band: int = 1_000_000
    direct: bool = True
    """Whether a value of the unit key names one unit and no other does: False where it leads there over another table."""
    leads: frozenset[str] = frozenset()
    """Columns of a private table, unique there, over which other tables lead to its units."""
    owner_lineage: str | None = None
    """Lineage of the table whose rows say which units there are; None where it is not in the catalog."""
    owner_institution: str | None = None
    """Whose table that is."""

    @property
    def lineages(self) -> frozenset[str]:
        """Data sets that its rows depend on: supply keeps only rows whose unit the owner's table has."""
        return frozenset({self.lineage, self.owner_lineage or self.lineage})

    @property
    def institutions(self) -> frozenset[str]:
        """Whose data its rows depend on; each of them sees what is made of it and has a say in every release."""
        return frozenset({self.institution, self.owner_institution or self.institution})

    def names_unit(self, column: str) -> bool:
        """Return whether a value of the column names one unit and no other does."""
        return self.direct and column == self.unit_key


@dataclass(frozen=True)
class Grant:
    """Everything a query may rely on. `digest` covers policy and catalog items."""

    policy: Policy
    tables: Mapping[str, GrantedTable]
    joins: frozenset[frozenset[tuple[str, str]]]
    unit_kind: str
    size_band: int
    policy_digest: str
    catalog_digest: str
    digest: str

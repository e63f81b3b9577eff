"""Rules by which a supplied value fits its declared type, and the statements that test and convert it. Pure.

Nothing is rounded, guessed or dropped: a value that would change by conversion does not fit.
"""

from collections.abc import Mapping, Sequence

from connectors.final_form import engine_type
from policies.catalog import CatalogColumn
from policies.engine import engine_text as sql

_DATES = "BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"
_INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"})
_PLAIN: Mapping[str, frozenset[str]] = {
    "text": frozenset({"VARCHAR"}),
    "date": frozenset({"DATE"}),
    "boolean": frozenset({"BOOLEAN"}),
    "integer": _INTEGERS,
    "decimal": _INTEGERS,
}


def csv_relation(path: str, header: Sequence[str]) -> str:
    """Return the relation of a CSV file read strictly as text: RFC 4180, UTF-8, an empty unquoted field is NULL."""
    columns = ", ".join(f"{sql.text(name)}: 'VARCHAR'" for name in header)
    return f"read_csv({sql.text(path)}, columns = {{{columns}}}, {_CSV})"


_CSV = (
    "auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, "
    "encoding = 'utf-8', strict_mode = true, null_padding = false"
)


def parquet_relation(path: str) -> str:
    """Return the relation of a Parquet file."""
    return f"read_parquet({sql.text(path)})"


def source_type_fits(column: CatalogColumn, source: str) -> bool:
    """Tell whether a Parquet column of the engine's type `source` may carry the declared type; floats never do."""
    return source in _PLAIN[column.type.kind] or (column.type.kind == "decimal" and source.startswith("DECIMAL("))


def misfit(name: str, column: CatalogColumn, source: str) -> str:
    """Return the predicate that holds where a value of the engine's type `source` does not fit; NULL always fits."""
    value = sql.name(name)
    if source == "VARCHAR":
        return f"{value} IS NOT NULL AND NOT coalesce({_text_fits(value, column)}, false)"
    kept = converted(name, column, source)
    fits = f"{kept} IS NOT NULL AND {kept} = {value}"
    if column.type.kind == "date":
        fits = f"{value} {_DATES}"
    return f"{value} IS NOT NULL AND NOT coalesce({fits}, false)"


def converted(name: str, column: CatalogColumn, source: str) -> str:
    """Return the value in its declared type; NULL where it does not fit, which `misfit` has excluded."""
    value = sql.name(name)
    if source == "VARCHAR" and column.type.kind == "boolean":
        return f"CASE lower({value}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    return f"TRY_CAST({value} AS {engine_type(column.type)})"


def _text_fits(value: str, column: CatalogColumn) -> str:
    kind = column.type.kind
    if kind == "text":
        return f"NOT contains({value}, chr(0))"
    if kind == "boolean":
        return f"lower({value}) IN ('true', 'false')"
    parsed = f"TRY_CAST({value} AS {engine_type(column.type)})"
    if kind == "date":
        return rf"regexp_full_match({value}, '\d{{4}}-\d{{2}}-\d{{2}}') AND {parsed} {_DATES}"
    scale = column.type.scale or 0
    fraction = rf"(\.\d{{1,{scale}}}0*)?" if scale else ""
    return rf"regexp_full_match({value}, '[+-]?\d+{fraction}') AND {parsed} IS NOT NULL"

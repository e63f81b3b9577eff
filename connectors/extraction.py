"""The statements that turn snapshots into extracts: units, pseudonyms, ranks, caps. SQL text from public metadata. Pure.

No key, secret or data value stands in this text; secrets are bound to the parameters `$inner`, `$outer` and `$rank_key`.
"""

from dataclasses import dataclass

from connectors.final_form import FinalColumn, final_column
from policies.engine import engine_text as sql
from policies.grant import PSEUDONYM, RANK, UNIT, GrantedColumn, GrantedTable

UNITS = "units"
HMAC64 = "CAST('0x' || left(sha256($outer || unhex(sha256($inner || encode({message})))), 16) AS UBIGINT)"
"""The first 64 bits of HMAC-SHA256. `$inner` and `$outer` are the key padded and masked. Source: RFC 2104, section 2."""
KEYED64 = "CAST('0x' || left(sha256($rank_key || encode({message})), 16) AS UBIGINT)"
"""The first 64 bits of SHA-256 over key and message: one pass where HMAC needs two. Cutting 192 bits off closes length
extension. Source: Coron, Dodis, Malinaud, Puniya, "Merkle-Damgård Revisited" (2005), chop construction."""


@dataclass(frozen=True)
class Source:
    """A snapshot as read: its file and the rows that the grant admits, as compiled SQL."""

    path: str
    admitted: str | None = None

    @property
    def relation(self) -> str:
        """The admitted rows, under the alias `r`."""
        where = f" WHERE {self.admitted}" if self.admitted else ""
        return f"(SELECT * FROM read_parquet({sql.text(self.path)}){where}) AS r"


def unit_rows(source: Source, key: str) -> str:
    """Return the statement that makes the table of units: key as text, pseudonym, dense id.

    A unit is a key of the unit's own table, as granted. The dense id follows the pseudonym's order, so it tells neither
    how keys sort nor when a unit was entered.
    """
    return (
        f"CREATE TEMP TABLE {UNITS} AS SELECT value, {sql.name(PSEUDONYM)}, "
        f"row_number() OVER (ORDER BY {sql.name(PSEUDONYM)}, value) - 1 AS {sql.name(UNIT)} "
        f"FROM ({_pseudonyms(source, key)})"
    )


def key_rows(table: str, source: Source, key: str) -> str:
    """Return the statement that makes the map from another key column's values to their pseudonyms."""
    return f"CREATE TEMP TABLE {sql.name(table)} AS {_pseudonyms(source, key)}"


def _pseudonyms(source: Source, key: str) -> str:
    distinct = f"SELECT DISTINCT {_key_text(key)} AS value FROM {source.relation} WHERE r.{sql.name(key)} IS NOT NULL"
    return f"SELECT value, {HMAC64.format(message='value')} AS {sql.name(PSEUDONYM)} FROM ({distinct})"


@dataclass(frozen=True)
class PrivateTable:
    """What is needed to write one private extract.

    `key` is the column by which a row belongs to a unit. `key_maps` names, per granted key column, the table that maps it
    to pseudonyms; the unit's own key space needs none.
    """

    granted: GrantedTable
    source: Source
    key: str
    key_maps: dict[str, str]


def private_rows(table: PrivateTable) -> str:
    """Return the query for the rows that belong to a granted unit, in final form, sorted by unit and keyed content hash.

    The hash stands in the rank's column and is over the unit's pseudonym and the row's content, so rows of different units
    never share one; `ranking` makes ranks of it and applies the cap.
    """
    columns = [sql.name(name) for name in table.granted.columns]
    pid, unit, rank = sql.name(PSEUDONYM), sql.name(UNIT), sql.name(RANK)
    attached = (
        f"SELECT {''.join(f'{_stored(table, column)} AS {sql.name(name)}, ' for name, column in table.granted.columns.items())}"
        f"u.{pid}, u.{unit} FROM {table.source.relation} JOIN {UNITS} AS u ON u.value = {_key_text(table.key)}{_key_joins(table)}"
    )
    hashed = KEYED64.format(message=_content(table))
    return f"SELECT {', '.join([*columns, unit, pid])}, {hashed} AS {rank} FROM ({attached}) ORDER BY {unit}, {rank}"


def public_rows(table: GrantedTable, source: Source) -> str:
    """Return the query for a public extract: granted columns in final form, one row per value of a unique column.

    Which of several rows stays is decided by content alone. A unique value that is NULL joins nothing and is left out.
    """
    finals = [final_column(column, "r") for column in table.columns.values()]
    columns = [sql.name(final.name) for final in finals]
    everything = ", ".join(columns)
    query = f"SELECT {', '.join(f'{final.sql} AS {sql.name(final.name)}' for final in finals)} FROM {source.relation}"
    for name in sorted(table.unique.intersection(table.columns)):
        key = sql.name(name)
        first = f"row_number() OVER (PARTITION BY {key} ORDER BY {everything}) = 1"
        query = f"SELECT * FROM ({query}) WHERE {key} IS NOT NULL QUALIFY {first}"
    return f"SELECT {everything} FROM ({query}) ORDER BY {everything}"


def private_counts(table: PrivateTable, owner: Source, owner_key: str) -> str:
    """Return the query for violations of one private table: rows, rows without unit, orphans, then one count per column.

    An orphan names a unit that its own table never held; rows of units that are merely not granted are no violation.
    """
    known = f"(SELECT DISTINCT {_key_text(owner_key)} AS value FROM {owner.relation} WHERE r.{sql.name(owner_key)} IS NOT NULL)"
    key = f"r.{sql.name(table.key)}"
    counts = ["count(*)", f"count(*) FILTER ({key} IS NULL)", f"count(*) FILTER ({key} IS NOT NULL AND k.value IS NULL)"]
    counts += [f"count(*) FILTER (u.value IS NOT NULL AND ({final.outside}))" for final in _declared(table.granted)]
    return (
        f"SELECT {', '.join(counts)}, count(u.value) FROM {table.source.relation} "
        f"LEFT JOIN {known} AS k ON k.value = {_key_text(table.key)} LEFT JOIN {UNITS} AS u ON u.value = {_key_text(table.key)}"
    )


def public_counts(table: GrantedTable, source: Source) -> str:
    """Return the query for violations of a public table: rows, then one count per declared column."""
    counts = ["count(*)", *(f"count(*) FILTER ({final.outside})" for final in _declared(table))]
    return f"SELECT {', '.join(counts)} FROM {source.relation}"


def declared_columns(table: GrantedTable) -> tuple[tuple[str, str], ...]:
    """Name columns and the rule counted for them, in the order of the count queries."""
    return tuple((final.name, final.rule) for final in _declared(table))


def _declared(table: GrantedTable) -> list[FinalColumn]:
    finals = (final_column(column, "r") for column in table.columns.values() if column.key_of is None)
    return [final for final in finals if final.outside is not None]


def _stored(table: PrivateTable, column: GrantedColumn) -> str:
    if column.key_of is None:
        return final_column(column, "r").sql
    alias = table.key_maps.get(column.name, "u")
    return f"{sql.name(alias)}.{sql.name(PSEUDONYM)}"


def _key_joins(table: PrivateTable) -> str:
    joins = (
        f" LEFT JOIN {sql.name(mapped)} ON {sql.name(mapped)}.value = {_key_text(name)}"
        for name, mapped in table.key_maps.items()
    )
    return "".join(joins)


def _key_text(key: str) -> str:
    return f"CAST(r.{sql.name(key)} AS VARCHAR)"


def _content(table: PrivateTable) -> str:
    """Write pseudonym and columns as one text that no two different rows share.

    Texts carry their length; other types never contain the separator, and are never empty but for NULL.
    """
    texts = [f"{sql.name(PSEUDONYM)}"]
    for name, column in table.granted.columns.items():
        value = sql.name(name)
        plain = f"coalesce(CAST({value} AS VARCHAR), '')"
        texts.append(
            f"coalesce(strlen({value}) || ':' || {value}, '')" if column.type.kind == "text" and not column.key_of else plain
        )
    return "concat(" + ", '|', ".join(texts) + ")"

"""Making the extracts of one supply order on disk: from snapshots for `prod`, from metadata alone for `dev`."""

import hmac
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from connectors import extraction
from connectors.engine import SupplyEngine, write_parquet
from connectors.extraction import PrivateTable, Source
from connectors.files import file_digest
from connectors.model import NONCE_BYTES, Snapshot, TableExtract, Violations
from connectors.progress import Progress
from connectors.pseudonyms import hmac_pads
from connectors.ranking import ranked
from connectors.row_filter import compile_filter
from connectors.sealing import SUFFIX, SealedFile, Sealer
from connectors.twin import Twin, twin_table
from policies.catalog import Catalog
from policies.grant import Grant, GrantedTable
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing


@dataclass(frozen=True)
class Made:
    """One table made, and how often its data broke the declaration."""

    extract: TableExtract
    violations: Violations


@dataclass(frozen=True)
class Order:
    """A supply order: what was granted, what the catalog declares, and the snapshots to read, by table."""

    grant: Grant
    catalog: Catalog
    snapshots: Mapping[str, Snapshot]

    @property
    def owner(self) -> tuple[str, str]:
        """The unit's own table and its key column.

        Raises:
            YuneiError: `SUPPLY_FAILED`, the tables do not agree on one unit.

        """
        owners = {self._owner_of(table) for table in self.grant.tables.values() if not table.public}
        if len(owners) != 1:
            raise YuneiError("SUPPLY_FAILED", rule="UNIT_NOT_ONE")
        table, key = owners.pop()
        item = self.catalog.items.get(table)
        if item is None or item.unit is None or item.unit.references is not None or item.unit.key != key:
            raise YuneiError("SUPPLY_FAILED", table=table, rule="UNIT_NOT_DECLARED")
        return table, key

    def _owner_of(self, table: GrantedTable) -> tuple[str, str]:
        if table.references is not None:
            return table.references
        return table.name, table.unit_key or ""


@dataclass(frozen=True)
class Place:
    """Where an extract is made: its directory, the same relative to the data directory, and what seals its files."""

    directory: Path
    relative: str
    sealer: Sealer

    def begin(self, table: GrantedTable) -> SealedFile:
        """Begin the file of one table."""
        return self.sealer.file(self.directory, table.name)

    def extract(self, table: GrantedTable, snapshot: str | None, written: tuple[str, int]) -> TableExtract:
        """Describe a table's finished file."""
        path = f"{self.relative}/{table.name}{SUFFIX}"
        return TableExtract(table.name, snapshot, path, *written, secrets.token_bytes(NONCE_BYTES))


def needed_tables(grant: Grant) -> frozenset[str]:
    """Name the tables whose snapshots a grant's extracts are made from: those granted, and the unit's own."""
    owners = {table.references[0] for table in grant.tables.values() if table.references is not None}
    return frozenset(owners.union(grant.tables))


def make_twin(grant: Grant, place: Place) -> Iterator[Made]:
    """Write the synthetic twin of every granted table."""
    twin = Twin.of(grant)
    for table in grant.tables.values():
        made = twin_table(twin, table)
        written = write_parquet(place.begin(table), made.schema, iter(made.to_batches()))
        yield Made(place.extract(table, None, written), Violations())


class Workshop:
    """Makes the extracts of one order from snapshots."""

    def __init__(self, order: Order, keys: KeyRing, engine: SupplyEngine, data_dir: Path) -> None:
        self._order = order
        self._keys = keys
        self._engine = engine
        self._data_dir = data_dir

    def make(self, place: Place, progress: Progress) -> Iterator[Made]:
        """Write every granted table in final form; `progress` hears of each and of its rows.

        Raises:
            YuneiError: `SUPPLY_FAILED`, `DISK_FULL`, `KEY_MISSING`.

        """
        private = [table for table in self._order.grant.tables.values() if not table.public]
        if private:
            self._make_units()
        for table in self._order.grant.tables.values():
            progress.begin("extract", table.name, self._order.snapshots[table.name].rows)
            written, violations = self._public(table, place) if table.public else self._private(table, place)
            yield Made(place.extract(table, self._order.snapshots[table.name].id, written), violations)

    def _make_units(self) -> None:
        table, key = self._order.owner
        self._engine.run(extraction.unit_rows(self._source(table), key), self._pads(f"{table}.{key}"))
        band = self._order.grant.size_band  # a later version of the catalog may have narrowed it
        if self._engine.rows(f"SELECT count(*) > {band} FROM {extraction.UNITS}")[0][0]:
            raise YuneiError("SUPPLY_FAILED", table=table, rule="SIZE_BAND")

    def _private(self, table: GrantedTable, place: Place) -> tuple[tuple[str, int], Violations]:
        owner, owner_key = self._order.owner
        unit_key = table.unit_key or ""
        most = 1 if unit_key in table.unique or table.name == owner else table.max_rows
        if most is None or unit_key not in self._order.catalog.items[table.name].columns:
            raise YuneiError("SUPPLY_FAILED", table=table.name, rule="UNIT_NOT_DECLARED")
        making = PrivateTable(table, self._source(table.name), unit_key, self._key_maps(table, f"{owner}.{owner_key}"))
        key = self._keys.secret("rank", self._order.grant.policy.agreement, table.name)
        cap = partial(ranked, most=most, key=key)
        written = self._engine.write(extraction.private_rows(making), {"rank_key": key}, place.begin(table), cap)
        counts = self._engine.rows(extraction.private_counts(making, self._source(owner, whole=True), owner_key))[0]
        _, null_unit, orphan, *outside, attached = map(int, counts)
        domain, bounds = _by_rule(table, outside)
        return written, Violations(null_unit, orphan, attached - written[1], 0, domain, bounds)

    def _public(self, table: GrantedTable, place: Place) -> tuple[tuple[str, int], Violations]:
        if any(column.key_of is not None for column in table.columns.values()):
            raise YuneiError("SUPPLY_FAILED", table=table.name, rule="KEY_IN_PUBLIC_TABLE")
        source = self._source(table.name)
        written = self._engine.write(extraction.public_rows(table, source), {}, place.begin(table))
        total, *outside = map(int, self._engine.rows(extraction.public_counts(table, source))[0])
        domain, bounds = _by_rule(table, outside)
        return written, Violations(duplicate=total - written[1], domain=domain, bounds=bounds)

    def _source(self, table: str, *, whole: bool = False) -> Source:
        granted = self._order.grant.tables.get(table)
        path = str(self._data_dir / self._order.snapshots[table].path)
        if whole or granted is None or granted.rows_filter is None:
            return Source(path)
        return Source(path, compile_filter(table, granted.rows_filter, self._order.catalog.items[table].columns))

    def _key_maps(self, table: GrantedTable, unit_space: str) -> dict[str, str]:
        """Make the pseudonym maps of key columns other than the unit's own, and name them by column."""
        maps: dict[str, str] = {}
        for name, column in table.columns.items():
            if column.key_of is None or (name == table.unit_key and column.key_of == unit_space):
                continue
            maps[name] = f"key_{table.name}_{name}"
            statement = extraction.key_rows(maps[name], self._source(table.name), name)
            self._engine.run(statement, self._pads(column.key_of))
        return maps

    def _pads(self, key_space: str) -> Mapping[str, bytes]:
        return hmac_pads(self._keys.secret("pseudonym", self._order.grant.policy.agreement, key_space))


def changed_snapshots(order: Order, data_dir: Path) -> tuple[str, ...]:
    """Name the tables whose snapshot file is missing or no longer has its digest."""
    found = ((name, one, file_digest(data_dir / one.path)) for name, one in sorted(order.snapshots.items()))
    return tuple(name for name, one, digest in found if digest is None or not hmac.compare_digest(digest, one.digest))


def _by_rule(table: GrantedTable, counts: list[int]) -> tuple[dict[str, int], dict[str, int]]:
    found = zip(extraction.declared_columns(table), counts, strict=True)
    by_rule: dict[str, dict[str, int]] = {"domain": {}, "bounds": {}}
    for (name, rule), count in found:
        if count:
            by_rule[rule][name] = count
    return by_rule["domain"], by_rule["bounds"]

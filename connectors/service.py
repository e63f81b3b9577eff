"""Use cases of the catalog and of supply: snapshots go to an agreement as extracts in final form."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from connectors import store
from connectors.engine import SupplyEngine
from connectors.files import disk_errors, private_directory, remove_strays, removed_unless_kept
from connectors.model import Build, Snapshot, TableExtract, Workspace, commitment, moved_account, schema_digest
from connectors.progress import Progress
from connectors.sealing import remove_unsealed
from connectors.vault import Vault, key_name
from connectors.workshop import Made, Order, Place, Workshop, changed_snapshots, make_twin, needed_tables
from policies.catalog import Catalog, CatalogItem
from policies.grant import Grant
from policies.policy import Environment
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import Json
from sandbox.kernel.clock import Clock, stamp
from sandbox.kernel.db import Database, Transaction
from sandbox.kernel.durable import sync_directory
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.ids import new_id
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.run import ExtractRef
from sandbox.kernel.settings import OPEN_DIR

ENVIRONMENTS: tuple[Environment, ...] = ("dev", "prod")


class CatalogService:
    """Keeps what institutions declare about their tables; every version stays."""

    def __init__(self, clock: Clock, audit: AuditLog) -> None:
        self._clock = clock
        self._audit = audit

    def put(self, tx: Transaction, item: CatalogItem, actor: str) -> bool:
        """Put `item` in force and tell whether that changed anything.

        Raises:
            YuneiError: `CATALOG_VERSION_USED`, its version is not above the present one and its content differs;
                `OBJECT_FIXED`, it would be charged to another account than its earlier versions.

        """
        present = self.items(tx).items.get(item.table)
        if present == item:
            return False
        if present is not None and item.version <= present.version:
            raise YuneiError("CATALOG_VERSION_USED", table=item.table, version=item.version)
        fixed = None if present is None else moved_account(present, item)
        if fixed is not None:
            raise YuneiError("OBJECT_FIXED", table=item.table, field=fixed)
        store.add_item(tx, item, actor, stamp(self._clock.now()))
        payload: dict[str, Json] = {
            "table": item.table,
            "version": item.version,
            "lineage": item.lineage,
            "schema": schema_digest(item),
        }
        self._audit.append(tx, AuditEvent("catalog.put", item.table, actor, (item.institution,), payload))
        return True

    def items(self, tx: Transaction) -> Catalog:
        """Return every item in force."""
        return Catalog(items={item.table: item for item in store.current_items(tx)})


@dataclass(frozen=True)
class _Supply:
    """A supply order with its place on disk."""

    grant: Grant
    environment: Environment
    extract: str

    @property
    def parts(self) -> tuple[str, ...]:
        return "extracts", self.environment, self.grant.policy.agreement, self.extract


class SupplyService:
    """Takes data in and supplies agreements with exactly what was granted.

    Args:
        db: `build` opens its own transactions, since making extracts takes longer than a write lock should be held.
        clock: source of time.
        audit: where acts are logged; violation counts go to the data's institution there and nowhere else.
        keys: pseudonym and rank keys, one per agreement and key space; used for `prod` only.
        data_dir: holds `raw/` and sealed `extracts/`, readable by the service's user only.
        memory: memory-backed directory for the extracts that a run reads.

    """

    def __init__(
        self, db: Database, clock: Clock, audit: AuditLog, keys: KeyRing, data_dir: Path, memory: Path = OPEN_DIR
    ) -> None:
        self._db = db
        self._clock = clock
        self._audit = audit
        self._keys = keys
        self._data_dir = data_dir.resolve()
        self.vault = Vault(db, keys, memory)

    def build(self, grant: Grant, environment: Environment, actor: str, progress: Progress | None = None) -> None:
        """Make the extracts of `grant` in `environment` and put them in force, all together or not at all.

        Nothing is made where the workspace in force already serves this grant and the newest snapshots, with its files
        whole. Call it outside any write transaction: it opens its own.

        Raises:
            YuneiError: `SUPPLY_FAILED` with the rule, `DISK_FULL`, `KEY_MISSING`.

        """
        supply = _Supply(grant, environment, new_id("ext"))
        with self._db.read() as tx:
            order = self._order(tx, grant) if environment == "prod" else None
            present = store.newest_build(tx, grant.policy.agreement, environment)
            known = store.build_names(tx, grant.policy.agreement, environment)
        snapshots = {name: one.id for name, one in order.snapshots.items() if name in grant.tables} if order else {}
        if present is not None and present.serves(grant.digest, snapshots) and not self.vault.changed(self._refs(present)):
            return
        with disk_errors():
            parent = private_directory(self._data_dir, *supply.parts[:-1])
            self._make(supply, order, parent, actor, progress or Progress())
            remove_strays(parent, known, parent / supply.extract)
            remove_unsealed(parent)

    def _order(self, tx: Transaction, grant: Grant) -> Order:
        catalog = Catalog(items={item.table: item for item in store.current_items(tx)})
        snapshots: dict[str, Snapshot] = {}
        for table in sorted(needed_tables(grant)):
            newest = store.newest_snapshot(tx, table)
            if newest is None or table not in catalog.items:
                raise YuneiError("SUPPLY_FAILED", table=table, rule="NOT_SUPPLIED")
            snapshots[table] = newest
        return Order(grant, catalog, snapshots)

    def _make(self, supply: _Supply, order: Order | None, parent: Path, actor: str, progress: Progress) -> None:
        partial, target = parent / f".{supply.extract}.partial", parent / supply.extract
        with removed_unless_kept(target), removed_unless_kept(partial):
            partial.mkdir(mode=0o700)
            made = self._files(supply, order, partial, progress)
            sync_directory(partial)
            partial.rename(target)
            sync_directory(parent)
            with self._db.write() as tx:
                self._register(tx, supply, made, actor)

    def _files(self, supply: _Supply, order: Order | None, directory: Path, progress: Progress) -> tuple[Made, ...]:
        sealer = self.vault.sealer(supply.grant.policy.agreement, supply.environment, supply.extract)
        place = Place(directory, "/".join(supply.parts), sealer)
        if order is None:
            return tuple(make_twin(supply.grant, place))
        for table in changed_snapshots(order, self._data_dir):
            raise YuneiError("SUPPLY_FAILED", table=table, rule="SNAPSHOT_CHANGED")
        raw = self._data_dir / "raw"
        with SupplyEngine(raw / ".scratch", [raw], progress) as engine:
            return tuple(Workshop(order, self._keys, engine, self._data_dir).make(place, progress))

    def _register(self, tx: Transaction, supply: _Supply, made: tuple[Made, ...], actor: str) -> None:
        tables = tuple(one.extract for one in made)
        agreement, created = supply.grant.policy.agreement, stamp(self._clock.now())
        if not self.vault.live(agreement, supply.environment):  # its agreement ended meanwhile, and nothing would open it
            raise YuneiError("KEY_MISSING", key=key_name(agreement, supply.environment))
        store.add_build(tx, Build(supply.extract, agreement, supply.environment, supply.grant.digest, created, tables))
        for one in made:
            table = supply.grant.tables[one.extract.table]
            payload = {
                "agreement": agreement,
                "environment": supply.environment,
                "table": table.name,
                "grant": supply.grant.digest,
                "snapshot": one.extract.snapshot,
                "commitment": commitment("extract", f"{supply.extract}/{table.name}", one.extract.digest, one.extract.nonce),
                "violations": one.violations.as_json(),
            }
            self._audit.append(tx, AuditEvent("extract.built", supply.extract, actor, (table.institution,), payload))

    def workspace(self, tx: Transaction, agreement: str, environment: Environment) -> Workspace | None:
        """Return what jobs of `agreement` read in `environment`, or None where nothing was built."""
        build = store.newest_build(tx, agreement, environment)
        if build is None:
            return None
        commitments = _commitments(build.id, build.tables)
        return Workspace(build.id, agreement, environment, build.grant_digest, self._refs(build), commitments)

    def sources(self, tx: Transaction, workspace: str) -> tuple[TableExtract, ...]:
        """Return the tables of one workspace with the snapshots they were made from, for lineage and replay."""
        return store.tables_of(tx, workspace)

    def extracts_of(self, tx: Transaction, workspace: str) -> tuple[ExtractRef, ...]:
        """Return the files of one workspace as they were pinned, in force or not, for replay; none once its key is destroyed."""
        place = store.place_of(tx, workspace)
        if place is None or not self.vault.live(*place):
            return ()
        return tuple(
            ExtractRef(one.table, workspace, str(self._data_dir / one.path), one.digest) for one in store.tables_of(tx, workspace)
        )

    def commitments_of(self, tx: Transaction, workspace: str) -> dict[str, str]:
        """Return what may leave the domain about each table of one workspace, in force or not."""
        return _commitments(workspace, store.tables_of(tx, workspace))

    def workspaces_of(self, tx: Transaction, snapshot: str) -> tuple[str, ...]:
        """Return the workspaces that were made from one snapshot, for lineage."""
        return store.workspaces_of(tx, snapshot)

    def snapshot_table(self, tx: Transaction, snapshot: str) -> str | None:
        """Return the table that a snapshot is a version of, for lineage."""
        return store.table_of_snapshot(tx, snapshot)

    def destroy(self, tx: Transaction, body: Mapping[str, Json]) -> None:
        """Receive `agreement.ended` messages `{agreement, parties}`: destroy the keys of its workspaces and record it.

        Keys go first and are gone whether or not `tx` commits; the files that they sealed follow.
        """
        agreement, parties = str(body["agreement"]), body["parties"]
        if not isinstance(parties, list):
            raise YuneiError("SUPPLY_FAILED", rule="MESSAGE")
        for environment in ENVIRONMENTS:
            names = store.build_names(tx, agreement, environment)
            self.vault.destroy(agreement, environment)
            shutil.rmtree(self._data_dir / "extracts" / environment / agreement, ignore_errors=True)
            payload: dict[str, Json] = {"agreement": agreement, "environment": environment, "extracts": [*sorted(names)]}
            told = tuple(str(one) for one in parties)
            self._audit.append(tx, AuditEvent("workspace.destroyed", agreement, "system", told, payload))

    def put_canaries(self, tx: Transaction, values: Iterable[str]) -> None:
        """Keep planted values that must never leave; they are compared inside the domain only."""
        store.add_canaries(tx, values)

    def canaries(self, tx: Transaction) -> tuple[str, ...]:
        """Return every planted value."""
        return store.all_canaries(tx)

    def _refs(self, build: Build) -> tuple[ExtractRef, ...]:
        return tuple(ExtractRef(one.table, build.id, str(self._data_dir / one.path), one.digest) for one in build.tables)


def _commitments(workspace: str, tables: Iterable[TableExtract]) -> dict[str, str]:
    return {one.table: commitment("extract", f"{workspace}/{one.table}", one.digest, one.nonce) for one in tables}

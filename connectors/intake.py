"""Use case: data come in as snapshots. A delivery is taken in whole on disk, then registered in the act that it belongs to."""

import hmac
import json
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from connectors import quarantine, store
from connectors.declared import breaches, violations
from connectors.engine import SupplyEngine
from connectors.files import (
    DigestedFile,
    copy_in,
    disk_errors,
    file_digest,
    private_directory,
    remove_strays,
    removed_unless_kept,
    supplied_files,
)
from connectors.ingest import Landing, examine, write
from connectors.model import NONCE_BYTES, Snapshot, commitment, declaration_digest
from connectors.progress import Progress
from policies.catalog import CatalogItem
from sandbox.kernel.audit.model import AuditEvent
from sandbox.kernel.audit.service import AuditLog
from sandbox.kernel.canonical import Json, canonical_bytes
from sandbox.kernel.canonical import digest as digest_of
from sandbox.kernel.clock import Clock, stamp
from sandbox.kernel.db import Database, Transaction
from sandbox.kernel.durable import sync_directory
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.ids import new_id

ROWS = "rows.parquet"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Taken:
    """A delivery as it lies on disk: the snapshot's manifest, which stays inside the domain.

    `declaration` is the digest of what of the catalog item decided how it was read, `source` of the bytes as supplied,
    `files` of each by name, `digest` of the canonical rows. `violations` and `quarantined` are counts.
    """

    id: str
    table: str
    item_version: int
    declaration: str
    source: str
    files: dict[str, str]
    rows: int
    digest: str
    violations: dict[str, Json]
    quarantined: dict[str, Json] | None

    def of(self, source: str, declaration: str) -> bool:
        """Whether it was made of these bytes under this declaration."""
        return (self.source, self.declaration) == (source, declaration)


class Intake:
    """Takes data in.

    Args:
        db: read for what is registered.
        clock: source of time.
        audit: where acts are logged; what the rows break is told to their institution there and to nobody else.
        data_dir: holds `raw/<table>/<snapshot>/`, readable by the service's user only.

    """

    def __init__(self, db: Database, clock: Clock, audit: AuditLog, data_dir: Path) -> None:
        self._db = db
        self._clock = clock
        self._audit = audit
        self._data_dir = data_dir.resolve()

    def take(self, item: CatalogItem, source: Path, progress: Progress | None = None) -> Taken:
        """Bring `source` in for `item`'s table, whole or not at all, without registering it; call it outside any transaction.

        Bytes that were taken in under the same declaration are not read again: neither the newest snapshot, nor what an act
        that died left.

        Args:
            item: declares the columns.
            source: Parquet, or CSV (UTF-8, comma, header, RFC 4180; an empty unquoted field is NULL, and an empty line no row
                but in a table of one column); or a folder of such files of one kind, whose rows follow each other in the
                order of the files' names.
            progress: is told how far it is.

        Raises:
            YuneiError: `DATA_INVALID` with file, row or line, column and rule but never the value; `DISK_FULL`;
                `SUPPLY_FAILED`.

        """
        progress = progress or Progress()
        progress.begin("ingest", item.table)
        files = supplied_files(source)
        if isinstance(files, str):
            raise YuneiError("DATA_INVALID", file=source.name, table=item.table, rule=files)
        delivery = _Delivery(item, source, new_id("snp"), private_directory(self._data_dir, "raw", item.table))
        with disk_errors(), removed_unless_kept(delivery.partial):
            digests = delivery.copy(files)
            with self._db.read() as tx:
                known, newest = store.snapshot_files(tx, item.table), store.newest_snapshot(tx, item.table)
            found = delivery.taken_before(digests, None if newest is None else newest.id, known)
            remove_strays(delivery.home, known | {found.id} if found else known, delivery.partial)
            if found is not None:
                shutil.rmtree(delivery.partial)
                return found
            return delivery.read(digests, self._data_dir / "raw" / ".scratch", progress)

    def register(self, tx: Transaction, taken: Taken, item: CatalogItem, actor: str) -> bool:
        """Make what was taken in the newest snapshot of its table and tell whether that changed anything.

        Args:
            tx: the act's write transaction.
            taken: what `take` returned.
            item: the catalog item it was taken in for.
            actor: who supplies it.

        Raises:
            YuneiError: `SUPPLY_FAILED` by the rule `CHANGED_MEANWHILE`.

        """
        newest = store.newest_snapshot(tx, taken.table)
        if newest is not None and newest.id == taken.id:
            return False
        if taken.id in store.snapshot_files(tx, taken.table):  # another act has put other data in force since it was taken
            raise YuneiError("SUPPLY_FAILED", table=taken.table, rule="CHANGED_MEANWHILE")
        made = Snapshot(
            id=taken.id,
            table=taken.table,
            item_version=taken.item_version,
            declaration_digest=taken.declaration,
            source_digest=taken.source,
            path=f"raw/{taken.table}/{taken.id}/{ROWS}",
            digest=taken.digest,
            rows=taken.rows,
            nonce=secrets.token_bytes(NONCE_BYTES),
            created=stamp(self._clock.now()),
        )
        store.add_snapshot(tx, made)
        self._tell(tx, made, taken, (item.institution,), actor)
        return True

    def _tell(self, tx: Transaction, made: Snapshot, taken: Taken, institution: tuple[str], actor: str) -> None:
        committed = commitment("snapshot", made.id, made.digest, made.nonce)
        told: dict[str, dict[str, Json]] = {
            "snapshot.ingested": {"commitment": committed},
            "snapshot.checked": {"violations": taken.violations},
        }
        if taken.quarantined is not None:
            told["snapshot.quarantined"] = taken.quarantined
        for event, facts in told.items():
            self._audit.append(tx, AuditEvent(event, made.id, actor, institution, {"table": made.table, **facts}))


@dataclass(frozen=True)
class _Delivery:
    """One delivery under way: everything of it lies in `partial` until it is whole, then in `home` under its name."""

    item: CatalogItem
    source: Path
    name: str
    home: Path

    @property
    def partial(self) -> Path:
        return self.home / f".{self.name}.partial"

    @property
    def _copies(self) -> Path:
        return self.partial / "source"

    def copy(self, files: dict[str, Path]) -> dict[str, str]:
        """Copy the files in and return their digests by name."""
        self._copies.mkdir(mode=0o700, parents=True)
        self.partial.chmod(0o700)
        return {name: copy_in(path, self._copies / f"{place:05}") for place, (name, path) in enumerate(files.items())}

    def _source_digest(self, files: dict[str, str]) -> str:
        """Return the digest of a file, or of a folder's names and files in their order."""
        pairs: list[Json] = [[name, digest] for name, digest in files.items()]
        return digest_of(pairs) if self.source.is_dir() else next(iter(files.values()))

    def taken_before(self, files: dict[str, str], newest: str | None, registered: frozenset[str]) -> Taken | None:
        """Return the newest snapshot, or one that waits to be registered, if it is of these bytes under this declaration."""
        wanted = self._source_digest(files), declaration_digest(self.item)
        for entry in sorted(self.home.iterdir()):
            if entry.name == newest or (entry.name not in registered and not entry.name.startswith(".")):
                taken = _manifest(entry)
                if taken is not None and taken.of(*wanted) and _whole(entry, taken):
                    return taken
        return None

    def read(self, files: dict[str, str], scratch: Path, progress: Progress) -> Taken:
        """Read the copies, write what a snapshot consists of and put it in its place."""
        landings = [Landing(self._copies / f"{place:05}", name, self.item) for place, name in enumerate(files)]
        with SupplyEngine(scratch, [self.partial], progress) as engine:
            taken = self._landed(engine, landings, files, progress)
        shutil.rmtree(self._copies)
        with DigestedFile(self.partial / MANIFEST) as file:
            file.write(canonical_bytes(asdict(taken)) + b"\n")
        sync_directory(self.partial)
        self.partial.rename(self.home / self.name)
        sync_directory(self.home)
        return taken

    def _landed(self, engine: SupplyEngine, landings: Sequence[Landing], files: dict[str, str], progress: Progress) -> Taken:
        examined = [examine(engine, landing) for landing in landings]
        quarantine.check_count(engine, examined)
        progress.begin("ingest", self.item.table, sum(one.rows for one in examined))
        digest, rows = write(engine, examined, self.partial / ROWS)
        return Taken(
            id=self.name,
            table=self.item.table,
            item_version=self.item.version,
            declaration=declaration_digest(self.item),
            source=self._source_digest(files),
            files=files,
            rows=rows,
            digest=digest,
            violations=violations(self.item, engine.rows(breaches(self.item, str(self.partial / ROWS)))[0]).as_json(),
            quarantined=quarantine.set_aside(engine, examined, self.partial),
        )


def _manifest(snapshot: Path) -> Taken | None:
    try:
        return Taken(**json.loads((snapshot / MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError):  # of an earlier release, or none of ours
        return None


def _whole(snapshot: Path, taken: Taken) -> bool:
    found = file_digest(snapshot / ROWS)
    return taken.id == snapshot.name and found is not None and hmac.compare_digest(found, taken.digest)

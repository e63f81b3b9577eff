"""The city's extracts, made by supply in a folder of their own, and runs over them."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from city import AGREEMENT, grant, submitted
from ruamel.yaml import YAML

from connectors.intake import Intake
from connectors.service import CatalogService, SupplyService
from egress.model import CorePlan, ProtectionPlan
from egress.plan import plan
from policies.catalog import CatalogItem
from policies.decide import decide
from policies.engine.emit import emit
from policies.grant import Grant
from policies.query import Allowed, Core, EngineSql
from sandbox.cli.city import CitySize, write_city
from sandbox.kernel.audit.service import LOG_KEY, AuditLog
from sandbox.kernel.clock import SystemClock
from sandbox.kernel.db import Database, metadata
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.run import ExtractRef, Parameter, RunSpec


@dataclass(frozen=True)
class Supplied:
    """Extracts of the policy `clinic-usage` by table, and the grant they serve."""

    grant: Grant
    extracts: Mapping[str, ExtractRef]


@dataclass(frozen=True)
class Governed:
    """One query with one core, compiled and planned."""

    core: Core
    plan: CorePlan
    engine: EngineSql

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """Parameters as the worker binds them; the sampling key is any key here."""
        return {**self.engine.parameters, **({"sample_key": bytes(32)} if self.engine.keyed else {})}

    def spec(self, supplied: Supplied, job: str) -> RunSpec:
        """Return the run that a worker would order."""
        used = tuple(supplied.extracts[table] for table in sorted(self.core.tables))
        return RunSpec(job, 1, self.engine.sql, used, self.engine.columns, self.parameters)


def governed(view: Grant, sql: str) -> Governed:
    """Compile and plan `sql` under `view` at the policy's largest ε per job."""
    verdict = decide(submitted(sql), view)
    if not isinstance(verdict, Allowed):
        raise TypeError("the measured query is refused")
    planned = plan(verdict.governed, None)
    if not isinstance(planned, ProtectionPlan):
        raise TypeError("the measured query has no plan")
    (core,), (bounded,) = verdict.governed.cores, planned.cores
    return Governed(core, bounded, emit(core, bounded.bounding))


@contextmanager
def supplied(residents: int, visits: int) -> Iterator[Supplied]:
    """Make a city of this size and its extracts; both are gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        data, source = Path(folder) / "data", Path(folder) / "city"
        data.mkdir()
        write_city(source, CitySize(residents, visits), today=date(2026, 6, 1))
        keys = KeyRing(data / "keys")
        keys.create(LOG_KEY)
        db, clock = Database(f"sqlite:///{data}/bench.db"), SystemClock()
        metadata.create_all(db.engine)
        try:
            log = AuditLog(keys, clock, 1, "yunei/bench")
            service = SupplyService(db, clock, log, keys, data)
            _ingest(db, CatalogService(clock, log), Intake(db, clock, log, data), source)
            view = grant(residents, visits)
            service.build(view, "prod", "system")
            with db.read() as tx:
                workspace = service.workspace(tx, AGREEMENT, "prod")
            if workspace is None:
                raise LookupError("nothing was built")
            with closing(service.vault.opening), service.vault.opened(workspace.extracts) as opened:
                yield Supplied(view, {ref.table: ref for ref in opened})
        finally:
            db.close()


def _ingest(db: Database, catalog: CatalogService, intake: Intake, source: Path) -> None:
    yaml = YAML(typ="safe", pure=True)
    for path in sorted((source / "catalog").glob("*.yaml")):
        item = CatalogItem.model_validate(yaml.load(path.read_text(encoding="utf-8")))
        bring_in(db, catalog, intake, item, source / "data" / f"{item.table}.parquet")


def bring_in(db: Database, catalog: CatalogService, intake: Intake, item: CatalogItem, source: Path) -> None:
    """Put a table on the catalog and take its rows in."""
    taken = intake.take(item, source)
    with db.write() as tx:
        catalog.put(tx, item, "system")
        intake.register(tx, taken, item, "system")

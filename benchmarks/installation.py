"""A whole installation with the synthetic city applied, for measurements through the real services."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sandbox.bootstrap import Container, build
from sandbox.cli.city import CitySize, write_city
from sandbox.cli.stage import free_port, settings_environment
from sandbox.isolation.doctor import examine
from sandbox.jobs.apply import apply
from sandbox.kernel.db import Database
from sandbox.kernel.settings import Settings
from sandbox.migrations.upgrade import upgrade

ANALYST = "per-an"


@dataclass(frozen=True)
class Site:
    """An installation on this disk: its settings, the environment of its processes, the analyst's token, its level."""

    settings: Settings
    environment: Mapping[str, str]
    token: str
    level: int


@contextmanager
def site(residents: int, visits: int) -> Iterator[Site]:
    """Install, apply a city of this size, and remove everything afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        level = min(2, examine().level)
        environment = settings_environment(data, free_port(), level)
        settings = Settings(data_dir=data, port=int(environment["YUNEI_PORT"]), required_level=level)
        write_city(Path(folder) / "city", CitySize(residents, visits), today=datetime.now(UTC).date())
        database = Database(settings.database)
        try:
            upgrade(database)
        finally:
            database.close()
        with build(settings) as container:
            apply(container, Path(folder) / "city", "system")
            token = container.tenants.issue_token(ANALYST, None, 1)
        yield Site(settings, environment, token, level)


@contextmanager
def container_of(place: Site) -> Iterator[Container]:
    """Open the services of the installation within this process."""
    with build(place.settings) as container:
        yield container


def pss_bytes(roots: tuple[int, ...]) -> int:
    """Add the proportional set sizes of the processes `roots` and of everything they started."""
    total, waiting = 0, list(roots)
    while waiting:
        process = waiting.pop()
        folder = Path(f"/proc/{process}")
        rollup = (folder / "smaps_rollup").read_text(encoding="ascii")
        total += next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
        for task in (folder / "task").iterdir():
            waiting += map(int, (task / "children").read_text(encoding="ascii").split())
    return total


def cpu_seconds_of(process: int) -> float:
    """Return the CPU seconds that one process has used so far, all threads, without its children."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""The databases that the project runs on: SQLite files, and a PostgreSQL server that the tests start for themselves."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine

from sandbox.kernel.ids import new_id

KINDS = ("sqlite", "postgresql")


def programs() -> Path | None:
    """Find the folder of PostgreSQL's programs: Debian keeps each version apart and none on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


class Postgres:
    """A server of one's own: a new cluster in a temporary directory, reached by a socket in it and by nothing else."""

    def __init__(self, place: Path, control: Callable[..., None]) -> None:
        self.place, self._control = place, control

    def start(self) -> None:
        """Start the server, again where it was stopped."""
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.place}' -c fsync=off -c max_connections=200"
        self._control("-o", options, "-l", self.place / "log", "start")

    def stop(self) -> None:
        """Stop the server at once, as a crash would; what was committed is there when it starts again."""
        self._control("-m", "immediate", "stop")

    def fresh(self) -> str:
        """Make an empty database and return its URL."""
        name = new_id("db").replace("-", "_")
        engine = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
        engine.dispose()
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql+psycopg://yunei@/{database}?host={self.place}"


@contextmanager
def postgres(found: Path) -> Iterator[Postgres]:
    """Start a server and stop it; root may not run one, so it then runs as nobody."""
    with tempfile.TemporaryDirectory(prefix="yunei-pg-") as folder:
        place, user = Path(folder), {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
        if user:
            shutil.chown(place, "nobody")
        data = place / "data"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, "cwd": place}
        init = [found / "initdb", "-D", data, "-U", "yunei", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(init, check=True, **quiet, **user)

        def control(*arguments: object) -> None:
            subprocess.run([found / "pg_ctl", "-D", data, "-w", *arguments], check=True, **quiet, **user)

        server = Postgres(place, control)
        server.start()
        try:
            yield server
        finally:
            server.stop()

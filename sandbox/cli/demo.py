"""`yunei demo`: a synthetic city, the whole path over HTTP between separate processes, an offline verification."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.status import Status
from rich.table import Table

from connectors.progress import Progress
from egress.release.verify import public_keys
from sandbox.bootstrap import build
from sandbox.cli.city import CitySize, write_city
from sandbox.cli.stage import Stage, free_port, running, settings_environment
from sandbox.cli.story import ACTS, CAST, Scene
from sandbox.client import Client
from sandbox.isolation.process import ProcessRuntime
from sandbox.jobs.apply import apply
from sandbox.kernel.db import Database
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.settings import Settings
from sandbox.migrations.upgrade import upgrade

MARK = ".yunei-demo"
"""Marks a directory as the demo's own, which it may empty; names the processes that it left running."""
ENVIRONMENT = "env"
"""What a shell sources to speak to a demo that was kept."""


def demo(
    data_dir: Path = typer.Option(Path("var/demo"), help="emptied first, then filled with the city and its service"),  # noqa: B008
    residents: int = typer.Option(200_000, min=100),
    visits: int = typer.Option(1_000_000, min=1),
    *,
    keep: bool = typer.Option(False, "--keep", help="leave API and worker running"),
) -> None:
    """Play the whole path on a synthetic city and verify the release offline."""
    console, times = Console(), list[tuple[str, float]]()
    data_dir = data_dir.resolve()
    _empty(data_dir)
    level = _isolation_level()
    environment = settings_environment(data_dir, free_port(), min(level, 2))
    settings = Settings(data_dir=data_dir, port=int(environment["YUNEI_PORT"]), required_level=min(level, 2))
    with _timed(console, times, f"A city of {residents:,} residents and {visits:,} visits, all invented"):
        write_city(data_dir / "city", CitySize(residents, visits))
    with _timed(console, times, "Database, register, policies, data, extracts"), console.status("…") as status:
        _migrate(settings)
        tokens = _set_up(settings, data_dir / "city", _Shown(status))
    with ExitStack() as stack:
        with _timed(console, times, f"API and worker start; isolation level {level}"):
            stage = stack.enter_context(running(environment, data_dir / "logs", keep=keep))
        people = {name: stack.enter_context(Client(stage.url, token)) for name, token in tokens.items()}
        scene = _scene(console, people, settings)
        for act in ACTS:
            with _timed(console, times, (act.__doc__ or "").splitlines()[0]):
                act(scene)
        if keep:
            _write_how_to_go_on(data_dir, stage)
    _summary(console, times)
    if keep:
        _tell_how_to_go_on(console, data_dir)


def _isolation_level() -> int:
    """Find out what this machine gives; the demo runs from level 1 on, and says which it was."""
    runtime = ProcessRuntime(required_level=1)
    try:
        return runtime.probe().level
    finally:
        runtime.close()


def _migrate(settings: Settings) -> None:
    db = Database(settings.database)
    try:
        upgrade(db)
    finally:
        db.close()


class _Shown(Progress):
    """Shows the step under way."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def begin(self, step: str, subject: str, rows: int | None = None) -> None:  # noqa: ARG002 - it shows no rows
        self._status.update(f"{step} {Path(subject).name}")


def _set_up(settings: Settings, city: Path, progress: Progress) -> dict[str, str]:
    """Apply the city and make one token per person of the story, kept in files that only this user reads."""
    with build(settings) as container:
        apply(container, city, "system", progress)
        tokens = {person: container.tenants.issue_token(person, None, 30) for person in CAST}
    directory = settings.data_dir / "tokens"
    directory.mkdir(mode=0o700)
    for person, token in tokens.items():
        (directory / person).touch(mode=0o600)
        (directory / person).write_text(token, encoding="ascii")
    return tokens


def _scene(console: Console, people: dict[str, Client], settings: Settings) -> Scene:
    out = settings.data_dir / "released"
    out.mkdir()
    trust = settings.data_dir / "trust.json"
    trust.write_text(json.dumps(public_keys(KeyRing(settings.keys)), indent=2), encoding="ascii")
    return Scene(console, people, settings.data_dir, out, trust)


@contextmanager
def _timed(console: Console, times: list[tuple[str, float]], title: str) -> Iterator[None]:
    console.print(f"[bold]{len(times) + 1:>2} {title}[/bold]", highlight=False)
    begun = time.monotonic()
    yield
    times.append((title, time.monotonic() - begun))


def _summary(console: Console, times: list[tuple[str, float]]) -> None:
    shown = Table(title="Time per step", title_justify="left", box=SIMPLE_HEAD)
    shown.add_column("step")
    shown.add_column("seconds", justify="right")
    for title, seconds in times:
        shown.add_row(title, f"{seconds:.1f}")
    shown.add_row("[bold]all[/bold]", f"[bold]{sum(seconds for _, seconds in times):.1f}[/bold]")
    console.print(shown)


def _empty(data_dir: Path) -> None:
    """Make `data_dir` an empty directory of ours; what is not the demo's, or still in use, is left alone.

    Raises:
        typer.BadParameter: the directory holds something else, or the demo that it belongs to still runs.

    """
    mark = data_dir / MARK
    if data_dir.exists() and any(data_dir.iterdir()) and not mark.exists():
        raise typer.BadParameter(f"{data_dir} is not empty and not the demo's")
    for process in mark.read_text(encoding="ascii").split() if mark.exists() else ():
        if _runs_here(process, data_dir):
            raise typer.BadParameter(f"a demo still runs on {data_dir}; stop it with: kill {mark.read_text(encoding='ascii')}")
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir(mode=0o700, parents=True)
    mark.touch()


def _runs_here(process: str, data_dir: Path) -> bool:
    try:
        environment = Path("/proc", process, "environ").read_bytes()
    except OSError:
        return False
    return f"YUNEI_DATA_DIR={data_dir}".encode() in environment.split(b"\0")


def _write_how_to_go_on(data_dir: Path, stage: Stage) -> None:
    """Keep the processes in the mark, and what a shell needs in a file to be sourced."""
    (data_dir / MARK).write_text(" ".join(str(process.pid) for process in stage.processes), encoding="ascii")
    lines = [f"export YUNEI_URL={stage.url}", f"export YUNEI_TOKEN_FILE={data_dir / 'tokens' / CAST[0]}"]
    (data_dir / ENVIRONMENT).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _tell_how_to_go_on(console: Console, data_dir: Path) -> None:
    processes = (data_dir / MARK).read_text(encoding="ascii")
    console.print(f"Still running; stop it with: kill {processes}", highlight=False)
    console.print(f"Speak to it as the analyst: . {data_dir / ENVIRONMENT}", highlight=False)
    console.print(f"Tokens of everybody: {data_dir / 'tokens'}; released files: {data_dir / 'released'}", highlight=False)

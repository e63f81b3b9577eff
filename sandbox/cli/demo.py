"""`yunei demo`: a synthetic city, the whole path over HTTP between separate processes, an offline verification."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from egress.release.verify import public_keys
from sandbox.bootstrap import build
from sandbox.cli.city import CitySize, write_city
from sandbox.cli.stage import free_port, running, settings_environment
from sandbox.cli.story import ACTS, CAST, Scene
from sandbox.client import Client
from sandbox.isolation.process import ProcessRuntime
from sandbox.jobs.apply import apply
from sandbox.kernel.db import Database
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.settings import Settings
from sandbox.migrations.upgrade import upgrade

Timer = Callable[[str], None]


def demo(
    data_dir: Path = typer.Option(Path("var/demo"), help="emptied first, then filled with the city and its service"),  # noqa: B008
    residents: int = typer.Option(200_000, min=100),
    visits: int = typer.Option(1_000_000, min=1),
    *,
    keep: bool = typer.Option(False, "--keep", help="leave API and worker running"),
) -> None:
    """Play the whole path on a synthetic city and verify the release offline."""
    console, times = Console(), list[tuple[str, float]]()
    shutil.rmtree(data_dir, ignore_errors=True)
    level = _isolation_level()
    environment = settings_environment(data_dir, free_port(), min(level, 2))
    settings = Settings(data_dir=data_dir, port=int(environment["YUNEI_PORT"]), required_level=min(level, 2))
    with _timed(console, times, f"A city of {residents:,} residents and {visits:,} visits, all invented"):
        write_city(data_dir / "city", CitySize(residents, visits))
    with _timed(console, times, "Database, register, policies, data, extracts"), console.status("…") as status:
        _migrate(settings)
        tokens = _set_up(settings, data_dir / "city", lambda step, subject: status.update(f"{step} {Path(subject).name}"))
    with ExitStack() as stack:
        with _timed(console, times, f"API and worker start; isolation level {level}"):
            stage = stack.enter_context(running(environment, data_dir / "logs", keep=keep))
        people = {name: stack.enter_context(Client(stage.url, token)) for name, token in tokens.items()}
        scene = _scene(console, people, settings)
        for act in ACTS:
            with _timed(console, times, (act.__doc__ or "").splitlines()[0]):
                act(scene)
    _summary(console, times)
    if keep:
        _tell_how_to_go_on(console, stage.url, data_dir, [process.pid for process in stage.processes])


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


def _set_up(settings: Settings, city: Path, progress: Callable[[str, str], None]) -> dict[str, str]:
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


def _tell_how_to_go_on(console: Console, url: str, data_dir: Path, processes: list[int]) -> None:
    console.print(f"Still running at {url}; stop it with: kill {' '.join(map(str, processes))}", highlight=False)
    console.print(f"  export YUNEI_URL={url} YUNEI_TOKEN=$(cat {data_dir / 'tokens' / CAST[0]})", highlight=False)
    console.print(f"  tokens of everybody: {data_dir / 'tokens'}; released files: {data_dir / 'released'}", highlight=False)

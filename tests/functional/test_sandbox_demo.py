"""The demo as a newcomer runs it, on a smaller city: it asserts the whole story itself and leaves nothing running."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.kernel.plain_yaml import read_yaml


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory):
    data = tmp_path_factory.mktemp("played") / "demo"
    command = [
        sys.executable,
        "-m",
        "sandbox.cli.main",
        "demo",
        "--residents",
        "1000",
        "--visits",
        "4000",
        "--data-dir",
        str(data),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "COLUMNS": "200"})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return data, done.stdout


def processes_of(directory: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if f"YUNEI_DATA_DIR={directory}".encode() in environment:
            found.append(entry.name)
    return found


def test_the_demo_plays_to_its_end_and_stops_everything(played) -> None:
    data, shown = played
    for word in ("COLUMN_NOT_GRANTED", "SCOPE_MISSING", "NOT_FOUND", "overall: reproduced", "NOT PASSED", "人数_low", "ε spent"):
        assert word in shown
    assert (data / "released" / "count.csv").read_text(encoding="utf-8").startswith("区县,性别,人数,人数_low,人数_high\n")
    assert processes_of(data) == []


def test_no_planted_value_left_the_domain(played) -> None:
    data, shown = played
    canaries = [str(value) for value in read_yaml((data / "city" / "canaries.yaml").read_bytes())]
    assert len(canaries) >= 6
    objects = (path for path in (data / "objects").rglob("*") if path.is_file())
    outside = [*(data / "released").iterdir(), *(data / "logs").iterdir(), *objects]
    assert len(outside) > 8
    for value in canaries:
        assert value not in shown
        assert [path.name for path in outside if value.encode() in path.read_bytes()] == []


def demo_refuses(data: Path) -> str:
    command = [
        sys.executable,
        "-m",
        "sandbox.cli.main",
        "demo",
        "--residents",
        "500",
        "--visits",
        "1000",
        "--data-dir",
        str(data),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    return done.stderr


def test_the_demo_empties_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="ascii")
    assert "not empty" in demo_refuses(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_the_demo_does_not_pull_the_data_from_under_a_running_one(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    data.mkdir()
    with subprocess.Popen(["/bin/sleep", "60"], env={"YUNEI_DATA_DIR": str(data)}) as other:
        (data / ".yunei-demo").write_text(str(other.pid), encoding="ascii")
        assert f"kill {other.pid}" in demo_refuses(data)
        other.kill()

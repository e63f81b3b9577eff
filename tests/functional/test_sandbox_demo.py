"""The demo as a newcomer runs it, on a smaller city: it asserts the whole story itself and leaves nothing running."""

import os
import subprocess
import sys
from pathlib import Path


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


def test_the_demo_plays_to_its_end_and_stops_everything(tmp_path: Path) -> None:
    data = tmp_path / "demo"
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
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env={**os.environ, "COLUMNS": "200"})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for word in ("COLUMN_NOT_GRANTED", "SCOPE_MISSING", "NOT_FOUND", "overall: reproduced", "NOT PASSED", "人数_low", "ε spent"):
        assert word in done.stdout
    assert (data / "released" / "count.csv").read_text(encoding="utf-8").startswith("区县,性别,人数,人数_low,人数_high\n")
    assert processes_of(data) == []


def test_canaries_of_the_demo_never_left_the_domain(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    command = [
        sys.executable,
        "-m",
        "sandbox.cli.main",
        "demo",
        "--residents",
        "500",
        "--visits",
        "1500",
        "--data-dir",
        str(data),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    listed = (data / "city" / "canaries.yaml").read_text(encoding="utf-8")
    canaries = [line.strip(" -'\"\n") for line in listed.replace("[", "").replace("]", "").replace(",", "\n").splitlines()]
    canaries = [value for value in canaries if len(value) >= 7]
    assert len(canaries) >= 6
    outside = [
        *(data / "released").iterdir(),
        *(data / "logs").iterdir(),
        *(p for p in (data / "objects").rglob("*") if p.is_file()),
    ]
    assert len(outside) > 8
    for value in canaries:
        assert value not in done.stdout
        assert [path.name for path in outside if value.encode() in path.read_bytes()] == []

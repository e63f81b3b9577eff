"""What a measurement is, how it is taken and how it is printed beside its bar.

CPU time wherever one process does the work, because wall time on a shared machine measures the neighbours; ratios come
from one run that alternates both sides. The median stands for a series, never the best.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


@dataclass(frozen=True)
class Figure:
    """One measured number and its bar.

    `must` and `aim` are in `unit`; `more` says that a larger number is better. `detail` tells sizes, rounds and spread,
    so that a reader can judge the number.
    """

    what: str
    value: float
    unit: str
    must: float | None = None
    aim: float | None = None
    more: bool = False
    detail: Mapping[str, Json] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Return `aim`, `must` or `missed`: the best bar reached; empty where there is no bar."""
        for name, bar in (("aim", self.aim), ("must", self.must)):
            if bar is not None and (self.value >= bar if self.more else self.value <= bar):
                return name
        return "" if self.must is None else "missed"


def cpu_seconds(act: Callable[[], object], rounds: int, warm: int = 3) -> list[float]:
    """Return the CPU seconds of this process for each of `rounds` calls, sorted, after `warm` unmeasured ones."""
    for _ in range(warm):
        act()
    found = []
    for _ in range(rounds):
        begin = time.process_time()
        act()
        found.append(time.process_time() - begin)
    return sorted(found)


def wall_seconds(act: Callable[[], object], rounds: int, warm: int = 3) -> list[float]:
    """Return the wall seconds of each of `rounds` calls, sorted, after `warm` unmeasured ones."""
    for _ in range(warm):
        act()
    found = []
    for _ in range(rounds):
        begin = time.perf_counter()
        act()
        found.append(time.perf_counter() - begin)
    return sorted(found)


def quantile(ordered: Sequence[float], q: float) -> float:
    """Return the nearest-rank quantile of a sorted series."""
    return ordered[min(len(ordered) - 1, max(0, round(q * len(ordered) + 0.5) - 1))]


def spread(ordered: Sequence[float], scale: float = 1000.0) -> dict[str, Json]:
    """Describe a sorted series: rounds, least, median and 95th percentile, times `scale`."""
    return {
        "rounds": len(ordered),
        "min": round(ordered[0] * scale, 3),
        "p50": round(statistics.median(ordered) * scale, 3),
        "p95": round(quantile(ordered, 0.95) * scale, 3),
    }


def machine() -> dict[str, Json]:
    """Describe where this ran; a figure without its machine means nothing."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("duckdb", "opendp", "sqlglot", "yunei")},
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def table(figures: Sequence[Figure], where: Mapping[str, Json]) -> str:
    """Print the figures beside their bars, with the machine line first."""
    lines = [", ".join(f"{key} {value}" for key, value in where.items()), ""]
    lines += ["| what | measured | must | aim | reached |", "| --- | --- | --- | --- | --- |"]
    for one in figures:
        sign = "≥ " if one.more else "≤ "
        bars = ["" if bar is None else f"{sign}{bar:g}" for bar in (one.must, one.aim)]
        lines.append(f"| {one.what} | {one.value:.3g} {one.unit} | {bars[0]} | {bars[1]} | {one.verdict} |")
    return "\n".join(lines) + "\n"

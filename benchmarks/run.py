"""Measures this machine against the bars of the project and writes JSON and a table into `benchmarks/results/`.

Usage: `python benchmarks/run.py [BAR …]`; without a name every `bar_*.py` runs. Exit code 1 where a bar was missed.
"""

import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from figures import Figure, machine, table

HERE = Path(__file__).parent
BARS = tuple(sorted(path.stem.removeprefix("bar_") for path in HERE.glob("bar_*.py")))


def main(names: Sequence[str]) -> int:
    """Measure the named bars, print and keep the result."""
    unknown = set(names) - set(BARS)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(BARS)}", file=sys.stderr)
        return 2
    where, figures = machine(), list[Figure]()
    for name in names or BARS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        figures += importlib.import_module(f"bar_{name}").measure()
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    text = table(figures, where)
    rows = [{**asdict(one), "verdict": one.verdict} for one in figures]
    stem = "bars" if not names else "-".join(sorted(names))
    (results / f"{stem}.json").write_text(
        json.dumps({"machine": where, "figures": rows}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    (results / f"{stem}.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 1 if any(one.verdict == "missed" for one in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

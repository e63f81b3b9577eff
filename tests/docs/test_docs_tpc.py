"""What the pages say of the foreign benchmarks is what the file of verdicts says."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERDICTS = "tests/sql/tpc_verdicts.json"


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_counts_are_those_of_the_verdicts(name: str) -> None:
    kept = json.loads((ROOT / VERDICTS).read_text(encoding="utf-8"))
    counts = {suite: (count["allowed"], count["queries"]) for suite, count in kept["summary"].items()}
    [line] = [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if VERDICTS in line]
    said = re.findall(r"(TPC-H|TPC-DS): (\d+)/(\d+)", line)
    assert {suite.replace("-", "").lower(): (int(allowed), int(all_)) for suite, allowed, all_ in said} == counts
    for suite, (_, queries) in counts.items():
        assert queries == sum(query.startswith(f"{suite}-") for query in kept["verdicts"])

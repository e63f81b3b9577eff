"""Whole benchmarks of foreign SQL always get a verdict, never an exception."""

import json
from pathlib import Path

import pytest

from policies.query import Refused
from tests.factories_policies import verdict

QUERIES = Path(__file__).parents[3] / "shared" / "data" / "queries"


@pytest.mark.parametrize("name", ["tpch", "tpcds"])
def test_every_query_gets_a_verdict(name: str) -> None:
    path = QUERIES / f"{name}.jsonl"
    if not path.is_file():
        pytest.skip(f"{path.name} is not beside this project")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) > 20
    for line in lines:
        found = verdict(line["sql"])
        assert isinstance(found, Refused), line["id"]
        assert found.findings

"""Runs real sandboxes: what comes back, what it cost, and which code a failure becomes."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sandbox.isolation.process import ProcessRuntime
from sandbox.kernel.run import ColumnSpec, ExtractRef, RunResult, RunSpec


@pytest.fixture(scope="module")
def runtime():
    runtime = ProcessRuntime()
    yield runtime
    runtime.close()


@pytest.fixture(scope="module")
def visits(tmp_path_factory) -> ExtractRef:
    path: Path = tmp_path_factory.mktemp("extract") / "visits.parquet"
    pq.write_table(pa.table({"district": ["a", "b", "a", None], "cost": pa.array([1, 2, 3, 4], pa.int32())}), path)
    digest = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    return ExtractRef("visits", "ext-1", str(path), digest)


def test_grouped_sums_come_back_exact_with_usage_and_layers(runtime, visits):
    columns = (ColumnSpec("district", "key", "text"), ColumnSpec("total", "exact", "integer", 0, 100))
    sql = "SELECT district, sum(cost)::HUGEINT AS total FROM visits WHERE cost < $most GROUP BY district ORDER BY district"

    result = runtime.start(RunSpec("job-1", 1, sql, (visits,), columns, {"most": 4})).result()

    assert isinstance(result, RunResult)
    assert result.table.rows == (("a", 4), ("b", 2))
    assert result.level == 2
    assert "seccomp" in result.layers
    assert result.usage.peak_memory_bytes > 0

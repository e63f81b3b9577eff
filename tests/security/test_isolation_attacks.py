"""Attacks from inside: hostile probes in throw-away sandboxes, and hostile SQL against the locked-down engine."""

import hashlib
import json
import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sandbox.isolation.child.probes import PROBES
from sandbox.isolation.doctor import ALONE, examine
from sandbox.isolation.levels import TOLERATED
from sandbox.isolation.port import RunFailed
from sandbox.isolation.process import ProcessRuntime
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import ColumnSpec, ExtractRef, Limits, RunResult, RunSpec

NUMBER = (ColumnSpec("n", "exact", "integer", 0, 10**18),)
TEXT = (ColumnSpec("n", "key", "text"),)
ENDLESS = "SELECT sum(len(list_filter(range(30000), lambda x: (x * 17 + i) % 1009 = 3)))::HUGEINT AS n FROM range(5000000) t(i)"
PATIENCE_S = 15

MUST_BE_STOPPED_BY = {
    "read_other_tenant": {"empty_root", "landlock"},
    "read_service_secret": {"empty_root", "landlock"},
    "read_passwd": {"empty_root", "landlock"},
    "list_root": {"empty_root", "landlock"},
    "see_host_processes": {"empty_root", "landlock"},
    "connect_tcp": {"namespaces", "seccomp"},
    "send_udp": {"namespaces", "seccomp"},
    "connect_unix_socket": {"empty_root", "seccomp"},
    "connect_abstract_socket": {"namespaces", "seccomp"},
    "open_netlink": {"seccomp"},
    "write_extract": {"empty_root", "landlock"},
    "write_public_directory": {"empty_root", "landlock"},
    "execute_program": {"empty_root", "landlock", "seccomp"},
    "load_library": {"empty_root", "landlock", "seccomp"},
    "executable_memory": {"seccomp"},
    "fork": {"seccomp"},
    "fork_bomb": {"seccomp"},
    "io_uring": {"seccomp"},
    "nested_user_namespace": {"seccomp"},
    "allocate_memory": {"rlimits"},
    "raise_own_limit": {"rlimits"},
    "one_file_past_scratch": {"rlimits"},
    "many_files_past_scratch": {"empty_root"},
}


@pytest.fixture(scope="module", params=[2, 1])
def runtime(request):
    runtime = ProcessRuntime(required_level=request.param, level=request.param)
    try:
        runtime.probe()
    except YuneiError as refused:
        runtime.close()
        pytest.skip(f"level {request.param} is not to be had here: {refused.facts['missing']}")
    yield runtime
    runtime.close()


@pytest.fixture(scope="module")
def report(runtime):
    return examine(runtime)


@pytest.mark.parametrize("name", sorted(PROBES))
def test_the_sandbox_stops(report, name):
    (finding,) = [probe for probe in report.probes if probe.name == name]
    assert finding.stopped or name in TOLERATED[report.level]


@pytest.mark.parametrize("name", sorted(MUST_BE_STOPPED_BY))
def test_each_layer_stops_alone_what_it_is_there_for(report, name):
    """One wall alone must hold: a probe that only the sum of the layers stops would hide a broken layer."""
    available = {group for group, layers in ALONE.items() if set(layers) <= set(report.layers)}
    (finding,) = [probe for probe in report.probes if probe.name == name]
    if finding.by == ("ordinary_user",):
        pytest.skip("an ordinary user is refused this here whatever the layers")
    assert MUST_BE_STOPPED_BY[name] & available <= set(finding.by)


def test_without_layers_the_probes_do_get_through(runtime):
    """Shows that the probes work: else every one of them would be stopped by its own mistake."""
    from sandbox.isolation.decoys import planted
    from sandbox.isolation.process import PROBE_LIMITS

    with planted(PROBE_LIMITS) as setup:
        outcome = runtime.attack((), setup)
    through = {name for name, stopped in outcome.items() if not stopped}
    assert set(MUST_BE_STOPPED_BY) - {"nested_user_namespace", "open_netlink", "raise_own_limit", "io_uring"} <= through


def test_the_report_is_json_with_a_cause_for_every_stop(report):
    document = json.loads(json.dumps(report.as_json()))
    assert document["level"] == report.level
    assert len(document["probes"]) >= 28
    assert all(probe["by"] for probe in document["probes"] if probe["stopped"])


def test_decoys_are_gone_afterwards():
    from sandbox.isolation.decoys import planted
    from sandbox.isolation.process import PROBE_LIMITS

    with planted(PROBE_LIMITS) as setup:
        assert Path(setup["secret_file"]).exists()
    assert not Path(setup["secret_file"]).parent.exists()
    assert not Path(f"/proc/{setup['service_pid']}").exists()


@pytest.fixture(scope="module")
def visits(tmp_path_factory) -> ExtractRef:
    path = tmp_path_factory.mktemp("extract") / "visits.parquet"
    pq.write_table(pa.table({"v": [1, 2]}), path)
    return ExtractRef("visits", "e", str(path), "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest())


def run(runtime, sql, columns=NUMBER, extracts=()):
    return runtime.start(RunSpec("job-1", 1, sql, tuple(extracts), columns)).result()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT content AS n FROM read_text('/etc/passwd')",
        "SELECT filename AS n FROM read_blob('/**')",
        "SELECT file AS n FROM glob('/*')",
        "SELECT column0 AS n FROM read_csv('/proc/self/environ', header=false)",
        "SELECT column0 AS n FROM read_csv('/data/0.parquet', header=false)",
        "SELECT content AS n FROM read_text('/data/../etc/passwd')",
        "SELECT name AS n FROM sqlite_scan('/data/0.parquet', 'x')",
        "SELECT 'x' AS n FROM read_parquet('https://127.0.0.1/x.parquet')",
        "SELECT 'x' AS n FROM read_parquet('s3://bucket/x.parquet')",
        "COPY (SELECT 1) TO '/scratch/x.csv'",
        "COPY (SELECT 1) TO '/data/0.parquet'",
        "ATTACH '/data/new.db'",
        "ATTACH ':memory:' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access=true",
        "SET lock_configuration=false",
        "SET threads=64",
        "PRAGMA disable_optimizer",
        "CALL enable_logging()",
        "CREATE SECRET (TYPE s3)",
        "EXPORT DATABASE '/scratch/x'",
        "SELECT n FROM secrets",
        "SELECT getenv('HOME') AS n",
    ],
)
def test_hostile_sql_is_a_failed_run(runtime, visits, sql):
    assert run(runtime, sql, TEXT, [visits]) == RunFailed("job-1", 1, "RUN_FAILED")


def test_the_extract_is_never_changed(runtime, visits):
    for sql in ("DELETE FROM visits", "COPY (SELECT 1 AS v) TO '/data/0.parquet'", f"COPY (SELECT 1 AS v) TO '{visits.path}'"):
        assert isinstance(run(runtime, sql, extracts=[visits]), RunFailed)
    assert hashlib.sha256(Path(visits.path).read_bytes()).hexdigest() == visits.digest.removeprefix("sha256:")


def test_a_job_sees_its_own_extracts_and_no_others(runtime, visits):
    assert run(runtime, "SELECT sum(v)::HUGEINT AS n FROM visits", extracts=[visits]).table.rows == ((3,),)
    assert isinstance(run(runtime, "SELECT sum(v)::HUGEINT AS n FROM visits"), RunFailed)
    assert isinstance(run(runtime, f"SELECT sum(v)::HUGEINT AS n FROM '{visits.path}'"), RunFailed)


def test_the_service_environment_does_not_reach_the_sandbox(monkeypatch):
    monkeypatch.setenv("YUNEI_PLANTED_SECRET", "planted-canary")
    runtime = ProcessRuntime(required_level=1, level=1)
    try:
        runtime.probe()
        environment = Path(f"/proc/{runtime._link.pid()}/environ").read_bytes()
        assert b"planted-canary" not in environment
        assert b"PATH=" not in environment
    finally:
        runtime.close()


def test_names_and_parameters_are_data_never_sql(runtime, visits):
    hostile = ExtractRef('v"; SELECT 1; --', visits.extract, visits.path, visits.digest)
    sql = 'SELECT count(*)::HUGEINT AS n FROM "v""; SELECT 1; --" WHERE $p = $p'
    spec = RunSpec("job-1", 1, sql, (hostile,), NUMBER, {"p": "'; DROP VIEW visits; --"})
    outcome = runtime.start(spec).result()
    assert isinstance(outcome, RunResult)
    assert outcome.table.rows == ((2,),)


def test_a_path_with_quotes_stays_one_path(runtime, tmp_path):
    path = tmp_path / "it's ], '/etc.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.joinpath("it's ], '").mkdir()
    pq.write_table(pa.table({"v": [4]}), path)
    odd = ExtractRef("visits", "e", str(path), "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest())
    assert run(runtime, "SELECT sum(v)::HUGEINT AS n FROM visits", extracts=[odd]).table.rows == ((4,),)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an identity to give up")
def test_a_job_is_not_root_even_where_the_service_is(runtime):
    handle = runtime.start(RunSpec("job-1", 1, ENDLESS, (), NUMBER, {}, Limits(wall_s=20)))
    try:
        seen: set[int] = set()
        limit = time.monotonic() + PATIENCE_S
        while 65534 not in seen and time.monotonic() < limit:
            seen |= {uid(job) for guard in children(runtime._link.pid()) for job in children(guard)}
    finally:
        handle.cancel()
    assert 65534 in seen


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def uid(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return -1
    return int(next(line for line in lines if line.startswith("Uid:")).split()[1])

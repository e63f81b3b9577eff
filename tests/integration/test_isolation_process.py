"""Runs real sandboxes: what comes back, what a failure becomes, and that nothing is left behind."""

import hashlib
import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sandbox.isolation.port import RunFailed
from sandbox.isolation.process import ProcessRuntime
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import ColumnSpec, ExtractRef, Limits, RunResult, RunSpec

NUMBER = (ColumnSpec("n", "exact", "integer", -(10**30), 10**30),)
PLAIN = Limits()
SMALL = Limits(memory_bytes=256 << 20, scratch_bytes=16 << 20)
ENDLESS = "SELECT sum(len(list_filter(range(30000), lambda x: (x * 17 + i) % 1009 = 3)))::HUGEINT AS n FROM range(5000000) t(i)"
ONE_ROW = "SELECT len(list_transform(range(2000000000), lambda x: x * 2))::HUGEINT AS n"
PATIENCE_S = 20


@pytest.fixture(scope="module", params=[2, 1])
def runtime(request) -> Iterator[ProcessRuntime]:
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o755)  # the job's own identity has to enter it
        yield from started(request.param, scratch)


def started(level: int, scratch: str) -> Iterator[ProcessRuntime]:
    runtime = ProcessRuntime(required_level=level, level=level, scratch_root=scratch)
    try:
        runtime.probe()
    except YuneiError as refused:
        runtime.close()
        pytest.skip(f"level {level} is not to be had here: {refused.facts['missing']}")
    yield runtime
    runtime.close()


def extract(path: Path, table: pa.Table, name: str = "visits") -> ExtractRef:
    pq.write_table(table, path)
    return ExtractRef(name, f"ext-{name}", str(path), "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture(scope="module")
def visits(tmp_path_factory) -> ExtractRef:
    table = pa.table({"district": ["a", "b", "a", None], "cost": pa.array([1, 2, 3, 4], pa.int32())})
    return extract(tmp_path_factory.mktemp("extract") / "visits.parquet", table)


def run(runtime: ProcessRuntime, sql: str, columns=NUMBER, extracts=(), parameters=None, limits=PLAIN):
    return runtime.start(RunSpec("job-1", 1, sql, tuple(extracts), columns, parameters or {}, limits)).result()


def code(outcome: RunResult | RunFailed) -> str:
    assert isinstance(outcome, RunFailed)
    return outcome.code


def eventually(holds) -> bool:
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        if holds():
            return True
        time.sleep(0.02)
    return False


def children(pid: int) -> dict[int, str]:
    """Return {pid: state} of the direct children of `pid`."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
        except OSError:
            continue
        if fields and int(fields[1]) == pid:
            found[int(entry.name)] = fields[0]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def test_grouped_sums_come_back_exact_with_usage_and_layers(runtime, visits):
    columns = (ColumnSpec("district", "key", "text"), ColumnSpec("total", "exact", "integer", 0, 100))
    sql = "SELECT district, sum(cost)::HUGEINT AS total FROM visits WHERE cost < $most GROUP BY district ORDER BY district"

    result = run(runtime, sql, columns, [visits], {"most": 4})

    assert isinstance(result, RunResult)
    assert result.table.rows == (("a", 4), ("b", 2))
    assert (result.job, result.attempt, result.level) == ("job-1", 1, runtime.probe().level)
    assert {"seccomp", "landlock", "rlimits", "no_new_privs", "no_capabilities"} <= set(result.layers)
    assert result.usage.peak_memory_bytes > 0


@pytest.mark.parametrize(
    "source",
    [
        "(SELECT * FROM visits, range(3) r(i))",
        "duckdb_tables()",
        "information_schema.tables",
        "(SELECT count(*) AS x FROM duckdb_settings(), visits)",
        "(SELECT cost FROM visits UNION ALL SELECT 1 FROM sqlite_master)",
    ],
)
def test_a_statement_reads_nothing_but_its_tables(runtime, visits, source):
    columns = (ColumnSpec("n", "exact", "integer", 0, 1000),)
    assert code(run(runtime, f"SELECT count(*) AS n FROM {source} s", columns, [visits])) == "RUN_FAILED"
    assert isinstance(run(runtime, "SELECT count(*) AS n FROM visits", columns, [visits]), RunResult)


def test_two_extracts_are_joined_under_their_names(runtime, visits, tmp_path):
    names = extract(tmp_path / "n.parquet", pa.table({"district": ["a", "b"], "zone": ["东", "西"]}), "district names")
    columns = (ColumnSpec("zone", "key", "text"), ColumnSpec("n", "exact", "integer", 0, 9))
    sql = 'SELECT zone, count(*) AS n FROM visits JOIN "district names" USING (district) GROUP BY ALL ORDER BY n DESC'

    assert run(runtime, sql, columns, [visits, names]).table.rows == (("东", 2), ("西", 1))


def test_parameters_keep_their_types_in_the_engine(runtime):
    columns = tuple(ColumnSpec(name, "key", "text") for name in "abcdefg")
    values = {
        "a": True,
        "b": 7,
        "c": 2**70,
        "d": "o'neil",
        "e": date(2026, 1, 2),
        "f": Decimal("1.50"),
        "g": b"\x00\xff",
    }
    kinds = ", ".join(f"typeof(${name}) AS {name}" for name in values)

    row = run(runtime, f"SELECT {kinds}", columns, parameters=values).table.rows[0]

    assert row == ("BOOLEAN", "INTEGER", "HUGEINT", "VARCHAR", "DATE", "DECIMAL(3,2)", "BLOB")


def test_a_million_rows_come_back(runtime):
    columns = (ColumnSpec("n", "exact", "integer", 0, 10**6),)
    result = run(runtime, "SELECT i::HUGEINT AS n FROM range(1000000) t(i) ORDER BY i", columns)
    assert len(result.table.rows) == 10**6
    assert result.table.rows[-1] == (999_999,)


def test_an_extract_that_only_its_owner_may_read_still_serves(runtime, tmp_path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    secret = extract(private / "x.parquet", pa.table({"v": [5]}))
    Path(secret.path).chmod(0o400)
    assert run(runtime, "SELECT sum(v)::HUGEINT AS n FROM visits", extracts=[secret]).table.rows == ((5,),)


def test_work_larger_than_memory_spills_to_scratch(runtime):
    sql = "SELECT count(*)::HUGEINT AS n FROM (SELECT hash(i) AS h, count(*) FROM range(8000000) t(i) GROUP BY h)"
    limits = Limits(memory_bytes=320 << 20, scratch_bytes=1 << 30)
    assert run(runtime, sql, limits=limits).table.rows == ((8_000_000,),)


@pytest.mark.parametrize("sql", [ENDLESS, ONE_ROW])
def test_the_deadline_kills_what_the_engine_cannot_interrupt(runtime, sql):
    assert code(run(runtime, sql, limits=Limits(wall_s=0.7, memory_bytes=20 << 30))) == "RUN_DEADLINE"
    assert eventually(lambda: not children(runtime._link.pid()))


def test_spent_processor_time_is_a_deadline(runtime):
    assert code(run(runtime, ENDLESS, limits=Limits(wall_s=60, cpu_s=1))) == "RUN_DEADLINE"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(len(l))::HUGEINT AS n FROM (SELECT list(i) AS l FROM range(300000000) t(i))",
        "SELECT length(repeat('x', 2000000000))::HUGEINT AS n",
        "SELECT len(list_transform(range(200000000), lambda x: x * 2))::HUGEINT AS n",
    ],
)
def test_a_memory_bomb_is_run_memory(runtime, sql):
    assert code(run(runtime, sql, limits=SMALL)) == "RUN_MEMORY"


def test_a_full_scratch_is_run_scratch_full(runtime):
    sql = "SELECT sum(r)::HUGEINT AS n FROM (SELECT row_number() OVER (ORDER BY hash(i)) AS r FROM range(20000000) t(i))"
    assert code(run(runtime, sql, limits=SMALL)) == "RUN_SCRATCH_FULL"


@pytest.mark.parametrize("limits", [Limits(rows=1000), Limits(output_bytes=4096)])
def test_rows_and_bytes_are_capped(runtime, limits):
    assert code(run(runtime, "SELECT i::HUGEINT AS n FROM range(100000) t(i)", limits=limits)) == "RUN_OUTPUT_CAP"


@pytest.mark.parametrize(
    "sql",
    [
        "SELEC 1",
        "SELECT n FROM absent",
        "SELECT error('a value')::HUGEINT AS n",
        "SELECT 'x'::INTEGER AS n",
        "SELECT 1.5::DOUBLE AS n",
        "SELECT 'x' AS n",
        "SELECT 1 AS m",
        "SELECT 1 AS n, 2 AS m",
        "SELECT NULL::HUGEINT AS n",
        "SELECT (10::HUGEINT ** 31)::HUGEINT AS n",
        "SELECT 1 AS n; SELECT 2 AS n",
        "SELECT $unbound AS n",
        "CREATE TABLE t AS SELECT 1 AS n",
        "",
    ],
)
def test_whatever_goes_wrong_gives_only_a_code(runtime, sql):
    assert run(runtime, sql) == RunFailed("job-1", 1, "RUN_FAILED")


def test_no_engine_text_reaches_log_or_standard_streams(runtime, caplog, capfd):
    with caplog.at_level(logging.DEBUG):
        outcome = run(runtime, "SELECT error('planted-canary')::HUGEINT AS n")
    streams = capfd.readouterr()
    assert "planted-canary" not in repr(outcome) + caplog.text + streams.out + streams.err


@pytest.mark.parametrize("change", ["content", "missing", "symlink"])
def test_an_extract_that_is_not_the_pinned_file_is_refused(runtime, tmp_path, change):
    pinned = extract(tmp_path / "x.parquet", pa.table({"v": [5]}))
    assert run(runtime, "SELECT sum(v)::HUGEINT AS n FROM visits", extracts=[pinned]).table.rows == ((5,),)
    path = Path(pinned.path)
    if change == "content":
        extract(path, pa.table({"v": [6]}))
    else:
        path.rename(tmp_path / "elsewhere")
        if change == "symlink":
            path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(YuneiError) as refused:
        run(runtime, "SELECT 1 AS n", extracts=[pinned])
    assert refused.value.code == "SUPPLY_FAILED"


def test_cancel_kills_and_is_harmless_afterwards(runtime):
    handle = runtime.start(RunSpec("job-1", 1, ENDLESS, (), NUMBER))
    handle.cancel()
    assert code(handle.result()) == "RUN_LOST"
    handle.cancel()


def test_a_killed_job_is_lost_and_the_next_one_works(runtime):
    handle = runtime.start(RunSpec("job-1", 1, ENDLESS, (), NUMBER))
    zygote = runtime._link.pid()
    assert eventually(lambda: any(children(guard) for guard in children(zygote)))
    for guard in children(zygote):
        for job in children(guard):
            os.kill(job, signal.SIGKILL)
    assert code(handle.result()) == "RUN_LOST"
    assert run(runtime, "SELECT 1 AS n").table.rows == ((1,),)


def test_a_killed_guard_takes_its_job_along(runtime):
    handle = runtime.start(RunSpec("job-1", 1, ENDLESS, (), NUMBER, {}, Limits(wall_s=PATIENCE_S)))
    zygote = runtime._link.pid()
    assert eventually(lambda: any(children(guard) for guard in children(zygote)))
    (guard,) = children(zygote)
    (job,) = children(guard)
    os.kill(guard, signal.SIGKILL)
    assert code(handle.result()) == "RUN_LOST"
    assert eventually(lambda: not alive(job))
    assert not list(Path(runtime._scratch_root).iterdir())


def test_a_killed_zygote_is_replaced(runtime):
    assert run(runtime, "SELECT 1 AS n").table.rows == ((1,),)
    before = runtime._link.pid()
    os.kill(before, signal.SIGKILL)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
    assert run(runtime, "SELECT 2 AS n").table.rows == ((2,),)
    assert runtime._link.pid() != before


def test_jobs_run_side_by_side_from_several_threads(runtime):
    outcomes: dict[int, object] = {}

    def work(number: int) -> None:
        columns = (ColumnSpec("n", "exact", "integer", 0, 100),)
        spec = RunSpec(f"job-{number}", 1, "SELECT $number::HUGEINT AS n", (), columns, {"number": number})
        outcomes[number] = runtime.start(spec).result().table.rows

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {number: ((number,),) for number in range(8)}


def test_no_descriptor_no_process_and_no_scratch_is_left(runtime):
    run(runtime, "SELECT 1 AS n")
    zygote = runtime._link.pid()
    assert eventually(lambda: not children(zygote))
    ours, theirs = (len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in ("self", zygote))
    for sql in ["SELECT 1 AS n", "SELEC", ENDLESS, "SELECT i::HUGEINT AS n FROM range(100000) t(i)"] * 2:
        run(runtime, sql, limits=Limits(wall_s=0.3, rows=10))

    assert eventually(lambda: not children(zygote))
    assert [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in ("self", zygote)] == [ours, theirs]
    assert not list(Path(runtime._scratch_root).iterdir())


def test_close_ends_everything():
    runtime = ProcessRuntime(required_level=1, level=1)
    handle = runtime.start(RunSpec("job-1", 1, ENDLESS, (), NUMBER))
    zygote = runtime._link.pid()
    runtime.close()
    assert code(handle.result()) == "RUN_LOST"
    assert not Path(f"/proc/{zygote}").exists()
    with pytest.raises(YuneiError) as refused:
        runtime.start(RunSpec("job-1", 1, "SELECT 1 AS n", (), NUMBER))
    assert refused.value.code == "UNAVAILABLE"


def test_a_level_below_the_required_one_refuses_to_start():
    runtime = ProcessRuntime(required_level=2, level=1)
    with pytest.raises(YuneiError) as refused:
        runtime.start(RunSpec("job-1", 1, "SELECT 1 AS n", (), NUMBER))
    runtime.close()
    assert refused.value.code == "ISOLATION_BELOW_REQUIRED"
    assert (refused.value.facts["required"], refused.value.facts["reached"]) == (2, 1)

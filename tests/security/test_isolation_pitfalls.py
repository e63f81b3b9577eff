"""Traps that were hit once: each test fails if its trap opens again."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from sandbox.isolation import child
from sandbox.isolation.process import ProcessRuntime
from sandbox.isolation.zygote_link import ZygoteLink
from sandbox.kernel.run import ColumnSpec, RunSpec

FOLDER = Path(child.__file__).parent
OURS = {"sandbox", "policies", "tenants", "connectors", "egress"}
NUMBER = (ColumnSpec("n", "exact", "integer", 0, 2**62),)
TEXT = (ColumnSpec("n", "key", "text"),)

ENGINE_ALONE = """
import json, os, sys
sys.path.append(sys.argv[1])
sys.path.insert(0, sys.argv[2])
from boot import load
from pathlib import Path
load(Path(sys.argv[2]))
import child.zygote
from child import engine, order, rootfs
task = order.Order(frozenset(), None, (), "/", sys.argv[3], {}, (("n", "exact", "integer"),),
                   {"threads": 2, "memory_bytes": 2**28, "scratch_bytes": 2**24, "wall_s": 9, "rows": 9, "output_bytes": 9**9})
before = set(sys.modules)
read, write = os.pipe()
try:
    engine.run(task, rootfs.View((), sys.argv[4]), write)
except engine.Refusal as refusal:
    print(json.dumps([refusal.status, sorted(set(sys.modules) - before)]))
else:
    print(json.dumps([0, sorted(set(sys.modules) - before)]))
"""


@pytest.fixture(scope="module")
def runtime():
    runtime = ProcessRuntime(required_level=1)
    runtime.probe()
    yield runtime
    runtime.close()


def value(runtime: ProcessRuntime, sql: str, columns=NUMBER):
    return runtime.start(RunSpec("job-1", 1, sql, (), columns)).result().table.rows[0][0]


def test_the_zygote_has_one_thread_before_and_after_forking(runtime):
    assert value(runtime, "SELECT 1 AS n") == 1
    assert len(list(Path(f"/proc/{runtime._link.pid()}/task").iterdir())) == 1


def test_the_zygote_starts_with_an_empty_environment(runtime):
    assert Path(f"/proc/{runtime._link.pid()}/environ").read_bytes() == b""
    assert set(runtime._link.greeting["environment"]) <= {"OPENBLAS_NUM_THREADS", "JE_ARROW_MALLOC_CONF", "LC_CTYPE"}


def test_the_zygote_loads_nothing_of_ours_but_its_folder(runtime):
    modules = set(runtime._link.greeting["modules"])
    assert modules & OURS == set()
    assert {"child", "duckdb", "pyarrow"} <= modules


def test_the_zygote_holds_no_descriptor_of_the_service(runtime):
    with Path("/etc/hostname").open() as inherited:
        os.set_inheritable(inherited.fileno(), True)
        link = ZygoteLink()
        try:
            link._boot()
            targets = {str(entry.readlink()) for entry in Path(f"/proc/{link.pid()}/fd").iterdir()}
        finally:
            link.close()
    assert {target for target in targets if not target.startswith(("socket:", "/dev/null"))} == set()


@pytest.mark.parametrize(("sql", "status"), [("SELECT 1 AS n", 0), ("SELEC", 64), ("SELECT 'x'::INTEGER AS n", 64)])
def test_a_run_imports_nothing_that_the_zygote_had_not(tmp_path, sql, status):
    """After pivot_root there is no Python library, and the filter forbids loading one."""
    command = [sys.executable, "-I", "-S", "-c", ENGINE_ALONE, sysconfig.get_path("platlib"), str(FOLDER), sql, str(tmp_path)]
    done = subprocess.run(command, env={}, capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout) == [status, []]


@pytest.mark.parametrize("expression", ["(random() * 1e15)::BIGINT::VARCHAR", "uuid()::VARCHAR"])
def test_forked_engines_do_not_share_their_random_numbers(runtime, expression):
    drawn = {value(runtime, f"SELECT {expression} AS n", TEXT) for _ in range(4)}
    assert len(drawn) == 4


def test_the_engine_survives_landlock_at_level_1():
    """It aborts where its own /proc entries can be stat'ed but not opened."""
    runtime = ProcessRuntime(required_level=1, level=1)
    try:
        assert value(runtime, "SELECT count(*) AS n FROM range(100000)") == 100_000
    finally:
        runtime.close()


def test_the_engine_is_locked_as_ordered(runtime):
    wanted = {
        "enable_external_access": "false",
        "lock_configuration": "true",
        "autoload_known_extensions": "false",
        "autoinstall_known_extensions": "false",
        "allow_community_extensions": "false",
        "allow_unsigned_extensions": "false",
        "allow_persistent_secrets": "false",
        "python_enable_replacements": "false",
        "threads": "2",
        "async_threads": "2",
    }
    for name, setting in wanted.items():
        assert value(runtime, f"SELECT lower(current_setting('{name}')::VARCHAR) AS n", TEXT) == setting, name


def test_only_granted_files_are_allowed_paths(runtime):
    assert value(runtime, "SELECT current_setting('allowed_directories')::VARCHAR AS n", TEXT) in {"[]", "[/scratch/]"}


def test_starting_from_a_thread_that_ends_does_not_kill_the_zygote(runtime):
    """A parent-death signal fires at the end of the thread that forked, so the zygote must not have one."""
    import threading

    fresh = ProcessRuntime(required_level=1)
    starter = threading.Thread(target=fresh.probe)
    starter.start()
    starter.join()
    pid = fresh._link.pid()
    assert value(fresh, "SELECT 1 AS n") == 1
    assert fresh._link.pid() == pid
    fresh.close()


def test_an_orphaned_zygote_ends_by_itself():
    script = (
        "from sandbox.isolation.process import ProcessRuntime; r = ProcessRuntime(required_level=1); r.probe();"
        "print(r._link.pid(), flush=True); import os; os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=60)
    zygote = int(done.stdout)
    for _ in range(500):
        if not Path(f"/proc/{zygote}/exe").exists():
            return
        os.sched_yield()
        subprocess.run(["sleep", "0.02"], check=True)
    pytest.fail("the zygote outlived its service")


def test_there_is_no_shell_no_proc_and_no_device_in_the_empty_root(runtime):
    if "empty_root" not in runtime.probe().layers:
        pytest.skip("level 1 has no root of its own")
    from sandbox.isolation.decoys import planted
    from sandbox.isolation.process import PROBE_LIMITS

    with planted(PROBE_LIMITS) as setup:
        outcome = runtime.attack(("user_namespace", "mount_namespace", "empty_root"), setup)
    assert all(outcome[name] for name in ("list_root", "see_host_processes", "execute_program", "read_passwd"))

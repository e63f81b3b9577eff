"""Level 3: every job in control groups of its own, gone with it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.isolation.child.cgroups import _read_homes, sweep
from sandbox.isolation.decoys import planted
from sandbox.isolation.process import PROBE_LIMITS, ProcessRuntime
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import ColumnSpec, RunSpec

NUMBER = (ColumnSpec("n", "exact", "integer", 0, 10),)


@pytest.fixture(scope="module")
def runtime():
    runtime = ProcessRuntime(required_level=3)
    try:
        runtime.probe()
    except YuneiError as refused:
        runtime.close()
        pytest.skip(f"level 3 is not to be had here: {refused.facts['missing']}")
    yield runtime
    runtime.close()


def groups_of_the_dead() -> list[Path]:
    """Groups are named for their guard; sandboxes of other test processes may be running."""
    found = [group for home in _read_homes().values() for group in home.parent.glob("yunei-*")]
    return [group for group in found if not Path(f"/proc/{group.name.removeprefix('yunei-')}").exists()]


def test_a_job_runs_at_level_3_and_leaves_no_group(runtime):
    sweep()
    result = runtime.start(RunSpec("job-1", 1, "SELECT 7 AS n", (), NUMBER)).result()
    assert result.table.rows == ((7,),)
    assert result.level == 3
    assert {"cgroup_memory", "cgroup_pids", "cgroup_cpu"} <= set(result.layers)
    assert not groups_of_the_dead()


def test_a_group_that_is_made_and_not_yet_entered_is_not_swept(runtime):
    """Each worker sweeps when it starts; a run of another worker on the same machine may stand just there."""
    made = {home.parent / f"yunei-{os.getpid()}" for home in _read_homes().values()}
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    left = {group.with_name(f"yunei-{dead.stdout.strip()}") for group in made}
    for group in made | left:
        group.mkdir()
    try:
        sweep()
        assert all(group.exists() for group in made)
        assert not any(group.exists() for group in left)
    finally:
        for group in made:
            group.rmdir()


def test_control_groups_alone_stop_a_fork_bomb_and_shared_memory(runtime):
    with planted(PROBE_LIMITS) as setup:
        outcome = runtime.attack(("cgroup_memory", "cgroup_pids", "cgroup_cpu"), setup)
    assert outcome["fork_bomb"]
    assert outcome["allocate_shared_memory"]
    assert not outcome["fork"]

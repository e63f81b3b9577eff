"""Where control groups are made and what is written into them, for both versions of the kernel's interface."""

from pathlib import Path

import pytest

from sandbox.isolation.child import cgroups, order

V1 = """\
30 24 0:26 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
31 24 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
32 24 0:28 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
33 24 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
22 24 0:21 / /proc rw,relatime - proc proc rw
"""
V2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"


def task(layers: frozenset[str]) -> order.Order:
    limits = {"memory_bytes": 1 << 30, "scratch_bytes": 1 << 20, "threads": 2}
    return order.Order(layers, None, (), "/place", "", {}, (), limits)


def test_version_1_has_a_tree_per_controller_and_jobs_below_our_own_group():
    found = cgroups.homes(V1, "5:memory:/service/a\n4:cpu,cpuacct:/\n3:pids:/service\n0::/\n")
    assert found["memory"] == cgroups.Home(1, Path("/sys/fs/cgroup/memory/service/a"), Path("/sys/fs/cgroup/memory/service/a"))
    assert found["cpu"].parent == Path("/sys/fs/cgroup/cpu,cpuacct")
    assert found["pids"].parent == Path("/sys/fs/cgroup/pids/service")


def test_version_2_makes_jobs_siblings_of_our_own_group():
    found = cgroups.homes(V2, "0::/system.slice/yunei.service/worker\n")
    service = Path("/sys/fs/cgroup/system.slice/yunei.service")
    assert found == {name: cgroups.Home(2, service, service / "worker") for name in ("memory", "pids", "cpu")}


def test_version_2_at_its_root_makes_jobs_below_it():
    assert cgroups.homes(V2, "0::/\n")["memory"].parent == Path("/sys/fs/cgroup")


def test_a_mount_of_a_part_of_the_tree_is_seen_from_that_part():
    mounts = "30 24 0:26 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    assert cgroups.homes(mounts, "5:memory:/docker/x\n")["memory"].parent == Path("/sys/fs/cgroup/memory")


def test_without_control_groups_there_is_no_home():
    assert cgroups.homes("22 24 0:21 / /proc rw - proc proc rw\n", "") == {}


@pytest.mark.parametrize(("version", "name"), [(1, "memory.limit_in_bytes"), (2, "memory.max")])
def test_memory_covers_scratch_and_overhead(version, name):
    pairs = dict(cgroups.settings(task(frozenset()), "memory", version))
    assert int(pairs[name]) == (1 << 30) + (1 << 20) + (64 << 20)


@pytest.mark.parametrize(
    ("version", "pairs"), [(1, {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "200000"}), (2, {"cpu.max": "200000 100000"})]
)
def test_processor_share_is_the_ordered_threads(version, pairs):
    assert dict(cgroups.settings(task(frozenset()), "cpu", version)) == pairs


@pytest.mark.parametrize(
    ("version", "file", "text", "expected"),
    [
        (1, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", True),
        (1, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", False),
        (2, "memory.events", "low 0\nmax 7\noom 1\noom_kill 2\n", True),
        (2, "memory.events", "low 0\nmax 7\noom 0\noom_kill 0\n", False),
    ],
)
def test_a_kill_for_memory_is_recognised(tmp_path, version, file, text, expected):
    (tmp_path / file).write_text(text)
    cage = cgroups.Cage(task(frozenset()))
    cage._groups.append((cgroups.Home(version, tmp_path, tmp_path), tmp_path))
    assert cage.memory_ran_out() is expected


def test_version_2_groups_get_their_limits_before_anybody_enters(tmp_path, monkeypatch):
    """Version 2 controllers are not to be had on every machine that runs the tests; the writes are checked on plain files."""
    home = cgroups.Home(2, tmp_path, tmp_path / "worker")
    monkeypatch.setattr(cgroups, "_read_homes", lambda: dict.fromkeys(("memory", "pids", "cpu"), home))
    cage = cgroups.Cage(task(frozenset(cgroups.CONTROLLERS)))
    (group,) = {group for _, group in cage._groups}
    assert (group / "pids.max").read_text() == "64"
    assert (group / "memory.oom.group").read_text() == "1"
    assert not (group / "cgroup.procs").exists()
    cage.enter()
    assert (group / "cgroup.procs").read_text().isdigit()


def test_an_absent_controller_refuses_the_layer(monkeypatch):
    monkeypatch.setattr(cgroups, "_read_homes", dict)
    with pytest.raises(FileNotFoundError):
        cgroups.Cage(task(frozenset({"cgroup_memory"})))

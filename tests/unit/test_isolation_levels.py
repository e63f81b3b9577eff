"""Which level is reached, what is named as missing, and which end of a sandbox becomes which code."""

import pytest

from sandbox.isolation import levels
from sandbox.isolation.channels import Ended
from sandbox.isolation.child import codes, landlock
from sandbox.isolation.doctor import credited
from sandbox.isolation.supervise import code_of


def without(*absent: str):
    return lambda layers: not set(absent) & set(layers)


def test_everything_there_is_level_3_and_nothing_is_missing():
    report = levels.reached(without(), None)
    assert (report.level, report.layers, report.missing) == (3, codes.LEVELS[3], ())


def test_without_control_groups_it_is_level_2():
    report = levels.reached(without("cgroup_memory"), None)
    assert (report.level, report.layers) == (2, codes.LEVELS[2])
    assert [missing.layer for missing in report.missing] == ["cgroup_memory"]


def test_without_user_namespaces_it_is_level_1_with_every_lost_layer_and_a_fix():
    report = levels.reached(without("user_namespace"), None)
    assert report.level == 1
    assert [missing.layer for missing in report.missing] == [*codes.NAMESPACES, codes.ROOT]
    assert all(missing.fix for missing in report.missing)


@pytest.mark.parametrize("layer", codes.IN_PROCESS)
def test_without_any_one_in_process_layer_it_is_level_0(layer):
    report = levels.reached(without(layer), None)
    assert (report.level, report.layers) == (0, ())
    assert layer in {missing.layer for missing in report.missing}


def test_every_layer_has_a_fix():
    assert set(levels.FIXES) == set(codes.LEVELS[3])


def test_the_refusal_names_levels_layers_and_fixes():
    error = levels.below(levels.reached(without("seccomp"), None), 2)
    assert error.code == "ISOLATION_BELOW_REQUIRED"
    assert error.facts["reached"] == 0
    assert {"layer": "seccomp", "fix": levels.FIXES["seccomp"]} in error.facts["missing"]


def test_a_probe_that_gets_through_voids_the_level():
    report = levels.reached(without(), None)
    assert levels.attacked(report, {"fork": True, "connect_tcp": False}).level == 0
    assert levels.attacked(report, {"fork": True, "connect_tcp": False}).through == ("connect_tcp",)
    assert levels.attacked(report, {"fork": True}) == report


def test_only_level_1_tolerates_scratch_in_many_files():
    outcome = {"many_files_past_scratch": False}
    assert levels.attacked(levels.reached(without(), None), outcome).level == 0
    assert levels.attacked(levels.reached(without(), 1), outcome).level == 1


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (None, "RUN_LOST"),
        (Ended(0, 1, 1), None),
        (Ended(codes.FAILED, 1, 1), "RUN_FAILED"),
        (Ended(codes.MEMORY, 1, 1), "RUN_MEMORY"),
        (Ended(codes.SCRATCH_FULL, 1, 1), "RUN_SCRATCH_FULL"),
        (Ended(codes.OUTPUT_CAP, 1, 1), "RUN_OUTPUT_CAP"),
        (Ended(codes.LAYER_REFUSED, 1, 1), "ISOLATION_BELOW_REQUIRED"),
        (Ended(-9, 100, 1), "RUN_LOST"),
        (Ended(codes.CPU_SPENT, 2000, 1), "RUN_DEADLINE"),
        (Ended(-11, 1, 1), "RUN_FAILED"),
        (Ended(-6, 1, 1), "RUN_FAILED"),
        (Ended(77, 1, 1), "RUN_FAILED"),
    ],
)
def test_every_end_has_one_code(ended, code):
    assert code_of(ended) == code


@pytest.mark.parametrize(("version", "network", "scopes"), [(1, 0, 0), (3, 0, 0), (4, 3, 0), (6, 3, 3), (7, 3, 3)])
def test_landlock_forbids_what_the_kernel_knows_and_no_more(version, network, scopes):
    files, found_network, found_scopes = landlock.handled(version)
    assert (found_network, found_scopes) == (network, scopes)
    assert files & landlock.SCRATCH == landlock.SCRATCH
    assert bool(files & 1 << 14) == (version >= 3)
    assert bool(files & 1 << 15) == (version >= 5)


def test_a_layer_is_credited_only_where_it_stops_the_probe_alone():
    alone = {"ordinary_user": {"p": False, "q": True}, "seccomp": {"p": True, "q": True}, "rlimits": {"p": False, "q": True}}
    assert credited("p", True, alone) == ("seccomp",)
    assert credited("q", True, alone) == ("ordinary_user",)
    assert credited("p", False, alone) == ()
    assert credited("p", True, {"ordinary_user": {"p": False}}) == ("combination",)

"""Which level this machine gives, what is missing for the next one, and the fix an administrator can apply."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from sandbox.isolation.child.codes import LEVELS, REQUIREMENTS
from sandbox.isolation.port import IsolationReport, MissingLayer
from sandbox.isolation.wire import ProbeOutcome
from sandbox.kernel.errors import YuneiError

_USER_NAMESPACES = (
    "allow unprivileged user namespaces: sysctl user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 "
    "(Debian), kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile (Ubuntu); in a container run with "
    "--security-opt seccomp=unconfined --cap-add SYS_ADMIN, or run the worker on the host"
)
_CGROUPS = (
    "run the worker as root, or delegate control groups to it (systemd: Delegate=yes and DelegateSubgroup=worker), "
    "with the memory, pids and cpu controllers enabled"
)
FIXES: Mapping[str, str] = {
    "user_namespace": _USER_NAMESPACES,
    "mount_namespace": _USER_NAMESPACES,
    "pid_namespace": _USER_NAMESPACES,
    "net_namespace": _USER_NAMESPACES,
    "ipc_namespace": _USER_NAMESPACES,
    "uts_namespace": _USER_NAMESPACES,
    "empty_root": "allow mount and pivot_root in the worker's namespaces; AppArmor and container profiles may deny them",
    "no_capabilities": "start the worker without ambient capabilities that it cannot drop",
    "no_new_privs": "use Linux 3.5 or newer",
    "rlimits": "raise the hard limits (ulimit -H) of the worker above those of a run",
    "landlock": "use Linux 5.13 or newer with landlock in the `lsm=` boot parameter",
    "cgroup_memory": _CGROUPS,
    "cgroup_pids": _CGROUPS,
    "cgroup_cpu": _CGROUPS,
    "seccomp": "use Linux 4.14 or newer on x86_64 or aarch64, and a container profile that allows seccomp(2)",
}


TOLERATED: Mapping[int, frozenset[str]] = {1: frozenset({"many_files_past_scratch"}), 2: frozenset(), 3: frozenset()}
"""Level → probes that it does not claim to stop: without a mount namespace scratch is capped per file only."""


def attacked(report: IsolationReport, outcome: ProbeOutcome) -> IsolationReport:
    """Return `report` after the hostile probes: one that got through although the level claims to stop it voids it."""
    through = tuple(name for name, stopped in outcome.items() if not stopped and name not in TOLERATED[report.level])
    return replace(report, level=0, layers=(), through=through) if through else report


def reached(holds: Callable[[tuple[str, ...]], bool], wanted: int | None) -> IsolationReport:
    """Return the highest level, at most `wanted`, whose layers all hold together.

    Args:
        holds: tries layers in a throw-away process.
        wanted: 1 to 3; None means the highest.

    """
    top = max(LEVELS) if wanted is None else wanted
    level = next((number for number in range(top, 0, -1) if holds(LEVELS[number])), 0)
    absent = () if level == max(LEVELS) else tuple(layer for layer in LEVELS[max(LEVELS)] if not _alone(holds, layer))
    return IsolationReport("process", level, LEVELS.get(level, ()), tuple(MissingLayer(layer, FIXES[layer]) for layer in absent))


def _alone(holds: Callable[[tuple[str, ...]], bool], layer: str) -> bool:
    return holds((*REQUIREMENTS.get(layer, ()), layer))


def below(report: IsolationReport, required: int) -> YuneiError:
    """Return the refusal to run at `report.level` where `required` is due, naming each missing layer and its fix."""
    return YuneiError(
        "ISOLATION_BELOW_REQUIRED",
        required=required,
        reached=report.level,
        missing=[{"layer": missing.layer, "fix": missing.fix} for missing in report.missing],
        through=list(report.through),
    )

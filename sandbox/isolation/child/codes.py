"""How the isolated process says what happened: one exit status, never a text. Shared with the supervisor."""

import signal

OK = 0
CPU_SPENT = int(signal.SIGXCPU)
FAILED = 64
MEMORY = 65
SCRATCH_FULL = 66
OUTPUT_CAP = 67
LAYER_REFUSED = 68

RUN_CODES = {
    FAILED: "RUN_FAILED",
    MEMORY: "RUN_MEMORY",
    SCRATCH_FULL: "RUN_SCRATCH_FULL",
    OUTPUT_CAP: "RUN_OUTPUT_CAP",
    CPU_SPENT: "RUN_DEADLINE",
    LAYER_REFUSED: "ISOLATION_BELOW_REQUIRED",
}
"""Exit status → code of the catalogue. Any other status is a crash of the engine: RUN_FAILED."""

NAMESPACES = ("user_namespace", "mount_namespace", "pid_namespace", "net_namespace", "ipc_namespace", "uts_namespace")
ROOT = "empty_root"
IN_PROCESS = ("no_capabilities", "no_new_privs", "rlimits", "landlock", "seccomp")

CGROUPS = ("cgroup_memory", "cgroup_pids", "cgroup_cpu")

LEVELS: dict[int, tuple[str, ...]] = {
    1: IN_PROCESS,
    2: (*NAMESPACES, ROOT, *IN_PROCESS),
    3: (*NAMESPACES, ROOT, *IN_PROCESS, *CGROUPS),
}
"""Level → every layer that it promises. A run whose layers cannot all be put on does not start."""


class Refusal(Exception):  # noqa: N818 -- it is the outcome of a run, not a defect
    """Ends the run with `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "mount_namespace": ("user_namespace",),
    "pid_namespace": ("user_namespace",),
    "net_namespace": ("user_namespace",),
    "ipc_namespace": ("user_namespace",),
    "uts_namespace": ("user_namespace",),
    ROOT: ("user_namespace", "mount_namespace"),
    "landlock": ("no_new_privs",),
    "seccomp": ("no_new_privs",),
}
"""Layer → the layers without which the kernel does not give it to an ordinary user."""

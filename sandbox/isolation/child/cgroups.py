"""A control group per job: memory, tasks and processor share, enforced by the kernel over everything the job touches.

Version 1 has a tree per controller; version 2 has one tree, where groups that hold processes cannot have limited
children, so sandboxes become siblings of the service's own group (systemd: `Delegate=yes`, `DelegateSubgroup=worker`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .order import Order
from .privileges import PROCESSES

CONTROLLERS: Mapping[str, str] = {"cgroup_memory": "memory", "cgroup_pids": "pids", "cgroup_cpu": "cpu"}
_PREFIX = "yunei-"
_OVERHEAD_BYTES = 64 << 20
"""What a job needs besides its memory and scratch: page tables, kernel stacks, pages it no longer shares with the zygote."""
_PERIOD_US = 100_000


@dataclass(frozen=True)
class Home:
    """Where one controller's groups for jobs are made, and where this process came from."""

    version: int
    parent: Path
    origin: Path


def homes(mounts: str, membership: str) -> dict[str, Home]:
    """Return controller → home, read from the texts of /proc/self/mountinfo and /proc/self/cgroup."""
    own = {part: path for _, part, path in (line.split(":", 2) for line in membership.split("\n") if line)}
    found: dict[str, Home] = {}
    for line in mounts.split("\n"):
        before, _, after = line.partition(" - ")
        if not after.startswith("cgroup"):
            continue
        root, point = before.split()[3:5]
        kind, options = after.split()[0], after.split()[2].split(",")
        for controller in CONTROLLERS.values():
            if kind == "cgroup" and controller in options:
                group = Path(point) / _relative(next((own[key] for key in own if controller in key.split(",")), "/"), root)
                found[controller] = Home(1, group, group)
            elif kind == "cgroup2" and controller not in found:
                group = Path(point) / _relative(own.get("", "/"), root)
                found[controller] = Home(2, group if group == Path(point) else group.parent, group)
    return found


def _relative(group: str, root: str) -> str:
    return os.path.relpath(group, root) if group.startswith(root) else "."


def _read_homes() -> dict[str, Home]:
    return homes(Path("/proc/self/mountinfo").read_text("utf-8"), Path("/proc/self/cgroup").read_text("utf-8"))


def settings(order: Order, controller: str, version: int) -> tuple[tuple[str, str], ...]:
    """Return (file, text) pairs that limit `controller`, in the order in which the kernel takes them."""
    memory = order.limit("memory_bytes") + order.limit("scratch_bytes") + _OVERHEAD_BYTES
    quota = order.limit("threads") * _PERIOD_US
    table = {
        ("memory", 1): (("memory.limit_in_bytes", str(memory)),),
        ("memory", 2): (("memory.max", str(memory)), ("memory.oom.group", "1")),
        ("pids", 1): (("pids.max", str(PROCESSES)),),
        ("pids", 2): (("pids.max", str(PROCESSES)),),
        ("cpu", 1): (("cpu.cfs_period_us", str(_PERIOD_US)), ("cpu.cfs_quota_us", str(quota))),
        ("cpu", 2): (("cpu.max", f"{quota} {_PERIOD_US}"),),
    }
    return table[controller, version]


def no_swap(version: int, memory: str) -> tuple[str, str]:
    """Return the pair that keeps a job's pages off the swap device; its file exists only where the kernel swaps."""
    return ("memory.memsw.limit_in_bytes", memory) if version == 1 else ("memory.swap.max", "0")


class Cage:
    """The control groups of one job. The guard enters, forks the job, leaves again and removes them at the end."""

    def __init__(self, order: Order) -> None:
        """Make the groups that `order` names and set their limits.

        Raises:
            OSError: where a controller is absent or not ours to use.

        """
        available = _read_homes()
        self._groups: list[tuple[Home, Path]] = []
        for layer, controller in CONTROLLERS.items():
            if layer in order.layers:
                self._groups.append(self._made(order, controller, available))

    def enter(self) -> None:
        """Join the groups, so that what is forked next is born inside."""
        for _, group in self._groups:
            _put(group / "cgroup.procs", str(os.getpid()))

    def leave(self) -> None:
        """Go back, so that the guard is neither counted nor killed with its job."""
        for home, _ in self._groups:
            _put(home.origin / "cgroup.procs", str(os.getpid()))

    def memory_ran_out(self) -> bool:
        """Say whether the kernel killed something in here for lack of memory."""
        for home, group in self._groups:
            events = group / ("memory.oom_control" if home.version == 1 else "memory.events")
            if events.exists() and any(int(count) for name, count in _pairs(events) if name == "oom_kill"):
                return True
        return False

    def remove(self) -> None:
        """Delete the groups; one that is still busy stays for the next start of a zygote."""
        for group in {group for _, group in self._groups}:
            _remove(group)

    def _made(self, order: Order, controller: str, available: Mapping[str, Home]) -> tuple[Home, Path]:
        if controller not in available:
            raise FileNotFoundError(controller)
        home = available[controller]
        if home.version == 2:
            _put(home.parent / "cgroup.subtree_control", f"+{controller}")
        group = home.parent / f"{_PREFIX}{os.getpid()}"
        group.mkdir(exist_ok=True)
        pairs = settings(order, controller, home.version)
        for name, text in pairs:
            _put(group / name, text)
        name, text = no_swap(home.version, pairs[0][1])
        if controller == "memory" and (group / name).exists():
            _put(group / name, text)
        return home, group


def sweep() -> None:
    """Remove the empty groups that guards which were killed left behind.

    A group is empty, too, between being made and being entered; so only those are swept whose guard is gone.
    """
    for home in _read_homes().values():
        for group in home.parent.glob(f"{_PREFIX}*"):
            if not Path("/proc", group.name.removeprefix(_PREFIX)).exists():
                _remove(group)


def _remove(group: Path) -> None:
    try:
        group.rmdir()
    except OSError:
        return  # busy or not ours: it holds no data, and the next sweep tries again


def _put(path: Path, text: str) -> None:
    path.write_text(text, "ascii")


def _pairs(path: Path) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (line.partition(" ") for line in path.read_text("ascii").splitlines())]

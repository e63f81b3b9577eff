"""Puts the layers on, in the only order that works. Each one that was ordered and fails ends the run."""

import os
import signal
from collections.abc import Callable
from typing import TypeVar

from . import landlock, privileges, rootfs, seccomp, syscalls
from .codes import LAYER_REFUSED, ROOT, Refusal
from .order import Order

FLAGS = {
    "user_namespace": syscalls.CLONE_NEWUSER,
    "mount_namespace": syscalls.CLONE_NEWNS,
    "pid_namespace": syscalls.CLONE_NEWPID,
    "net_namespace": syscalls.CLONE_NEWNET,
    "ipc_namespace": syscalls.CLONE_NEWIPC,
    "uts_namespace": syscalls.CLONE_NEWUTS,
}
T = TypeVar("T")
_KERNEL_STATE = ("/proc/self", "/sys/fs/cgroup")


def leave_namespaces(order: Order) -> None:
    """Enter new namespaces but for the mounts; the pid namespace begins with the next fork.

    Real root leaves everything but the user namespace here and gives that up last, after the mounts: the job then
    holds no right at all over its own mounts and network. An ordinary user needs the user namespace first. The guard
    keeps its mounts, because pivot_root moves every process that shares the job's.
    """
    flags = sum(flag for layer, flag in FLAGS.items() if layer in order.layers) & ~syscalls.CLONE_NEWNS
    if order.identity is not None:
        flags &= ~syscalls.CLONE_NEWUSER
    uid, gid = os.getuid(), os.getgid()
    if flags:
        required(lambda: syscalls.unshare(flags))
    if flags & syscalls.CLONE_NEWUSER:
        required(lambda: privileges.map_self(uid, gid))


def lock_in(order: Order, view: rootfs.View | None, *, baseline: int, program: bytes) -> rootfs.View:
    """Put every remaining ordered layer on this process, for good.

    Args:
        order: names the layers.
        view: the staged directories at level 1; None builds the empty root.
        baseline: bytes of private memory that the zygote itself uses.
        program: the assembled system-call filter.

    Raises:
        Refusal: with LAYER_REFUSED where a layer does not go on.

    """
    if "mount_namespace" in order.layers:
        required(lambda: syscalls.unshare(syscalls.CLONE_NEWNS))
    if ROOT in order.layers:
        view = required(lambda: rootfs.build(order))
    if view is None:
        raise Refusal(LAYER_REFUSED)
    required(lambda: _lower(order, view, baseline))
    if "landlock" in order.layers:
        required(lambda: landlock.restrict(_readable(order, view), (view.scratch,)))
    if "seccomp" in order.layers:
        required(lambda: seccomp.load(program))
    return view


def _readable(order: Order, view: rootfs.View) -> tuple[str, ...]:
    # The engine aborts where these can be stat'ed but not opened; with an empty root they do not exist.
    kernel = () if ROOT in order.layers else tuple(path for path in _KERNEL_STATE if os.path.exists(path))  # noqa: PTH110
    return (*view.files, *kernel)


def _lower(order: Order, view: rootfs.View, baseline: int) -> None:
    if order.identity is not None:
        privileges.become(order.identity)
        if "user_namespace" in order.layers:
            syscalls.unshare(syscalls.CLONE_NEWUSER)
    os.chdir(view.scratch)
    if "no_capabilities" in order.layers:
        privileges.drop_capabilities()
    # A change of identity or capabilities clears the death signal, so it is set behind both.
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    if "no_new_privs" in order.layers:
        privileges.forbid_new_privileges()
    if "rlimits" in order.layers:
        own_count = "user_namespace" in order.layers or order.identity is not None
        privileges.limit(
            memory=baseline + order.limit("memory_bytes"),
            cpu_s=order.limit("cpu_s"),
            file_bytes=order.limit("scratch_bytes"),
            processes=own_count,
        )


def required(act: Callable[[], T]) -> T:
    """Do one step of a layer; where the kernel refuses it, the layer is refused and with it the run."""
    try:
        return act()
    except OSError:
        raise Refusal(LAYER_REFUSED) from None

"""The process between the zygote and one job: makes the namespaces, starts the job, watches both sides, reports.

It holds no data. Should the supervisor vanish or forget the deadline, the guard kills the job.
"""

import json
import os
import select
import signal
import socket

from . import confine, engine, order, probes, rootfs
from .codes import FAILED, LAYER_REFUSED, OK, ROOT, Refusal

_BACKSTOP_S = 2.0


def watch(spec: int, result: int, status: socket.socket, *, baseline: int, program: bytes) -> None:
    """Run one order to its end and send its outcome over `status`. Never returns to the zygote's loop with data."""
    try:
        task = order.read(spec)
        confine.leave_namespaces(task)
        view = None if ROOT in task.layers else rootfs.stage(task)
    except Refusal as refusal:
        _report(status, refusal.status)
        return
    except (OSError, ValueError, KeyError, TypeError):
        _report(status, FAILED)
        return
    pid = os.fork()
    if pid == 0:
        status.close()
        os._exit(_job(task, view, result, baseline=baseline, program=program))
    os.close(result)
    _await(pid, status, task)
    if view is not None:
        rootfs.unstage(view)


def _await(pid: int, status: socket.socket, task: order.Order) -> None:
    handle = os.pidfd_open(pid)
    socket.send_fds(status, [b"{}"], [handle])
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(status, select.POLLHUP | select.POLLRDHUP)
    events = dict(poll.poll((task.limits["wall_s"] + _BACKSTOP_S) * 1000))
    if handle not in events:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    _, code, usage = os.wait4(pid, 0)
    cpu_ms = int((usage.ru_utime + usage.ru_stime) * 1000)
    exited = os.waitstatus_to_exitcode(code)
    _report(status, exited, cpu_ms=cpu_ms, peak=usage.ru_maxrss * 1024)


def _report(status: socket.socket, code: int, *, cpu_ms: int = 0, peak: int = 0) -> None:
    try:
        status.send(json.dumps({"exit": code, "cpu_ms": cpu_ms, "peak": peak}).encode())
    except OSError:
        os._exit(FAILED)  # the supervisor is gone; there is nobody left to tell


def _job(task: order.Order, view: rootfs.View | None, result: int, *, baseline: int, program: bytes) -> int:
    """Be the job: confine this process, then run. Returns the exit status; whatever goes wrong becomes a number."""
    try:
        os.setsid()
        _keep_only(result)
        view = confine.lock_in(task, view, baseline=baseline, program=program)
    except Refusal as refusal:
        return refusal.status
    except Exception:  # noqa: BLE001 -- a layer that fails in any way must end the run
        return LAYER_REFUSED
    try:
        if task.probe is None:
            engine.run(task, view, 3)
        else:
            probes.run(task.probe, 3)
    except Refusal as refusal:
        return refusal.status
    except Exception:  # noqa: BLE001 -- no text may cross, so nothing can be told but that it failed
        return FAILED
    return OK


def _keep_only(result: int) -> None:
    """Leave four descriptors: nothing on 0 to 2, the result pipe on 3."""
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    if result != 3:
        os.dup2(result, 3, inheritable=False)
    os.closerange(4, 1 << 16)

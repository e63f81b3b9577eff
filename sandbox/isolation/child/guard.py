"""The process between the zygote and one job: makes the namespaces, starts the job, watches both sides, reports.

It holds no data. Should the supervisor vanish or forget the deadline, the guard kills the job.
"""

import json
import os
import select
import signal
import socket
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace

from . import cgroups, confine, engine, order, probes, rootfs
from .codes import FAILED, LAYER_REFUSED, MEMORY, OK, ROOT, Refusal

_BACKSTOP_S = 2.0


@dataclass(frozen=True)
class Outcome:
    """How the job ended: exit status (negative: a signal), processor time in milliseconds, peak of resident bytes."""

    exit: int
    cpu_ms: int = 0
    peak: int = 0


def watch(spec: int, result: int, status: socket.socket, *, baseline: int, program: bytes) -> None:
    """Run one order to its end, remove what was made for it, and send its outcome over `status`."""
    try:
        outcome = _run(spec, result, status, baseline=baseline, program=program)
    except Refusal as refusal:
        outcome = Outcome(refusal.status)
    except (OSError, ValueError, KeyError, TypeError):
        outcome = Outcome(FAILED)
    try:
        status.send(json.dumps(asdict(outcome)).encode())
    except OSError:
        os._exit(FAILED)  # the supervisor is gone; there is nobody left to tell


def _run(spec: int, result: int, status: socket.socket, *, baseline: int, program: bytes) -> Outcome:
    task = order.read(spec)
    with ExitStack() as undo:
        cage = confine.required(lambda: cgroups.Cage(task))
        undo.callback(cage.remove)
        confine.leave_namespaces(task)
        view = None
        if ROOT not in task.layers:
            undo.callback(rootfs.unstage, task)
            view = rootfs.stage(task)
        confine.required(cage.enter)
        pid = os.fork()
        if pid == 0:
            status.close()
            os._exit(_job(task, view, result, baseline=baseline, program=program))
        cage.leave()
        os.close(result)
        outcome = _await(pid, status, task)
        ran_out = outcome.exit == -signal.SIGKILL and cage.memory_ran_out()
        return replace(outcome, exit=MEMORY) if ran_out else outcome


def _await(pid: int, status: socket.socket, task: order.Order) -> Outcome:
    handle = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(status, select.POLLHUP | select.POLLRDHUP)
    try:
        socket.send_fds(status, [b"{}"], [handle])
        events = dict(poll.poll((task.limits["wall_s"] + _BACKSTOP_S) * 1000))
    except OSError:
        events = {}  # the supervisor hung up before it knew the job
    if handle not in events:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    _, code, usage = os.wait4(pid, 0)
    cpu_ms = int((usage.ru_utime + usage.ru_stime) * 1000)
    return Outcome(os.waitstatus_to_exitcode(code), cpu_ms, usage.ru_maxrss * 1024)


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

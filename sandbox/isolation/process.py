"""The `process` runtime: a zygote forks one fresh, confined process per run. Levels 1 and 2."""

import os
import socket
import tempfile
import threading

from sandbox.isolation import wire
from sandbox.isolation.child.codes import LEVELS
from sandbox.isolation.collect import Channels, Isolation, RunningJob
from sandbox.isolation.digests import DigestCheck
from sandbox.isolation.port import IsolationReport
from sandbox.isolation.zygote_link import ZygoteLink, sealed
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import RunSpec

NOBODY = 65534


class ProcessRuntime:
    """Runs generated SQL in forked sandboxes.

    Args:
        required_level: lowest level at which runs are taken; 1 or 2.
        level: the level to use; by default the highest that this machine gives.
        scratch_root: directory for the scratch space of level 1; level 2 keeps scratch in memory.
        identity: uid and gid that a job takes on when the service runs as root.

    """

    name = "process"

    def __init__(
        self, *, required_level: int = 2, level: int | None = None, scratch_root: str | None = None, identity: int = NOBODY
    ) -> None:
        self._required, self._fixed = required_level, level
        self._scratch_root = scratch_root or tempfile.gettempdir()
        self._identity = identity if os.geteuid() == 0 else None
        self._link = ZygoteLink()
        self._digests = DigestCheck()
        self._report: IsolationReport | None = None
        self._lock = threading.Lock()
        self._running: set[RunningJob] = set()

    def start(self, spec: RunSpec) -> RunningJob:
        """Start one run in a fresh sandbox; see `IsolationRuntime.start`."""
        level = self._fixed or 2
        identities = tuple(self._digests.verify(extract) for extract in spec.extracts)
        order = wire.order(spec, identities, layers=LEVELS[level], identity=self._identity, scratch_root=self._scratch_root)
        channels = self._dispatch(wire.framed(order))
        return RunningJob(spec, channels, Isolation(level, LEVELS[level]))

    def close(self) -> None:
        """Kill every run and end the zygote."""
        self._link.close()

    def _dispatch(self, order: bytes) -> Channels:
        answer, answer_end = os.pipe2(os.O_CLOEXEC)
        status, status_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        spec = sealed(order)
        try:
            self._link.send([spec, answer_end, status_end.fileno()])
        except YuneiError:
            os.close(answer)
            status.close()
            raise
        finally:
            os.close(spec)
            os.close(answer_end)
            status_end.close()
        return Channels(answer, status)

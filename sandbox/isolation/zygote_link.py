"""The supervisor's end of the zygote: started by exec with an empty environment, restarted when it is gone."""

import fcntl
import json
import os
import select
import socket
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

from sandbox.isolation.channels import Channels
from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError

_BOOT = Path(__file__).parent / "child" / "boot.py"
_BOOT_LIMIT_S = 30.0
_GREETING_BYTES = 65_536


class ZygoteLink:
    """Sends orders to one zygote. Safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._closed = False
        self.greeting: Json = None

    def dispatch(self, order: bytes) -> Channels:
        """Have a sandbox made for `order`; return our ends of its channels.

        Raises:
            YuneiError: UNAVAILABLE where no zygote can be started or the link is closed.

        """
        answer, answer_end = os.pipe2(os.O_CLOEXEC)
        status, status_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        spec = _sealed(order)
        try:
            self._send([spec, answer_end, status_end.fileno()])
        except YuneiError:
            os.close(answer)
            status.close()
            raise
        finally:
            os.close(spec)
            os.close(answer_end)
            status_end.close()
        return Channels(answer, status)

    def _send(self, descriptors: list[int]) -> None:
        """Hand the three descriptors of one order over; a zygote that died is replaced once."""
        with self._lock:
            if self._control is not None and self._handed_over(descriptors):
                return
            self._boot()
            if not self._handed_over(descriptors):
                raise YuneiError("UNAVAILABLE")

    def pid(self) -> int | None:
        """Return the zygote's process id while one is running."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """End the zygote; further orders are refused."""
        with self._lock:
            self._closed = True
            self._end()

    def _handed_over(self, descriptors: list[int]) -> bool:
        if self._control is None:
            return False
        try:
            socket.send_fds(self._control, [b"order"], descriptors)
        except OSError:
            return False
        return True

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._control, self._process = None, None

    def _boot(self) -> None:
        self._end()
        if self._closed:
            raise YuneiError("UNAVAILABLE")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        site = sysconfig.get_paths()["platlib"]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- every word of the command is ours
                [sys.executable, "-I", "-S", "-B", str(_BOOT), site, str(theirs.fileno())],
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._control = ours
        ready, _, _ = select.select([ours], [], [], _BOOT_LIMIT_S)
        greeting = ours.recv(_GREETING_BYTES) if ready else b""
        if not greeting:
            self._end()
            raise YuneiError("UNAVAILABLE")
        self.greeting = json.loads(greeting)


def _sealed(content: bytes) -> int:
    """Return a descriptor of memory that holds `content` for good."""
    descriptor = os.memfd_create("order", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    return descriptor

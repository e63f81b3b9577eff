"""The descriptors between the supervisor and one sandbox, and what was heard on them."""

import json
import os
import signal
import socket
from dataclasses import dataclass
from typing import Final

_CHUNK: Final = 1 << 18
_STATUS_BYTES: Final = 4096


@dataclass(frozen=True)
class Ended:
    """What the guard reported: exit status (negative: a signal), processor time, peak of resident memory."""

    exit: int
    cpu_ms: int
    peak: int


class Channels:
    """One answer pipe and one status socket. Used by one thread at a time."""

    def __init__(self, answer: int, status: socket.socket) -> None:
        self.answer = answer
        self.content = bytearray()
        self.ended: Ended | None = None
        self.speaking = {answer, status.fileno()}
        self._status = status
        self._process: int | None = None
        self._condemned = False

    def hear(self, descriptor: int) -> None:
        """Take in what `descriptor` has to say; forget it at its end."""
        heard = self._hear_answer() if descriptor == self.answer else self._hear_status()
        if not heard:
            self.speaking.discard(descriptor)

    def kill(self) -> None:
        """Kill the sandbox now, or as soon as it is known which process it is; its answer no longer counts.

        The process is pid 1 of its namespace: the kernel takes everything in it along.
        """
        self._condemned = True
        self.content.clear()
        self.speaking.discard(self.answer)
        if self._process is None:
            return
        try:
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        except ProcessLookupError:
            return

    def close(self) -> None:
        """Release the descriptors; a guard that still watches sees the hang-up and kills its job."""
        self._status.close()
        os.close(self.answer)
        if self._process is not None:
            os.close(self._process)

    def _hear_answer(self) -> bool:
        chunk = os.read(self.answer, _CHUNK)
        self.content += chunk
        return bool(chunk)

    def _hear_status(self) -> bool:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._status, _STATUS_BYTES, 1)
        except ConnectionError:
            return False
        if not message:
            return False
        self._take(descriptors)
        report = json.loads(message)
        if "exit" in report:
            self.ended = Ended(report["exit"], report["cpu_ms"], report["peak"])
        return self.ended is None

    def _take(self, descriptors: list[int]) -> None:
        for descriptor in descriptors:
            self._process = descriptor
            os.set_inheritable(descriptor, False)
            if self._condemned:
                self.kill()

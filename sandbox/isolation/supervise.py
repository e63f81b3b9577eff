"""Supervises one sandbox: reads its answer under caps, kills it at the deadline, names the code of its end."""

import os
import select
import shutil
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.isolation.channels import Channels, Ended
from sandbox.isolation.child import codes
from sandbox.kernel.run import Limits, RunUsage

_IPC_FRAMING_BYTES: Final = 1 << 16
_KILL_GRACE_S: Final = 5.0


@dataclass(frozen=True)
class Finished:
    """How a sandbox ended: the code of its failure or None, its answer, what it used."""

    code: str | None
    content: bytes
    usage: RunUsage


class Supervision:
    """A thread that enforces deadline and caps whether or not anybody waits for the result.

    Args:
        limits: deadline and caps.
        channels: our ends; closed at the end.
        place: the directory that the guard may have made for the job; gone at the end.

    """

    def __init__(self, limits: Limits, channels: Channels, place: Path) -> None:
        self._limits, self._channels, self._place = limits, channels, place
        self._cancel_read, self._cancel_write = os.pipe2(os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._finished = Finished("RUN_LOST", b"", RunUsage(0, 0, 0))
        self._thread = threading.Thread(target=self._run, name="sandbox-supervision", daemon=True)
        self._thread.start()

    def wait(self) -> Finished:
        """Wait until the sandbox is gone."""
        self._thread.join()
        return self._finished

    def cancel(self) -> None:
        """Kill the sandbox; it then ends as RUN_LOST. Does nothing once it has ended."""
        with self._lock:
            if self._cancel_write >= 0:
                os.write(self._cancel_write, b"x")

    def _run(self) -> None:
        try:
            verdict = self._listen()
            ended = self._channels.ended
            wall_ms = int((time.monotonic() - self._started) * 1000)
            usage = RunUsage(wall_ms, ended.cpu_ms if ended else 0, ended.peak if ended else 0)
            self._finished = Finished(verdict or code_of(ended), bytes(self._channels.content), usage)
        finally:
            self._release()

    def _listen(self) -> str | None:
        """Listen until the sandbox has ended; return the code for which it was killed, if it was."""
        verdict, limit = None, self._started + self._limits.wall_s
        while self._channels.speaking:
            heard = self._heard_before(limit)
            for descriptor in heard & self._channels.speaking:
                self._channels.hear(descriptor)
            reason = self._reason_to_kill(heard)
            if reason is not None and verdict is not None:
                break
            if reason is not None:
                self._channels.kill()
                verdict, limit = reason, time.monotonic() + _KILL_GRACE_S
        return verdict

    def _heard_before(self, limit: float) -> set[int]:
        poll = select.poll()
        for descriptor in (*self._channels.speaking, self._cancel_read):
            poll.register(descriptor, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll(max(0.0, limit - time.monotonic()) * 1000)}

    def _reason_to_kill(self, heard: set[int]) -> str | None:
        if self._cancel_read in heard:
            os.read(self._cancel_read, 64)
            return "RUN_LOST"
        if not heard:
            return "RUN_DEADLINE"
        over = len(self._channels.content) > self._limits.output_bytes + _IPC_FRAMING_BYTES
        return "RUN_OUTPUT_CAP" if over else None

    def _release(self) -> None:
        self._channels.close()
        if self._place.exists():  # a guard that was killed cannot remove what it made for its job
            shutil.rmtree(self._place, ignore_errors=True)
        with self._lock:
            os.close(self._cancel_read)
            os.close(self._cancel_write)
            self._cancel_write = -1


def code_of(ended: Ended | None) -> str | None:
    """Return the code for a sandbox that ended by itself; None where it ended well.

    A SIGKILL that was not ours means that the process was lost; every other signal is a crash of the engine.
    """
    if ended is None or ended.exit == -signal.SIGKILL:
        return "RUN_LOST"
    return None if ended.exit == codes.OK else codes.RUN_CODES.get(ended.exit, "RUN_FAILED")

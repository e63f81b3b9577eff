"""Collects one run: reads the answer under caps, kills at the deadline, and turns the outcome into a result or a code."""

import json
import os
import select
import signal
import socket
import threading
import time
from dataclasses import dataclass
from typing import Final

from sandbox.isolation import wire
from sandbox.isolation.child import codes
from sandbox.isolation.port import RunFailed
from sandbox.kernel.run import RunResult, RunSpec, RunUsage

_CHUNK: Final = 1 << 18
_IPC_FRAMING_BYTES: Final = 1 << 16
_STATUS_BYTES: Final = 4096
_KILL_GRACE_S: Final = 5.0


@dataclass(frozen=True)
class Ended:
    """What the guard reported: exit status (negative: a signal), processor time, peak of resident memory."""

    exit: int
    cpu_ms: int
    peak: int


@dataclass(frozen=True)
class Isolation:
    """What the run was ordered to be isolated by."""

    level: int
    layers: tuple[str, ...]


class Channels:
    """The descriptors between the supervisor and one sandbox, and what was heard on them so far."""

    def __init__(self, answer: int, status: socket.socket) -> None:
        self.answer, self.status = answer, status
        self.content = bytearray()
        self.ended: Ended | None = None
        self.speaking = {answer, status.fileno()}
        self._handle: int | None = None
        self._condemned = False

    def hear(self, descriptor: int) -> None:
        """Take in what `descriptor` has to say; forget it at its end."""
        heard = self._hear_answer() if descriptor == self.answer else self._hear_status()
        if not heard:
            self.speaking.discard(descriptor)

    def kill(self) -> None:
        """Kill the sandbox now, or as soon as it is known which process it is."""
        self._condemned = True
        if self._handle is not None:
            try:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            except ProcessLookupError:
                return

    def close(self) -> None:
        """Release the descriptors; a guard that still watches sees the hang-up and kills its job."""
        self.status.close()
        os.close(self.answer)
        if self._handle is not None:
            os.close(self._handle)

    def _hear_answer(self) -> bool:
        chunk = os.read(self.answer, _CHUNK)
        self.content += chunk
        return bool(chunk)

    def _hear_status(self) -> bool:
        try:
            message, descriptors, _, _ = socket.recv_fds(self.status, _STATUS_BYTES, 1)
        except ConnectionError:
            return False
        for descriptor in descriptors:
            self._handle = descriptor
        if self._condemned:
            self.kill()
        report = json.loads(message) if message else {}
        if "exit" in report:
            self.ended = Ended(report["exit"], report["cpu_ms"], report["peak"])
        return bool(message) and self.ended is None


class RunningJob:
    """A run under way; a thread of its own enforces deadline and caps whether or not anybody asks for the result."""

    def __init__(self, spec: RunSpec, channels: Channels, isolation: Isolation) -> None:
        self._spec, self._channels, self._isolation = spec, channels, isolation
        self._cancel_read, self._cancel_write = os.pipe2(os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._outcome: RunResult | RunFailed = RunFailed(spec.job, spec.attempt, "RUN_LOST")
        self._thread = threading.Thread(target=self._collect, name="sandbox-run", daemon=True)
        self._thread.start()

    def result(self) -> RunResult | RunFailed:
        """Wait for the end and return it."""
        self._thread.join()
        return self._outcome

    def cancel(self) -> None:
        """Kill the run; its result is then RUN_LOST."""
        with self._lock:
            if self._cancel_write >= 0:
                os.write(self._cancel_write, b"x")

    def _collect(self) -> None:
        try:
            verdict = self._supervise()
            wall_ms = int((time.monotonic() - self._started) * 1000)
            self._outcome = self._judge(verdict, wall_ms)
        finally:
            self._channels.close()
            with self._lock:
                os.close(self._cancel_read)
                os.close(self._cancel_write)
                self._cancel_write = -1

    def _supervise(self) -> str | None:
        """Listen until the sandbox has ended; return the code for which it was killed, if it was."""
        channels, verdict = self._channels, None
        limit = self._started + self._spec.limits.wall_s
        while channels.speaking:
            heard = self._wait(limit)
            for descriptor in heard & channels.speaking:
                channels.hear(descriptor)
            reason = self._reason_to_kill(heard)
            if reason is not None and verdict is not None:
                break
            if reason is not None:
                verdict = reason
                channels.kill()
                channels.content.clear()
                channels.speaking.discard(channels.answer)
                limit = time.monotonic() + _KILL_GRACE_S
        return verdict

    def _wait(self, limit: float) -> set[int]:
        poll = select.poll()
        for descriptor in (*self._channels.speaking, self._cancel_read):
            poll.register(descriptor, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll(max(0.0, limit - time.monotonic()) * 1000)}

    def _reason_to_kill(self, heard: set[int]) -> str | None:
        if self._cancel_read in heard:
            os.read(self._cancel_read, _STATUS_BYTES)
            return "RUN_LOST"
        if not heard:
            return "RUN_DEADLINE"
        over = len(self._channels.content) > self._spec.limits.output_bytes + _IPC_FRAMING_BYTES
        return "RUN_OUTPUT_CAP" if over else None

    def _judge(self, verdict: str | None, wall_ms: int) -> RunResult | RunFailed:
        ended = self._channels.ended
        code = verdict or _code_of(ended)
        if code is None and ended is not None:
            try:
                table = wire.table(bytes(self._channels.content), self._spec.columns, self._spec.limits.rows)
            except wire.AnswerRefused as refused:
                return self._failed(refused.code)
            usage = RunUsage(wall_ms=wall_ms, cpu_ms=ended.cpu_ms, peak_memory_bytes=ended.peak)
            return RunResult(self._spec.job, self._spec.attempt, table, usage, self._isolation.level, self._isolation.layers)
        return self._failed(code or "RUN_LOST")

    def _failed(self, code: str) -> RunFailed:
        return RunFailed(self._spec.job, self._spec.attempt, code)


def _code_of(ended: Ended | None) -> str | None:
    """Return the code for a sandbox that ended by itself; None where it ended well.

    A SIGKILL that was not ours means that the process was lost; spent processor time is a deadline like any other; every
    other signal is a crash of the engine.
    """
    if ended is None or ended.exit == -signal.SIGKILL:
        return "RUN_LOST"
    if ended.exit == -signal.SIGXCPU:
        return "RUN_DEADLINE"
    return None if ended.exit == codes.OK else codes.RUN_CODES.get(ended.exit, "RUN_FAILED")

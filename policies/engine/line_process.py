"""A small program of our own in a process that can be killed: one JSON line in, one JSON line out."""

import json
import select
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from sandbox.kernel.canonical import Json


class LineProcess:
    """One long-lived process, started when first asked and replaced when it is gone. Safe to share between threads.

    Args:
        program: a file that Python runs isolated from paths and environment.
        deadline_s: wall time for one answer.

    """

    def __init__(self, program: Path, deadline_s: float) -> None:
        self._program, self._deadline_s = program, deadline_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def ask(self, message: Mapping[str, Json]) -> object:
        """Return the answer, or None when the process died of the message or was late; it is then replaced."""
        with self._lock:
            if self._process is not None and self._process.poll() is not None:
                self._stop()
            answer = self._exchange(self._process or self._start(), json.dumps(message) + "\n")
            if answer is None:
                self._stop()
            return answer

    def close(self) -> None:
        """Stop the process."""
        with self._lock:
            self._stop()

    def _exchange(self, process: "subprocess.Popen[str]", line: str) -> object:
        if process.stdin is None or process.stdout is None:
            return None
        try:
            process.stdin.write(line)
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], self._deadline_s)
            answer = process.stdout.readline() if ready else ""
        except OSError:
            return None
        return json.loads(answer) if answer.endswith("\n") else None

    def _start(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(  # noqa: S603 - our own program, isolated from paths and environment
            [sys.executable, "-I", str(self._program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={},
            close_fds=True,
        )
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                _close(pipe)


def _close(pipe: IO[str]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # unsent bytes to a process that is gone

"""A checker in a process of its own, so that a text which kills it, or holds it for ever, is one more finding."""

import json
import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fuzz.case import Case, Outcome

ROOT = Path(__file__).parents[2]
DEADLINE_S = 30.0
"""Wall time for one case with all its checks, on a busy machine."""


class Child:
    """One checker; a new one takes the place of one that died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            self._stop(self._process)

    def ask(self, case: Case) -> Outcome:
        """Return what came of a case."""
        self.send(case)
        return self.receive()

    def send(self, case: Case) -> None:
        """Hand over a case; the checker is at work while the caller makes the next one."""
        process = self._process or self._start()
        if process.stdin is None:
            raise TypeError("the checker has no input")
        try:
            process.stdin.write(json.dumps(case.as_json()) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return  # `receive` finds out how it died

    def receive(self) -> Outcome:
        """Return what came of the case that was sent last."""
        process = self._process
        if process is None or process.stdout is None:
            raise TypeError("nothing was sent")
        ready, _, _ = select.select([process.stdout], [], [], DEADLINE_S)
        line = process.stdout.readline() if ready else ""
        if line.endswith("\n"):
            return Outcome.read(json.loads(line))
        if not ready:
            process.kill()
        code = process.wait()
        self._stop(process)
        return Outcome(failure=f"the checker dies with {code}" if ready else "the checker never answers")

    def _start(self) -> "subprocess.Popen[str]":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.checker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
        )
        return self._process

    def _stop(self, process: "subprocess.Popen[str]") -> None:
        self._process = None
        if process.stdin is not None and process.stdout is not None:
            try:
                process.stdin.close()
            except BrokenPipeError:
                process.kill()
            process.wait()
            process.stdout.close()

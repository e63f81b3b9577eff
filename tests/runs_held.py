"""A runtime whose runs last until a test lets them go or somebody kills them; it reads no extract."""

import threading
from dataclasses import dataclass, field

from sandbox.isolation.port import IsolationReport, RunFailed
from sandbox.kernel.run import RunSpec

LONGEST_S = 60.0


@dataclass
class HeldRun:
    """One run: RUN_LOST where it was cancelled, RUN_FAILED where it was let go."""

    spec: RunSpec
    ended: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def result(self) -> RunFailed:
        assert self.ended.wait(LONGEST_S)
        return RunFailed(self.spec.job, self.spec.attempt, "RUN_LOST" if self.cancelled.is_set() else "RUN_FAILED")

    def cancel(self) -> None:
        self.cancelled.set()
        self.ended.set()

    def let_go(self) -> None:
        self.ended.set()


class HeldRuns:
    """The runtime; `begun` holds its runs in order."""

    name = "held"

    def __init__(self) -> None:
        self.begun: list[HeldRun] = []

    def spec(self, job: str) -> RunSpec:
        """Return an order that asks for nothing."""
        return RunSpec(job, 1, "", (), (), {})

    def probe(self) -> IsolationReport:
        return IsolationReport(self.name, 1, (), ())

    def start(self, spec: RunSpec) -> HeldRun:
        self.begun.append(HeldRun(spec))
        return self.begun[-1]

    def close(self) -> None:
        for run in self.begun:
            run.cancel()

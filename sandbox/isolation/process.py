"""The `process` runtime: a zygote forks one fresh, confined process per run. Levels 1 and 2."""

import os
import tempfile
import threading
from typing import Final

from sandbox.isolation import levels, wire
from sandbox.isolation.decoys import planted
from sandbox.isolation.digests import DigestCheck
from sandbox.isolation.port import IsolationReport, RunFailed
from sandbox.isolation.supervise import Supervision
from sandbox.isolation.zygote_link import ZygoteLink
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import Limits, RunResult, RunSpec

NOBODY: Final = 65534
PROBE_LIMITS: Final = Limits(wall_s=60, cpu_s=60, memory_bytes=256 << 20, scratch_bytes=16 << 20)


class ProcessHandle:
    """One run under way; see `RunHandle`."""

    def __init__(self, spec: RunSpec, supervision: Supervision, report: IsolationReport) -> None:
        self._spec, self._supervision, self._report = spec, supervision, report

    def result(self) -> RunResult | RunFailed:
        """Wait for the run to end and return its outcome."""
        finished = self._supervision.wait()
        if finished.code is not None:
            return self._failed(finished.code)
        try:
            table = wire.table(finished.content, self._spec.columns, self._spec.limits.rows)
        except wire.AnswerRefused as refused:
            return self._failed(refused.code)
        return RunResult(self._spec.job, self._spec.attempt, table, finished.usage, self._report.level, self._report.layers)

    def cancel(self) -> None:
        """Kill the run; its result is then RUN_LOST."""
        self._supervision.cancel()

    def _failed(self, code: str) -> RunFailed:
        return RunFailed(self._spec.job, self._spec.attempt, code)


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
        self._required, self._wanted = required_level, level
        self._ground = wire.Ground(identity if os.geteuid() == 0 else None, scratch_root or tempfile.gettempdir())
        self._link = ZygoteLink()
        self._digests = DigestCheck()
        self._report: IsolationReport | None = None
        self._lock = threading.Lock()

    def probe(self) -> IsolationReport:
        """Try every layer in throw-away processes; see `IsolationRuntime.probe`."""
        with self._lock:
            if self._report is None:
                self._report = self._examined()
        if self._report.level < self._required:
            raise levels.below(self._report, self._required)
        return self._report

    def start(self, spec: RunSpec) -> ProcessHandle:
        """Start one run in a fresh sandbox; see `IsolationRuntime.start`."""
        report = self.probe()
        identities = tuple(self._digests.verify(extract) for extract in spec.extracts)
        order = wire.order(spec, identities, report.layers, self._ground)
        return ProcessHandle(spec, Supervision(spec.limits, self._link.dispatch(order)), report)

    def attack(self, layers: tuple[str, ...], setup: wire.ProbeSetup, limits: Limits = PROBE_LIMITS) -> wire.ProbeOutcome:
        """Run the hostile probes under `layers` alone in a throw-away sandbox and return {probe: stopped}.

        Raises:
            YuneiError: UNAVAILABLE where the throw-away sandbox does not end well.

        """
        order = wire.probe_order(layers, setup, limits, self._ground)
        finished = Supervision(limits, self._link.dispatch(order)).wait()
        if finished.code is not None:
            raise YuneiError("UNAVAILABLE")
        return wire.probe_outcome(finished.content)

    def close(self) -> None:
        """End the zygote; runs under way end by themselves or at their deadline."""
        self._link.close()

    def _examined(self) -> IsolationReport:
        report = levels.reached(self._holds, self._wanted)
        if report.level == 0:
            return report
        with planted(PROBE_LIMITS) as setup:
            return levels.attacked(report, self.attack(report.layers, setup, PROBE_LIMITS))

    def _holds(self, layers: tuple[str, ...]) -> bool:
        """Say whether a process can put all of `layers` on."""
        order = wire.probe_order(layers, {}, PROBE_LIMITS, self._ground)
        return Supervision(PROBE_LIMITS, self._link.dispatch(order)).wait().code is None

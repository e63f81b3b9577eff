"""The `process` runtime: a zygote forks one fresh, confined process per run. Levels 1 to 3."""

import os
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Final
from uuid import uuid4

from sandbox.isolation import levels, wire
from sandbox.isolation.decoys import planted
from sandbox.isolation.digests import DigestCheck
from sandbox.isolation.port import IsolationReport, RunFailed
from sandbox.isolation.supervise import Finished, Supervision
from sandbox.isolation.zygote_link import ZygoteLink
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import Limits, RunResult, RunSpec

NOBODY: Final = 65534
PROBE_LIMITS: Final = Limits(wall_s=60, cpu_s=60, memory_bytes=64 << 20, scratch_bytes=16 << 20)


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
        required_level: lowest level at which runs are taken; 0 takes none but lets the doctor look.
        level: the level to use; by default the highest that this machine gives.
        scratch_root: directory for the scratch space of level 1, which `identity` can enter; above, scratch is in memory.
        identity: uid and gid that a job takes on when the service runs as root.

    """

    name = "process"

    def __init__(
        self, *, required_level: int = 2, level: int | None = None, scratch_root: str | None = None, identity: int = NOBODY
    ) -> None:
        self._required, self._wanted = required_level, level
        self._identity = identity if os.geteuid() == 0 else None
        self._scratch_root = scratch_root or tempfile.gettempdir()
        self._link = ZygoteLink()
        self._digests = DigestCheck()
        self._report: IsolationReport | None = None
        self._probing = threading.Lock()
        self._lock = threading.Lock()
        self._running: weakref.WeakSet[Supervision] = weakref.WeakSet()

    def probe(self) -> IsolationReport:
        """Try every layer in throw-away processes; see `IsolationRuntime.probe`."""
        with self._probing:
            if self._report is None:
                self._report = self._examined()
        if self._report.level < self._required:
            raise levels.below(self._report, self._required)
        return self._report

    def start(self, spec: RunSpec) -> ProcessHandle:
        """Start one run in a fresh sandbox; see `IsolationRuntime.start`."""
        report = self.probe()
        identities = tuple(self._digests.verify(extract) for extract in spec.extracts)
        ground = self._ground(report.layers)
        return ProcessHandle(spec, self._supervised(wire.order(spec, identities, ground), spec.limits, ground), report)

    def attack(self, layers: tuple[str, ...], setup: wire.ProbeSetup, limits: Limits = PROBE_LIMITS) -> wire.ProbeOutcome:
        """Run the hostile probes under `layers` alone in a throw-away sandbox and return {probe: stopped}.

        Raises:
            YuneiError: UNAVAILABLE where the throw-away sandbox does not end well.

        """
        finished = self._thrown_away(layers, setup, limits)
        if finished.code is not None:
            raise YuneiError("UNAVAILABLE")
        return wire.probe_outcome(finished.content)

    def close(self) -> None:
        """Kill every run and end the zygote."""
        self._link.close()
        with self._lock:
            running = tuple(self._running)
        for supervision in running:
            supervision.cancel()
            supervision.wait()

    def _examined(self) -> IsolationReport:
        report = levels.reached(self._holds, self._wanted)
        if report.level == 0:
            return report
        with planted(PROBE_LIMITS) as setup:
            return levels.attacked(report, self.attack(report.layers, setup))

    def _holds(self, layers: tuple[str, ...]) -> bool:
        """Say whether a process can put all of `layers` on."""
        return self._thrown_away(layers, {}, PROBE_LIMITS).code is None

    def _thrown_away(self, layers: tuple[str, ...], setup: wire.ProbeSetup, limits: Limits) -> Finished:
        ground = self._ground(layers)
        return self._supervised(wire.probe_order(setup, limits, ground), limits, ground).wait()

    def _ground(self, layers: tuple[str, ...]) -> wire.Ground:
        return wire.Ground(layers, self._identity, str(Path(self._scratch_root, f"yunei-{uuid4().hex}")))

    def _supervised(self, order: bytes, limits: Limits, ground: wire.Ground) -> Supervision:
        supervision = Supervision(limits, self._link.dispatch(order), Path(ground.place))
        with self._lock:
            self._running.add(supervision)
        return supervision

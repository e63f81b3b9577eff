"""A runtime whose runs can be stopped by the name of their job, also between two runs of it."""

import threading

from sandbox.isolation.port import IsolationReport, IsolationRuntime, RunHandle
from sandbox.kernel.run import RunSpec


class StoppableRuntime:
    """Passes everything on, and remembers which run of which job is under way."""

    def __init__(self, runtime: IsolationRuntime) -> None:
        self._runtime, self.name = runtime, runtime.name
        self._lock = threading.Lock()
        self._runs: dict[str, RunHandle] = {}
        self._stopped: set[str] = set()

    def probe(self) -> IsolationReport:
        """See `IsolationRuntime.probe`."""
        return self._runtime.probe()

    def start(self, spec: RunSpec) -> RunHandle:
        """Start a run, see `IsolationRuntime.start`; that of a stopped job ends at once as RUN_LOST."""
        handle = self._runtime.start(spec)
        with self._lock:
            self._runs[spec.job] = handle
            stopped = spec.job in self._stopped
        if stopped:
            handle.cancel()
        return handle

    def stop(self, job: str) -> None:
        """Kill what runs for a job, and whatever is started for it before it is forgotten."""
        with self._lock:
            self._stopped.add(job)
            handle = self._runs.get(job)
        if handle is not None:
            handle.cancel()

    def stopped(self, job: str) -> bool:
        """Tell whether a job was stopped and not yet forgotten."""
        with self._lock:
            return job in self._stopped

    def forget(self, job: str) -> None:
        """Let go of a job that has ended."""
        with self._lock:
            self._runs.pop(job, None)
            self._stopped.discard(job)

    def close(self) -> None:
        """See `IsolationRuntime.close`."""
        self._runtime.close()

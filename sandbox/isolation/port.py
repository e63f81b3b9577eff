"""What every isolation runtime promises: one fresh sandbox per run, a result or a closed code, never the engine's text."""

from dataclasses import dataclass
from typing import Protocol

from sandbox.kernel.run import RunResult, RunSpec


@dataclass(frozen=True)
class RunFailed:
    """A run that gave no table.

    `code` is one of RUN_FAILED, RUN_DEADLINE, RUN_MEMORY, RUN_SCRATCH_FULL, RUN_OUTPUT_CAP, RUN_LOST,
    ISOLATION_BELOW_REQUIRED.
    """

    job: str
    attempt: int
    code: str


@dataclass(frozen=True)
class MissingLayer:
    """A layer that this machine does not give, and what its administrator can do."""

    layer: str
    fix: str


@dataclass(frozen=True)
class IsolationReport:
    """What a runtime really reached: each layer was put on in a throw-away process, not read from configuration.

    `through` names the hostile probes that the reached level did not stop although it must; it makes the level 0.
    """

    runtime: str
    level: int
    layers: tuple[str, ...]
    missing: tuple[MissingLayer, ...]
    through: tuple[str, ...] = ()


class RunHandle(Protocol):
    """One run under way."""

    def result(self) -> RunResult | RunFailed:
        """Wait for the run to end, at most its wall deadline and a short grace, and return its outcome."""
        ...

    def cancel(self) -> None:
        """Kill the run; its result is then RUN_LOST. Does nothing once it has ended."""
        ...


class IsolationRuntime(Protocol):
    """Runs generated SQL in sandboxes. Safe to call from several threads."""

    name: str

    def probe(self) -> IsolationReport:
        """Try every layer in throw-away processes and report what holds.

        Raises:
            YuneiError: ISOLATION_BELOW_REQUIRED where the reached level is below the required one.

        """
        ...

    def start(self, spec: RunSpec) -> RunHandle:
        """Start one run in a fresh sandbox.

        Raises:
            YuneiError: ISOLATION_BELOW_REQUIRED; SUPPLY_FAILED where an extract is not the file that `spec` pins.

        """
        ...

    def close(self) -> None:
        """Kill every run and release all processes and descriptors."""
        ...

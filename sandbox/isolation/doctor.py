"""Finds out what isolation this machine really gives: hostile probes in throw-away sandboxes, layer by layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.isolation.child.codes import CGROUPS, NAMESPACES, ROOT
from sandbox.isolation.decoys import planted
from sandbox.isolation.port import MissingLayer
from sandbox.isolation.process import PROBE_LIMITS, ProcessRuntime
from sandbox.isolation.wire import ProbeOutcome
from sandbox.kernel.canonical import Json

ALONE: Final[Mapping[str, tuple[str, ...]]] = {
    "ordinary_user": (),
    "namespaces": NAMESPACES,
    ROOT: ("user_namespace", "mount_namespace", ROOT),
    "no_capabilities": ("no_capabilities",),
    "rlimits": ("rlimits",),
    "landlock": ("no_new_privs", "landlock"),
    "seccomp": ("no_new_privs", "seccomp"),
    "cgroups": CGROUPS,
}
"""What may stop a probe → the layers that are put on to see whether it does so alone."""

HYGIENE: Final[Mapping[str, str]] = {"inherited_environment": "empty_environment", "leftover_descriptors": "closed_descriptors"}
"""Probes that find nothing because of how every sandbox is started, whatever its layers."""


@dataclass(frozen=True)
class ProbeFinding:
    """One hostile probe: whether the full sandbox stopped it, and what stops it alone."""

    name: str
    stopped: bool
    by: tuple[str, ...]

    def as_json(self) -> Json:
        """Return the finding as the doctor prints it."""
        return {"name": self.name, "stopped": self.stopped, "by": ", ".join(self.by)}


@dataclass(frozen=True)
class DoctorReport:
    """The level reached, its layers, what each probe met, and what is missing for the next level."""

    level: int
    layers: tuple[str, ...]
    probes: tuple[ProbeFinding, ...]
    missing: tuple[MissingLayer, ...]

    def as_json(self) -> Json:
        """Return the report for `yunei doctor --json`."""
        return {
            "level": self.level,
            "layers": list(self.layers),
            "probes": [probe.as_json() for probe in self.probes],
            "missing": [{"layer": missing.layer, "fix": missing.fix} for missing in self.missing],
        }


def examine(runtime: ProcessRuntime | None = None) -> DoctorReport:
    """Probe this machine; takes a few seconds, starts only processes that end with it.

    Args:
        runtime: the runtime to examine; by default one of its own that asks for no level.

    Raises:
        YuneiError: UNAVAILABLE where no sandbox can be started at all.

    """
    if runtime is not None:
        return _examined(runtime)
    own = ProcessRuntime(required_level=0)
    try:
        return _examined(own)
    finally:
        own.close()


def _examined(runtime: ProcessRuntime) -> DoctorReport:
    reached = runtime.probe()
    with planted(PROBE_LIMITS) as setup:
        full = runtime.attack(reached.layers, setup)
        alone = {name: runtime.attack(layers, setup) for name, layers in ALONE.items() if set(layers) <= set(reached.layers)}
    findings = tuple(ProbeFinding(name, stopped, credited(name, stopped, alone)) for name, stopped in full.items())
    return DoctorReport(reached.level, reached.layers, findings, reached.missing)


def credited(probe: str, stopped: bool, alone: Mapping[str, ProbeOutcome]) -> tuple[str, ...]:
    """Name what stops `probe` by itself.

    What an ordinary user may not do anyway is credited to that alone, because every layer then seems to stop it.
    """
    if not stopped:
        return ()
    if alone["ordinary_user"][probe]:
        return (HYGIENE.get(probe, "ordinary_user"),)
    return tuple(name for name, outcome in alone.items() if outcome[probe]) or ("combination",)

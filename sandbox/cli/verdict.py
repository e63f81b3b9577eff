"""How a verdict reads in a terminal."""

from collections.abc import Mapping

from sandbox.cli.output import facts, finding_line, line
from sandbox.kernel.canonical import Json

_SHOWN = ("protection", "output", "review", "budget")


def show(verdict: Mapping[str, Json]) -> None:
    """Print whether it is allowed, each finding with its place and advice, and what it would cost."""
    line("allowed" if verdict["allowed"] else "refused")
    findings = verdict.get("findings")
    for finding in findings if isinstance(findings, (list, tuple)) else ():
        if isinstance(finding, Mapping):
            line(f"  {finding_line(finding)}")
    facts({name: verdict[name] for name in _SHOWN if verdict.get(name) is not None})

"""How a verdict reads in a terminal."""

from collections.abc import Iterator, Mapping

from sandbox.cli.output import finding_line, line
from sandbox.kernel.canonical import Json


def show(verdict: Mapping[str, Json]) -> None:
    """Print whether it is allowed, each finding with its place and advice, what it costs and how exact it will be."""
    line("allowed" if verdict["allowed"] else "refused")
    findings = verdict.get("findings")
    for finding in findings if isinstance(findings, (list, tuple)) else ():
        if isinstance(finding, Mapping):
            line(f"  {finding_line(finding)}")
    for text in _terms(verdict):
        line(f"  {text}")


def _terms(verdict: Mapping[str, Json]) -> Iterator[str]:
    protection, review = verdict.get("protection"), verdict.get("review")
    if isinstance(protection, Mapping):
        yield f"costs ε = {protection.get('epsilon')} at δ = {protection.get('delta')}"
        errors = protection.get("expected_error")
        for column, error in errors.items() if isinstance(errors, Mapping) else ():
            yield (
                f"{column}: " + ", ".join(f"{name} {size}" for name, size in error.items())
                if isinstance(error, Mapping)
                else column
            )
    if isinstance(review, Mapping):
        yield f"review: {review.get('route')}"
    if verdict.get("code") is not None:
        yield str(verdict["code"])

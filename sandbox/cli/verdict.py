"""How a verdict reads in a terminal."""

from collections.abc import Iterator, Mapping, Sequence

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
        yield from _errors(protection.get("expected_error"))
    yield from _outlook(verdict.get("preview"))
    if isinstance(review, Mapping):
        yield f"review: {review.get('route')}"
    if verdict.get("code") is not None:
        yield str(verdict["code"])


def _errors(expected: Json) -> Iterator[str]:
    for column, error in expected.items() if isinstance(expected, Mapping) else ():
        sizes = error.items() if isinstance(error, Mapping) else ()
        yield f"{column}: {', '.join(f'{name} {size}' for name, size in sizes)}"


def _strategies(cores: Json) -> Iterator[str]:
    """Say how a person's contribution is bounded, and what the other ways would cost."""
    for core in cores if isinstance(cores, (list, tuple)) else ():
        for option in _list(core.get("options") if isinstance(core, Mapping) else None):
            if isinstance(option, Mapping):
                taken = "takes" if option.get("taken") else "not"
                way = f"{option.get('strategy')} with {option.get('mechanism')}"
                yield f"{taken} {way}: error × {option.get('error')}, engine about {option.get('engine_ms')} ms"


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, (list, tuple)) else ()


def _outlook(preview: Json) -> Iterator[str]:
    """Say what other ε would give, from which size a group shows, and how many such queries are left."""
    if not isinstance(preview, Mapping):
        return
    yield from _strategies(preview.get("strategies"))
    curve = preview.get("curve")
    for point in curve if isinstance(curve, (list, tuple)) else ():
        if isinstance(point, Mapping):
            yield f"at ε = {point.get('epsilon')}: {'; '.join(_errors(point.get('expected_error')))}"
    if preview.get("tau") is not None:
        yield f"a group shows from about {preview['tau']} units"
    yield f"about {preview.get('more')} more queries of this cost fit the budget"

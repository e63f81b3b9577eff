"""`yunei bench`: what this installation is, measured."""

from typing import Annotated

import typer

from sandbox.cli.exits import Exit
from sandbox.cli.output import JsonFlag, emit, line, table

app = typer.Typer(no_args_is_help=True, help="Measurements of the product itself.")


@app.callback()
def group() -> None:
    """Measurements of the product itself; no city's data are read."""


@app.command("privacy-audit")
def privacy_audit(
    runs: Annotated[int, typer.Option("--runs", min=1000, help="Releases on either side of each case.")] = 50_000,
    case: Annotated[list[str] | None, typer.Option("--case", help="Only this case; may be repeated.")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Release the worst pairs of neighbouring data sets again and again and tell what an attacker can prove.

    Bounds are lower ones (Clopper-Pearson) at confidence 1 - 10^-6. Passes where none is above its claim.
    """
    from sandbox.isolation.process import ProcessRuntime
    from sandbox.jobs.privacy_audit.cases import CASES
    from sandbox.jobs.privacy_audit.service import audited
    from sandbox.kernel.errors import YuneiError

    chosen = [one for one in CASES if not case or one.name in case]
    if case and len(chosen) != len(set(case)):
        raise YuneiError("MALFORMED", options=["--case"])
    runtime = ProcessRuntime(required_level=1)
    found = []
    try:
        for one in chosen:
            found.append(audited(one, runs, runtime))
            if not as_json:
                line(f"{'passed' if found[-1].passed else 'FAILED'}: {one.name}")
    finally:
        runtime.close()
    if as_json:
        emit({"runs": runs, "cases": [one.as_json() for one in found], "passed": all(one.passed for one in found)})
    else:
        table(
            ("case", "ε claimed", "ε ≥", "ρ claimed", "ρ ≥", "δ claimed", "δ ≥", "CPU s"),
            [
                (
                    one.name,
                    f"{one.claimed_epsilon:.3f}",
                    f"{one.shown.epsilon:.3f}",
                    f"{float(one.claimed_rho):.4f}",
                    f"{one.shown.rho:.4f}",
                    f"{float(one.claimed_delta):.1e}",
                    f"{one.shown_delta:.1e}",
                    f"{one.cpu_s:.0f}",
                )
                for one in found
            ],
        )
    raise typer.Exit(Exit.DONE if all(one.passed for one in found) else Exit.REFUSED)

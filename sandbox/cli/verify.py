"""`yunei verify`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.exits import Exit
from sandbox.cli.output import JsonFlag, emit, line, table
from sandbox.kernel.errors import YuneiError

Bundle = Annotated[Path, typer.Argument(help="The release package.")]
Trust = Annotated[Path, typer.Option("--trust", help="Trust file of `yunei keys export`, obtained by a way of its own.")]

_ZIP = b"PK\x03\x04"


def verify(bundle: Bundle, trust: Trust, *, as_json: JsonFlag = False) -> None:
    """Check a release package offline: signatures, inclusion in the log, digests, the privacy cost recomputed.

    Exit codes: 0 it passed; 1 it did not; 2 there is no package or trust file to read.
    """
    from egress.release.verify import verify as check

    package = _read(bundle)
    if not package.startswith(_ZIP):
        raise YuneiError("MALFORMED", file=bundle.name)
    report = check(package, _trust(trust))
    if as_json:
        emit(report.as_json())
    else:
        table(("step", "verdict", "reason"), [(step.name, step.verdict, step.reason) for step in report.steps])
        line("passed" if report.passed else "NOT PASSED")
    raise typer.Exit(Exit.DONE if report.passed else Exit.REFUSED)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise YuneiError("MALFORMED", file=path.name) from None


def _trust(path: Path) -> dict[str, str]:
    """Read name → base64 of the 32 public bytes; anything else is no trust file."""
    try:
        read = json.loads(_read(path))
    except ValueError:
        raise YuneiError("MALFORMED", file=path.name) from None
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        raise YuneiError("MALFORMED", file=path.name)
    return read

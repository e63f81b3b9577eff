"""`yunei doctor`."""

import typer

from sandbox.cli.exits import Exit
from sandbox.cli.local import read_settings
from sandbox.cli.output import JsonFlag, emit, line, table


def doctor(*, as_json: JsonFlag = False) -> None:
    """Attack throw-away sandboxes and tell what isolation this machine really gives, and the fix for what is missing.

    Passes where the level reaches the one required and every probe was stopped.
    """
    from sandbox.isolation.doctor import examine

    required = read_settings().required_level
    report = examine()
    if as_json:
        emit(report.as_json())
    else:
        line(f"level {report.level} (required {required}): {', '.join(report.layers)}")
        table(
            ("probe", "stopped", "by"),
            [(probe.name, "yes" if probe.stopped else "NO", ", ".join(probe.by)) for probe in report.probes],
        )
        for missing in report.missing:
            line(f"missing {missing.layer}: {missing.fix}")
    passed = report.level >= required and all(probe.stopped for probe in report.probes)
    raise typer.Exit(Exit.DONE if passed else Exit.REFUSED)

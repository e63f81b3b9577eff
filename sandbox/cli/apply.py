"""`yunei apply`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.local import services
from sandbox.cli.output import JsonFlag, emit, line, table, titles
from sandbox.cli.progress import told
from tenants.model import SYSTEM_ACTOR

Directory = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="organisations.yaml, catalog/, policies/, data/ …")]
Check = Annotated[bool, typer.Option("--check", help="Only read and check; apply nothing.")]
SignedText = Annotated[
    bool, typer.Option("--signed-text", help="Print the text that two administrators sign, to apply after what was applied last.")
]


def apply(directory: Directory, *, check: Check = False, signed_text: SignedText = False, as_json: JsonFlag = False) -> None:
    """Bring in organisations, people, catalog, agreements, policies, budgets and data: whole or not at all.

    The same directory a second time changes nothing.
    """
    if signed_text:
        from sandbox.jobs.apply_signed import last_step, next_step, tree_digest

        with services() as container, container.db.read() as tx:
            step = next_step(tree_digest(directory), last_step(tx, container.audit))
        sys.stdout.write(step.text.decode())
        return
    from sandbox.jobs import apply as use_case

    if check:
        use_case.read_declaration(directory)
        emit({"valid": True}) if as_json else line("valid")
        return
    with services() as container, told(quiet=as_json) as progress:
        report = use_case.apply(container, directory, SYSTEM_ACTOR, progress, container.history)
    if as_json:
        emit(report.as_json())
    else:
        kinds = dict.fromkeys((*report.declared, *report.changed))
        table(
            ("", "declared", "changed"), [(kind, report.declared.get(kind), len(report.changed.get(kind, ()))) for kind in kinds]
        )
        for policy, simulation in report.simulated.items():
            line(f"{policy}: {titles(simulation.text)}")
        for name, counts in report.quarantined.items():
            line(f"{name}: {counts['rows']} rows set aside in quarantine")

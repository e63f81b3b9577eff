"""`yunei apply`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.local import services
from sandbox.cli.output import JsonFlag, emit, line, printable, table
from tenants.model import SYSTEM_ACTOR

Directory = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="organisations.yaml, catalog/, policies/, data/ …")]
Check = Annotated[bool, typer.Option("--check", help="Only read and check; apply nothing.")]
SignedText = Annotated[bool, typer.Option("--signed-text", help="Print the text that two administrators sign for production.")]


def apply(directory: Directory, *, check: Check = False, signed_text: SignedText = False, as_json: JsonFlag = False) -> None:
    """Bring in organisations, people, catalog, agreements, policies, budgets and data: whole or not at all.

    The same directory a second time changes nothing.
    """
    if signed_text:
        from sandbox.jobs import apply_signed

        sys.stdout.write(apply_signed.signed_text(apply_signed.tree_digest(directory)).decode())
        return
    from sandbox.jobs import apply as use_case

    if check:
        use_case.read_declaration(directory)
        emit({"valid": True}) if as_json else line("valid")
        return
    with services() as container:
        report = use_case.apply(container, directory, SYSTEM_ACTOR, _quiet if as_json else _tell)
    if as_json:
        emit(report.as_json())
    else:
        kinds = dict.fromkeys((*report.declared, *report.changed))
        table(
            ("", "declared", "changed"), [(kind, report.declared.get(kind), len(report.changed.get(kind, ()))) for kind in kinds]
        )


def _tell(step: str, subject: str) -> None:
    sys.stderr.write(printable(f"{step} {subject}") + "\n")


def _quiet(_step: str, _subject: str) -> None:
    """Keep stdout and stderr to the documents alone."""

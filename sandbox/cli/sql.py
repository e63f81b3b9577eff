"""`yunei sql`: dry runs over the HTTP API."""

from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli import plot as picture
from sandbox.cli.exits import Exit
from sandbox.cli.output import JsonFlag, emit
from sandbox.cli.query import (
    Agreement,
    Caps,
    Environment,
    Epsilon,
    Parameters,
    Purpose,
    SqlFile,
    SqlText,
    Weights,
    Wishes,
    query_of,
    sql_of,
)
from sandbox.cli.remote import connect
from sandbox.cli.verdict import show

Plot = Annotated[Path | None, typer.Option("--plot", help="Draw expected error against ε into this .svg or .png.")]
app = typer.Typer(no_args_is_help=True, help="Dry runs.")


@app.callback()
def group() -> None:
    """Dry runs: what would happen to a query, from public metadata alone."""


@app.command()
def check(  # noqa: PLR0913, PLR0917 - the fields of the API
    context: typer.Context,
    agreement: Agreement,
    purpose: Purpose,
    env: Environment = "dev",
    sql: SqlText = None,
    sql_file: SqlFile = None,
    epsilon: Epsilon = None,
    param: Parameters = None,
    cap: Caps = None,
    weight: Weights = None,
    plot: Plot = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Say whether a query is allowed, how it would be protected and what it would cost. Charges nothing."""
    if plot is not None:
        picture.check_target(plot)
    query = query_of((agreement, purpose, env), sql_of(sql, sql_file), param, Wishes(epsilon, cap, weight))
    with connect(context) as client:
        verdict = client.check(query)
    emit(verdict) if as_json else show(verdict)
    if plot is not None and verdict["allowed"]:  # last, so that a picture that cannot be drawn hides no verdict
        picture.draw(picture.lines_of(verdict), plot)
    raise typer.Exit(Exit.DONE if verdict["allowed"] else Exit.REFUSED)

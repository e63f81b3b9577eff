"""`yunei token`."""

import sys
from typing import Annotated

import typer

from sandbox.cli.local import services
from sandbox.cli.output import JsonFlag, emit, line

app = typer.Typer(no_args_is_help=True, help="Access tokens: create, revoke.")

Person = Annotated[str, typer.Option("--person", help="Whose token it is.")]
Scopes = Annotated[
    list[str] | None, typer.Option("--scope", help="What it carries; again for more. All of the person's by default.")
]
Days = Annotated[int, typer.Option("--days", min=1, max=366, help="Its life in days.")]


@app.command()
def create(person: Person, scope: Scopes = None, days: Days = 30, *, as_json: JsonFlag = False) -> None:
    """Print a new token, this once; only its hash is kept."""
    with services() as container:
        text = container.tenants.issue_token(person, frozenset(scope) if scope else None, days)
    emit({"token": text}) if as_json else line(text)


@app.command()
def revoke(
    token: Annotated[
        str | None, typer.Argument(help="The token's identifier (tok-…); its text is read from stdin instead.")
    ] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """End a token at once."""
    name = token or sys.stdin.readline().strip()
    with services() as container:
        revoked = container.tenants.revoke(name)
    emit({"revoked": revoked}) if as_json else line("revoked" if revoked else "was revoked already")

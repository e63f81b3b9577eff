"""`yunei agreements`, over the HTTP API."""

from typing import Annotated

import typer

from sandbox.cli.output import JsonFlag, emit, facts, rows_of, table
from sandbox.cli.remote import After, Limit, connect

app = typer.Typer(no_args_is_help=True, help="Service agreements: list, suspend, resume, end.")

Agreement = Annotated[str, typer.Argument(help="agr-…")]
Reason = Annotated[str, typer.Option("--reason", help="Why supervision acts; it is logged.")]


@app.command("list")
def list_agreements(context: typer.Context, after: After = None, limit: Limit = 20, *, as_json: JsonFlag = False) -> None:
    """List the agreements that exist for you."""
    with connect(context) as client:
        page = client.agreements(after, limit)
    if as_json:
        emit(page)
    else:
        fields = ("id", "state", "operator", "application", "from", "until")
        table(("agreement", *fields[1:]), rows_of(page, *fields))


@app.command()
def get(context: typer.Context, agreement: Agreement, *, as_json: JsonFlag = False) -> None:
    """Show one agreement."""
    with connect(context) as client:
        document = client.agreement(agreement)
    emit(document) if as_json else facts(document)


@app.command()
def suspend(context: typer.Context, agreement: Agreement, reason: Reason, *, as_json: JsonFlag = False) -> None:
    """Close access at once, for jobs and for downloads, until it is resumed."""
    _change(context, agreement, "suspend", reason, as_json=as_json)


@app.command()
def resume(context: typer.Context, agreement: Agreement, reason: Reason, *, as_json: JsonFlag = False) -> None:
    """Open access again."""
    _change(context, agreement, "resume", reason, as_json=as_json)


@app.command()
def end(context: typer.Context, agreement: Agreement, reason: Reason, *, as_json: JsonFlag = False) -> None:
    """Close access for good."""
    _change(context, agreement, "end", reason, as_json=as_json)


def _change(context: typer.Context, agreement: str, event: str, reason: str, *, as_json: bool) -> None:
    with connect(context) as client:
        document = client.change_agreement(agreement, event, reason)
    emit(document) if as_json else facts(document)

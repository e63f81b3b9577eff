"""`yunei releases`, over the HTTP API."""

from typing import Annotated

import typer

from sandbox.cli.output import JsonFlag, emit, facts, rows_of, table, write
from sandbox.cli.remote import After, Key, Limit, Output, connect

app = typer.Typer(no_args_is_help=True, help="Releases: manifest, content, package, recall, replay.")

Release = Annotated[str, typer.Argument(help="rel-…")]


@app.command("list")
def list_releases(context: typer.Context, after: After = None, limit: Limit = 20, *, as_json: JsonFlag = False) -> None:
    """List the releases that you may see."""
    with connect(context) as client:
        page = client.releases(after, limit)
    if as_json:
        emit(page)
    else:
        table(("release", "state", "recipient", "released"), rows_of(page, "id", "state", "recipient", "released_at"))


@app.command()
def get(context: typer.Context, release: Release, *, as_json: JsonFlag = False) -> None:
    """Show the signed manifest."""
    with connect(context) as client:
        document = client.manifest(release)
    emit(document) if as_json else facts(document)


@app.command()
def content(
    context: typer.Context,
    release: Release,
    form: Annotated[str, typer.Option("--format", help="csv, parquet, arrow, xlsx or json.")] = "csv",
    output: Output = None,
) -> None:
    """Fetch the released table. Every download is logged."""
    with connect(context) as client:
        write(client.content(release, form), output)


@app.command()
def bundle(context: typer.Context, release: Release, output: Output = None) -> None:
    """Fetch the package that `yunei verify` checks offline."""
    with connect(context) as client:
        write(client.bundle(release), output)


@app.command()
def recall(
    context: typer.Context,
    release: Release,
    reason: Annotated[str, typer.Option("--reason", help="Why it must no longer be used.")],
    key: Key = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Recall a release."""
    with connect(context) as client:
        document = client.recall(release, reason, key)
    emit(document) if as_json else facts(document)


@app.command()
def replay(context: typer.Context, release: Release, key: Key = None, *, as_json: JsonFlag = False) -> None:
    """Demand a replay of a release inside the domain."""
    with connect(context) as client:
        document = client.replay(release, key)
    emit(document) if as_json else facts(document)

"""`yunei reviews`, over the HTTP API."""

from typing import Annotated

import typer

from sandbox.cli.output import JsonFlag, emit, facts, rows_of, table
from sandbox.cli.remote import After, Key, Limit, connect
from sandbox.kernel.errors import YuneiError

app = typer.Typer(no_args_is_help=True, help="Egress reviews: queue, evidence, votes.")

Review = Annotated[str, typer.Argument(help="The release request.")]


@app.command("list")
def list_reviews(context: typer.Context, after: After = None, limit: Limit = 20, *, as_json: JsonFlag = False) -> None:
    """List the release requests that you may review."""
    with connect(context) as client:
        page = client.reviews(after, limit)
    if as_json:
        emit(page)
    else:
        table(("review", "state", "agreement", "opened"), rows_of(page, "id", "state", "agreement", "opened_at"))


@app.command()
def get(context: typer.Context, review: Review, *, as_json: JsonFlag = False) -> None:
    """Show the evidence and its etag, which a vote names. Every view is logged."""
    with connect(context) as client:
        evidence, etag = client.review(review)
    document = {**evidence, "etag": etag.strip('"')}
    emit(document) if as_json else facts(document)


@app.command()
def vote(  # noqa: PLR0913 - the fields of the API
    context: typer.Context,
    review: Review,
    decision: Annotated[str, typer.Option("--decision", help="approve, return or reject.")],
    etag: Annotated[str, typer.Option("--etag", help="The etag of the evidence that you read; the vote binds exactly it.")],
    comment: Annotated[str, typer.Option("--comment", help="Needed to return or reject.")] = "",
    key: Key = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Vote once on a release request."""
    if decision not in {"approve", "return", "reject"}:
        raise YuneiError("MALFORMED", options=["--decision"])
    with connect(context) as client:
        document = client.vote(review, decision, comment, f'"{etag.strip(chr(34))}"', key)
    emit(document) if as_json else facts({name: document.get(name) for name in ("id", "state", "etag")})

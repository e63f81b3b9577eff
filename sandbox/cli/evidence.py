"""`yunei budgets`, `yunei audit` and `yunei lineage`, over the HTTP API."""

import sys
from typing import Annotated

import typer

from sandbox.cli.output import JsonFlag, emit, facts, line, table
from sandbox.cli.remote import Limit, connect
from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError

audit = typer.Typer(no_args_is_help=True, help="The audit log: events, checkpoint, proofs.")


def budgets(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """Show privacy budgets: cap, reserved, spent, left."""
    with connect(context) as client:
        document = client.budgets()
    emit(document) if as_json else facts(document)


def lineage(
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="Any object's identifier.")],
    direction: Annotated[str, typer.Option("--direction", help="up: where it came from; down: what was made of it.")] = "up",
    *,
    as_json: JsonFlag = False,
) -> None:
    """Trace where an object came from, or what was made of it."""
    if direction not in {"up", "down"}:
        raise YuneiError("MALFORMED", options=["--direction"])
    with connect(context) as client:
        document = client.lineage(node, direction)
    emit(document) if as_json else facts(document)


@audit.command()
def events(
    context: typer.Context,
    after: Annotated[int, typer.Option("--after", min=-1, help="Index of the last event read.")] = -1,
    limit: Limit = 20,
    subject: Annotated[str | None, typer.Option("--subject", help="Only events of this object.")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """List audit events in the order of the log."""
    with connect(context) as client:
        page = client.audit_events(after, limit, subject)
    if as_json:
        emit(page)
        return
    items = page["items"]
    openings = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    table(
        ("index", "tick", "event", "subject", "actor"),
        [(one["index"], one["tick"], *_named(one["event"])) for one in openings],
    )


def _named(event: Json) -> tuple[Json, ...]:
    """Name an event; one that an auditor may not open is a leaf and no more."""
    return tuple(event[name] for name in ("type", "subject", "actor")) if isinstance(event, dict) else ("(sealed)",)


@audit.command()
def checkpoint(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """Print the signed head of the log (C2SP tlog-checkpoint)."""
    with connect(context) as client:
        text = client.checkpoint()
    if as_json:
        emit({"checkpoint": text})
    else:
        sys.stdout.write(text)


@audit.command()
def proof(
    context: typer.Context, index: Annotated[int, typer.Argument(min=0, help="The event's index.")], *, as_json: JsonFlag = False
) -> None:
    """Print the inclusion proof of one event (C2SP tlog-proof)."""
    with connect(context) as client:
        text = client.proof(index)
    emit({"proof": text}) if as_json else line(text.rstrip("\n"))

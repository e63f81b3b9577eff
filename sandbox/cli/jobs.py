"""`yunei jobs`, over the HTTP API."""

from collections.abc import Mapping
from typing import Annotated

import typer

from sandbox.cli.exits import Exit
from sandbox.cli.output import JsonFlag, emit, facts, line, rows_of, table
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
from sandbox.cli.remote import After, Key, Limit, connect
from sandbox.kernel.canonical import Json

app = typer.Typer(no_args_is_help=True, help="Jobs: submit, look, wait, cancel, promote.")

PriorityOption = Annotated[str | None, typer.Option("--priority", help="high, normal or low, among your own jobs.")]
DeadlineOption = Annotated[
    int | None, typer.Option("--deadline", min=1, help="Seconds within which the run must have begun; then the job fails.")
]
Job = Annotated[str, typer.Argument(help="job-…")]


@app.command()
def submit(  # noqa: PLR0913, PLR0917 - the fields of the API
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
    priority: PriorityOption = None,
    deadline: DeadlineOption = None,
    key: Key = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Submit a job."""
    query = query_of((agreement, purpose, env), sql_of(sql, sql_file), param, Wishes(epsilon, cap, weight))
    wished = {name: value for name, value in (("priority", priority), ("deadline_s", deadline)) if value is not None}
    with connect(context) as client:
        _show(client.submit({**query, **wished}, key), as_json=as_json)


@app.command("list")
def list_jobs(context: typer.Context, after: After = None, limit: Limit = 20, *, as_json: JsonFlag = False) -> None:
    """List your jobs, newest first."""
    with connect(context) as client:
        page = client.jobs(after, limit)
    if as_json:
        emit(page)
    else:
        table(
            ("job", "state", "environment", "agreement", "created"),
            rows_of(page, "id", "state", "environment", "agreement", "created_at"),
        )


@app.command()
def get(context: typer.Context, job: Job, *, as_json: JsonFlag = False) -> None:
    """Show one job."""
    with connect(context) as client:
        _show(client.job(job), as_json=as_json)


@app.command()
def wait(
    context: typer.Context,
    job: Job,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds.")] = 120.0,
    *,
    final: Annotated[bool, typer.Option("--final", help="Until it has ended, review included.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Wait until a job has ended or waits for review; passes unless it failed, was blocked or came to nothing."""
    from sandbox.jobs.model import JOB

    with connect(context) as client:
        view = client.wait(job, JOB.final if final else JOB.final | {"in_egress"}, timeout)
    _show(view, as_json=as_json)
    raise typer.Exit(Exit.DONE if view["state"] in {"released", "in_egress"} else Exit.REFUSED)


@app.command()
def watch(context: typer.Context, job: Job, *, as_json: JsonFlag = False) -> None:
    """Print the steps of a job as they become visible; one JSON document a line with --json."""
    with connect(context) as client:
        for event in client.job_events(job):
            if as_json:
                emit(event, one_line=True)
            else:
                line(f"{event.get('at', '')} {event.get('type', '')} {event.get('state', '')}")


@app.command()
def cancel(context: typer.Context, job: Job, *, as_json: JsonFlag = False) -> None:
    """Cancel a job."""
    with connect(context) as client:
        _show(client.cancel(job), as_json=as_json)


@app.command()
def promote(context: typer.Context, job: Job, key: Key = None, *, as_json: JsonFlag = False) -> None:
    """Let the SQL of a released dev job run in prod."""
    with connect(context) as client:
        _show(client.promote(job, key), as_json=as_json)


def _show(document: Mapping[str, Json], *, as_json: bool) -> None:
    emit(document) if as_json else facts(document)

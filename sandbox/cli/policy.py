"""`yunei policy`: the dry run offline, a policy's own cases, what a new version changes."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from sandbox.cli.exits import Exit
from sandbox.cli.output import JsonFlag, emit, finding_line, line, rows_of, short, table, titles
from sandbox.cli.query import SqlFile, SqlText, sql_of
from sandbox.cli.remote import connect
from sandbox.cli.verdict import show
from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError

if TYPE_CHECKING:
    from policies.diff import Change
    from policies.grant import Grant
    from sandbox.jobs.cases import CaseOutcome
    from sandbox.jobs.offline import OfflineCheck

app = typer.Typer(no_args_is_help=True, help="Check SQL against a policy, run its cases, compare versions, simulate a new one.")

CatalogPath = Annotated[Path, typer.Option("--catalog", help="A catalog item, or a folder of them.")]
PolicyPath = Annotated[Path, typer.Option("--policy", help="The policy.")]
Lines = Annotated[Path | None, typer.Option("--jsonl", help='Queries, one {"id", "sql", …} per line; - for stdin.')]


@app.command()
def check(
    catalog: CatalogPath,
    policy: PolicyPath,
    sql: SqlText = None,
    sql_file: SqlFile = None,
    jsonl: Lines = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Judge queries as the service would, from documents alone; neither agreement term nor budget is looked at.

    One query: exit code 0 allowed, 1 refused. With --jsonl one verdict per line comes out, and the exit code is 0 when
    every line was a query, whatever the verdicts, and 2 when one was not. Without a query the policy itself is resolved.
    """
    grant = _grant(catalog, policy)
    if jsonl is not None:
        raise typer.Exit(_judge_lines(grant, jsonl))
    if sql is None and sql_file is None:
        emit({"allowed": True, "digest": grant.digest}) if as_json else line(f"resolves: {grant.digest}")
        return
    with _offline(grant) as offline:
        verdict = offline.judge({"sql": sql_of(sql, sql_file)})
    emit(verdict) if as_json else show(verdict)
    raise typer.Exit(Exit.DONE if verdict["allowed"] else Exit.REFUSED)


@app.command("test")
def run_cases(
    directory: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Holds catalog/ and policies/.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Run the cases that policies carry; passes when each has the verdict that it expects."""
    from sandbox.jobs import cases as library

    with _documents():
        outcomes = tuple(library.run_directory(directory))
    passed = all(one.passed for one in outcomes)
    if as_json:
        emit({"passed": passed, "cases": [one.as_json() for one in outcomes]})
    else:
        rows = [
            (one.policy, one.place, one.expected, ", ".join(one.found) or "allowed", "yes" if one.passed else "NO")
            for one in outcomes
        ]
        table(("policy", "case", "expected", "found", "passed"), rows)
        for one in outcomes:
            _explain(one)
    raise typer.Exit(Exit.DONE if passed else Exit.REFUSED)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="The version before.")],
    new: Annotated[Path, typer.Argument(help="The version after.")],
    *,
    catalogs: Annotated[bool, typer.Option("--catalog", help="The two are catalogs: an item, or a folder of them.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what a new version changes, term by term, and whether it is wider or narrower; passes when nothing is wider.

    What cannot be decided counts as wider.
    """
    from policies.diff import diff as policies_differ
    from policies.diff import diff_catalogs, is_wider
    from policies.documents import load_catalog, load_policy

    with _documents():
        if catalogs:
            changes = diff_catalogs(load_catalog(old), load_catalog(new))
        else:
            changes = policies_differ(load_policy(old), load_policy(new))
    wider = is_wider(changes)
    if as_json:
        emit({"wider": wider, "changes": [change.as_json() for change in changes]})
    else:
        _show_changes(changes)
    raise typer.Exit(Exit.REFUSED if wider else Exit.DONE)


@app.command()
def simulate(
    context: typer.Context,
    policy: PolicyPath,
    agreement: Annotated[str | None, typer.Option("--agreement", "-a", help="The policy's own by default.")] = None,
    newest: Annotated[int | None, typer.Option("--newest", min=1, help="Judge this many of the newest jobs.")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Ask the service what a version that is not in force would change for past jobs. Publishes nothing, reads no data."""
    from policies.documents import load_policy

    with _documents():
        proposed = load_policy(policy)
    with connect(context) as client:
        found = client.simulate_policy(agreement or proposed.agreement, proposed.model_dump(mode="json", by_alias=True), newest)
    if as_json:
        emit(found)
        return
    rows = rows_of({"items": found.get("jobs")}, "job", "fate", "before", "after")
    if rows:
        table(("job", "", "before", "after"), [(job, fate, _codes(before), _codes(after)) for job, fate, before, after in rows])
    line(titles(found.get("text")))


def _codes(found: object) -> str:
    """Write codes; none is allowed, and None is that it could not be judged."""
    return ", ".join(map(str, found)) or "allowed" if isinstance(found, (list, tuple)) else "?"


_DIRECTIONS = {"wider": "放宽 / wider", "narrower": "收紧 / narrower", "neutral": "不变 / neutral"}


def _show_changes(changes: "tuple[Change, ...]") -> None:
    if changes:
        rows = [
            (_DIRECTIONS[one.direction], one.path, short(one.before), short(one.after), f"{one.rule.zh} / {one.rule.en}")
            for one in changes
        ]
        table(("", "path", "before", "after", "why"), rows)
    line(f"{len(changes)} changes, {sum(one.direction == 'wider' for one in changes)} wider")


def _explain(outcome: "CaseOutcome") -> None:
    """Say of a case that failed what was found instead, each finding with its place in the SQL and its advice."""
    if outcome.passed:
        return
    line(f"{outcome.policy} case {outcome.place}: expected {outcome.expected}, found {', '.join(outcome.found) or 'allowed'}")
    for finding in outcome.findings:
        line(f"  {finding_line(cast('Mapping[str, Json]', finding.as_json()))}")


def _grant(catalog: Path, policy: Path) -> "Grant":
    from policies.check import load_grant
    from policies.query import Refused

    with _documents():
        grant = load_grant(catalog, policy)
    if isinstance(grant, Refused):
        raise YuneiError("POLICY_REFUSED", findings=[finding.as_json() for finding in grant.findings])
    return grant


@contextmanager
def _documents() -> Iterator[None]:
    """Turn faults of documents into the error that names them all."""
    from policies.documents import DocumentRefusedError

    try:
        yield
    except DocumentRefusedError as error:
        raise YuneiError("DOCUMENT_INVALID", faults=[fault.as_json() for fault in error.faults]) from None


@contextmanager
def _offline(grant: "Grant") -> Iterator["OfflineCheck"]:
    from policies.engine.second_opinion import EngineOpinion
    from policies.reading.parse_trial import ProcessTrial
    from sandbox.jobs.offline import OfflineCheck
    from sandbox.jobs.prepare import Parsers

    with closing(Parsers(ProcessTrial(), EngineOpinion())) as parsers:
        yield OfflineCheck(grant, parsers)


def _judge_lines(grant: "Grant", source: Path) -> Exit:
    usable = True
    with _offline(grant) as offline, _opened(source) as lines:
        for verdict in offline.judge_lines(lines):
            emit(verdict, one_line=True)
            usable = usable and verdict.get("code") != "MALFORMED"
    return Exit.DONE if usable else Exit.UNUSABLE


@contextmanager
def _opened(source: Path) -> Iterator[Iterable[str]]:
    if str(source) == "-":
        yield sys.stdin
        return
    try:
        file = source.open(encoding="utf-8", errors="surrogateescape")
    except OSError:
        raise YuneiError("MALFORMED", options=["--jsonl"]) from None
    with file:
        yield file

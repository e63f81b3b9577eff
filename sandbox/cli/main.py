"""The command `yunei`: thin commands over the services of this machine, and over the HTTP API of any."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from sandbox.cli import agreements, bench, doctor, evidence, jobs, keys, policy, releases, reviews, service, sql, token, verify
from sandbox.cli import apply as apply_command
from sandbox.cli.exits import Exit, exit_of
from sandbox.cli.output import report, report_defect
from sandbox.cli.remote import DEFAULT_URL, Connection, TokenFile, Url
from sandbox.kernel.errors import YuneiError

EPILOG = "Exit codes: 0 done or passed; 1 refused or not passed; 2 unusable input; 3 fault or no answer."

app = typer.Typer(
    name="yunei",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
    help="域内: a compute sandbox for public data. Raw data never leave the domain.",
)


@app.callback()
def root(context: typer.Context, url: Url = DEFAULT_URL, token_file: TokenFile = None) -> None:
    """Remember where the service is, for the commands that speak HTTP."""
    context.obj = Connection(url, token_file)


app.command()(apply_command.apply)
app.add_typer(token.app, name="token")
app.add_typer(policy.app, name="policy")
app.add_typer(keys.app, name="keys")
app.command()(verify.verify)
app.command()(doctor.doctor)
app.add_typer(bench.app, name="bench")
app.command()(service.migrate)
app.command()(service.serve)
app.command()(service.worker)
app.add_typer(agreements.app, name="agreements")
app.add_typer(sql.app, name="sql")
app.add_typer(jobs.app, name="jobs")
app.add_typer(reviews.app, name="reviews")
app.add_typer(releases.app, name="releases")
app.command()(evidence.budgets)
app.add_typer(evidence.audit, name="audit")
app.command()(evidence.lineage)


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def demo(context: typer.Context) -> None:
    """Play the whole path on a synthetic city and verify the release offline (demo --help for its options)."""
    from sandbox.cli.demo import demo as play

    stage = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    stage.command()(play)
    stage(context.args, prog_name="yunei demo")


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with a code of `sandbox.cli.exits`; no failure prints a traceback or a value."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        app(given, prog_name="yunei", standalone_mode=True)
    except YuneiError as error:
        report(error, as_json=as_json)
        raise SystemExit(exit_of(error.code)) from None
    except Exception as error:  # noqa: BLE001 - the last line of defence: whatever it says may quote data
        report_defect(error, as_json=as_json)
        raise SystemExit(Exit.FAULT) from None
    raise SystemExit(Exit.DONE)


if __name__ == "__main__":
    run()

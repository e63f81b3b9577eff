"""`yunei keys`."""

import json

import typer

from sandbox.cli.local import read_settings
from sandbox.cli.output import JsonFlag, write
from sandbox.cli.remote import Output

app = typer.Typer(no_args_is_help=True, help="Signing keys: export the trust file.")


@app.callback()
def group() -> None:
    """Signing keys."""


@app.command()
def export(output: Output = None, *, as_json: JsonFlag = False) -> None:  # noqa: ARG001 - the trust file is JSON either way
    """Write the trust file of `yunei verify`: the public half of every key that signs releases and the log."""
    from egress.release.verify import public_keys
    from sandbox.kernel.keys import KeyRing

    trust = public_keys(KeyRing(read_settings().keys))
    write((json.dumps(trust, indent=2) + "\n").encode(), output)

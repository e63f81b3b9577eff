"""How a command reaches the HTTP API: address and token from the environment or a file, never from an argument list.

Arguments of a process are readable by every user of the machine, so a token is not taken from there.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from sandbox.client import Client
from sandbox.kernel.errors import YuneiError

DEFAULT_URL = "http://127.0.0.1:8420"
Url = Annotated[str, typer.Option("--url", envvar="YUNEI_URL", help="Where the service listens.")]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", envvar="YUNEI_TOKEN_FILE", help="File that holds the token; else YUNEI_TOKEN is read."),
]
After = Annotated[str | None, typer.Option("--after", help="`next` of the page before.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100, help="Most items of a page.")]
Key = Annotated[str | None, typer.Option("--key", help="Idempotency key: the same key makes one object. Fresh by default.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="File to write; stdout by default.")]


@dataclass(frozen=True)
class Connection:
    """Where the service is and who asks, as given before the command."""

    url: str
    token_file: Path | None


def connect(context: typer.Context) -> Client:
    """Return a client for the caller's token.

    Raises:
        YuneiError: `UNAUTHENTICATED`, no token is given; `SETTING_UNSAFE`, the address would show it to others.

    """
    connection: Connection = context.find_root().obj
    token = os.environ.get("YUNEI_TOKEN", "")
    if connection.token_file is not None:
        try:
            token = connection.token_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise YuneiError("UNAUTHENTICATED", setting="YUNEI_TOKEN_FILE") from None
    if not (token and token.isascii() and token.isprintable()):
        raise YuneiError("UNAUTHENTICATED", setting="YUNEI_TOKEN")
    return Client(connection.url, token)

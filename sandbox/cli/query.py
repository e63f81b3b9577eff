"""How a query is given on the command line: as text, from a file or from stdin, with typed parameters."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import typer

from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError

Agreement = Annotated[str, typer.Option("--agreement", "-a", help="The service agreement.")]
Purpose = Annotated[str, typer.Option("--purpose", help="One of the agreement's purposes.")]
Environment = Annotated[str, typer.Option("--env", help="dev or prod.")]
Epsilon = Annotated[str | None, typer.Option("--epsilon", help="Decimal text; the policy's maximum by default.")]
Caps = Annotated[
    list[str] | None,
    typer.Option("--cap", help="max_rows=, max_groups= or max_rows_per_group=: a stricter cap on what one unit contributes."),
]
Weights = Annotated[list[str] | None, typer.Option("--weight", help="column=number; how much its error matters, 1 by default.")]
Parameters = Annotated[
    list[str] | None, typer.Option("--param", "-p", help="name=value; the value as JSON where it is JSON, else text.")
]
_MOST_DIGITS = 9
SqlText = Annotated[str | None, typer.Option("--sql", help="The query.")]
SqlFile = Annotated[Path | None, typer.Option("--sql-file", help="File with the query; - for stdin.")]


def sql_of(text: str | None, file: Path | None) -> str:
    """Return the query's text.

    Raises:
        YuneiError: `MALFORMED`, neither or both are given, or the file is not readable UTF-8.

    """
    if (text is None) == (file is None):
        raise YuneiError("MALFORMED", options=["--sql", "--sql-file"])
    if text is not None:
        return text
    try:
        return sys.stdin.read() if str(file) == "-" else cast("Path", file).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise YuneiError("MALFORMED", options=["--sql-file"]) from None


@dataclass(frozen=True)
class Wishes:
    """What is asked of the protection: ε, caps and weights as `name=number`."""

    epsilon: str | None
    caps: Sequence[str] | None
    weights: Sequence[str] | None

    def fields(self) -> dict[str, Json]:
        """Return the fields of the API, only those that were given.

        Raises:
            YuneiError: `MALFORMED`, a pair without `=` or a whole number.

        """
        fields: dict[str, Json] = {} if self.epsilon is None else {"epsilon": self.epsilon}
        for name, option, pairs in (("caps", "--cap", self.caps), ("weights", "--weight", self.weights)):
            if pairs:
                fields[name] = dict(_numbered(option, pair) for pair in pairs)
        return fields


def query_of(terms: tuple[str, str, str], sql: str, parameters: Sequence[str] | None, wishes: Wishes) -> Mapping[str, Json]:
    """Return a query in the shape of the API; `terms` are agreement, purpose and environment."""
    agreement, purpose, environment = terms
    query: dict[str, Json] = {"agreement": agreement, "purpose": purpose, "environment": environment}
    return {**query, "sql": sql, "parameters": parameters_of(parameters), **wishes.fields()}


def _numbered(option: str, pair: str) -> tuple[str, int]:
    name, _, number = pair.partition("=")
    if not number.isascii() or not number.isdigit() or len(number) > _MOST_DIGITS:
        raise YuneiError("MALFORMED", options=[option])
    return name, int(number)


def parameters_of(given: Sequence[str] | None) -> Mapping[str, Json]:
    """Read `name=value` pairs; `{"date": "2026-01-01"}` and `{"decimal": "0.1"}` give typed values.

    Raises:
        YuneiError: `MALFORMED`, a pair without `=`.

    """
    parameters: dict[str, Json] = {}
    for pair in given or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise YuneiError("MALFORMED", options=["--param"])
        parameters[name] = _json_or_text(value)
    return parameters


def _json_or_text(value: str) -> Json:
    try:
        read: Json = json.loads(value, parse_float=_refuse_float, parse_constant=_refuse_float)
    except ValueError:
        return value
    return read


def _refuse_float(_text: str) -> object:
    raise YuneiError("MALFORMED", options=["--param"])

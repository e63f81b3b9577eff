"""The dry run without a service: the same steps from documents alone."""

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import InvalidOperation
from typing import cast

from policies.check import submitted
from policies.grant import Grant
from policies.query import SubmittedQuery
from sandbox.jobs.prepare import Parsers, prepare
from sandbox.jobs.verdict import verdict_json
from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError

Verdict = Mapping[str, Json]


class OfflineCheck:
    """Judges queries under one grant. Neither the agreement's term nor its budget is known here."""

    def __init__(self, grant: Grant, parsers: Parsers) -> None:
        self._grant = grant
        self._parsers = parsers

    def judge(self, fields: Mapping[str, Json]) -> Verdict:
        """Return the verdict of `POST /sql/check` on one query, with its `id` where it has one.

        A query that is none, or whose ε cannot be used, is not allowed and carries the `code` that the API would answer.

        Args:
            fields: `sql`, and optionally `id` and the other fields of the API, which default to the policy's own.

        """
        name: dict[str, Json] = {"id": fields["id"]} if "id" in fields else {}
        if not isinstance(fields.get("id", ""), (str, int)):
            return _refused("MALFORMED")
        try:
            query = submitted(self._grant.policy, fields)
            return {**name, **self._verdict(query)}
        except (TypeError, ValueError, InvalidOperation):
            return {**name, **_refused("MALFORMED")}
        except YuneiError as error:
            return {**name, **_refused(error.code)}

    def judge_lines(self, lines: Iterable[str]) -> Iterator[Verdict]:
        """Yield one verdict per line of JSON; empty lines are passed over."""
        for line in lines:
            if line.strip():
                fields = _object(line)
                yield self.judge(fields) if fields is not None else _refused("MALFORMED")

    def _verdict(self, query: SubmittedQuery) -> Verdict:
        return cast("Verdict", verdict_json(prepare(query, self._grant, self._parsers), self._grant, query.environment, None))


def _object(line: str) -> Mapping[str, Json] | None:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _refused(code: str) -> Verdict:
    return {"allowed": False, "findings": [], "code": code}

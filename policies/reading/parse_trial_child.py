"""The parser alone: parses each text it is given, and is killed by the kernel when that takes too long.

A program of its own: lines `{"text": …}` in, lines `true` out once the parser has come to an end, whatever it found.
"""

import json
import logging
import resource
import signal
import sys

from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError

MEMORY = 1 << 30
PROCESSOR_S = 0.1
"""Processor time for one text: fifty times what a long query costs."""


def main() -> None:
    """Answer until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()
    dialect = Dialect.get_or_raise("duckdb")
    _parse(dialect, "SELECT count(*) FROM a GROUP BY b")  # the first text pays for what the parser loads late
    for line in sys.stdin:
        # no signal handler: the default action ends the process also in the middle of compiled code
        signal.setitimer(signal.ITIMER_VIRTUAL, PROCESSOR_S)
        _parse(dialect, json.loads(line)["text"])
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        sys.stdout.write("true\n")
        sys.stdout.flush()


def _parse(dialect: Dialect, text: str) -> None:
    try:
        dialect.parser().parse(dialect.tokenize(text), text)
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return  # broken text is refused where it is parsed for use


if __name__ == "__main__":
    main()

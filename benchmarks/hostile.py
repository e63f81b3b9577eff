"""Texts that were written to cost much, most of them as long as may be sent, and what judging each one costs.

As a program, `python benchmarks/hostile.py START`, it judges them in order from the one with number START and writes one
line for each; where it dies, the text after the last line killed it.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from city import grant, submitted
from generation import generated

from egress.model import ProtectionPlan
from egress.plan import plan
from policies.decide import decide
from policies.grant import Grant
from policies.query import Allowed
from policies.reading.parse_trial import ProcessTrial
from policies.reading.text import MAX_BYTES, MAX_DEPTH
from tests.security.test_policies_bombs import FRAMES, UNITS

ROUNDS, DOUBTFUL_S = 5, 0.05
"""A text that seems to cost much is tried again; the least counts, since the rest is the neighbours'."""

_HEAD, _WHERE = "SELECT count(*) FROM residents", "SELECT count(*) FROM residents WHERE "
_IS, _SUM = "gender = '女'", "SELECT sum(income"


def _padded(text: str) -> str:
    return text + " " * (MAX_BYTES - len(text.encode()))


def _full(head: str, unit: str, tail: str = "") -> str:
    """Repeat `unit` until the text is as long as may be sent."""
    room = MAX_BYTES - len((head + tail).encode())
    return head + unit * (room // len(unit.encode())) + tail


def _edge(head: str, unit: str, tail: str = "", *, times: int) -> str:
    """Repeat `unit` as often as a limit lets through, and fill the text with blanks."""
    return _padded(head + unit * times + tail)


def _nested(opening: str, middle: str, closing: str, depth: int = MAX_DEPTH - 2) -> str:
    return _padded(_WHERE + opening * depth + middle + closing * depth)


def _ctes(first: str, following: str, last: str, count: int) -> str:
    """Put CTEs in a row; `{0}` is the name of the one before."""
    made = [f"c0 AS ({first})", *(f"c{i} AS ({following.format(f'c{i - 1}')})" for i in range(1, count))]
    return _padded(f"WITH {', '.join(made)} {last.format(f'c{count - 1}')}")


def _whole() -> Mapping[str, str]:
    """Return texts that are as long as may be sent, and mostly refused for their tokens."""
    return {
        "deep brackets": _full(_WHERE, "(", "1"),
        "deep brackets, closed": _WHERE + "(" * 32_000 + "1" + ")" * 32_000,
        "conjunction": _full(_WHERE + _IS, f" AND {_IS}"),
        "CTEs": _full("WITH a AS (SELECT 1)", ", a AS (SELECT 1)", " SELECT count(*) FROM a"),
        "IN list": _full(_WHERE + "gender IN ('a'", ",''", ")"),
        "UNION chain": _full("SELECT 1", " UNION SELECT 1"),
        "nested CASE": _full(_WHERE, "CASE WHEN TRUE THEN ", "1"),
        "one text": _full(_WHERE + "gender = '", "x", "'"),
        "quotes": _full(_WHERE + "gender = ", "'"),
        "doubled quotes": _full(_WHERE + "gender = '", "''", "'"),
        "open quote": _full(_WHERE + "gender = '", "x"),
        "one name": _full("SELECT count(*) AS ", "n", " FROM residents"),
        "one Chinese name": _full("SELECT count(*) AS ", "人", " FROM residents"),
        "one comment": _full(_HEAD + " /*", "/*", "*/"),
        "many comments": _full(_HEAD, "/**/"),
        "one number": _full(_WHERE + "gender = ", "9"),
        "blanks": " " * MAX_BYTES,
    }


def _limits() -> Mapping[str, str]:
    """Return texts that stay below the limits on tokens, nodes and depth, so that later steps see them too."""
    keys = "SELECT resident_id FROM residents"
    return {
        "brackets": _nested("(", _IS, ")"),
        "tokens of a sum": _edge(_SUM, "+1", ") FROM residents", times=1950),
        "tokens of a product": _edge(_SUM, "*1", ") FROM residents", times=1950),
        "tokens of a conjunction": _edge(_WHERE + _IS, f" AND {_IS}", times=950),
        "tokens of a grouping": _edge(_HEAD + " GROUP BY gender", ", gender", times=1950),
        "tokens of joins": _edge("SELECT count(*) FROM visits", " JOIN residents USING (resident_id)", times=600),
        "tokens of comma joins": _edge("SELECT count(*) FROM visits", ", visits", times=1950),
        "tokens of a UNION chain": _edge(_HEAD, f" UNION ALL {_HEAD}", times=400),
        "depth of a sum": _edge(_SUM, "+income", ") FROM residents", times=90),
        "depth of a conjunction": _edge(_WHERE + _IS, f" AND {_IS}", times=90),
        "depth of a disjunction": _edge(_WHERE + _IS, f" OR NOT {_IS}", times=90),
        "depth of comparisons": _edge(_WHERE + _IS, " = TRUE", times=90),
        "nodes of an IN list": _edge(_WHERE + "gender IN ('F'", ",'" + "x" * 28 + "'", ")", times=1900),
        "nodes of a CASE": _edge("SELECT sum(CASE ", f"WHEN {_IS} THEN income ", "END) FROM residents", times=200),
        "nodes of LEAST": _edge("SELECT sum(least(income", ", income", ")) FROM residents", times=600),
        "nodes of outputs": _edge("SELECT count(*)", ", sum(income)", " FROM residents", times=400),
        "nodes of a grouping": _edge(_HEAD + " GROUP BY gender", ", gender", times=600),
        "nested CASE": _nested(f"CASE WHEN {_IS} THEN ", "TRUE", " END", 14),
        "nested calls": _edge("SELECT sum(" + "abs(" * 45, "income", ")" * 45 + ") FROM residents", times=1),
        "nested queries": _nested("(SELECT TRUE FROM residents WHERE ", "TRUE", ")", 20),
        "casts": _edge(_WHERE + "gender", "::text", " = 'x'", times=MAX_DEPTH),
        "CTEs in a row": _ctes(keys, "SELECT resident_id FROM {0}", "SELECT count(*) FROM {0}", 90),
        "CTEs that join": _ctes(
            keys, "SELECT x.resident_id FROM {0} x JOIN {0} y ON x.resident_id = y.resident_id", "SELECT count(*) FROM {0}", 40
        ),
        "CTEs that double": _ctes(
            "SELECT income AS b FROM residents", "SELECT b + b AS b FROM {0}", "SELECT sum(b) FROM {0}", 40
        ),
    }


@cache
def texts() -> Mapping[str, str]:
    """Return every text by its name: these, and each construct that the tests repeat in each of their frames."""
    found = {f"{name}, whole": text for name, text in _whole().items()}
    found |= {f"{name}, at a limit": text for name, text in _limits().items()}
    for unit in UNITS:
        for frame, (head, tail) in enumerate(FRAMES):
            for count in (45, 1900, MAX_BYTES // len(unit.encode()) - 100):
                found[f"{unit!r} × {count}, frame {frame}"] = head + unit * count + tail
    return found


def measure() -> tuple[dict[str, float], list[str]]:
    """Return the least processor seconds for each text, and the names of those that ended the process."""
    names, seconds, fatal = list(texts()), dict[str, float](), list[str]()
    while len(seconds) + len(fatal) < len(names):
        start = len(seconds) + len(fatal)
        command = [sys.executable, str(Path(__file__)), str(start)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        seconds.update(zip(names[start:], lines, strict=False))
        if done.returncode != 0 and start + len(lines) < len(names):
            fatal.append(names[start + len(lines)])
        elif not lines:
            raise RuntimeError(done.stderr)
    return seconds, fatal


def _judge(start: int) -> None:
    trial, view = ProcessTrial(), grant()
    for sql in list(texts().values())[start:]:
        took: list[float] = []
        while not took or (took[-1] > DOUBTFUL_S and len(took) < ROUNDS):
            begun = time.process_time()
            if trial.passes(sql):
                _prepare(sql, view)
            took.append(time.process_time() - begun)
        sys.stdout.write(f"{min(took)}\n")
        sys.stdout.flush()
    trial.close()


def _prepare(sql: str, view: Grant) -> None:
    verdict = decide(submitted(sql), view)
    planned = plan(verdict.governed, None) if isinstance(verdict, Allowed) else None
    if isinstance(verdict, Allowed) and isinstance(planned, ProtectionPlan):
        generated(verdict.governed, planned)


if __name__ == "__main__":
    _judge(int(sys.argv[1]))

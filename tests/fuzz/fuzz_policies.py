"""Tries mutated queries on the whole way from text to engine and says which promises they break.

Usage: `python -m tests.fuzz.fuzz_policies [--seconds S | --texts N] [--seed N] [--no-clock]`, or with `--again FILE` one
case that was kept. Each defect is kept with its smallest text below `var/fuzz/`. Exit code 1 where there is one.
"""

import argparse
import hashlib
import json
import secrets
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.case import Case, Outcome
from tests.fuzz.child import Child
from tests.fuzz.draw import Cases
from tests.fuzz.keep import keep, say
from tests.fuzz.promises import TOO_SLOW
from tests.fuzz.shrink import shrunk

MOST_DEFECTS = 25
SLOWEST = 5


@dataclass
class Tally:
    """What a run has seen."""

    texts: int = 0
    allowed: int = 0
    broken: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    slowest: list[tuple[float, int, str]] = field(default_factory=list)
    defects: dict[str, Case] = field(default_factory=dict)
    digest: str = ""

    def add(self, case: Case, outcome: Outcome) -> None:
        """Count one outcome."""
        self.slowest = sorted([*self.slowest, (outcome.cpu_ms, self.texts, case.sql)], reverse=True)[:SLOWEST]
        self.texts += 1
        self.allowed += outcome.allowed
        self.broken += outcome.failure is not None
        self.refused.update(outcome.codes)
        self.digest = hashlib.sha256(f"{self.digest} {outcome.digest} {outcome.failure}".encode()).hexdigest()

    def lines(self) -> Sequence[str]:
        """Say what was seen."""
        refused = self.texts - self.allowed - self.broken
        codes = ", ".join(f"{code} {count}" for code, count in self.refused.most_common())
        slow = [f"  {took:.1f} ms, text {number}, {len(sql)} characters: {sql[:100]!r}" for took, number, sql in self.slowest]
        return (
            f"{self.texts} texts, {self.allowed} allowed, {refused} refused, {self.broken} break a promise: {len(self.defects)} defects",
            f"refused by code: {codes}",
            "slowest:",
            *slow,
            f"verdicts: sha256:{self.digest}",
        )


def main(arguments: Sequence[str]) -> int:
    """Run the lane."""
    options = _options(arguments)
    with Child() as child:
        if options.again is not None:
            return _again(child, options.again)
        say(f"seed {options.seed}")
        tally = Tally()
        _run(child, options, tally)
    say(*tally.lines())
    return 1 if tally.defects else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Mutated queries against the promises of the policy compiler.")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long to try")
    parser.add_argument("--texts", type=int, help="how many texts to try, however long it takes")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="the same seed tries the same texts")
    parser.add_argument("--no-clock", action="store_true", help="do not count a text that takes long as a defect")
    parser.add_argument("--again", type=Path, metavar="FILE", help="try one case that was kept")
    return parser.parse_args(arguments)


def _run(child: Child, options: argparse.Namespace, tally: Tally) -> None:
    cases, begun = Cases(options.seed), time.monotonic()
    case = cases.draw()
    while len(tally.defects) < MOST_DEFECTS:
        child.send(case)
        following = cases.draw()  # while the checker is at work
        outcome = child.receive()
        origin = f"seed {options.seed}, text {tally.texts}"
        tally.add(case, outcome)
        if outcome.allowed:
            cases.learn(case.sql)
        if outcome.failure is not None and not (options.no_clock and outcome.failure == TOO_SLOW):
            _keep(child, tally, case, outcome, origin)
        case = following
        if tally.texts >= options.texts if options.texts is not None else time.monotonic() - begun > options.seconds:
            return


def _keep(child: Child, tally: Tally, case: Case, outcome: Outcome, origin: str) -> None:
    """Shrink and keep the first text of each defect."""
    failure = outcome.failure or ""
    if failure in tally.defects:
        return
    small = shrunk(case, lambda tried: child.ask(tried).failure == failure)
    tally.defects[failure] = small
    keep(outcome, small, case, origin)


def _again(child: Child, file: Path) -> int:
    outcome = child.ask(Case.read(json.loads(file.read_text(encoding="utf-8"))["case"]))
    say(json.dumps(vars(outcome), ensure_ascii=False, indent=1))
    return 1 if outcome.failure is not None else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

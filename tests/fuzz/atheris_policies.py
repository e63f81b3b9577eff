"""The same promises under a fuzzer that watches which lines of the compiler a text reaches; not part of the lock.

Usage: `python -m tests.fuzz.atheris_policies FOLDER [-max_total_time=S]` after `pip install atheris` into a copy of the
project's environment. FOLDER is filled with the corpus and grows by what reaches new lines.
"""

import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["policies", "egress.plan", "egress.bounding"]):
    from tests.fuzz.promises import Checker

from tests.fuzz import mutate_text, mutate_tree
from tests.fuzz.case import Case
from tests.fuzz.corpus import corpus
from tests.fuzz.keep import keep

CHECKER = Checker()
TEXTS = (*corpus().ordinary, *corpus().hostile)


SEEN: set[str] = set()


def one_text(data: bytes) -> None:
    """Check one text under the city's grant; a defect is kept once and does not end the run."""
    case = Case(data.decode("utf-8", "replace"))
    outcome = CHECKER.check(case)
    if outcome.failure is not None and outcome.failure not in SEEN:
        SEEN.add(outcome.failure)
        keep(outcome, case, case, "atheris")


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """Change a text as the lane does, or as the fuzzer does that knows only bytes."""
    draw = random.Random(seed)
    if draw.random() < 0.2:
        return bytes(atheris.Mutate(data, most))
    text, other = data.decode("utf-8", "replace"), draw.choice(TEXTS)
    change = mutate_tree.changed if draw.random() < 0.6 else mutate_text.changed
    return change(draw, text, other, draw.choice([1, 1, 2])).encode("utf-8", "replace")[:most]


def main() -> None:
    """Fill the folder and run."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(TEXTS):
        (folder / f"corpus-{number}").write_bytes(text.encode("utf-8", "replace"))
    atheris.Setup([*sys.argv, "-max_len=3000"], one_text, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

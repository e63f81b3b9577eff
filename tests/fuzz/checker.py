"""The checker as a program: one case a line in, one outcome a line out. It may die of a text; the lane then knows of which."""

import json
import resource
import sys

from tests.fuzz.case import Case
from tests.fuzz.promises import Checker

MEMORY = 6 << 30


def main() -> None:
    """Answer until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    checker = Checker()
    try:
        for line in sys.stdin:
            outcome = checker.check(Case.read(json.loads(line)))
            sys.stdout.write(json.dumps(vars(outcome)) + "\n")
            sys.stdout.flush()
    finally:
        checker.close()


if __name__ == "__main__":
    main()

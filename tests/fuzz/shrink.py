"""The smallest text that still breaks the same promise: tokens are left out, ever fewer at a time."""

import time
from collections.abc import Callable

from tests.fuzz.case import Case
from tests.fuzz.mutate_text import pieces_of

MOST_TRIES, MOST_SECONDS = 1500, 60.0


def shrunk(case: Case, breaks: Callable[[Case], bool]) -> Case:
    """Return the smallest case found for which `breaks` holds; it holds for `case`."""
    tries, end = 0, time.monotonic() + MOST_SECONDS

    def spent() -> bool:
        return tries > MOST_TRIES or time.monotonic() > end

    def try_without(pieces: list[str], start: int, stop: int) -> bool:
        nonlocal tries
        tries += 1
        return not spent() and breaks(case.with_sql("".join(pieces[:start] + pieces[stop:])))

    pieces = pieces_of(case.sql)
    size = max(1, len(pieces) // 2)
    while not spent():
        before, start = len(pieces), 0
        while start < len(pieces):
            if try_without(pieces, start, start + size):
                del pieces[start : start + size]
            else:
                start += size
        if size == 1 and len(pieces) == before:
            break
        size = max(1, size // 2)
    return case.with_sql("".join(pieces))

"""The catalogue of functions and forms that a query may use: where each may stand, why it cannot fail, and an example.

The page of functions is printed from here; every example is run by the tests, which also hold this list against the rules of
the compiler: nothing is offered that is not described, and nothing described is not offered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from sandbox.kernel.plain_yaml import read_yaml

_FILE = Path(__file__).with_name("rulebooks") / "functions.yaml"


@dataclass(frozen=True)
class Entry:
    """One function or form. `over`: `rows` of private tables, the rows of one of its `units`, or `released` values."""

    group: str
    form: str
    over: tuple[str, ...]
    total: str
    example: str


@cache
def entries() -> tuple[Entry, ...]:
    """Return every function and form, by group, in the order of the page."""
    groups = cast("Mapping[str, Sequence[Mapping[str, object]]]", read_yaml(_FILE.read_bytes()))
    return tuple(
        Entry(group, str(item["form"]), tuple(cast("Sequence[str]", item["over"])), str(item["total"]), str(item["example"]))
        for group, items in groups.items()
        for item in items
    )

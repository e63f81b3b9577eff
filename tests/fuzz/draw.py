"""The cases of a seed: the same seed gives the same cases as long as the same texts are allowed."""

import random
import re
from datetime import date
from decimal import Decimal

from sandbox.kernel.run import Parameter
from tests.factories_policies import GRANT
from tests.fuzz import mutate_text, mutate_tree
from tests.fuzz.case import Case
from tests.fuzz.corpus import corpus
from tests.neighbours import Draw, grants
from tests.security.test_policies_bombs import FRAMES, UNITS

GRANTS = (GRANT, *grants())
"""The city's grant, and the same under each way to cap visits."""

MAX_TEXT = 70_000
"""A little more than may be sent."""

MAX_KEPT, MAX_KEPT_TEXT = 1000, 2500
"""Allowed texts that are changed again, and the characters of each."""

_VALUES: tuple[Parameter, ...] = (
    0, 1, -1, 3, 10**17, 10**18, -(10**40), True, False, "F", "", "内科", "'; --", "x" * 200, "x" * 201, "\x00", "2024-07-01", "2024-02-30",
    Decimal("0.5"), Decimal("-0.000000001"), Decimal("1e30"), Decimal("NaN"), Decimal("Infinity"), date(2024, 7, 1), date(1900, 1, 1),
    date(1, 1, 1), date(9999, 12, 31),
)  # fmt: skip
_EPSILONS = ("0.5", "0.4999999999999999", "0.01", "0.0000001", "0.000000000000001", "0", "0.6", "1e-3", "", "٣")


class Cases:
    """Draws one case after the other; texts that were allowed are changed again, so that some go far from where they began."""

    def __init__(self, seed: int) -> None:
        self._seed, self._number = seed, 0
        self._allowed: list[str] = []

    def draw(self) -> Case:
        """Return the next case."""
        draw = random.Random(f"{self._seed} {self._number}")
        self._number += 1
        text = _bomb(draw) if draw.random() < 0.03 else self._query(draw)
        return Case(text[:MAX_TEXT], draw.randrange(len(GRANTS)), _parameters(draw, text), _epsilon(draw))

    def learn(self, text: str) -> None:
        """Take in a text that was allowed; the oldest go first."""
        if len(text) <= MAX_KEPT_TEXT:
            self._allowed = [*self._allowed, text][-MAX_KEPT:]

    def _query(self, draw: random.Random) -> str:
        text, foreign = self._text(draw)
        other, _ = self._text(draw)
        times = draw.choice([0, 1, 1, 1, 1, 2, 2, 3, 5])
        if draw.random() < 0.75:
            text = mutate_tree.changed(draw, text, other, times, adapt=foreign and draw.random() < 0.9)
            times = draw.choice([0, 0, 0, 0, 0, 0, 1, 2])
        return mutate_text.changed(draw, text, other, times)

    def _text(self, draw: random.Random) -> tuple[str, bool]:
        """Draw a text and say whether it is a foreign one."""
        texts = corpus()
        kind = draw.random()
        if kind < 0.35 and self._allowed:
            return draw.choice(self._allowed), False
        if kind < 0.6:
            drawn = Draw(draw, draw.choice(GRANTS))
            drawn.wide = draw.random() < 0.5  # every form of query, where more than one kind is drawn
            return drawn.query(), False
        if kind < 0.75:
            return draw.choice(texts.ordinary), False
        if kind < 0.88 or not texts.foreign:
            return draw.choice(texts.hostile), False
        return draw.choice(texts.foreign), True


def _epsilon(draw: random.Random) -> str | None:
    return draw.choice(_EPSILONS) if draw.random() < 0.05 else None


def _bomb(draw: random.Random) -> str:
    """Draw one of the constructs that cost a parser much, repeated, as it is or within a query."""
    unit = "".join(draw.choices(UNITS, k=draw.randint(1, 3)))
    count = draw.choice([3, 12, 24, 45, 51, 400, 65_536 // len(unit)])
    head, tail = draw.choice([*FRAMES, (draw.choice(corpus().ordinary) + " ", "")])
    return head + unit * count + draw.choice(["", ")" * count]) + tail


def _parameters(draw: random.Random, text: str) -> dict[str, Parameter]:
    names = dict.fromkeys(re.findall(r"\$([a-zA-Z_]\w*)", text))
    found = {name: draw.choice(_VALUES) for name in names if draw.random() < 0.9}
    return {**found, "unused": 1} if draw.random() < 0.01 else found

"""Units with more rows in a group than count there, found by one number per unit, as generated SQL.

Most units have no group that is too full. To bring the rows of every unit together by group costs several scans; to bring them
together by unit alone costs one. So the rows of a unit are counted in the digits of one number, a digit for each public group,
and only the units of which a digit exceeds the cap are looked at by group.
"""

import math

from policies.engine import engine_text as sql
from policies.query import Bounding, Core

DIGITS = 62
"""Bits of the number at most: a shift stays within a signed 64-bit integer."""


def tells_overfull(core: Core, bounding: Bounding) -> bool:
    """Return whether all groups are public, their digits have room, and the relation is one table's: it is read three times."""
    public = all(key.domain is not None for key in core.keys)
    return public and len(core.tables) == 1 and _places(core) * _bits(bounding) <= DIGITS


def overfull(core: Core, bounding: Bounding) -> str:
    """Return a SELECT of the units that have more than `rows_per_group` rows in a group; it may name others, and never too few.

    A digit holds count + 2^(b-1) - 1 - cap, so that its highest bit tells count > cap. It cannot overflow into the next one while
    a unit has at most `rows` rows; a unit that has more is named whatever its digits say.
    """
    places, bits = _places(core), _bits(bounding)
    start = sum(((1 << (bits - 1)) - 1 - bounding.rows_per_group) << (bits * place) for place in range(places))
    highest = sum(1 << (bits * place + bits - 1) for place in range(places))
    digits = f"sum(CAST(1 AS BIGINT) << ({_place(core)} * {bits}))"
    too_full = f"(({digits} + {sql.constant(start)}) & {sql.constant(highest)}) <> 0 OR count(*) > {bounding.rows}"
    return f"SELECT {sql.name('u')} FROM ({core.relation}) AS {sql.name('o')} GROUP BY {sql.name('u')} HAVING {too_full}"


def _bits(bounding: Bounding) -> int:
    """Return the fewest bits of a digit that holds any count from 0 to `rows`, and whose highest tells one over the cap."""
    return 1 + max(bounding.rows_per_group, bounding.rows - bounding.rows_per_group - 1, 1).bit_length()


def _places(core: Core) -> int:
    """Return how many groups there are, with one value more in each key for NULL."""
    return math.prod(len(key.domain or ()) + 1 for key in core.keys)


def _place(core: Core) -> str:
    """Return the place of a row's group; what is not among a key's public values shares that of NULL."""
    place = "0"
    for key in core.keys:
        values = key.domain or ()
        listed = ", ".join(sql.value(value) for value in values)
        found = f"coalesce(list_position([{listed}], {sql.name(key.name)}), 0)"
        place = found if place == "0" else f"({place}) * {len(values) + 1} + {found}"
    return f"({place})"

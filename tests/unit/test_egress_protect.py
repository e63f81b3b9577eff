"""Protection end to end on hand-made queries: the wall, zero-filling, thresholds, intervals, order, replay."""

from decimal import Decimal

import pytest

from egress.model import ProtectionPlan
from egress.plan import plan
from egress.protect import bound_check, protect, replay_post
from policies.query import GovernedQuery, GroupKey, Order, OutputColumn
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.run import ColumnSpec, ExactTable
from tests.fakes_egress import AVG, COUNT, SUM, TOWN, UNITS, exact, governed, unit


def planned(query: GovernedQuery, epsilon: str = "4") -> ProtectionPlan:
    found = plan(query, Decimal(epsilon))
    assert isinstance(found, ProtectionPlan)
    return found


def test_every_public_group_appears_and_absent_ones_are_zero_filled() -> None:
    query = governed(COUNT, SUM, AVG)
    result = protect(planned(query), query, exact(query, ("M", 5_000, 5_000, 900_000, 4_000, 1_000)))
    assert [row[0] for row in result.rows] == ["F", "M"]
    assert [column.name for column in result.columns][:4] == ["c_k0", "c_a0", "c_a0_low", "c_a0_high"]
    assert [column.type for column in result.columns] == ["text", *["integer"] * 3, *["decimal(38,2)"] * 3, *["decimal(38,3)"] * 3]
    empty, full = result.rows
    assert abs(empty[1]) < 200
    assert abs(full[1] - 5_000) < 200
    assert abs(full[4] - 9_000) < 1_000
    assert full[2] < full[1] < full[3]

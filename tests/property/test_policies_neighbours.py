"""No vector moves by more than its stated sensitivity when one unit goes, and no sound answer is refused by the wall."""

import pytest

from egress import bounding
from egress.bounding import Caps
from tests.neighbours import compare


@pytest.mark.parametrize("seed", range(4))
def test_generated_queries_keep_their_sensitivity_on_all_neighbours(seed: int) -> None:
    seen = compare(seed, 60)
    assert seen.queries > 30
    assert seen.pairs > 100
    assert seen.tight == 1.0, "the worst neighbour was met, so that a smaller bound would have failed"


@pytest.mark.parametrize("seed", range(4))
def test_left_joins_per_unit_queries_and_several_cores_keep_their_sensitivity_on_all_neighbours(seed: int) -> None:
    seen = compare(seed, 90, wide=True)
    assert seen.queries > 30
    assert seen.cores > seen.queries + 10
    assert seen.pairs > 100
    assert seen.tight == 1.0, "the worst neighbour was met, so that a smaller bound would have failed"


@pytest.mark.parametrize("bound", ["l1", "l2_squared"])
def test_a_sensitivity_that_is_too_small_is_found(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stated = getattr(Caps, bound).fget
    monkeypatch.setattr(bounding.Caps, bound, property(lambda caps: max(1, stated(caps) - 1)))
    with pytest.raises(AssertionError, match="SELECT"):
        compare(0, 60)

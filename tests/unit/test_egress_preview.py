"""The outlook before a run is made of public facts and tells what the plan will do."""

from decimal import Decimal
from fractions import Fraction

import pytest

from egress.accounting import terms_of
from egress.ledger.model import Account, AccountView, Amount, LedgerView, Scope
from egress.model import ProtectionPlan
from egress.plan import plan
from egress.preview import preview
from tests.fakes_egress import COUNT, GENDER, TOWN, governed, rollup


def budget(held: str = "0") -> LedgerView:
    terms = terms_of(Decimal(10), Decimal("1e-7"))
    spent = Amount(terms.rho * Fraction(held))
    account = Account(Scope("agreement", "agr-1"), Decimal(10), Decimal("1e-7"), committed=spent)
    return LedgerView(AccountView(account), "resident", ("health.people",))


@pytest.mark.parametrize("key", [GENDER, TOWN])
def test_the_preview_shows_cost_curve_and_what_is_left(key) -> None:
    query = governed(COUNT, keys=(key,))
    planned = plan(query, Decimal(1))
    assert isinstance(planned, ProtectionPlan)
    shown = preview(query, planned, budget())
    assert isinstance(shown, dict)
    curve = shown["curve"]
    assert [point["epsilon"] for point in curve] == ["0.125", "0.25", "0.5", "1", "2", "4"]
    errors = [Decimal(point["expected_error"]["c_a0"]["standard_error"]) for point in curve]
    assert errors == sorted(errors, reverse=True)
    assert curve[3]["expected_error"] == shown["expected_error"]
    assert shown["cost"]["rho"] == str(planned.rho)
    assert shown["more"] > preview(query, planned, budget("0.5"))["more"] > 0
    assert preview(query, planned, budget("1"))["more"] == 0
    if key is GENDER:
        assert shown["tau"] is shown["shows"] is None
        return
    chances = [Decimal(point["chance"]) for point in shown["shows"]]
    assert chances == sorted(chances)
    assert shown["shows"][0] == {"units": 1, "chance": "0.0000"}
    assert chances[-1] > Decimal("0.99")


def test_the_curve_stops_at_the_policys_maximum() -> None:
    query = governed(COUNT)
    planned = plan(query, Decimal(3))
    assert isinstance(planned, ProtectionPlan)
    assert [point["epsilon"] for point in preview(query, planned, budget())["curve"]] == ["0.375", "0.75", "1.5", "3", "4"]


def test_an_agreement_without_a_budget_has_no_more_queries() -> None:
    query = governed(COUNT)
    planned = plan(query, Decimal(3))
    assert isinstance(planned, ProtectionPlan)
    view = LedgerView(None, "resident", ())
    assert preview(query, planned, view)["more"] == 0
    assert view.as_json()["agreement"] is None


def test_with_several_cores_the_highest_threshold_and_its_own_chances_are_shown() -> None:
    query = rollup(COUNT, key=TOWN)
    planned = plan(query, Decimal(1))
    assert isinstance(planned, ProtectionPlan)
    shown = preview(query, planned, budget())
    assert isinstance(shown, dict)
    assert planned.cores[0].threshold is not None
    assert shown["tau"] == planned.tau == planned.cores[0].threshold.tau
    assert [point["units"] for point in shown["shows"]][-1] > planned.tau
    assert all(Decimal(point["chance"]) < 1 for point in shown["shows"][:2]), "not the core that shows everything"
    assert shown["cost"]["rho"] == str(sum(part.rho for core in planned.cores for part in core.parts))

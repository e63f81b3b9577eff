"""The second opinion: agrees with every plan we make, and disagrees with every one that claims too little."""

import copy
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from egress.accounting import charge, epsilon_of, rho_of, scale_for, terms_of
from egress.ledger.model import Amount
from egress.model import ProtectionPlan
from egress.plan import plan
from egress.recompute import recompute, total
from sandbox.kernel.errors import YuneiError
from tests.fakes_egress import AVG, COUNT, GENDER, SUM, TOWN, UNITS, governed, rollup, unit, with_core


def planned(epsilon: str = "1", key=TOWN, **bounds: object) -> ProtectionPlan:
    found = plan(governed(COUNT, UNITS, SUM, AVG, keys=(key,), bounds=unit(**bounds)), Decimal(epsilon))
    assert isinstance(found, ProtectionPlan)
    return found


@pytest.mark.parametrize("epsilon", ["0.02", "0.3", "1", "4"])
@pytest.mark.parametrize(("key", "bounds"), [(GENDER, {}), (TOWN, {"max_rows": 30, "max_groups": 4})])
def test_loss_distributions_come_to_no_more_than_the_claim_and_not_to_much_less(epsilon: str, key, bounds) -> None:
    found = planned(epsilon, key, **bounds)
    again = recompute(found.as_json())  # type: ignore[arg-type]
    assert again.disagreements == ()
    assert (again.rho, again.delta_tau) == (found.rho, found.delta_tau)
    assert again.epsilon_pld is not None
    assert found.epsilon * Decimal("0.8") < again.epsilon_pld <= found.epsilon


def with_(found: ProtectionPlan | None = None, **changes: object) -> dict[str, Any]:
    document = copy.deepcopy((found or planned(max_rows=30, max_groups=4)).as_json())
    assert isinstance(document, dict)
    for path, value in changes.items():
        place: Any = document
        *way, last = path.split("__")
        for step in way:
            place = place[int(step)] if step.isdigit() else place[step]
        place[int(last) if last.isdigit() else last] = value
    return document


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"epsilon": "0.9"}, {"epsilon_zcdp", "epsilon_pld"}),
        ({"cores__0__parts__0__scale": "1/2"}, {"charge", "epsilon_zcdp", "epsilon_pld"}),
        ({"cores__0__parts__0__rho": "1/1000000"}, {"charge", "rho"}),
        ({"rho": "1/1000000"}, {"rho"}),
        ({"cores__0__threshold__tau": 50}, {"threshold"}),
        ({"delta_tau": "0"}, {"delta_tau"}),
        ({"cores__0__threshold": None}, {"delta_tau"}),
        ({"delta": "0.00000005"}, {"delta"}),
        ({"cores__0__parts__1__l1": "3", "cores__0__parts__1__l2_squared": "3"}, {"sensitivity"}),
        ({"cores__0__parts__4__l1": "1"}, {"sensitivity"}),
        ({"cores__0__parts__0__l1": "20"}, {"sensitivity"}),
        ({"cores__0__parts__0__l2_squared": "899"}, {"sensitivity"}),
        ({"cores__0__parts__2__l1": "30000", "cores__0__parts__2__l2_squared": "900000000"}, {"sensitivity"}),
        ({"cores__0__parts__2__l2_squared": "3599999999"}, {"sensitivity"}),
        ({"cores__0__parts__1__role": "share"}, {"sensitivity"}),
        ({"cores__0__bounding__groups": 5}, {"sensitivity", "threshold"}),
    ],
)
def test_a_manifest_that_claims_too_little_is_contradicted_by_name(changes, named: set[str]) -> None:
    assert set(recompute(with_(**changes)).disagreements) == named


def test_a_charge_that_is_a_grain_too_small_is_contradicted() -> None:
    document = with_()
    grain = Fraction(1, 10**30)
    for place in (document["cores"][0]["parts"][0], document):
        place["rho"] = str(Fraction(place["rho"]) - grain)
    assert recompute(document).disagreements == ("charge",)


def test_a_threshold_without_its_noise_costs_everything() -> None:
    document = with_()
    document["cores"][0]["parts"] = document["cores"][0]["parts"][:-1]
    again = recompute(document)
    assert again.delta_tau == 1
    assert {"threshold", "rho"} <= set(again.disagreements)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"bounding": {}, "parts": [], "threshold": None},
        {"cores": [{"bounding": {}, "parts": [], "threshold": None}]},
        with_(cores=[]),
        with_(cores=["x"]),
        with_(cores={}),
        with_(cores=None),
        with_(cores=with_()["cores"] * 101),
        with_(cores__0__parts=[]),
        with_(cores__0__parts=["x"]),
        with_(cores__0__parts__0__mechanism="none"),
        with_(cores__0__parts__0__scale="0"),
        with_(cores__0__parts__0__scale="1/0"),
        with_(cores__0__parts__0__l1="0"),
        with_(cores__0__parts__0__rho="-1"),
        with_(epsilon="NaN"),
        with_(epsilon="many"),
        with_(epsilon="0"),
        with_(epsilon="1e-999999999"),
        with_(delta="1e-999999999"),
        with_(rho="1e999999999"),
        with_(epsilon="1001"),
        with_(delta="Infinity"),
        with_(delta_conv="1"),
        with_(cores__0__bounding__groups=0),
        with_(cores__0__bounding=None),
    ],
)
def test_what_is_not_a_plan_is_malformed(document) -> None:
    with pytest.raises(YuneiError) as caught:
        recompute(document)
    assert caught.value.code == "MALFORMED"


def test_laplace_vectors_enter_as_the_worst_mechanism_of_their_pure_epsilon() -> None:
    found = planned("1", GENDER)
    delta = found.delta_conv
    share = rho_of(Decimal(1), delta) / len(found.parts)
    parts = []
    for part in found.parts:
        scale = scale_for("discrete_laplace", part.l1, part.l2_squared, share)
        cost = charge("discrete_laplace", part.l1, part.l2_squared, scale)
        parts.append(replace(part, mechanism="discrete_laplace", scale=scale, rho=cost))
    changed = replace(with_core(found, parts=tuple(parts)), rho=sum((part.rho for part in parts), Fraction(0)))
    again = recompute(changed.as_json())  # type: ignore[arg-type]
    assert again.disagreements == ()
    assert again.epsilon_pld is not None
    assert Decimal("0.4") < again.epsilon_pld <= 1


# several cores


def rolled(**changes: object) -> dict[str, Any]:
    found = plan(rollup(COUNT, SUM, key=TOWN, bounds=unit(max_rows=30, max_groups=4)), Decimal(1))
    assert isinstance(found, ProtectionPlan)
    return with_(found, **changes)


@pytest.mark.parametrize("epsilon", ["0.3", "4"])
@pytest.mark.parametrize("key", [GENDER, TOWN])
def test_the_noises_of_all_cores_compose_to_no_more_than_the_claim_and_not_to_much_less(epsilon: str, key) -> None:
    found = plan(rollup(COUNT, SUM, key=key, bounds=unit(max_rows=30, max_groups=4)), Decimal(epsilon))
    assert isinstance(found, ProtectionPlan)
    again = recompute(found.as_json())  # type: ignore[arg-type]
    assert again.disagreements == ()
    assert (again.rho, again.delta_tau) == (found.rho, found.delta_tau)
    assert again.epsilon_pld is not None
    assert found.epsilon * Decimal("0.8") < again.epsilon_pld <= found.epsilon


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"cores__1__parts__0__scale": "1/2"}, {"charge", "epsilon_zcdp", "epsilon_pld"}),
        ({"cores__1__parts__1__rho": "1/1000000"}, {"charge", "rho"}),
        ({"cores__1__bounding__groups": 7, "cores__1__parts__0__role": "units"}, {"sensitivity"}),
        ({"cores__1__threshold": {"tau": 900, "delta": "0"}}, {"threshold"}),
        ({"cores__1__threshold": {"tau": 900, "delta": "1"}}, {"delta_tau"}),
    ],
)
def test_a_manifest_that_claims_too_little_of_any_core_is_contradicted_by_name(changes, named: set[str]) -> None:
    assert recompute(rolled()).disagreements == ()
    assert set(recompute(rolled(**changes)).disagreements) == named


@pytest.mark.parametrize("place", [0, 1])
def test_a_core_that_a_manifest_leaves_out_is_missed_in_its_sums(place: int) -> None:
    document = rolled()
    del document["cores"][place]
    missed = {"rho", "delta_tau"} if place == 0 else {"rho"}
    assert set(recompute(document).disagreements) == missed


def test_a_core_that_a_manifest_states_twice_costs_twice() -> None:
    document = rolled()
    document["cores"].append(document["cores"][0])
    assert set(recompute(document).disagreements) == {"rho", "delta_tau", "epsilon_zcdp", "epsilon_pld"}


@pytest.mark.parametrize("sigma", [1.0, 2.0, 8.0])
@pytest.mark.parametrize("shift", [1, 2, 5])
def test_the_exact_curve_of_the_discrete_gaussian_is_within_the_claim_by_rho(sigma: float, shift: int) -> None:
    """The step from continuous to discrete, checked where it is largest: small σ, by direct summation."""
    x = np.arange(-400, 401).astype(float)
    mass = np.exp(-(x**2) / (2 * sigma**2))
    mass /= mass.sum()
    moved = np.roll(mass, shift)
    for delta in (Fraction(1, 10**4), Fraction(1, 10**8)):
        epsilon = float(epsilon_of(Fraction(shift**2) / Fraction(2 * sigma**2), delta))
        exact = np.maximum(0, mass - np.exp(epsilon) * moved).sum()
        assert exact <= float(delta)


@pytest.mark.slow
def test_the_account_of_an_agreement_covers_all_its_releases_by_loss_distributions_too() -> None:
    """Many releases of every form are charged to one account; its ε is no less than that of all noises composed."""
    terms = terms_of(Decimal(8), Decimal("1e-7"))
    plans = [planned(epsilon, key, **bounds) for epsilon in ("0.1", "0.3", "0.5") for key, bounds in
             ((GENDER, {}), (TOWN, {"max_rows": 30, "max_groups": 4}), (GENDER, {"max_rows": 6}))]  # fmt: skip
    account = Amount()
    for found in plans:
        account += Amount(found.rho, found.delta_tau)
    spent = total([found.as_json() for found in plans], terms.delta_conv)
    assert (spent.rho, spent.delta_tau) == (account.rho, account.delta_tau), "to the last grain"
    assert spent.epsilon_zcdp == epsilon_of(account.rho, terms.delta_conv)
    assert spent.epsilon_zcdp * Decimal("0.8") < spent.epsilon_pld <= spent.epsilon_zcdp
    assert account.rho <= terms.rho

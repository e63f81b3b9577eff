"""Two hundred spellings of one question, averaged or subtracted, tell no more than the one budget they were charged to.

Every variant is compiled, planned and charged as the service does it. Whatever the attacker asks, noise of variance Δ²/2ρ per question at
charge ρ leaves an unbiased estimate of variance at least Δ²/2Σρ: that of one question with the whole budget. Each test fails a
sound system with a chance of at most 10^-6; with this many rounds, one that must see a mistake misses it less often than 10^-10.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from egress.accounting import terms_of
from egress.ledger.model import Amount, Charge, Scope
from egress.ledger.service import Ledger
from egress.model import ProtectionPlan
from egress.plan import plan
from egress.protect import protect
from policies.engine.emit import emit
from policies.query import Allowed, GovernedQuery
from sandbox.kernel.clock import ManualClock
from sandbox.kernel.db import Database, metadata
from sandbox.kernel.errors import YuneiError
from tests import factories_policies as city
from tests.fakes_egress import Recorder
from tests.neighbours import open_engine, run

BUDGET, DELTA = Decimal(2), Decimal("1e-7")
TERMS = terms_of(BUDGET, DELTA)
VARIANTS, ROUNDS, ALARM = 200, 300, 1e-6
EACH = Decimal("0.2")
"""ε of one question; about eighty of them fit the budget."""
PROTECTION = {"mode": "dp", "epsilon": str(BUDGET), "delta": str(DELTA), "per_job_epsilon_max": "1"}
NEVER = [f"gender <> 'x{number}'" for number in range(VARIANTS)]
"""Conditions that change the text and nothing else."""


@pytest.fixture
def book(tmp_path: Path) -> Iterator[tuple[Database, Ledger]]:
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    metadata.create_all(database.engine)
    opened = Ledger(ManualClock(datetime(2026, 5, 1, tzinfo=UTC)), Recorder())  # type: ignore[arg-type]
    with database.write() as tx:
        opened.set_agreement_budget(tx, "agr-clinic", BUDGET, DELTA, "per-boss")
        for lineage in planned("SELECT count(*) AS n FROM residents")[0].lineages:
            opened.set_dataset_cap(tx, Scope("dataset", lineage, "resident"), BUDGET, DELTA, "per-boss")
    yield database, opened
    database.close()


def planned(sql: str) -> tuple[GovernedQuery, ProtectionPlan]:
    verdict = city.decide(city.submitted(sql), city.grant(protection=PROTECTION))
    assert isinstance(verdict, Allowed)
    found = plan(verdict.governed, EACH)
    assert isinstance(found, ProtectionPlan)
    return verdict.governed, found


def admitted(book: tuple[Database, Ledger], questions: list[str]) -> list[tuple[GovernedQuery, ProtectionPlan]]:
    """Charge questions until the budget is spent; return those that were answered."""
    database, ledger = book
    answered = []
    for number, sql in enumerate(questions):
        query, found = planned(sql)
        amount = Amount(found.rho, found.delta_tau)
        try:
            with database.write() as tx:
                ledger.reserve(tx, Charge(f"job-{number}", "agr-clinic", "resident", query.lineages, amount, 10_000, ("org",)))
                ledger.commit(tx, f"job-{number}")
        except YuneiError as refusal:
            if refusal.code != "BUDGET_SPENT":
                raise
            break
        answered.append((query, found))
    return answered


def residents(number: int) -> dict[str, list[dict[str, Any]]]:
    rows = [{"__unit": u, "__pid": u, "__rank": 0, "resident_id": u, "gender": "F", "insured": True} for u in range(number)]
    return {"residents": rows, "visits": [], "payments": [], "hospitals": []}


def answers(asked: list[tuple[GovernedQuery, ProtectionPlan]], people: int) -> np.ndarray:
    """Return ROUNDS answers of every question, each with noise of its own."""
    tables = residents(people)
    with open_engine() as connection:
        exact = [[run(tables, emit(core, bounded.bounding), connection, core.tables)
                  for core, bounded in zip(query.cores, found.cores, strict=True)] for query, found in asked]  # fmt: skip
    return np.array(
        [
            [protect(found, query, tables).primitives[0][0][1][0] for (query, found), tables in zip(asked, exact, strict=True)]
            for _ in range(ROUNDS)
        ],
        dtype=float,
    )


def least_variance(asked: list[tuple[GovernedQuery, ProtectionPlan]]) -> float:
    """That of a count of units with one question at the whole charge; every charge has 2^-40 of headroom."""
    spent = sum((found.rho for _, found in asked), Fraction(0))
    assert spent <= TERMS.rho
    return float(1 / (2 * spent))


def holds(errors: np.ndarray, least: float) -> bool:
    """Whether the mean square of independent errors may stem from a variance of at least `least`."""
    return float((errors**2).sum()) / least > stats.chi2.ppf(ALARM, len(errors))


def test_the_average_of_two_hundred_spellings_is_no_better_than_one_question_with_the_whole_budget(book) -> None:
    questions = [f"SELECT count(*) AS n FROM residents WHERE {condition}" for condition in NEVER]
    asked = admitted(book, questions)
    assert 20 < len(asked) < VARIANTS, "each spelling is a new question and is charged"
    weights = np.array([float(found.rho) for _, found in asked])
    errors = answers(asked, 50) @ weights / weights.sum() - 50
    assert holds(errors, least_variance(asked))
    assert not holds(errors, 3 * least_variance(asked)), "the attack gets all that the budget gives, and the test can tell"


def test_spellings_that_were_not_charged_would_be_seen(book) -> None:
    """The mistake that the test is for: all two hundred answered for the price of those that the budget covers."""
    questions = [f"SELECT count(*) AS n FROM residents WHERE {condition}" for condition in NEVER]
    paid = admitted(book, questions)
    everything = [planned(sql) for sql in questions]
    errors = answers(everything, 50).mean(axis=1) - 50
    assert not holds(errors, least_variance(paid))


def test_differences_of_questions_with_and_without_one_person_tell_no_more_than_the_budget(book) -> None:
    """Half of the questions leave one insured person out; the estimate of whether that person is there is as bad as it must be."""
    one = [f"SELECT count(*) AS n FROM residents WHERE {condition}" for condition in NEVER[::2]]
    other = [f"SELECT count(*) AS n FROM residents WHERE NOT insured OR {condition}" for condition in NEVER[1::2]]
    asked = admitted(book, [sql for pair in zip(one, other, strict=True) for sql in pair])
    assert 20 < len(asked) < VARIANTS
    found = answers(asked, 50)
    difference = found[:, 0::2].mean(axis=1) - found[:, 1::2].mean(axis=1)
    assert holds(difference, least_variance(asked))
    assert holds(difference, 3 * least_variance(asked)), "each half has half of the budget: four times the variance"

"""The ledger on a database: one transaction per act, no overdraft under concurrency, nothing given back that was spent."""

import multiprocessing
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from egress.accounting import terms_of
from egress.ledger.model import Amount, Charge, Scope
from egress.ledger.service import Ledger
from sandbox.kernel.clock import ManualClock
from sandbox.kernel.db import Database, metadata
from sandbox.kernel.errors import YuneiError
from tests.fakes_egress import Recorder

EPSILON, DELTA = Decimal(4), Decimal("1e-7")
TERMS = terms_of(EPSILON, DELTA)
VISITS, RESIDENTS = Scope("dataset", "health.visits", "resident"), Scope("dataset", "civil.residents", "resident")
LINEAGES = ("health.visits", "civil.residents")


def ledger(recorder: Recorder | None = None) -> Ledger:
    return Ledger(ManualClock(datetime(2026, 5, 1, tzinfo=UTC)), recorder or Recorder())  # type: ignore[arg-type]


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def book(db: Database) -> Ledger:
    opened = ledger()
    with db.write() as tx:
        for agreement in ("agr-1", "agr-2"):
            opened.set_agreement_budget(tx, agreement, EPSILON, DELTA, "per-boss")
        for scope in (VISITS, RESIDENTS):
            opened.set_dataset_cap(tx, scope, EPSILON, DELTA, "per-boss")
    return opened


def charge(job: str, share: str = "1/4", agreement: str = "agr-1", limit: int = 100, **changes: object) -> Charge:
    part = Fraction(share)
    fields = {"unit_kind": "resident", "lineages": LINEAGES, "tenants": ("org-operator",)} | changes
    amount = Amount(TERMS.rho * part, TERMS.delta_tau * part)
    return Charge(job=job, agreement=agreement, amount=amount, job_limit=limit, **fields)  # type: ignore[arg-type]


def refused(db: Database, act) -> YuneiError:
    with pytest.raises(YuneiError) as caught, db.write() as tx:
        act(tx)
    return caught.value


def test_a_query_charges_its_agreement_and_every_data_set_it_joins(db: Database, book: Ledger) -> None:
    with db.write() as tx:
        book.reserve(tx, charge("job-1"))
    with db.read() as tx:
        views = [book.agreement(tx, "agr-1"), *book.datasets(tx, None)]
        assert [view.account.reserved.rho for view in views if view] == [TERMS.rho / 4] * 3
        assert book.agreement(tx, "agr-2").account.held == Amount()
        assert book.balanced(tx)


def test_budget_is_used_to_the_last_grain_and_not_beyond(db: Database, book: Ledger) -> None:
    with db.write() as tx:
        for number in range(4):
            book.reserve(tx, charge(f"job-{number}"))
    grain = Amount(Fraction(1, 10**30))
    error = refused(db, lambda tx: book.reserve(tx, Charge("job-x", "agr-1", "resident", LINEAGES, grain, 100)))
    assert (error.code, error.facts) == ("BUDGET_SPENT", {"scope": "agreement"})


def test_a_threshold_budget_runs_out_on_its_own(db: Database, book: Ledger) -> None:
    amount = Amount(Fraction(1, 10**9), TERMS.delta_tau * Fraction(2, 3))
    with db.write() as tx:
        book.reserve(tx, Charge("job-1", "agr-1", "resident", LINEAGES, amount, 100))
    error = refused(db, lambda tx: book.reserve(tx, Charge("job-2", "agr-1", "resident", LINEAGES, amount, 100)))
    assert error.code == "BUDGET_SPENT"


def test_colluding_agreements_share_the_cap_of_a_data_set_and_learn_no_more_than_that(db: Database, book: Ledger) -> None:
    with db.write() as tx:
        book.reserve(tx, charge("job-1", "3/4", "agr-1", lineages=("health.visits",)))
    error = refused(db, lambda tx: book.reserve(tx, charge("job-2", "1/2", "agr-2")))
    assert (error.code, error.facts) == ("BUDGET_SPENT", {"scope": "dataset"})
    with db.read() as tx:
        assert book.agreement(tx, "agr-2").account.held == Amount(), "a refused charge leaves nothing in any scope"
        view = book.remaining(tx, "agr-2", "resident", ("health.visits",))
        assert "3/4" not in str(view.as_json())
        assert view.as_json()["agreement"]["epsilon_spent"] == "0"
        assert view.more(Amount(TERMS.rho / 3)) == 3


def test_scopes_without_a_grant_have_no_budget(db: Database, book: Ledger) -> None:
    assert refused(db, lambda tx: book.reserve(tx, charge("j", agreement="agr-unknown"))).facts == {"scope": "agreement"}
    assert refused(db, lambda tx: book.reserve(tx, charge("j", lineages=("tax.income",)))).facts == {"scope": "dataset"}
    assert refused(db, lambda tx: book.reserve(tx, charge("j", unit_kind="firm"))).facts == {"scope": "dataset"}


def test_the_agreed_number_of_jobs_is_a_limit_of_its_own(db: Database, book: Ledger) -> None:
    with db.write() as tx:
        book.reserve(tx, charge("job-1", "1/100", limit=2))
        book.reserve(tx, charge("job-2", "1/100", limit=2))
        book.release(tx, "job-1")
        book.reserve(tx, charge("job-3", "1/100", limit=2))
        book.commit(tx, "job-2")
    assert refused(db, lambda tx: book.reserve(tx, charge("job-4", "1/100", limit=2))).code == "JOB_COUNT_SPENT"


def test_what_was_committed_is_final_and_what_was_released_is_gone(db: Database, book: Ledger) -> None:
    with db.write() as tx:
        book.reserve(tx, charge("job-1"))
        book.reserve(tx, charge("job-2"))
        book.commit(tx, "job-1")
        book.release(tx, "job-2")
    for act in (book.commit, book.release):
        for job in ("job-1", "job-2"):
            assert refused(db, lambda tx, act=act, job=job: act(tx, job)).code == "ILLEGAL_TRANSITION"
        assert refused(db, lambda tx, act=act: act(tx, "job-unknown")).code == "NOT_FOUND"
    for job in ("job-1", "job-2"):
        assert refused(db, lambda tx, job=job: book.reserve(tx, charge(job))).code == "ILLEGAL_TRANSITION"
    with db.read() as tx:
        account = book.agreement(tx, "agr-1").account
        assert (account.committed.rho, account.reserved.rho, account.jobs) == (TERMS.rho / 4, 0, 1)
        assert book.balanced(tx)


def test_a_reservation_that_another_act_settled_meanwhile_is_not_settled_twice(db: Database, book: Ledger, monkeypatch) -> None:
    """Where the database has no lock to hold the row, compare-and-set still does."""
    with db.write() as tx:
        book.reserve(tx, charge("job-1"))
    monkeypatch.setattr("egress.ledger.store.move_entry", lambda *_: False)
    assert refused(db, lambda tx: book.commit(tx, "job-1")).code == "ILLEGAL_TRANSITION"
    with db.read() as tx:
        assert book.agreement(tx, "agr-1").account.committed == Amount()


def test_a_raised_budget_keeps_what_was_spent_and_a_lowered_one_leaves_nothing(db: Database, book: Ledger) -> None:
    recorder = Recorder()
    book = ledger(recorder)
    with db.write() as tx:
        book.reserve(tx, charge("job-1", "9/10"))
        assert not book.set_agreement_budget(tx, "agr-1", Decimal("4.0"), DELTA, "per-boss")
        assert book.set_agreement_budget(tx, "agr-1", Decimal(1), DELTA, "per-boss")
        assert book.agreement(tx, "agr-1").more(Amount(Fraction(1, 10**20))) == 0
        assert book.agreement(tx, "agr-1").epsilon_left == 0
        assert book.agreement(tx, "agr-1").epsilon_spent > 3, "what was spent before is not shown as less"
        assert book.set_agreement_budget(tx, "agr-1", Decimal(8), DELTA, "per-boss")
        assert book.agreement(tx, "agr-1").account.held.rho == TERMS.rho * Fraction(9, 10)
    raised = recorder.events[-1]
    assert (raised.type, raised.actor) == ("budget.granted", "per-boss")
    assert raised.payload["before"] == {"epsilon": "1", "delta": "1E-7"}
    assert Fraction(raised.payload["rho_spent"]) == TERMS.rho * Fraction(9, 10)


@pytest.mark.parametrize(
    ("epsilon", "delta"), [("0", "1e-7"), ("-1", "1e-7"), ("NaN", "1e-7"), ("1", "0"), ("1", "1"), ("1", "NaN")]
)
def test_senseless_budgets_are_refused(db: Database, book: Ledger, epsilon: str, delta: str) -> None:
    terms = (Decimal(epsilon), Decimal(delta))
    assert refused(db, lambda tx: book.set_agreement_budget(tx, "agr-9", *terms, "per-boss")).code == "EPSILON_INVALID"


@pytest.mark.parametrize("amount", [Amount(), Amount(Fraction(-1)), Amount(Fraction(1), Fraction(-1))])
def test_a_charge_that_costs_nothing_or_less_is_a_defect(db: Database, book: Ledger, amount: Amount) -> None:
    assert refused(db, lambda tx: book.reserve(tx, Charge("j", "agr-1", "resident", LINEAGES, amount, 9))).code == "DEFECT"
    assert refused(db, lambda tx: book.reserve(tx, charge("j", lineages=()))).code == "DEFECT"


def test_every_act_has_one_event_that_tells_no_totals(db: Database, book: Ledger) -> None:
    recorder = Recorder()
    book = ledger(recorder)
    with db.write() as tx:
        book.reserve(tx, charge("job-1"))
        book.reserve(tx, charge("job-2"))
        book.commit(tx, "job-1")
        book.release(tx, "job-2")
    assert [event.type for event in recorder.events] == ["ledger.reserved"] * 2 + ["ledger.committed", "ledger.released"]
    assert {event.tenants for event in recorder.events} == {("org-operator",)}
    assert recorder.events[0].payload["rho"] == str(TERMS.rho / 4)


@pytest.mark.parametrize("act", ["reserve", "commit", "release", "grant"])
def test_if_the_event_cannot_be_logged_nothing_happened(db: Database, book: Ledger, act: str) -> None:
    with db.write() as tx:
        book.reserve(tx, charge("job-1"))
    broken = ledger(Recorder(fails=True))
    acts = {
        "reserve": lambda tx: broken.reserve(tx, charge("job-2")),
        "commit": lambda tx: broken.commit(tx, "job-1"),
        "release": lambda tx: broken.release(tx, "job-1"),
        "grant": lambda tx: broken.set_agreement_budget(tx, "agr-1", Decimal(50), DELTA, "per-boss"),
    }
    with pytest.raises(OSError, match="no space"), db.write() as tx:
        acts[act](tx)
    with db.read() as tx:
        account = book.agreement(tx, "agr-1").account
        assert (account.epsilon, account.reserved.rho, account.jobs) == (EPSILON, TERMS.rho / 4, 1)
        assert book.charge_of(tx, "job-1").state == "reserved"
        assert book.charge_of(tx, "job-2") is None


def spend(url: str, worker: int, jobs: int, won: "multiprocessing.Queue[int] | list[int]") -> None:
    """Try to reserve and commit `jobs` charges of a twentieth of the budget each."""
    database = Database(url)
    book = ledger()
    wins = 0
    for number in range(jobs):
        job = f"job-{worker}-{number}"
        try:
            with database.write() as tx:
                book.reserve(tx, charge(job, "1/20", f"agr-{1 + worker % 2}"))
        except YuneiError:
            continue
        wins += 1
        with database.write() as tx:
            (book.release if number % 3 == 2 else book.commit)(tx, job)
    database.close()
    won.append(wins) if isinstance(won, list) else won.put(wins)


def check_after(db: Database, book: Ledger) -> None:
    with db.read() as tx:
        assert book.balanced(tx)
        caps = book.datasets(tx, None)
        for view in caps:
            assert TERMS.rho * Fraction(3, 4) < view.account.committed.rho <= TERMS.rho, "nearly all is spent, never more"
        assert all(view.account.reserved == Amount() for view in caps)


def test_sixteen_threads_never_overdraw(db: Database, book: Ledger) -> None:
    won: list[int] = []
    threads = [threading.Thread(target=spend, args=(db.url, worker, 6, won)) for worker in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 16
    check_after(db, book)


def test_sixteen_processes_never_overdraw(db: Database, book: Ledger) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["egress.ledger.service", "sandbox.kernel.db"])
    won = context.Queue()
    workers = [context.Process(target=spend, args=(db.url, worker, 4, won)) for worker in range(16)]
    for worker in workers:
        worker.start()
    wins = [won.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join()
    assert sum(wins) >= 20
    check_after(db, book)

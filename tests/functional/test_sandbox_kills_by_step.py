"""A worker killed at each step of a job's path: what was committed stays, once; what never reached a sandbox is taken up again."""

import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from sandbox.jobs import store
from tests.functional.worker_that_dies import STEPS
from tests.small_city import COUNT_SQL, ENDED, City, ask, small_city

BEFORE_COMMIT = ("prepared", "about to commit", "committed, transaction open")
"""The charge is durable only with the transaction that marks the job running: until then the job waits for another worker."""
KEPT = ("about to publish", "published")
DIES = Path(__file__).with_name("worker_that_dies.py")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, module_database_url: str):
    with small_city(tmp_path_factory.mktemp("steps"), residents=300, visits=900, database=module_database_url) as made:
        made.promote(COUNT_SQL)
        yield made


def killed(city: City, step: str) -> None:
    """Run a worker of its own until it dies at the step."""
    environment = city.worker_environment(PYTHONPATH=str(Path(__file__).parents[2]), YUNEI_LEASE_S="5")
    done = subprocess.run([sys.executable, str(DIES), step], env=environment, timeout=60, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def books(city: City, job: str) -> tuple[str, Fraction]:
    with city.container.db.read() as tx:
        assert city.container.ledger.balanced(tx)
        entry = city.container.ledger.charge_of(tx, job)
        return entry.state, city.container.ledger.agreement(tx, "agr-clinic-usage").account.committed.rho


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_never_frees_what_a_sandbox_may_have_seen(city: City, step: str) -> None:
    place = list(STEPS).index(step)
    job = city.submit(ask(COUNT_SQL, epsilon=f"0.{2000 + place}"), f"step {step}")["id"]
    state, before = books(city, job)
    assert state == "reserved"
    killed(city, step)
    state, after = books(city, job)
    assert state == ("reserved" if step in BEFORE_COMMIT else "committed")
    assert (after > before) == (step not in BEFORE_COMMIT)
    ended = city.until(job, ENDED | {"in_egress"}, 60)
    state, at_last = books(city, job)
    assert state == "committed", "also what was taken up again is charged, and what was lost stays so"
    assert at_last >= after
    assert at_last - before == charge(city, job), "once"
    lost = step not in BEFORE_COMMIT and step not in KEPT
    assert (ended["state"], ended["code"]) == (("failed", "RUN_LOST") if lost else ("in_egress", None))


def charge(city: City, job: str) -> Fraction:
    with city.container.db.read() as tx:
        assert store.by_id(tx, job) is not None
        return city.container.ledger.charge_of(tx, job).charge.amount.rho

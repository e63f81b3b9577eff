"""Workers killed at random moments: no job is lost or released twice, no charge is lost, doubled or given back."""

import os
import random
import signal
import subprocess
import sys
import time

from sandbox.kernel.audit.merkle import leaf_hash
from tests.small_city import COUNT_SQL, SETTLED, City, ask

KILLS = int(os.environ.get("KILLS", "6"))
"""A thousand take the better part of an hour: `make kills`."""

SECONDS_PER_JOB = 10


def start_worker(city: City) -> subprocess.Popen[bytes]:
    environment = city.worker_environment(YUNEI_LEASE_S="5")
    log = (city.directory / "worker.log").open("ab")
    with log:
        return subprocess.Popen([sys.executable, "-m", "sandbox.cli.main", "worker"], env=environment, stdout=log, stderr=log)


def states(city: City, jobs: list[str]) -> list[str]:
    return [job.state for job in city.stored(jobs)]


def test_random_kills_lose_nothing(city: City) -> None:
    chance = random.Random(20261123)
    jobs: list[str] = []
    worker = start_worker(city)
    try:
        for number in range(KILLS):
            jobs.append(city.submit(ask(COUNT_SQL, epsilon=f"0.0{1000 + number}"), f"kill {number}")["id"])
            before, moved = states(city, jobs), time.monotonic() + 10
            while states(city, jobs) == before and time.monotonic() < moved:
                time.sleep(0.002)
            time.sleep(2 * chance.random() ** 2)  # mostly while a job is on its way, at times in the middle of the one after
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            worker = start_worker(city)
        deadline = time.monotonic() + SECONDS_PER_JOB * KILLS
        while not set(states(city, jobs)) <= SETTLED and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        worker.terminate()
        worker.wait()
    check_books(city, jobs)


def check_books(city: City, jobs: list[str]) -> None:
    found = city.stored(jobs)
    assert len(found) == len(jobs)
    with city.container.db.read() as tx:
        assert {job.state for job in found} <= SETTLED
        assert {job.code for job in found if job.state == "failed"} <= {"RUN_LOST", "ATTEMPTS_SPENT"}
        assert city.container.ledger.balanced(tx)
        for job in found:
            begun = job.code != "ATTEMPTS_SPENT"  # killed each time before its charge, so that nothing was read
            entry = city.container.ledger.charge_of(tx, job.id)
            assert entry.state == ("committed" if begun else "released")
            events = [stored.event.type for stored in city.container.audit.events(tx, None, -1, 100, job.id)]
            assert events.count("ledger.committed") == begun
            assert events.count("job.in_egress") <= 1
            assert events.count("ledger.released") == (not begun)
        leaves = city.container.audit.leaves(tx, -1, 100 * KILLS + 1_000)
        openings = [city.container.audit.opening(tx, index) for index in range(len(leaves))]
    assert [leaf_hash(leaf) for leaf in leaves] == [leaf_hash(opening.leaf()) for opening in openings]
    assert any(job.state == "in_egress" for job in found)

"""Several workers on one database and one object store, as on several machines: each with scratch and memory of its own."""

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from sandbox.kernel.settings import OPEN_DIR
from tests.small_city import COUNT_SQL, SETTLED, City, ask

JOBS = 12


def start(city: City, stack: ExitStack) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a worker that shares nothing with the others but database, keys and data directory."""
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yunei-worker-")))
    opened = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yunei-worker-", dir=OPEN_DIR)))
    environment = city.worker_environment(TMPDIR=str(scratch), YUNEI_OPEN_DIR=str(opened), YUNEI_MAX_SANDBOXES="1")
    log = stack.enter_context((city.directory / "worker.log").open("ab"))
    command = [sys.executable, "-m", "sandbox.cli.main", "worker"]
    worker = stack.enter_context(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
    stack.callback(worker.terminate)
    return worker, opened


def test_two_workers_share_the_jobs_and_run_each_once(city: City) -> None:
    with ExitStack() as stack:
        workers = [start(city, stack) for _ in range(2)]
        for _, opened in workers:
            started(opened, city)
        jobs = [city.submit(ask(COUNT_SQL, epsilon=f"0.1{number:02}"), f"job {number}")["id"] for number in range(JOBS)]
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not {job.state for job in city.stored(jobs)} <= SETTLED:
            time.sleep(0.05)
        assert all(list(opened.glob("yunei-open-*/*")) for _, opened in workers), "each opened the extracts for itself"
        for worker, _ in workers:
            worker.terminate()
            assert worker.wait(30) == 0
        assert not any(list(opened.iterdir()) for _, opened in workers), "and left nothing of them"
    found = city.stored(jobs)
    assert [(job.state, job.code) for job in found] == [("in_egress", None)] * JOBS
    assert [job.fence for job in found] == [1] * JOBS
    with city.container.db.read() as tx:
        entries = [city.container.ledger.charge_of(tx, job) for job in jobs]
        assert {entry.state for entry in entries} == {"committed"}
        assert city.container.ledger.balanced(tx)


def started(opened: Path, city: City) -> None:
    """Give a worker a job of its own until it has opened extracts, so that both are up before the others come."""
    deadline = time.monotonic() + 60
    number = 0
    while not list(opened.glob("yunei-open-*/*")):
        assert time.monotonic() < deadline
        number += 1
        city.submit(ask(COUNT_SQL, epsilon=f"0.0{number:03}"), f"warm {opened.name} {number}")
        time.sleep(0.5)

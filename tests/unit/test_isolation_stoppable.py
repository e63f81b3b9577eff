"""A run is stopped by the name of its job, whenever it begins."""

import threading

import pytest

from sandbox.isolation.port import RunFailed
from sandbox.isolation.stoppable import StoppableRuntime
from tests.runs_held import HeldRuns


def test_what_runs_for_a_job_is_killed_and_nothing_else() -> None:
    held = HeldRuns()
    runtime = StoppableRuntime(held)
    one, other = runtime.start(held.spec("job-1")), runtime.start(held.spec("job-2"))
    runtime.stop("job-1")
    assert one.result() == RunFailed("job-1", 1, "RUN_LOST")
    assert [run.cancelled.is_set() for run in held.begun] == [True, False]
    held.begun[1].let_go()
    assert other.result() == RunFailed("job-2", 1, "RUN_FAILED")


def test_a_job_that_was_stopped_between_two_runs_gets_no_further() -> None:
    held = HeldRuns()
    runtime = StoppableRuntime(held)
    runtime.stop("job-1")
    assert runtime.start(held.spec("job-1")).result() == RunFailed("job-1", 1, "RUN_LOST")


def test_a_job_that_was_forgotten_may_run_again() -> None:
    held = HeldRuns()
    runtime = StoppableRuntime(held)
    runtime.stop("job-1")
    runtime.forget("job-1")
    runtime.start(held.spec("job-1"))
    assert not held.begun[0].cancelled.is_set()


@pytest.mark.parametrize("round_number", range(20))
def test_a_stop_that_races_with_a_start_is_never_missed(round_number: int) -> None:
    held = HeldRuns()
    runtime = StoppableRuntime(held)
    stopping = threading.Thread(target=runtime.stop, args=("job-1",))
    stopping.start()
    handle = runtime.start(held.spec("job-1"))
    stopping.join()
    assert handle.result() == RunFailed("job-1", 1, "RUN_LOST")

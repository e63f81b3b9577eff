"""The worker: leases jobs, runs them in sandboxes, publishes outcomes on their ticks, hands on messages."""

import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType

import structlog

from sandbox.bootstrap import Container, build
from sandbox.isolation.process import ProcessRuntime
from sandbox.jobs import store
from sandbox.jobs.endings import Endings
from sandbox.jobs.pipeline import Pipeline
from sandbox.jobs.queue import Queue
from sandbox.jobs.replay.run import Replayer
from sandbox.jobs.witness import Witness
from sandbox.kernel.ids import new_id
from sandbox.kernel.logs import configure
from sandbox.kernel.outbox.service import Handler, drain
from sandbox.kernel.settings import Settings

IDLE_S = 0.05
"""Pause when there is nothing to do; short, since the queue is a local database."""
RETRY_S = 1.0
"""Pause before what failed is tried again."""
LOOK_S = 1.0
"""How often a worker looks for jobs that need not wait or run any longer."""
GIVE_UP_S = 60.0
"""How long the publication of an outcome may fail, for a locked database or a full disk, before its job is failed."""


class Worker:
    """One worker process. Everything it knows is in the database, so killing it loses nothing."""

    def __init__(self, container: Container, pipeline: Pipeline, replayer: Replayer, *, give_up_s: float = GIVE_UP_S) -> None:
        parts = container.parts
        self._container, self._pipeline, self._replayer = container, pipeline, replayer
        self._queue = Queue(parts, container.steps, new_id("wrk"))
        self._slots = parts.settings.max_sandboxes
        self._pool = ThreadPoolExecutor(self._slots, thread_name_prefix="job")
        self._running: dict[Future[None], str] = {}
        self._failing: dict[str, tuple[float, float]] = {}
        self._give_up_s = give_up_s
        self._witness = Witness(parts.settings.lease_s)
        self._next_beat = self._next_look = 0.0
        self._stop, self._now = threading.Event(), threading.Event()
        self._log = structlog.get_logger("worker")
        self._routes: Mapping[str, Handler] = {
            "release.approved": container.releases.package,
            "release.ended": Endings(container.steps).ended,
            "agreement.ended": container.supply.destroy,
        }

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Take no new job, and return from `serve`; told so twice, wait for no run either."""
        if self._stop.is_set():
            self._now.set()
        self._stop.set()

    def serve(self) -> None:
        """Work until told to stop."""
        while not self._stop.is_set():
            self._stop.wait(self._pause_after(self.turn))

    def close(self) -> None:
        """Wait for the runs under way, holding their leases; their outcomes are kept, and published by whoever turns next.

        Told to stop twice, kill them: they have then ended as RUN_LOST, as they would when their leases ran out.
        """
        while not (self._now.is_set() or all(future.done() for future in self._running)):
            self._now.wait(self._pause_after(self._hold))
        if self._now.is_set():
            for job in self._running.values():
                self._pipeline.stop(job)
        self._pool.shutdown(wait=True)

    def turn(self) -> bool:
        """Do one round of everything; tell whether anything was done."""
        held = self._hold()
        busy = self._publish() + drain(self._container.db, self._routes, self._container.clock)
        return bool(held + busy + self._take())

    def _pause_after(self, do: Callable[[], bool]) -> float:
        """Do something and return how long to pause. What fails, by a defect or for want of the database, is logged."""
        try:
            return 0.0 if do() else IDLE_S
        except Exception as error:  # noqa: BLE001 - a worker that ends takes its running jobs with it
            self._log.error("worker.defect", kind=type(error).__name__)
            return RETRY_S

    def _hold(self) -> bool:
        """Keep hold of what runs, and let go of what need not."""
        self._beat()
        self._look()
        return bool(self._reap())

    def _look(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_S
        self._queue.expire()
        if self._running:
            for job in self._queue.let_go(frozenset(self._running.values())):
                self._pipeline.stop(job)

    def _beat(self) -> None:
        if time.monotonic() < self._next_beat:
            return
        self._container.supply.vault.opening.sweep()  # first: it needs no database
        if self._running:
            self._queue.heartbeat(frozenset(self._running.values()))
        with self._container.db.write() as tx:
            self._container.reviews.expire(tx)
        if self._witness.saw(self._container.clock.now(), time.monotonic()):
            self._queue.reclaim()
        self._next_beat = time.monotonic() + self._container.settings.lease_s / 4

    def _reap(self) -> int:
        done = [future for future in self._running if future.done()]
        for future in done:
            job, error = self._running.pop(future), future.exception()
            self._pipeline.forget(job)
            if error is not None:  # its lease will run out and the job is failed or taken over by rule
                self._log.error("job.defect", job=job, kind=type(error).__name__)
        return len(done)

    def _publish(self) -> int:
        with self._container.db.read() as tx:
            due = store.due(tx, self._container.clock.now(), 16)
        return sum(self._published(job) for job in due)

    def _published(self, job: str) -> bool:
        """Publish one outcome. What fails is tried again later, and given up only when it has failed for long."""
        since, again = self._failing.get(job, (time.monotonic(), 0.0))
        if time.monotonic() < again:
            return False
        try:
            self._pipeline.publish(job)
        except Exception as error:  # noqa: BLE001 - one job's defect must not stop the others, nor come back for ever
            self._log.error("job.defect", job=job, kind=type(error).__name__)
            if time.monotonic() - since >= self._give_up_s:
                self._pipeline.abandon(job)
            self._failing[job] = (since, time.monotonic() + RETRY_S)
            return False
        self._failing.pop(job, None)
        return True

    def _take(self) -> int:
        if len(self._running) >= self._slots:
            return 0
        job = self._queue.lease()
        if job is None:
            return self._take_replay()
        self._running[self._pool.submit(self._pipeline.run, job)] = job.id
        return 1

    def _take_replay(self) -> int:
        replay = self._replayer.take()
        if replay is None:
            return 0
        self._running[self._pool.submit(self._replayer.make, replay)] = replay.id
        return 1


def run(settings: Settings) -> None:
    """Start a worker with the process runtime and serve until SIGTERM or SIGINT.

    Raises:
        YuneiError: `ISOLATION_BELOW_REQUIRED`, naming the missing layers and their fix; `OPEN_DIR_UNSAFE`.

    """
    configure()
    container = build(settings)
    runtime = ProcessRuntime(required_level=settings.required_level)
    try:
        runtime.probe()
        container.supply.vault.opening.check()
        pipeline = Pipeline(container.parts, container.steps, runtime)
        worker = Worker(container, pipeline, Replayer(container.parts, container.objects, runtime))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, worker.stop)
        worker.serve()
        worker.close()
    finally:
        runtime.close()
        container.close()

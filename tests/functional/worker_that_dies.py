"""A worker that kills itself with SIGKILL at a named step, for tests: `python worker_that_dies.py STEP`."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from egress.ledger.service import Ledger
from sandbox import worker
from sandbox.isolation.process import ProcessHandle, ProcessRuntime
from sandbox.jobs import pipeline, store
from sandbox.jobs.pipeline import Pipeline
from sandbox.kernel.settings import Settings

Point = tuple[Any, str, bool]
STEPS: dict[str, Point] = {
    "prepared": (Pipeline, "_standing", False),
    "about to commit": (Ledger, "commit", False),
    "committed, transaction open": (Ledger, "commit", True),
    "about to hand over": (ProcessRuntime, "start", False),
    "handed over": (ProcessRuntime, "start", True),
    "ran": (ProcessHandle, "result", True),
    "noise drawn": (pipeline, "protect", True),
    "kept, transaction open": (store, "add_outcome", True),
    "about to publish": (Pipeline, "publish", False),
    "published": (Pipeline, "publish", True),
}
"""Where it dies: before or, with True, right after a call."""


def deadly(call: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def dies(*arguments: Any, **named: Any) -> Any:
        if after:
            call(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    return dies


if __name__ == "__main__":
    owner, name, after = STEPS[sys.argv[1]]
    setattr(owner, name, deadly(getattr(owner, name), after=after))
    worker.run(Settings())

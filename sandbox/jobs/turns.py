"""Whose turn it is: between operators fair shares, among one operator's own jobs priority with ageing, then arrival.

What an operator sees of the queue is made of its own jobs, public duration classes and settings alone.
"""

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sandbox.jobs.model import Line, OwnJob, Priority, QueuePlace
from sandbox.kernel.clock import next_tick, stamp

HEAD_START_S: Mapping[Priority, int] = {"high": 1800, "normal": 0, "low": -1800}
"""How much longer a job counts as having waited. A job is thus overtaken by later ones for an hour at most: none starves."""


def place_of(submitted: datetime, priority: Priority) -> str:
    """Return the key by which an operator's own jobs are ordered."""
    return stamp(submitted - timedelta(seconds=HEAD_START_S[priority]))


def start_by(submitted: datetime, deadline_s: int | None, longest_s: int) -> datetime:
    """Return when a job's waiting ends: at its own deadline, at the service's longest wait in any case."""
    return submitted + timedelta(seconds=longest_s if deadline_s is None else min(deadline_s, longest_s))


def next_line(lines: Iterable[Line], most_running: int) -> Line | None:
    """Return the line whose head is leased next.

    The operator with the fewest jobs held now comes first, then the one served least recently, then the one whose head
    has waited longest. How many jobs an operator has queued does not count, so a thousand delay nobody else's first.

    Args:
        lines: operators with a job waiting.
        most_running: most jobs of one operator that are held at once; 0: any number.

    """
    free = (line for line in lines if not most_running or line.active < most_running)
    return min(free, key=lambda line: (line.active, line.turn, line.place, line.operator), default=None)


def places(line: Sequence[OwnJob], tick: datetime, tick_s: int, slots: int) -> Mapping[str, QueuePlace]:
    """Return the place of each waiting job among its operator's own, and when it would start.

    The estimate is made of public facts alone: the operator's own jobs as they stood at the last tick, the duration class
    of each plan (from catalog bands), the length of a tick and the number of slots. It takes every run for one whole
    class, as the tenant will see it, and supposes that no other operator has jobs: theirs make the start later, and
    nothing here tells how many there are. No row of data, no real duration and no other operator's job enters.
    """
    free = sorted(max(tick, _shown(item.started_at, item, tick_s)) for item in line if item.started_at is not None)
    free = free[-slots:] + [tick] * (slots - len(free))
    heapq.heapify(free)
    found: dict[str, QueuePlace] = {}
    for item in line:
        if item.started_at is None:
            found[item.job] = QueuePlace(len(found), free[0])
            heapq.heapreplace(free, _shown(free[0], item, tick_s))
    return found


def _shown(start: datetime, item: OwnJob, tick_s: int) -> datetime:
    """Return when a run that begins at `start` and takes one class shows."""
    step = max(1, math.ceil(item.duration_class_s / tick_s)) * tick_s
    return next_tick(start, tick_s) + timedelta(seconds=step)

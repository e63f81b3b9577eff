"""What long acts show on stderr: a line per step, and on a terminal a bar that moves."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from connectors.progress import Progress
from sandbox.cli.output import printable


@contextmanager
def told(*, quiet: bool) -> Iterator[Progress]:
    """Yield what tells how far an act is; `quiet` keeps stdout and stderr to the documents alone."""
    if quiet or not sys.stderr.isatty():
        yield Progress() if quiet else Lines()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True, markup=False, highlight=False)) as bar:
        bars = Bars(bar)
        yield bars
        bars.close()


class Lines(Progress):
    """One line per step."""

    def __init__(self) -> None:
        self._last = ("", "")

    def begin(self, step: str, subject: str, rows: int | None = None) -> None:  # noqa: ARG002 - it shows no rows
        """Write the step's line, once."""
        if (step, subject) != self._last:
            self._last = (step, subject)
            sys.stderr.write(printable(f"{step} {subject}") + "\n")


class Bars(Progress):
    """One bar per step, in motion until the next begins."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task: TaskID | None = None
        self._step = ("", "")

    def begin(self, step: str, subject: str, rows: int | None = None) -> None:
        """Close the bar of the step before, unless it is the same step, of which more is known by now."""
        if self._task is not None and (step, subject) == self._step:
            self._bar.update(self._task, total=rows)
            return
        self.close()
        self._step = (step, subject)
        self._task = self._bar.add_task(printable(f"{step} {subject}"), total=rows)

    def done(self, rows: int) -> None:
        """Move the bar."""
        if self._task is not None:
            self._bar.advance(self._task, rows)

    def close(self) -> None:
        """Close the bar of the last step."""
        if self._task is not None:
            done = self._bar.tasks[self._task].completed
            self._bar.update(self._task, total=done or 1, completed=done or 1)

"""A replay: an auditor's demand to derive a released table again, step by step, inside the domain."""

from dataclasses import dataclass
from typing import Literal

from sandbox.kernel.canonical import Json
from sandbox.kernel.roles import Role
from sandbox.kernel.states import Lifecycle, row

REPLAY = Lifecycle(
    "replay",
    "requested",
    (
        row("requested", "start", "running", Role.SYSTEM, "replay.started"),
        row("running", "finish", "finished", Role.SYSTEM, "replay.finished"),
        row("running", "lose", "requested", Role.SYSTEM, "replay.lost"),
    ),
)
"""A replay reads and reports; it changes nothing but its own row, so a lost one simply runs again, `max_attempts` times."""

Verdict = Literal["pass", "fail", "not_checkable"]

STEPS = {
    1: "log",
    2: "people",
    8: "delivery",
    3: "derivation",
    4: "extracts",
    5: "execution",
    6: "accounting",
    7: "noise",
}
"""Numbers and names in the order in which they run: what is cheap and public first, what touches data last."""


@dataclass(frozen=True)
class StepResult:
    """One step's answer; `reason` is a constant text, since a residual or a count would tell the true value."""

    number: int
    verdict: Verdict
    reason: str

    def as_json(self) -> dict[str, Json]:
        """Return the step for the report."""
        return {"step": self.number, "name": STEPS[self.number], "verdict": self.verdict, "reason": self.reason}


def passed(number: int) -> StepResult:
    """Return that a step found everything as recorded."""
    return StepResult(number, "pass", "")


def failed(number: int, reason: str) -> StepResult:
    """Return that a step found a difference."""
    return StepResult(number, "fail", reason)


def not_checkable(number: int, reason: str) -> StepResult:
    """Return that a step could not be made, and why."""
    return StepResult(number, "not_checkable", reason)


def overall(steps: tuple[StepResult, ...]) -> Literal["reproduced", "diverged", "incomplete"]:
    """Sum up: one failed step means diverged; one that could not be made, incomplete."""
    verdicts = {step.verdict for step in steps}
    if "fail" in verdicts:
        return "diverged"
    return "incomplete" if "not_checkable" in verdicts else "reproduced"


@dataclass(frozen=True)
class Replay:
    """One stored replay; `report` is None until it has finished. `attempts`: how often a worker began it."""

    id: str
    release: str
    person: str
    organisation: str
    state: str
    requested_at: str
    report: Json
    attempts: int = 0

    def as_json(self) -> dict[str, Json]:
        """Return the replay in the shape of the HTTP contract."""
        return {
            "id": self.id,
            "release": self.release,
            "state": self.state,
            "requested_at": self.requested_at,
            "report": self.report,
        }

"""Exit codes of every command, a closed list."""

from enum import IntEnum

from sandbox.kernel.errors import CATALOGUE


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    """It did what was asked; a check or verification passed."""
    REFUSED = 1
    """It was refused, or a check or verification did not pass."""
    UNUSABLE = 2
    """What was given cannot be used: arguments, files, a malformed request."""
    FAULT = 3
    """The service or this program failed, or nobody answered."""


def exit_of(code: str) -> Exit:
    """Return the exit code that belongs to a code of the error catalogue."""
    status = CATALOGUE[code].status
    if status >= 500:
        return Exit.FAULT
    return Exit.UNUSABLE if status in {413, 415, 422, 428} else Exit.REFUSED
